"""Operations across the tokens of a sequence: attention, and the LSTM's loop over time.

B rows, T tokens each, lie as (B·T, channels), row after row; g is d loss/d value.
"""

import math

from tinyalign.engine.backend import xp
from tinyalign.engine.ops.layers import softmax
from tinyalign.engine.vjps import with_pullback


@with_pullback
def attention(qkv, batch, heads, causal):
    """softmax(Q Kᵀ / √D) V in each of H heads: packed qkv (B·T, 3·H·D) -> (B·T, H·D).

    causal: a token does not see later ones. With p the attention weights dL/dV = pᵀ g, dL/dp =
    g Vᵀ, and through the softmax dL/dscores = p (dL/dp − its mean under p).
    """
    time, width = len(qkv) // batch, qkv.shape[1] // (3 * heads)
    # (B·T, 3·H·D) -> (B, T, 3, H, D) -> (3, B, H, T, D)
    q, k, v = qkv.reshape(batch, time, 3, heads, width).transpose(2, 0, 3, 1, 4)
    # Keys before queries: reducing over axis 2 vectorises the softmax across queries; reducing over
    # the last axis would not.
    scores = scaled_products(k, q)  # (B, H, key, query)
    if causal:
        later = xp.tri(time, k=-1, dtype=scores.dtype) * -1e9  # keys that come after the query
        # (T, T) -> (H, T, T), which lies in memory as the scores do: adding is one straight pass.
        scores += xp.stack([later] * heads, axis=1).swapaxes(0, 1)
    p = softmax(scores, axis=2)
    y = xp.empty((batch, time, heads, width), qkv.dtype)
    xp.matmul(p.swapaxes(2, 3), v, out=y.swapaxes(1, 2))  # (B, H, T, D)

    def pullback(g):
        g = g.reshape(batch, time, heads, width).swapaxes(1, 2)  # (B, H, T, D)
        d = xp.empty((batch, time, 3, heads, width), qkv.dtype)
        attention_backward(g, q, k, v, p, d.transpose(2, 0, 3, 1, 4))
        return d.reshape(qkv.shape), None, None, None

    return y.reshape(len(qkv), -1), pullback


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
    time = len(x) // batch
    width, size = w_in.shape[0], w_hidden.shape[0]  # C, H
    w = xp.concatenate([w_in, w_hidden, bias[None]])  # (C + H + 1, 4H)
    read = xp.ones((time + 1, batch, len(w)), x.dtype)  # at time t: [x, the last h, 1]
    read[:-1, :, :width] = x.reshape(batch, time, width).swapaxes(0, 1)  # (T, B, C)
    gates, c, tanh_c = lstm_forward(read, w, size)
    h = read[1:, :, width:-1].swapaxes(0, 1).reshape(len(x), size)  # (T, B, H) -> (B·T, H)

    def pullback(g):
        g = g.reshape(batch, time, size).swapaxes(0, 1)  # (T, B, H)
        dz = lstm_backward(g, w_hidden, gates, c, tanh_c)  # (T·B, 4H)
        dw = read[:-1].reshape(len(x), -1).T @ dz  # (C + H + 1, 4H)
        dx = (dz @ w_in.T).reshape(time, batch, width).swapaxes(0, 1)  # (B, T, C)
        return dx.reshape(x.shape), dw[:width], dw[width:-1], dw[-1], None

    return h, pullback


def lstm_forward(read, w, size):
    """The loop over time: rows [x, h, 1] -> gates (T, 4, B, H), c (T + 1, B, H) and tanh(c).

    read  (T + 1, B, C + H + 1), the input of each time; the h of a time is written into the next
    w     (C + H + 1, 4H)
    size  H
    """
    time, batch = len(read) - 1, read.shape[1]
    # σ(z) = ½ + ½ tanh(z/2), and the weights are halved beforehand: all four gates are one tanh.
    half = xp.ones((4, 1, 1), w.dtype)
    half[:3] = 0.5
    # One product for each gate keeps that gate in one block of memory.
    by_gate = w.reshape(-1, 4, size).swapaxes(0, 1) * half  # (4, C + H + 1, H)
    gates = xp.empty((time, 4, batch, size), w.dtype)
    c, tanh_c = xp.zeros((time + 1, batch, size), w.dtype), xp.empty((time, batch, size), w.dtype)
    h = read[:, :, -1 - size : -1]  # (T + 1, B, H), a view
    h[0] = 0.0
    for t in range(time):
        z = xp.matmul(read[t], by_gate, out=gates[t])  # (4, B, H)
        xp.tanh(z, out=z)
        z[:3] *= 0.5  # the σ of i, f and o; u keeps its tanh
        z[:3] += 0.5
        i, f, o, u = z
        xp.add(f * c[t], i * u, out=c[t + 1])
        xp.tanh(c[t + 1], out=tanh_c[t])
        xp.multiply(o, tanh_c[t], out=h[t + 1])
    return gates, c, tanh_c


def lstm_backward(g, w_hidden, gates, c, tanh_c):
    """dL/dz (T·B, 4H), where the gates are σ and tanh of z.

    g (T, B, H) is dL/dh through the layer's output; dz w_hiddenᵀ adds dL/dh through the next time.
    """
    time, batch, size = g.shape
    dz = xp.empty((time, batch, 4, size), g.dtype)
    w_back = w_hidden.T.copy()  # (4H, H); a product with a copy is faster than with a view
    # dL/dh and dL/dc of the current time, (B, H) each
    dh, dc = xp.zeros((batch, size), g.dtype), xp.zeros((batch, size), g.dtype)
    for t in reversed(range(time)):
        i, f, o, u = gates[t]
        dh += g[t]
        dc += dh * o * (1.0 - tanh_c[t] * tanh_c[t])
        d_sigmoid = gates[t, :3] * (1.0 - gates[t, :3])  # σ' = σ (1 − σ), (3, B, H)
        xp.multiply(dc * u, d_sigmoid[0], out=dz[t, :, 0])
        xp.multiply(dc * c[t], d_sigmoid[1], out=dz[t, :, 1])
        xp.multiply(dh * tanh_c[t], d_sigmoid[2], out=dz[t, :, 2])
        xp.multiply(dc * i, 1.0 - u * u, out=dz[t, :, 3])
        dh = dz[t].reshape(batch, -1) @ w_back  # (B, 4H) @ (4H, H), for time t − 1
        dc *= f  # c of time t − 1 entered as f · c
    return dz.reshape(time * batch, -1)
