"""The restated gradient rules: right, in single precision, and the same on every backend."""

import subprocess
import sys

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import make_vjp
from devices import here, pulled_back, sent

from tinyalign.engine import ops
from tinyalign.engine.backend import to_device, to_host, using, xp
from tinyalign.engine.vjps import with_pullback

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def positive(*shape):
    return np.abs(normal(*shape)) + np.float32(0.5)


x, y, row, square = normal(3, 4), normal(3, 4), normal(4), normal(4, 4)
cube = normal(2, 3, 4)
ids, repeated = np.array([2, 0, 1]), np.array([[1, 1, 0], [2, 1, 1]])
choice = x > y
mask = rng.random((3, 4)) > 0.4

CASES = {  # name: (function of an array and constants, the array, the constants)
    "add": (lambda x, y: x + y, x, [y]),
    "constant on the left": (lambda x: 2.0 - x, x, []),
    "array on the left": (lambda x, y: y - x, x, [y]),
    "scalar": (lambda x: x * 3.0 + 1, x, []),
    "add, broadcast": (lambda x, y: x + y, row, [y]),
    "times, broadcast to a new axis": (lambda x, y: x[:, None] * y, normal(3), [y]),
    "divide": (lambda x, y: y / x, positive(3, 4), [y]),
    "reciprocal": (lambda x: 1.0 / x, positive(3, 4), []),
    "square": (lambda x: anp.square(x), x, []),
    "power": (lambda x: x**3, x, []),
    "negative": (lambda x: -x, x, []),
    "matmul, left": (lambda x, w: x @ w, x, [square]),
    "matmul, right": (lambda w, x: x @ w, square, [x]),
    "matmul, batched": (lambda x, w: x @ w, cube, [normal(2, 4, 3)]),
    "exp": (lambda x: anp.exp(x), x, []),
    "expm1": (lambda x: anp.expm1(x), x, []),
    "log": (lambda x: anp.log(x), positive(3, 4), []),
    "log1p": (lambda x: anp.log1p(x), positive(3, 4), []),
    "tanh": (lambda x: anp.tanh(x), x, []),
    "sqrt": (lambda x: anp.sqrt(x), positive(3, 4), []),
    "abs": (lambda x: anp.abs(x), x, []),
    "logaddexp": (lambda x: anp.logaddexp(0.0, x), x, []),
    "clip": (lambda x: anp.clip(x, -0.5, 0.5), x, []),
    "maximum with a scalar": (lambda x: anp.maximum(x, 0.1), x, []),
    "maximum": (lambda x, y: anp.maximum(x, y), x, [y]),
    "maximum, right and broadcast": (lambda x, y: anp.maximum(y, x), row, [y]),
    "minimum": (lambda x, y: anp.minimum(x, y), x, [y]),
    "minimum, right": (lambda x, y: anp.minimum(y, x), x, [y]),
    "sum": (lambda x: anp.sum(x), x, []),
    "sum, method": (lambda x: x.sum(), x, []),
    "sum of one axis": (lambda x: anp.sum(x, axis=1), cube, []),
    "sum of a negative axis": (lambda x: anp.sum(x, axis=-2), cube, []),
    "sum of two axes, kept": (lambda x: anp.sum(x, axis=(0, 2), keepdims=True), cube, []),
    "mean": (lambda x: anp.mean(x), x, []),
    "mean of one axis": (lambda x: anp.mean(x, axis=0), x, []),
    "mean of the last axis, kept": (lambda x: x.mean(axis=-1, keepdims=True), cube, []),
    "max of one axis": (lambda x: anp.max(x, axis=1), x, []),
    "max, kept": (lambda x: anp.max(x, axis=-1, keepdims=True), cube, []),
    "max": (lambda x: anp.max(x), x, []),
    "min of one axis": (lambda x: anp.min(x, axis=0), x, []),
    "where, first": (lambda x, c: anp.where(c, x, 0.0), x, [choice]),
    "where, second": (lambda x, c: anp.where(c, 1.0, x), x, [choice]),
    "where, broadcast": (lambda x, c, y: anp.where(c, x, y), row, [choice, y]),
    "reshape": (lambda x: anp.reshape(x, (2, 6)), x, []),
    "reshape, method": (lambda x: x.reshape(-1), x, []),
    "reshape, method with a tuple": (lambda x: x.reshape((6, -1)), x, []),
    "ravel": (lambda x: anp.ravel(x), x, []),
    "T": (lambda x: x.T, x, []),
    "transpose": (lambda x: anp.transpose(x, (2, 0, 1)), cube, []),
    "swapaxes": (lambda x: anp.swapaxes(x, 0, 2), cube, []),
    "expand_dims": (lambda x: anp.expand_dims(x, 1), x, []),
    "one row": (lambda x: x[1], x, []),
    "slice": (lambda x: x[1:], x, []),
    "slice of columns": (lambda x: x[:, ::2], x, []),
    "newaxis": (lambda x: x[:, None], x, []),
    "ellipsis": (lambda x: x[..., -1], cube, []),
    "two slices that overlap": (lambda x: x[1:] * x[:-1], x, []),
    "ids": (lambda x, i: x[i], x, [ids]),
    "repeated ids": (lambda x, i: x[i], x, [repeated]),
    "rows and ids": (lambda x, r, i: x[r, i], x, [np.arange(3), ids]),
    "one row twice": (lambda x, r, i: x[r, i], x, [np.array([1, 1, 1]), np.array([2, 2, 0])]),
    "mask": (lambda x, m: x[m], x, [mask]),
    "linear, x": (lambda x, w, b: ops.linear(x, w, b), x, [square, row]),
    "linear, w": (lambda w, x, b: ops.linear(x, w, b), square, [x, row]),
    "linear, b": (lambda b, x, w: ops.linear(x, w, b), row, [x, square]),
    "embed": (lambda w, i: ops.embed(w, i), x, [repeated]),
    "add_positions, x": (lambda x, p: ops.add_positions(x, p, 3), normal(6, 4), [x]),
    "add_positions, table": (lambda p, x: ops.add_positions(x, p, 3), x, [normal(6, 4)]),
    "layernorm, x": (lambda x, g, b: ops.layernorm(x, g, b), x, [row, normal(4)]),
    "layernorm, gain": (lambda g, x, b: ops.layernorm(x, g, b), row, [x, normal(4)]),
    "layernorm, bias": (lambda b, x, g: ops.layernorm(x, g, b), row, [x, normal(4)]),
    "gelu": (lambda x: ops.gelu(x), x, []),
    "attention, causal": (lambda x: ops.attention(x, 2, 2, True), normal(6, 12), []),
    "attention, both ways": (lambda x: ops.attention(x, 2, 2, False), normal(6, 12), []),
    "token_logp, x": (lambda x, u, i: ops.token_logp(x, u, i, 0.7), x, [square, ids]),
    "token_logp, table": (lambda u, x, i: ops.token_logp(x, u, i, 0.7), square, [x, ids]),
    "lstm, x": (lambda x, a, b, c: ops.lstm(x, a, b, c, 2), normal(6, 4),
                [normal(4, 8), normal(2, 8), normal(8)]),
    "lstm, w_hidden": (lambda b, x, a, c: ops.lstm(x, a, b, c, 2), normal(2, 8),
                       [normal(6, 4), normal(4, 8), normal(8)]),
}  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def value_and_vjp(function, x, constants, weight):
    vjp, value = make_vjp(lambda x: function(x, *constants))(x)
    return value, vjp(to_device(weight) * xp.ones(value.shape, value.dtype))


