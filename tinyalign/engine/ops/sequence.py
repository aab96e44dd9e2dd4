"""Operations across the tokens of a sequence: attention, and the LSTM's loop over time.

B rows, T tokens each, lie as (B·T, channels), row after row; g is d loss/d value.
"""

import math
from typing import Any, NamedTuple

from tinyalign.engine.backend import xp
from tinyalign.engine.ops.layers import softmax
from tinyalign.engine.vjps import with_pullback


@with_pullback
def attention(qkv, batch, heads, causal, hidden=None):
    """softmax(Q Kᵀ / √D) V in each of H heads: packed qkv (B·T, 3·H·D) -> (B·T, H·D).

    causal: a token does not see later ones. hidden, (key, query) or (B, key, query), is added to
    the scores: −1e9 where a query must not see a key, else 0. With p the attention weights
    dL/dV = pᵀ g, dL/dp = g Vᵀ, and through the softmax dL/dscores = p (dL/dp − its mean under p).
    """
    time, width = len(qkv) // batch, qkv.shape[1] // (3 * heads)
    # (B·T, 3·H·D) -> (B, T, 3, H, D) -> (3, B, H, T, D)
    q, k, v = qkv.reshape(batch, time, 3, heads, width).transpose(2, 0, 3, 1, 4)
    p = attention_weights(q, k, causal, hidden)  # (B, H, key, query)
    y = xp.empty((batch, time, heads, width), qkv.dtype)
    xp.matmul(p.swapaxes(2, 3), v, out=y.swapaxes(1, 2))  # (B, H, T, D)

    def pullback(g):
        g = g.reshape(batch, time, heads, width).swapaxes(1, 2)  # (B, H, T, D)
        d = xp.empty((batch, time, 3, heads, width), qkv.dtype)
        attention_backward(g, q, k, v, p, d.transpose(2, 0, 3, 1, 4))
        return d.reshape(qkv.shape), None, None, None, None

    return y.reshape(len(qkv), -1), pullback


def attention_weights(q, k, causal, hidden):
    """softmax(Q Kᵀ / √D) of q and k (B, H, T, D): (B, H, key, query)."""
    # Keys before queries: reducing over axis 2 vectorises the softmax across queries; reducing over
    # the last axis would not.
    scores, (heads, time) = scaled_products(k, q), q.shape[1:3]
    later = xp.tri(time, k=-1, dtype=q.dtype) * -1e9 if causal else None  # keys after the query
    for mask in (later, hidden):
        if mask is not None:
            # (T, T) -> (H, T, T), which lies in memory as the scores do: one straight pass adds it.
            scores += xp.stack([mask] * heads, axis=-2).swapaxes(-2, -3)
    return softmax(scores, axis=2)


def scaled_products(left, right):
    """leftᵢ · rightⱼ / √D at all times i, j of each row and head, (B, H, T, D): (B, H, i, j).

    In memory the result is (B, i, H, j).
    """
    batch, heads, time, width = left.shape
    # A copy, because small products with a transposed view are slow.
    turned = right.swapaxes(2, 3).copy()  # (B, H, D, T)
    turned *= 1.0 / math.sqrt(width)
    out = xp.empty((batch, time, heads, time), left.dtype).swapaxes(1, 2)
    xp.matmul(left, turned, out=out)
    return out


def attention_backward(g, q, k, v, p, d):
    """Write dL/dq, dL/dk and dL/dv to d (3, B, H, T, D); g as q, k, v: (B, H, T, D).

    p and its gradient are (B, H, key, query), so that a query's mean is taken over axis 2.
    """
    ds = scaled_products(v, g)  # (B, H, key, query): dL/dp, with the 1/√D of the scores
    ds -= (ds * p).sum(axis=2, keepdims=True)  # its mean under p, one for each query
    ds *= p
    xp.matmul(ds.swapaxes(2, 3), k, out=d[0])  # (B, H, query, key) @ (B, H, key, D)
    xp.matmul(ds, q, out=d[1])
    xp.matmul(p, g, out=d[2])


@with_pullback
def lstm(x, w_in, w_hidden, bias, batch):
    """A whole LSTM layer over time: x (B·T, C), w_in (C, 4H), w_hidden (H, 4H), bias (4H,) -> h.

    From zeros, at each time c = f c + i u and h = o tanh(c), (B, H) each; the gates i, f, o = σ(·)
    and u = tanh(·) of [x, h, 1] W, where W is w_in, w_hidden and bias one below the other. Returns
    every h, (B·T, H). Backward goes through the same loop from the end (backpropagation through
    time); dL/dW is then one product over all times and rows.
    """
    width, size = w_in.shape[0], w_hidden.shape[0]  # C, H
    w = xp.concatenate([w_in, w_hidden, bias[None]])  # (C + H + 1, 4H)
    zeros = xp.zeros((batch, size), x.dtype)
    states = lstm_forward(by_time(x, batch), w, zeros, zeros)

    def pullback(g):
        dz, _, _ = lstm_backward(by_time(g, batch), w_hidden, states)  # (T·B, 4H)
        dw = states.read.reshape(len(x), -1).T @ dz  # (C + H + 1, 4H)
        dx = by_row(dz @ w_in.T, batch)  # (T·B, C) -> (B·T, C)
        return dx, dw[:width], dw[width:-1], dw[-1], None

    return by_row(states.h, batch), pullback


