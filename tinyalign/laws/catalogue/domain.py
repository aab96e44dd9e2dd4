"""What the laws are tried on: as wide as the maths allows, small enough to read when shrunk."""

import numpy as np
from hypothesis import strategies as st

LOG2 = np.log(2.0)
FEW = 3  # rows at most; two are enough to catch a wrong axis, three a wrong order


def floats(low, high):
    """Numbers in [low, high]; whole ones often, so that ties and exact zeros occur."""
    wide = st.floats(low, high, allow_subnormal=False)
    whole = st.integers(int(np.ceil(low)), int(np.floor(high))).map(float)
    return wide if np.ceil(low) > np.floor(high) else st.one_of(wide, whole)


logps = floats(-60.0, 0.0)  # a sum over tokens
avg_logps = floats(-12.0, -0.01)  # a mean per token, strictly below 0: exp of it is a probability
nlls = floats(0.0, 20.0)
rewards = floats(-10.0, 10.0)
shifts = floats(-50.0, 0.0)  # downwards, so that log-probs stay log-probs
betas = st.one_of(st.sampled_from([0.1, 0.5, 1.0, 2.0]), floats(0.01, 4.0))
three = st.tuples(*[floats(-2.0, 2.0)] * 3).map(np.array)  # rewards or logits of as many answers


@st.composite
def batches(draw, *columns, least=1):
    """Columns of one length: a tuple of arrays (B,), one row at a time so that they shrink."""
    table = draw(st.lists(st.tuples(*columns), min_size=least, max_size=FEW))
    return tuple(np.array(column) for column in zip(*table, strict=True))


@st.composite
def tables(draw, *cells, high=4, least=1, width=1, rows=FEW):
    """Rectangles of one shape (N, T), one per kind of cell; often squares, where axes mix up."""
    n = draw(st.integers(least, rows))
    t = draw(st.one_of(st.just(max(n, width)), st.integers(width, high)))
    table = draw(st.lists(st.tuples(*cells), min_size=n * t, max_size=n * t))
    return tuple(np.array(column).reshape(n, t) for column in zip(*table, strict=True))


def per_row(c, x):
    """A different multiple of c for every row of the batch x, so that no one shift explains all."""
    return c * (1.0 + np.arange(len(x[0])))


def sigmoid(x):
    return np.exp(-np.logaddexp(0.0, -np.asarray(x, dtype=float)))


def log_sigmoid(x):
    return -np.logaddexp(0.0, -np.asarray(x, dtype=float))


def log_softmax(x):
    x = np.asarray(x, dtype=float)
    shifted = x - np.max(x, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def softmax(x):
    return np.exp(log_softmax(x))
