"""Operations on each token by itself.

Activations are one tall matrix (N, C), N = B · T: the T tokens of the first row of the batch, then
those of the second; C channels for each. Every weight gradient is then a single matrix product.
V is the number of tokens in the vocabulary, D the number of columns a layer puts out. In every
operation g is d loss/d value.
"""

import math

from tinyalign.engine.backend import pieces, xp
from tinyalign.engine.vjps import with_pullback

EPS = 1e-5  # a norm adds it to the variance, so that a constant row does not divide by 0


def softmax(x, axis=-1):
    """e^x / sum e^x along an axis; on plain arrays, without a gradient.

    Fastest along any axis but the last, because NumPy reduces the others for many rows at once.
    """
    # Subtracting the maximum leaves the result unchanged and keeps e^x from overflowing.
    e = x - x.max(axis=axis, keepdims=True)
    xp.exp(e, out=e)
    e /= e.sum(axis=axis, keepdims=True)
    return e


def column_sums(x):
    """Sum over rows: (N, C) -> (C,)."""
    # A matrix product, which BLAS runs faster than .sum(axis=0).
    return xp.ones(len(x), x.dtype) @ x


@with_pullback
def linear(x, w, b, residual=None):
    """y = x W + b (+ residual): x (N, C), w (C, ...) with its other axes flattened to D -> (N, D).

    dL/dx = g Wᵀ, dL/dW = xᵀ g and dL/db = the sum of g over rows. `residual` (N, D) is the
    stream that the layer adds to: dL/dresidual = g.
    """
    columns = w.reshape(len(w), -1)  # (C, D)
    y = x @ columns  # (N, C) -> (N, D)
    y += b.reshape(-1)
    if residual is not None:
        y += residual

    def pullback(g):
        dw, db = x.T @ g, column_sums(g)  # (C, D) and (D,)
        return g @ columns.T, dw.reshape(w.shape), db.reshape(b.shape), g

    return y, pullback


@with_pullback
def embed(table, ids):
    """Rows of a table: (V, C) at ids (B, T) -> (B·T, C).

    A row's gradient is the sum of g over the tokens that read the row: onehotᵀ g.
    """
    ids = ids.reshape(-1)  # (B, T) -> (N,)

    def pullback(g):
        # The product beats adding row by row while vocabularies are tiny, and it adds in the same
        # order on every run of a GPU.
        onehot = (ids[:, None] == xp.arange(len(table))).astype(g.dtype)  # (N, V)
        return onehot.T @ g, None  # (V, N) @ (N, C) -> (V, C)

    return table[ids], pullback


@with_pullback
def add_positions(x, table, batch):
    """Add row t of a (context, C) table to every token at time t of x (B·T, C).

    Each row was read once by every sequence, so its gradient is the sum of g over the batch.
    """
    time = len(x) // batch

    def pullback(g):
        total = xp.zeros_like(table)  # rows past `time` were not read
        total[:time] = g.reshape(batch, time, -1).sum(axis=0)  # (B, T, C) -> (T, C)
        return g, total, None

    y = x.reshape(batch, time, -1) + table[:time]  # (B, T, C) + (T, C)
    return y.reshape(x.shape), pullback


@with_pullback
def layernorm(x, gain, bias, eps=EPS):
    """(x − mean) / sqrt(variance + eps) · gain + bias over the last axis of x (N, C).

    With n the normalised row, s = 1/std and h = g·gain: dL/dx = s (h − mean(h) − n · mean(h·n)).
    The two subtractions are there because shifting or scaling a row leaves n unchanged.
    """
    n, scale = normalise(x, eps)  # (N, C) and (N, 1)
    y = n * gain
    y += bias

    def pullback(g):
        dgain, dbias = column_sums(g * n), column_sums(g)
        return normalise_backward(g * gain, n, scale), dgain, dbias, None

    return y, pullback


@with_pullback
def norm_linear(x, gain, bias, w, b, eps=EPS):
    """linear(layernorm(x, gain, bias), w, b) in one operation, without passes over gain and bias.

    With n the normalised rows: y = (n·gain + bias) W + b = n W' + (bias W + b), W' = gain·W row by
    row. dL/dn = g W'ᵀ goes on as in layernorm; with D = nᵀ g and s = the sum of g over rows,
    dL/dW = gain·D + bias sᵀ, dL/dgain = the row sums of W·D, dL/dbias = W s, dL/db = s.
    """
    columns = w.reshape(len(w), -1)  # (C, D)
    scaled, shift = fold_layernorm_into_linear(gain, bias, w, b).values()  # (C, D) and (D,)
    n, scale = normalise(x, eps)  # (N, C) and (N, 1)
    y = n @ scaled
    y += shift

    def pullback(g):
        dw, db = n.T @ g, column_sums(g)  # the docstring's D and s: (C, D) and (D,)
        dgain, dbias = (columns * dw).sum(axis=1), columns @ db
        dw *= gain[:, None]  # only now: dgain needs D as it was
        dw += bias[:, None] * db
        dx = normalise_backward(g @ scaled.T, n, scale)
        return dx, dgain, dbias, dw.reshape(w.shape), db.reshape(b.shape), None

    return y, pullback