@each_case
def test_the_device_gradient_is_the_numpy_gradient(device, case):
    """dL/dx on the device = dL/dx on NumPy, float32, and it never leaves the device."""
    function, x, constants = case
    with using("numpy"):
        weight = normal(*np.shape(function(x, *constants)))
        value, gradient = value_and_vjp(function, x, constants, weight)
    there, slope = value_and_vjp(function, to_device(x), [to_device(c) for c in constants], weight)
    assert isinstance(there, xp.ndarray)
    assert isinstance(slope, xp.ndarray)
    assert value.dtype == gradient.dtype == there.dtype == slope.dtype == np.float32
    np.testing.assert_allclose(to_host(there), value, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(to_host(slope), gradient, rtol=2e-5, atol=1e-5)


@each_case
def test_a_gradient_is_the_slope(case):
    """dL/dx · d = [L(x + h·d) − L(x − h·d)]/2h along a random direction d, in float64."""
    function, x, constants = case
    x, *constants = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in (x, *constants)]
    value, h = here(function), 1e-6
    direction = normal(*x.shape).astype(np.float64)  # h·d in float32 is off by 6e-8 of its size
    weight = normal(*np.shape(value(x, *constants))).astype(np.float64)
    _, gradient = pulled_back(function, [x, *constants], 0, weight)
    rise = value(x + h * direction, *constants) - value(x - h * direction, *constants)
    slope = np.sum(rise * weight) / (2 * h)
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("extreme", [anp.max, anp.min])
@pytest.mark.parametrize("axis", [None, 1])
def test_tied_extremes_share_the_gradient(extreme, axis):
    """max(a, a, b): each of the n winners has slope 1/n, and the slopes of a row sum to 1."""
    tied = np.array([[2.0, 2.0, 2.0, 2.0]])
    vjp, value = make_vjp(lambda x: extreme(x, axis=axis))(tied)
    np.testing.assert_array_equal(vjp(np.ones_like(value)), [[0.25] * 4])


