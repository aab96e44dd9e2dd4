"""Operations on completions that share prompts: each prompt is read once for all its completions.

P prompts of L tokens and P·G completions of R tokens lie as rows: P·L rows for the tokens of the
prompts, then P·G·R for those of the completions, G completions of the first prompt, G of the next …
What works on each token by itself does not notice. H heads, D channels each; g is d loss/d value.
"""

import math

from tinyalign.engine.backend import xp
from tinyalign.engine.ops.layers import column_sums
from tinyalign.engine.ops.sequence import (
    attention_backward,
    attention_weights,
    by_row,
    by_time,
    lstm_backward,
    lstm_forward,
)
from tinyalign.engine.vjps import with_pullback


@with_pullback
def attention_after_prompts(qkv, prompts, length, group, heads, absent=None):
    """Causal attention where completions see their prompt: qkv (rows, 3·H·D) -> (rows, H·D).

    prompts, length, group  P, L and G
    absent                  (P, L): −1e9 where a prompt shorter than L has no token, else 0;
                            None if all have L tokens

    With the keys of the prompt before those of the completion it is `attention`, and so is its
    gradient; the keys of a prompt meet the queries of all its completions in one product.
    """
    sizes = prompts, length, group, heads
    (q0, k0, v0), (q, k, v) = by_prompt(qkv, 3, *sizes)
    y = xp.empty((len(qkv), qkv.shape[1] // 3), qkv.dtype)
    (y0,), (y1,) = by_prompt(y, 1, *sizes)
    p0 = attention_weights(q0, k0, causal=True)  # (P, H, key, query), among the prompt's tokens
    xp.matmul(p0.swapaxes(2, 3), v0, out=y0)
    q = q * (1.0 / math.sqrt(q.shape[-1]))  # (H, P, G, R, D), now contiguous
    p = completion_weights(q, k0, k, absent)
    y1[:] = mix_values(p, v0, v)

    def pullback(g):
        d = xp.empty_like(qkv)
        d0, d1 = by_prompt(d, 3, *sizes)
        (g0,), (g1,) = by_prompt(g, 1, *sizes)
        attention_backward(g0, q0, k0, v0, p0, d0)
        completion_backward(xp.ascontiguousarray(g1), q, (k0, k), (v0, v), p, (d0, d1))
        return d, None, None, None, None, None

    return y, pullback


def by_prompt(rows, parts, prompts, length, group, heads):
    """Views of rows (P·L + P·G·R, parts·H·D) by head: the prompts', and the completions'.

    returns  (parts, P, H, L, D), (parts, H, P, G, R, D)
    """
    cut, width = prompts * length, rows.shape[1] // (parts * heads)
    first = rows[:cut].reshape(prompts, length, parts, heads, width)
    # The number of tokens R follows from the number of rows, which may be 0.
    own = (len(rows) - cut) // (prompts * group)
    rest = rows[cut:].reshape(prompts, group, own, parts, heads, width)
    return first.transpose(2, 0, 3, 1, 4), rest.transpose(3, 4, 0, 1, 2, 5)


def by_owner(scores, length):
    """Views of scores (L + R, H, P, G, R) by whose key it is: the prompt's, or the completion's.

    returns  (H, P, L, G·R) and (H, P, G, key, query)
    """
    _, heads, prompts, group, own = scores.shape
    first = scores[:length].reshape(length, heads, prompts, group * own)
    return first.transpose(1, 2, 0, 3), scores[length:].transpose(1, 2, 3, 0, 4)


def products_by_key(left0, left, right):
    """left0 · rightᵀ for the prompt's left, (P, H, L, D), and left · rightᵀ for the completion's.

    left, right  (H, P, G, R, D)
    returns      (L + R, H, P, G, R), the left row first: sums over it take all others at once
    """
    heads, prompts, group, own, width = right.shape
    length = left0.shape[2]
    out = xp.empty((length + own, heads, prompts, group, own), right.dtype)
    from_prompt, from_completion = by_owner(out, length)
    all_right = right.reshape(heads, prompts, group * own, width)
    xp.matmul(left0.swapaxes(0, 1), all_right.swapaxes(2, 3), out=from_prompt)
    xp.matmul(left, right.swapaxes(3, 4), out=from_completion)
    return out


def completion_weights(q, k0, k, absent):
    """Attention weights of the completions' queries over both kinds of keys: (L + R, H, P, G, R).

    q, k  (H, P, G, R, D), q with its 1/√D; k0 (P, H, L, D)
    """
    own, length = q.shape[3], k0.shape[2]
    scores = products_by_key(k0, k, q)
    if absent is not None:
        scores[:length] += absent.T[:, None, :, None, None]
    later = xp.tri(own, k=-1, dtype=q.dtype) * -1e9  # (key, query): keys after the query
    scores[length:] += later[:, None, None, None]
    flat = scores.reshape(length + own, -1)  # a column a query
    flat -= flat.max(axis=0)
    xp.exp(flat, out=flat)
    flat *= 1.0 / column_sums(flat)
    return scores


def mix_values(p, v0, v):
    """Σ over keys of weight · value, p from `completion_weights`: (H, P, G, R, D)."""
    on_prompt, on_completion = by_owner(p, v0.shape[2])
    mixed = xp.matmul(on_prompt.swapaxes(2, 3), v0.swapaxes(0, 1)).reshape(v.shape)
    mixed += xp.matmul(on_completion.swapaxes(3, 4), v)
    return mixed


def completion_backward(g, q, keys, values, p, gradients):
    """Gradients of the completions' queries, keys and values, and what they add to the prompts'.

    g, q          (H, P, G, R, D), q with its 1/√D
    keys, values  of the prompts (P, H, L, D), and of the completions (H, P, G, R, D)
    gradients     views as `by_prompt` gives them, to write to; the prompts' already hold a part
    """
    length, (d0, d1) = keys[0].shape[2], gradients
    ds = products_by_key(*values, g)  # dL/dp; two lines on dL/dscores, as in `attention`
    flat, weights = ds.reshape(len(ds), -1), p.reshape(len(p), -1)
    flat -= column_sums(flat * weights)
    flat *= weights
    d1[0] = mix_values(ds, *keys)
    d1[0] *= 1.0 / math.sqrt(q.shape[-1])
    for i, part, rows in ((1, ds, q), (2, p, g)):  # dL/dk = ds q and dL/dv = p g
        on_prompt, on_completion = by_owner(part, length)
        d1[i] = xp.matmul(on_completion, rows)
        together = rows.reshape(*rows.shape[:2], -1, rows.shape[-1])  # (H, P, G·R, D)
        d0[i] += xp.matmul(on_prompt, together).swapaxes(0, 1)


@with_pullback
def lstm_after_prompts(x, w_in, w_hidden, bias, prompts, length, group, last):
    """`lstm` where completions go on from the state after their prompt: x (rows, C) -> (rows, H).

    prompts, length, group  P, L and G
    last                    (P,) the time of each prompt's last token; what follows is padding
    """
    cut, width, count = prompts * length, len(w_in), prompts * group
    w = xp.concatenate([w_in, w_hidden, bias[None]])  # (C + H + 1, 4H)
    zeros, ends = xp.zeros((prompts, len(w_hidden)), x.dtype), (last, xp.arange(prompts))
    first = lstm_forward(by_time(x[:cut], prompts), w, zeros, zeros)
    after = (xp.repeat(state[ends], group, axis=0) for state in (first.h, first.c[1:]))  # (P·G, H)
    own = lstm_forward(by_time(x[cut:], count), w, *after)

    def pullback(g):
        dz, *after = lstm_backward(by_time(g[cut:], count), w_hidden, own)
        g_h, g_c = by_time(g[:cut], prompts).copy(), xp.zeros_like(first.h)  # (L, P, H)
        for total, part in zip((g_h, g_c), after, strict=True):  # the state began G completions
            total[ends] += part.reshape(prompts, group, -1).sum(axis=1)
        dz0, _, _ = lstm_backward(g_h, w_hidden, first, g_c)
        parts = (first.read, dz0, prompts), (own.read, dz, count)
        dw = sum(read.reshape(-1, len(w)).T @ dz for read, dz, _ in parts)  # (C + H + 1, 4H)
        dx = xp.concatenate([by_row(dz @ w_in.T, batch) for _, dz, batch in parts])
        return dx, dw[:width], dw[width:-1], dw[-1], None, None, None, None

    return xp.concatenate([by_row(first.h, prompts), by_row(own.h, count)]), pullback


@with_pullback
def take_rows(x, rows):
    """x[rows] of different rows: (N, C) -> (M, C); the gradient of the other rows is 0."""

    def pullback(g):
        d = xp.zeros_like(x)
        d[rows] = g
        return d, None

    return x[rows], pullback


@with_pullback
def before_each_token(x, prompts, group):
    """Features before each token of a completion: the prompt's last, then the completion's own.

    x        (P + P·G·R, C): of the last token of each prompt, then of R tokens of each completion
    returns  (P·G·(R + 1), C)
    """
    own, width = (len(x) - prompts) // (prompts * group), x.shape[1]
    y = xp.empty((prompts, group, own + 1, width), x.dtype)
    y[:, :, 0] = x[:prompts, None]
    y[:, :, 1:] = x[prompts:].reshape(prompts, group, own, width)

    def pullback(g):
        g = g.reshape(y.shape)
        from_prompts, from_own = g[:, :, 0].sum(axis=1), g[:, :, 1:].reshape(-1, width)
        return xp.concatenate([from_prompts, from_own]), None, None

    return y.reshape(-1, width), pullback


@with_pullback
def put(x, places, size):
    """Numbers x (N,) at different places of a vector of zeros (size,); place `size` is nowhere."""

    def pullback(g):
        return xp.append(g, xp.zeros(1, g.dtype))[places], None, None

    y = xp.zeros(size + 1, x.dtype)
    y[places] = x
    return y[:size], pullback
