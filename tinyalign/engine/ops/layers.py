"""Operations on each token by itself. Activations are one tall matrix (N, C), N = B · T: the T
tokens of the first row of the batch, then those of the second; C numbers (channels) for each. Every
weight gradient is then a single matrix product. V is the number of tokens there are, D that of
columns; g is d loss/d value of the operation whose docstring it stands in.
"""

import math

from tinyalign.engine.backend import pieces, xp
from tinyalign.engine.vjps import with_pullback

EPS = 1e-5  # what a norm adds to the variance, so that a constant row does not divide by 0


def softmax(x, axis=-1):
    """e^x / sum e^x along an axis; on plain arrays, without a gradient.

    Fastest along any axis but the last: the others are walked through for many numbers at once.
    """
    e = x - x.max(axis=axis, keepdims=True)
    xp.exp(e, out=e)
    e /= e.sum(axis=axis, keepdims=True)
    return e


def column_sums(x):
    """Sum over rows: (N, C) -> (C,). As a product, faster than .sum."""
    return xp.ones(len(x), x.dtype) @ x


@with_pullback
def linear(x, w, b, onto=None):
    """y = x W + b (+ onto): x (N, C), w (C, ...) with its other axes flattened to D -> (N, D).

    dL/dx = g Wᵀ, dL/dW = xᵀ g and dL/db = the sum of g over rows. `onto` (N, D) is a residual
    stream: dL/donto = g.
    """
    columns = w.reshape(len(w), -1)
    y = x @ columns
    y += b.reshape(-1)
    if onto is not None:
        y += onto

    def pullback(g):
        return g @ columns.T, (x.T @ g).reshape(w.shape), column_sums(g).reshape(b.shape), g

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
def layernorm(x, gain, bias, eps=EPS):
    """(x − mean) / sqrt(variance + eps) · gain + bias over the last axis of x (N, C).

    With n the normalised row, s = 1/std and h = g·gain: dL/dx = s (h − mean(h) − n · mean(h·n)).
    The two subtractions are there because shifting or scaling a row leaves n unchanged.
    """
    n, scale = normalise(x, eps)
    y = n * gain
    y += bias

    def pullback(g):
        dgain, dbias = column_sums(g * n), column_sums(g)
        return normalise_backward(g * gain, n, scale), dgain, dbias, None

    return y, pullback


@with_pullback
def norm_linear(x, gain, bias, w, b, eps=EPS):
    """linear(layernorm(x, gain, bias), w, b) in one go, without the passes over gain and bias.

    With n the normalised rows: y = (n·gain + bias) W + b = n W' + (bias W + b), W' = gain·W row by
    row. dL/dn = g W'ᵀ goes on as in layernorm; with D = nᵀ g and s = the sum of g over rows,
    dL/dW = gain·D + bias sᵀ, dL/dgain = the row sums of W·D, dL/dbias = W s, dL/db = s.
    """
    columns = w.reshape(len(w), -1)
    scaled, shift = fold(gain, bias, w, b).values()
    n, scale = normalise(x, eps)
    y = n @ scaled
    y += shift

    def pullback(g):
        dw, db = n.T @ g, column_sums(g)
        dgain, dbias = (columns * dw).sum(axis=1), columns @ db
        dw *= gain[:, None]
        dw += bias[:, None] * db
        dx = normalise_backward(g @ scaled.T, n, scale)
        return dx, dgain, dbias, dw.reshape(w.shape), db.reshape(b.shape), None

    return y, pullback


def fold(gain, bias, w, b):
    """{"w": gain·W, "b": bias W + b}: a layer norm's gain and bias moved into the linear after it.

    layernorm(x) W + b is then normalise(x) times that w, plus that b.
    """
    columns = w.reshape(len(w), -1)
    return {"w": columns * gain[:, None], "b": b.reshape(-1) + bias @ columns}


def normalise(x, eps=EPS):
    """Rows of x (N, C) with mean 0 and variance 1, and the 1/std (N, 1) that made them so."""
    average = xp.full((x.shape[1], 1), 1.0 / x.shape[1], x.dtype)
    n = x - x @ average
    scale = 1.0 / xp.sqrt((n * n) @ average + eps)
    n *= scale
    return n, scale


def normalise_backward(dn, n, scale):
    """dL/dx = scale (dn − mean(dn) − n · mean(dn·n)), n, scale from `normalise`; overwrites dn."""
    average = xp.full((n.shape[1], 1), 1.0 / n.shape[1], n.dtype)
    along = (dn * n) @ average
    dn -= dn @ average
    dn -= n * along
    dn *= scale
    return dn


SLOPE = math.sqrt(2 / math.pi)  # of the tanh's argument at 0
CUBIC = 0.044715 * SLOPE
PIECE = 32_768  # numbers: what gelu reads and writes at a time fits a core's second cache


@with_pullback
def gelu(x):
    """x · s with s = ½ (1 + tanh u), u = √(2/π) (x + 0.044715 x³): GPT-2's form.

    tanh' = 1 − tanh² makes ds/dx = 2 s (1 − s) u' with u' = √(2/π) (1 + 3·0.044715 x²), so
    dy/dx = s + x ds/dx = s + 2 u' y (1 − s). Walked through in pieces that fit the processor's
    cache and writing into what is there already, several times faster than in one expression.
    """
    flat, s, y = x.reshape(-1), xp.empty(x.size, x.dtype), xp.empty(x.size, x.dtype)
    for part in pieces(x.size, PIECE):
        u = parabola(flat[part], CUBIC, SLOPE, flat[part], s[part])
        xp.tanh(u, out=u)
        u *= 0.5
        u += 0.5
        xp.multiply(flat[part], u, out=y[part])

    def pullback(g):
        g, dx = g.reshape(-1), xp.empty(x.size, x.dtype)
        for part in pieces(x.size, PIECE):
            d = parabola(flat[part], 6 * CUBIC, 2 * SLOPE, y[part], dx[part])
            d *= 1.0 - s[part]
            d += s[part]
            d *= g[part]
        return (dx.reshape(x.shape),)

    return y.reshape(x.shape), pullback


def parabola(x, square, constant, factor, out):
    """(square · x² + constant) · factor, written to out and returned: gelu's u and 2 y u'."""
    xp.multiply(x, x, out=out)
    out *= square
    out += constant
    out *= factor
    return out


@with_pullback
def token_logp(x, unembedding, ids, temperature=1.0):
    """log softmax(x Uᵀ / temperature) at the id of each row: x (N, C), U (V, C), ids (N,) -> (N,).

    With logits = x Uᵀ / temperature, d logp/d logits = onehot(id) − softmax(logits). They are held
    as (V, N): their maxima and sums are then taken for all N rows at once.
    """
    logits, rows = (unembedding * (1.0 / temperature)) @ x.T, xp.arange(len(ids))
    logits -= logits.max(axis=0)
    e = xp.exp(logits)
    total = e.sum(axis=0)

    def pullback(g):
        g = g * (1.0 / temperature)
        d = e * (-g / total)
        d[ids, rows] += g
        return d.T @ unembedding, d @ x, None, None

    return logits[ids, rows] - xp.log(total), pullback
