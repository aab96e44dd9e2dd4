"""Operations on completions that share prompts: each prompt is read once for all its completions.

P prompts lie as P rows of L + G·R tokens: a prompt of L tokens, then its G completions of R tokens
each, one after another. Operations on each token by itself do not notice; attention needs a mask
that hides the completions of a prompt from each other. g is d loss/d value.
"""

from tinyalign.engine.backend import xp
from tinyalign.engine.ops.sequence import lstm_backward, lstm_forward
from tinyalign.engine.vjps import with_pullback


@with_pullback
def lstm_after_prompts(x, w_in, w_hidden, bias, length, group, last):
    """`lstm` where completions go on from the state after their prompt: x (P·(L + G·R), C) -> h.

    length, group  L and G
    last           (P,) the time of each prompt's last token; what follows is padding
    """
    prompts, width, ends = len(last), len(w_in), (last, xp.arange(len(last)))
    w = xp.concatenate([w_in, w_hidden, bias[None]])  # (C + H + 1, 4H)
    zeros = xp.zeros((prompts, len(w_hidden)), x.dtype)
    first_x, own_x = split_by_time(x, prompts, length, group)
    first = lstm_forward(first_x, w, zeros, zeros)
    after = (xp.repeat(state[ends], group, axis=0) for state in (first.h, first.c[1:]))  # (P·G, H)
    own = lstm_forward(own_x, w, *after)

    def pullback(g):
        g_first, g_own = split_by_time(g, prompts, length, group)
        dz, *after = lstm_backward(g_own, w_hidden, own)
        g_h, g_c = g_first.copy(), xp.zeros_like(first.h)  # (L, P, H)
        for total, part in zip((g_h, g_c), after, strict=True):  # the state began G completions
            total[ends] += part.reshape(prompts, group, -1).sum(axis=1)
        dz_first, _, _ = lstm_backward(g_h, w_hidden, first, g_c)
        parts = (first.read, dz_first), (own.read, dz)
        dw = sum(read.reshape(-1, len(w)).T @ dz for read, dz in parts)  # (C + H + 1, 4H)
        dx = ((dz @ w_in.T).reshape(*read.shape[:2], width) for read, dz in parts)
        return join_by_prompt(*dx), dw[:width], dw[width:-1], dw[-1], None, None, None

    return join_by_prompt(first.h, own.h), pullback


def split_by_time(x, prompts, length, group):
    """Views of rows (P·(L + G·R), C), time first: (L, P, C) of prompts, (R, P·G, C) of the rest."""
    x = x.reshape(prompts, len(x) // prompts, x.shape[1])
    own = x[:, length:].reshape(prompts * group, (x.shape[1] - length) // group, x.shape[2])
    return x[:, :length].swapaxes(0, 1), own.swapaxes(0, 1)


def join_by_prompt(first, own):
    """Undo `split_by_time`: (L, P, C) and (R, P·G, C) -> (P·(L + G·R), C)."""
    _, prompts, channels = first.shape
    own = own.swapaxes(0, 1).reshape(prompts, own[:, :, 0].size // prompts, channels)
    return xp.concatenate([first.swapaxes(0, 1), own], axis=1).reshape(-1, channels)


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
    """Numbers x (N,) at different places of a vector of zeros (size,).

    A number at place `size` is dropped; there may be many.
    """

    def pullback(g):
        return xp.append(g, xp.zeros(1, g.dtype))[places], None, None

    y = xp.zeros(size + 1, x.dtype)
    y[places] = x
    return y[:size], pullback
