"""The operations a small language model is made of, each with its gradient beside it.

A function here returns its value and its pullback: the function that takes g = d loss/d value
and returns d loss/d argument for every argument. Activations are kept as one tall matrix (N, C),
N = batch * time, so that every weight gradient is a single matrix product.
"""

import math

from tinyalign.backend import pieces, xp
from tinyalign.rules import with_pullback


def softmax(x):
    """e^x / sum e^x over the last axis, on plain arrays."""
    e = xp.exp(x - x.max(axis=-1, keepdims=True))
    e /= row_sums(e)
    return e


def row_sums(x):
    """Sum over the last axis, kept: (..., C) -> (..., 1). As a product, faster than .sum."""
    sums = x.reshape(-1, x.shape[-1]) @ xp.ones((x.shape[-1], 1), x.dtype)
    return sums.reshape((*x.shape[:-1], 1))


def column_sums(x):
    """Sum over rows: (N, C) -> (C,), as a product too."""
    return xp.ones(len(x), x.dtype) @ x


@with_pullback
def linear(x, w, b):
    """x W + b for x (N, C), w (C, ...), b (...): the trailing axes of w are flattened to columns.

    y = x W + b, so dL/dx = g Wᵀ, dL/dW = xᵀ g and dL/db = the sum of g over rows.
    """
    columns = w.reshape(len(w), -1)
    y = x @ columns
    y += b.reshape(-1)

    def pullback(g):
        return g @ columns.T, (x.T @ g).reshape(w.shape), column_sums(g).reshape(b.shape)

    return y, pullback


@with_pullback
def embed(table, ids):
    """Rows of a table: (V, C) at ids (B, T) -> (B·T, C).

    A row's gradient is the sum of g over the places that read it: onehotᵀ g. Vocabularies here are
    tiny, so that product is faster than adding row by row, and the same on every run of a GPU.
    """
    ids = ids.reshape(-1)

    def pullback(g):
        onehot = (ids[:, None] == xp.arange(len(table))).astype(g.dtype)  # (N, V)
        return onehot.T @ g, None

    return table[ids], pullback


@with_pullback
def add_positions(x, table, batch):
    """Add row t of a (context, C) table to every token at time t of x (B·T, C).

    Each row was read once by every sequence, so its gradient is the sum of g over the batch.
    """
    time = len(x) // batch

    def pullback(g):
        total = xp.zeros_like(table)
        total[:time] = g.reshape(batch, time, -1).sum(axis=0)
        return g, total, None

    return (x.reshape(batch, time, -1) + table[:time]).reshape(x.shape), pullback


@with_pullback
def layernorm(x, gain, bias, eps=1e-5):
    """(x − mean) / sqrt(variance + eps) · gain + bias over the last axis of x (N, C).

    With n the normalised row, s = 1/std and h = g·gain: dL/dx = s (h − mean(h) − n · mean(h·n)).
    The two subtractions are there because shifting or scaling a row leaves n unchanged.
    """
    average = xp.full((x.shape[1], 1), 1.0 / x.shape[1], x.dtype)
    n = x - x @ average
    scale = 1.0 / xp.sqrt((n * n) @ average + eps)
    n *= scale

    def pullback(g):
        h, gn = g * gain, g * n
        dx = h - h @ average
        dx -= n * (gn @ (gain * average[0])[:, None])
        dx *= scale
        return dx, column_sums(gn), column_sums(g), None

    y = n * gain
    y += bias
    return y, pullback


SLOPE = math.sqrt(2 / math.pi)  # of the tanh's argument at 0
CUBIC = 0.044715 * SLOPE


@with_pullback
def gelu(x):
    """½ x (1 + tanh(u)) with u = √(2/π) (x + 0.044715 x³), GPT-2's form.

    With t = tanh(u): dy/dx = ½ (1 + t) + ½ x (1 − t²) du/dx, du/dx = √(2/π) (1 + 3·0.044715 x²).
    Walked through in pieces that fit the processor's cache, several times faster than in one go.
    """
    flat, t, y = x.reshape(-1), xp.empty(x.size, x.dtype), xp.empty(x.size, x.dtype)
    for part in pieces(x.size):
        u = flat[part] * flat[part] * CUBIC + SLOPE
        t[part] = xp.tanh(u * flat[part])
        y[part] = (t[part] + 1.0) * flat[part] * 0.5

    def pullback(g):
        g, dx = g.reshape(-1), xp.empty(x.size, x.dtype)
        for part in pieces(x.size):
            z, s = flat[part], t[part]
            slope = (z * z * (3 * CUBIC) + SLOPE) * (1.0 - s * s) * z
            dx[part] = (slope + s + 1.0) * g[part] * 0.5
        return (dx.reshape(x.shape),)

    return y.reshape(x.shape), pullback


