"""Stable scalars, masked sums, and checks that name what is wrong."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import central_difference, close, ragged, slope, vectors

from tinyalign.losses import aggregate
from tinyalign.losses import numerics as num

wide = st.floats(-1e4, 1e4)
log_probs = st.floats(-1e4, 0.0)


@given(vectors(wide))
def test_log_sigmoids_of_x_and_of_minus_x_differ_by_x(x):
    """log σ(x) − log σ(−x) = x."""
    close(num.log_sigmoid(x) - num.log_sigmoid(-x), x)


def test_log_sigmoid_is_exact_where_it_saturates():
    """log σ(−800) = −800 and log σ(800) = 0."""
    assert num.log_sigmoid(np.array(-800.0)) == -800.0
    assert num.log_sigmoid(np.array(800.0)) == 0.0


def test_sigmoid_is_the_logistic_function_not_its_double():
    """σ(1.3) = 0.7858…; σ(2·1.3) = 0.931 is a known mistake that σ(x) + σ(−x) = 1 lets through."""
    close(num.sigmoid(np.array([1.3, 0.0, -1.3])), [0.785834983042559, 0.5, 0.214165016957441])


@given(vectors(st.floats(-700, 700)))
def test_sigmoid_keeps_its_relative_precision_in_the_tail(x):
    """σ(x) = 1/(1 + e⁻ˣ), to relative 1e-9."""
    close(num.sigmoid(x), 1 / (1 + np.exp(-x)), atol=0)


@given(vectors(st.floats(-1e3, 1e3), min_size=2), st.floats(-1e3, 1e3))
def test_log_softmax_ignores_a_common_shift_and_is_normalised(logits, shift):
    """log_softmax(x + c) = log_softmax(x); Σ exp = 1."""
    close(num.log_softmax(logits + shift), num.log_softmax(logits))
    close(np.sum(np.exp(num.log_softmax(logits))), 1.0)
    close(num.softmax(logits), np.exp(num.log_softmax(logits)))


@given(vectors(st.floats(-30, -1e-3)))
def test_log1mexp_is_the_log_probability_of_the_complement(a):
    """e^{log1mexp(a)} + e^a = 1."""
    close(np.exp(num.log1mexp(a)) + np.exp(a), 1.0, rtol=1e-14)
    close(slope(num.log1mexp, a), -np.exp(a) / (1 - np.exp(a)))


@given(st.floats(-1e-6, -1e-29))
def test_log1mexp_keeps_its_precision_close_to_certainty(a):
    """1 − e^a → −a, so log1mexp(a) = log(−a) + a/2 − …"""
    close(num.log1mexp(np.array(a)), math.log(-a) + a / 2, rtol=1e-13)


def test_log1mexp_stays_finite_at_certainty():
    """At a = 0 the answer is −∞; a within 1e-30 counts as −1e-30, log 1e-30 = −69.08."""
    close(num.log1mexp(np.array([0.0, -1e-40])), [math.log(1e-30)] * 2)
    assert np.isfinite(slope(num.log1mexp, np.array([0.0, -1e-30, -1e-17, -700.0]))).all()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_log_odds_of_a_log_probability_is_the_logit(p):
    """log_odds(log p) = logit(p) = −log_odds(log(1 − p))."""
    close(num.log_odds(np.log(p)), np.log(p / (1 - p)))
    close(num.log_odds(np.log(p)), -num.log_odds(np.log1p(-p)))


def test_log_odds_near_certainty_is_right_in_both_precisions():
    """log_odds(a) → log(1/−a): log 1e9 at −1e-9; 18.42068 at −1e-8, in float32 too."""
    close(num.log_odds(np.array(-1e-9)), math.log(1e9))
    single = num.log_odds(np.array([-1e-8], np.float32))
    assert single.dtype == np.float32
    close(single, [18.42068], atol=1e-3)


@pytest.mark.parametrize("name", ["log_sigmoid", "sigmoid", "log_softmax", "log1mexp", "log_odds"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scalar_maths_is_finite_and_keeps_its_precision(name, dtype):
    """float32 in, float32 out, values and gradients, at 0, −1e-17, −700 and −1e4."""
    function, x = getattr(num, name), np.array([-1e4, -700.0, -1.0, -1e-17, 0.0], dtype)
    for result in (function(x), slope(function, x)):
        assert result.dtype == dtype
        assert np.isfinite(result).all()


@pytest.mark.parametrize("name", ["log_sigmoid", "sigmoid", "log_softmax", "log1mexp", "log_odds"])
def test_gradients_of_scalar_maths_agree_with_central_differences(name):
    """df/dx = [f(x + h) − f(x − h)]/2h."""
    function, x = getattr(num, name), np.array([-3.0, -0.9, -0.4, -0.1])
    weight = np.array([1.0, -2.0, 0.5, 3.0])
    numeric = central_difference(lambda v: np.sum(weight * function(v)), x)
    close(slope(lambda v: weight * function(v), x), numeric, rtol=1e-5, atol=1e-5)


def test_stop_gradient_returns_the_value_as_a_constant():
    """d/dx [sg(x)·x] = sg(x), not 2x."""
    close(slope(lambda x: num.stop_gradient(x) * x, np.array([3.0])), [3.0])


@given(ragged(st.floats(-10, 10)), st.sampled_from([np.nan, np.inf, -np.inf, 1e300]))
def test_masked_sums_and_means_never_read_padding(batch, garbage):
    """Σ_t mask·x and its mean over Σ mask do not change, whatever padding holds."""
    mask, x = batch
    dirty = np.where(mask > 0, x, garbage)
    expected = [row[keep > 0] for row, keep in zip(x, mask, strict=True)]
    close(aggregate.masked_sum(dirty, mask), [row.sum() for row in expected])
    close(aggregate.masked_mean(dirty, mask), [row.mean() for row in expected])
    assert (num.masked(dirty, mask)[mask == 0] == 0).all()


@pytest.mark.parametrize("kind", [bool, int, np.float32, np.float64])
def test_any_kind_of_mask_leaves_float32_alone(kind):
    """The mask chooses; its own precision must not leak into the result."""
    x, mask = np.ones((2, 3), np.float32), np.array([[1, 1, 0], [1, 0, 0]]).astype(kind)
    assert aggregate.masked_sum(x, mask).dtype == np.float32
    assert aggregate.masked_mean(x, mask).dtype == np.float32
    assert slope(aggregate.masked_mean, x, mask).dtype == np.float32


def test_an_empty_mask_row_sums_to_zero_but_has_no_mean():
    """0 in a sum; ValueError, naming the rows, where a mean would divide by it."""
    x, mask = np.ones((3, 2)), np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    close(aggregate.masked_sum(x, mask), [1, 0, 2])
    with pytest.raises(ValueError, match=r"rows \[1\]"):
        aggregate.masked_mean(x, mask)


def test_masks_and_labels_must_be_zero_or_one():
    """A mask of ±1, or of weights, is refused."""
    with pytest.raises(ValueError, match="mask"):
        num.masked(np.ones(2), np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="desirable"):
        num.require_binary(desirable=np.array([0.5]))
    num.require_binary(yes=np.array([True, False]), no=np.array([0, 1]))


def test_shape_errors_name_both_shapes():
    """(3,) against (3, 1) would broadcast to (3, 3)."""
    with pytest.raises(ValueError, match=r"first.*\(3,\).*second.*\(3, 1\)"):
        num.require_same_shape(first=np.ones(3), second=np.ones((3, 1)))
    with pytest.raises(ValueError, match=r"reward must have shape \(P, G\), got \(3,\)"):
        num.require_axes("PG", reward=np.ones(3))
    with pytest.raises(ValueError, match=r"score must have shape \(N,\), got \(\)"):
        num.require_axes("N", score=1.0)
    with pytest.raises(ValueError, match=r"margin.*\(3,\).*\(2,\)"):
        num.require_scalar_or_same_shape(np.ones(3), margin=np.ones(2))
    num.require_scalar_or_same_shape(np.ones(3), a=1.0, b=np.ones(3))


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("(0, inf)", [1e-300, 1e300], [0.0, -1.0, math.inf, math.nan]),
        ("[0, 1)", [0.0, 0.999], [1.0, -1e-9, math.nan]),
        ("(0, 1]", [1e-9, 1.0], [0.0, 1.1]),
        ("[0, inf]", [0.0, math.inf], [-1e-9, math.nan]),
    ],
)
def test_range_errors_name_the_parameter_its_value_and_the_interval(interval, inside, outside):
    """An interval is written as in a paper: round ends are excluded, NaN is never inside."""
    for value in inside:
        num.require_in(interval, beta=value)
    for value in outside:
        with pytest.raises(ValueError) as error:
            num.require_in(interval, beta=value)
        assert all(part in str(error.value) for part in ("beta", interval, str(value)))