@pytest.mark.parametrize("pick", [anp.maximum, anp.minimum])
def test_a_tie_of_two_gives_each_half(pick):
    """max(a, a): slope ½ on either side."""
    for function in (lambda x: pick(x, 1.0), lambda x: pick(1.0, x)):
        vjp, _ = make_vjp(function)(np.array([1.0]))
        np.testing.assert_array_equal(vjp(np.ones(1)), [0.5])


def test_the_gradient_of_an_index_can_be_differentiated_again():
    """d²(x[i]³)/dx² = 6 x[i] at i and 0 elsewhere."""
    from autograd import grad

    x = np.array([1.0, 2.0, 3.0])
    second = grad(lambda x: anp.sum(grad(lambda x: anp.sum(x[1:] ** 3))(x)))(x)
    np.testing.assert_allclose(second, [0.0, 12.0, 18.0])


def test_losses_alone_keep_single_precision():
    """`import tinyalign` brings the rules: float32 log-probabilities have float32 gradients."""
    code = """
import numpy as np
from autograd import grad
from tinyalign import sequence_mean
logp = np.ones((2, 3), np.float32)
print(grad(lambda x: sequence_mean(x, np.ones_like(logp)))(logp).dtype)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "float32"


@with_pullback
def scaled_square(x, scale, power=2.0):
    return scale * x**power, lambda g: (g * scale * power * x ** (power - 1), None, None)


def test_a_primitive_takes_its_arguments_by_place_or_by_name():
    """f(x, s, p) = f(x, scale=s, power=p) = f(power=p, scale=s, x=x), traced or not."""
    x = np.array([3.0])
    calls = [
        lambda x: scaled_square(x, 2.0),
        lambda x: scaled_square(x, scale=2.0, power=2.0),
        lambda x: scaled_square(power=2.0, x=x, scale=2.0),
    ]
    for call in calls:
        vjp, value = make_vjp(call)(x)
        assert value == call(x) == 18.0
        assert vjp(np.ones(1)) == 12.0
    assert scaled_square.__name__ == "scaled_square"


@pytest.mark.parametrize("box", [False, True])
def test_a_primitive_refuses_arguments_it_does_not_take(box):
    """A misspelt setting is an error, never ignored."""

    def call(*args, **named):
        run = lambda x: scaled_square(x, *args, **named)  # noqa: E731
        return make_vjp(run)(np.ones(1)) if box else run(np.ones(1))

    with pytest.raises(TypeError, match="missing the argument 'scale'"):
        call()
    with pytest.raises(TypeError, match="does not take: powre"):
        call(2.0, powre=3.0)
    with pytest.raises(TypeError, match="does not take: x"):
        call(2.0, x=np.ones(1))
    with pytest.raises(TypeError, match="positional"):
        call(2.0, 3.0, 4.0)


@pytest.mark.parametrize("index", [[0, 0, 2], np.array([0, 0, 2]), ([0, 0, 2], [1, 1, 0])])
def test_every_copy_of_a_row_that_is_read_twice_counts(index):
    """Ids in a list, in an array, or in a tuple of lists: the slope of a row read twice is 2."""
    counts = np.zeros((3, 4))
    np.add.at(counts, index, 1.0)
    assert counts.max() == 2
    vjp, value = make_vjp(lambda x: x[sent(index)])(to_device(x))
    np.testing.assert_array_equal(to_host(value), x[index])
    np.testing.assert_array_equal(to_host(vjp(xp.ones(value.shape, xp.float32))), counts)