def fold_layernorm_into_linear(gain, bias, w, b):
    """{"w": gain·W, "b": bias W + b}: a layer norm's gain and bias moved into the linear after it.

    layernorm(x) W + b is then normalise(x) times that w, plus that b.
    """
    columns = w.reshape(len(w), -1)
    return {"w": columns * gain[:, None], "b": b.reshape(-1) + bias @ columns}


def normalise(x, eps=EPS):
    """Rows of x (N, C) with mean 0 and variance 1, and the 1/std (N, 1) that made them so."""
    # Means of rows are products with a column of 1/C, which BLAS runs faster than .mean(axis=1).
    average = xp.full((x.shape[1], 1), 1.0 / x.shape[1], x.dtype)  # (C, 1)
    n = x - x @ average
    scale = 1.0 / xp.sqrt((n * n) @ average + eps)  # (N, 1)
    n *= scale
    return n, scale


def normalise_backward(dn, n, scale):
    """dL/dx = scale (dn − mean(dn) − n · mean(dn·n)), n, scale from `normalise`; overwrites dn."""
    average = xp.full((n.shape[1], 1), 1.0 / n.shape[1], n.dtype)
    along = (dn * n) @ average  # (N, 1): how much of dn only scales the row
    dn -= dn @ average
    dn -= n * along
    dn *= scale
    return dn


LINEAR = math.sqrt(2 / math.pi)  # coefficient of x in the argument u of gelu's tanh
CUBIC = 0.044715 * LINEAR  # and of x³
PIECE = 32_768  # numbers that gelu works on at a time: they fit a core's second-level cache


@with_pullback
def gelu(x):
    """x · s with s = ½ (1 + tanh u), u = √(2/π) (x + 0.044715 x³): GPT-2's form.

    tanh' = 1 − tanh² makes ds/dx = 2 s (1 − s) u' with u' = √(2/π) (1 + 3·0.044715 x²), so
    dy/dx = s + x ds/dx = s + 2 u' y (1 − s).
    """
    # Pieces that fit the processor's cache, written in place, are several times faster than one
    # expression over the whole array.
    flat = x.reshape(-1)  # (N·C,)
    s, y = xp.empty(x.size, x.dtype), xp.empty(x.size, x.dtype)
    for part in pieces(x.size, PIECE):
        u = fused_polynomial(flat[part], CUBIC, LINEAR, flat[part], s[part])
        xp.tanh(u, out=u)  # u is a view of s[part], which this and the next two lines fill
        u *= 0.5
        u += 0.5
        xp.multiply(flat[part], u, out=y[part])

    def pullback(g):
        g = g.reshape(-1)
        dx = xp.empty(x.size, x.dtype)
        for part in pieces(x.size, PIECE):
            d = fused_polynomial(flat[part], 6 * CUBIC, 2 * LINEAR, y[part], dx[part])
            d *= 1.0 - s[part]  # d was 2 u' y
            d += s[part]  # dy/dx
            d *= g[part]
        return (dx.reshape(x.shape),)

    return y.reshape(x.shape), pullback


def fused_polynomial(x, square, constant, factor, out):
    """(square · x² + constant) · factor, written to out and returned: gelu's u and 2 y u'."""
    xp.multiply(x, x, out=out)
    out *= square
    out += constant
    out *= factor
    return out


@with_pullback
def token_logp(x, unembedding, ids, temperature=1.0):
    """log softmax(x Uᵀ / temperature) at the id of each row: x (N, C), U (V, C), ids (N,) -> (N,).

    With logits = x Uᵀ / temperature, d logp/d logits = onehot(id) − softmax(logits).
    """
    # Logits are kept as (V, N): NumPy then takes the maxima and sums of all N rows at once.
    logits = (unembedding * (1.0 / temperature)) @ x.T  # (V, C) @ (C, N) -> (V, N)
    rows = xp.arange(len(ids))
    logits -= logits.max(axis=0)  # so that e^logits cannot overflow
    e = xp.exp(logits)
    total = e.sum(axis=0)  # (N,): the softmax is e / total

    def pullback(g):
        g = g * (1.0 / temperature)
        d = e * (-g / total)  # (V, N): −softmax · g, and the one-hot on the next line
        d[ids, rows] += g
        return d.T @ unembedding, d @ x, None, None

    return logits[ids, rows] - xp.log(total), pullback