@with_pullback
def attention(qkv, batch, heads, causal):
    """softmax(Q Kᵀ / √D) V for packed qkv (B·T, 3·H·D) -> (B·T, H·D).

    With p the attention weights: dL/dV = pᵀ g, dL/dp = g Vᵀ, and through the softmax
    dL/dscores = p (dL/dp − the row's mean of dL/dp under p).
    """
    time, width = len(qkv) // batch, qkv.shape[1] // (3 * heads)
    q, k, v = qkv.reshape(batch, time, 3, heads, width).transpose(2, 0, 3, 1, 4)  # (B, H, T, D)
    scale = 1.0 / math.sqrt(width)
    q = q * scale
    scores = q @ k.swapaxes(-1, -2)  # (B, H, T, T)
    if causal:
        scores += xp.triu(xp.full((time, time), -1e9, scores.dtype), 1)
    p = softmax(scores)

    def pullback(g):
        g = g.reshape(batch, time, heads, width).swapaxes(1, 2)
        ds = g @ v.swapaxes(-1, -2)
        ds -= row_sums(ds * p)
        ds *= p
        d = xp.empty((batch, time, 3, heads, width), qkv.dtype)
        d[:, :, 0] = (ds @ k).swapaxes(1, 2) * scale
        d[:, :, 1] = (ds.swapaxes(-1, -2) @ q).swapaxes(1, 2)
        d[:, :, 2] = (p.swapaxes(-1, -2) @ g).swapaxes(1, 2)
        return d.reshape(qkv.shape), None, None, None

    return (p @ v).swapaxes(1, 2).reshape(len(qkv), -1), pullback


@with_pullback
def token_logp(x, unembedding, ids, temperature=1.0):
    """log softmax(x Uᵀ / temperature) at the id of each row: x (N, C), U (V, C), ids (N,) -> (N,).

    d logp/d logits = onehot(id) − softmax(logits).
    """
    logits = x @ (unembedding.T * (1.0 / temperature))
    logits -= logits.max(axis=-1, keepdims=True)
    e, rows = xp.exp(logits), xp.arange(len(ids))
    total = row_sums(e)

    def pullback(g):
        g = g * (1.0 / temperature)
        d = e * (-g[:, None] / total)
        d[rows, ids] += g
        return d @ unembedding, d.T @ x, None, None

    return logits[rows, ids] - xp.log(total[:, 0]), pullback


@with_pullback
def lstm(x, w_in, w_hidden, bias, batch):
    """A whole LSTM layer over time: x (B·T, C), w_in (C, 4H), w_hidden (H, 4H) -> h (B·T, H).

    Gates i, f, o = σ(·) and u = tanh(·); c = f c + i u; h = o tanh(c). Backward runs the same
    loop from the end, carrying dL/dh and dL/dc (backpropagation through time). Features come
    first, (4H, B), so that each gate is one block of memory; σ(z) = ½ + ½ tanh(z/2) makes all
    four gates a single tanh.
    """
    time, size = len(x) // batch, len(w_hidden)
    z = (x @ w_in + bias).reshape(batch, time, 4 * size).transpose(1, 2, 0).copy()  # (T, 4H, B)
    half = xp.ones((4 * size, 1), x.dtype)
    half[: 3 * size] = 0.5
    h, c = xp.zeros((time + 1, size, batch), x.dtype), xp.zeros((time + 1, size, batch), x.dtype)
    tanh_c = xp.empty((time, size, batch), x.dtype)
    for t in range(time):
        z[t] = lstm_gates(z[t] + w_hidden.T @ h[t], half)
        i, f, o, u = z[t].reshape(4, size, batch)
        c[t + 1] = f * c[t] + i * u
        tanh_c[t] = xp.tanh(c[t + 1])
        h[t + 1] = o * tanh_c[t]

    def pullback(g):
        dz = lstm_backward(g.reshape(batch, time, size).transpose(1, 2, 0), z, c, tanh_c, w_hidden)
        flat = dz.transpose(2, 0, 1).reshape(len(x), -1)  # (B·T, 4H)
        before = h[:-1].transpose(2, 0, 1).reshape(len(x), size)
        return flat @ w_in.T, x.T @ flat, before.T @ flat, column_sums(flat), None

    return h[1:].transpose(2, 0, 1).reshape(len(x), size), pullback


def lstm_gates(z, half):
    """σ of the first three quarters of the rows of z (4H, B) and tanh of the last."""
    t = xp.tanh(z * half)
    return t * half + (1.0 - half)


def lstm_backward(g, gates, c, tanh_c, w_hidden):
    """dL/dz (T, 4H, B) for dL/dh (T, H, B) that comes from above, walking back in time."""
    time, size, batch = g.shape
    dz = xp.empty((time, 4, size, batch), g.dtype)
    dh = dc = xp.zeros((size, batch), g.dtype)
    for t in reversed(range(time)):
        i, f, o, u = gates[t].reshape(4, size, batch)
        dh = dh + g[t]
        dc = dc + dh * o * (1.0 - tanh_c[t] * tanh_c[t])
        dz[t, 0], dz[t, 1] = dc * u * i * (1.0 - i), dc * c[t] * f * (1.0 - f)
        dz[t, 2], dz[t, 3] = dh * tanh_c[t] * o * (1.0 - o), dc * i * (1.0 - u * u)
        dh, dc = w_hidden @ dz[t].reshape(4 * size, batch), dc * f
    return dz.reshape(time, 4 * size, batch)