def by_time(x, batch):
    """Rows one after another, (B·T, C), as (T, B, C): a view."""
    return x.reshape(batch, len(x) // batch, x.shape[1]).swapaxes(0, 1)


def by_row(x, batch):
    """Times one after another, (T, B, C) or (T·B, C), as (B·T, C)."""
    x = x.reshape(-1, batch, x.shape[-1])
    return x.swapaxes(0, 1).reshape(-1, x.shape[-1])


class LstmStates(NamedTuple):
    """What an LSTM layer computed at T times, and its gradient needs."""

    read: Any  # (T, B, C + H + 1) [x, the last h, 1]
    gates: Any  # (T, 4, B, H) i, f, o, u
    c: Any  # (T + 1, B, H), the first is that before the first time
    tanh_c: Any  # (T, B, H)
    h: Any  # (T, B, H)


def lstm_forward(x, w, h, c):
    """The loop over time, from h and c (B, H): x (T, B, C), w (C + H + 1, 4H) -> LstmStates."""
    (time, batch, width), size = x.shape, h.shape[1]
    read = xp.ones((time + 1, batch, len(w)), x.dtype)
    read[:-1, :, :width] = x
    read[0, :, width:-1] = h
    by_gate = halved_by_gate(w)  # (4, C + H + 1, H)
    gates = xp.empty((time, 4, batch, size), w.dtype)
    tanh_c = xp.empty((time, batch, size), w.dtype)
    cells = xp.empty((time + 1, batch, size), w.dtype)
    cells[0] = c
    for t in range(time):
        z = xp.matmul(read[t], by_gate, out=gates[t])  # (4, B, H)
        xp.tanh(z, out=z)
        z[:3] *= 0.5  # the σ of i, f and o; u keeps its tanh
        z[:3] += 0.5
        i, f, o, u = z
        xp.add(f * cells[t], i * u, out=cells[t + 1])
        xp.tanh(cells[t + 1], out=tanh_c[t])
        xp.multiply(o, tanh_c[t], out=read[t + 1, :, width:-1])
    return LstmStates(read[:-1], gates, cells, tanh_c, read[1:, :, width:-1])


def halved_by_gate(w):
    """The weights of each gate, halved for i, f and o: (C + H + 1, 4H) -> (4, C + H + 1, H)."""
    # σ(z) = ½ + ½ tanh(z/2), and the weights are halved beforehand: all four gates are one tanh.
    half = xp.ones((4, 1, 1), w.dtype)
    half[:3] = 0.5
    # One product for each gate keeps that gate in one block of memory.
    return w.reshape(len(w), 4, -1).swapaxes(0, 1) * half


def lstm_backward(g, w_hidden, states, g_c=None):
    """dL/dz (T·B, 4H), where the gates are σ and tanh of z; dL/dh and dL/dc before the first time.

    g (T, B, H) is dL/dh through the layer's output; dz w_hiddenᵀ adds dL/dh through the next time.
    g_c, (T, B, H) or None, is dL/dc at each time from whatever else read c.
    """
    time, batch, size = g.shape
    dz = xp.empty((time, batch, 4, size), g.dtype)
    w_back = w_hidden.T.copy()  # (4H, H); a product with a copy is faster than with a view
    # dL/dh and dL/dc of the current time, (B, H) each
    dh, dc = xp.zeros((batch, size), g.dtype), xp.zeros((batch, size), g.dtype)
    for t in reversed(range(time)):
        (i, f, o, u), tanh_c = states.gates[t], states.tanh_c[t]
        dh += g[t]
        dc += dh * o * (1.0 - tanh_c * tanh_c)
        if g_c is not None:
            dc += g_c[t]
        d_sigmoid = states.gates[t, :3] * (1.0 - states.gates[t, :3])  # σ' = σ (1 − σ), (3, B, H)
        xp.multiply(dc * u, d_sigmoid[0], out=dz[t, :, 0])
        xp.multiply(dc * states.c[t], d_sigmoid[1], out=dz[t, :, 1])
        xp.multiply(dh * tanh_c, d_sigmoid[2], out=dz[t, :, 2])
        xp.multiply(dc * i, 1.0 - u * u, out=dz[t, :, 3])
        dh = dz[t].reshape(batch, -1) @ w_back  # (B, 4H) @ (4H, H), for time t − 1
        dc *= f  # c of time t − 1 entered as f · c
    return dz.reshape(time * batch, 4 * size), dh, dc
