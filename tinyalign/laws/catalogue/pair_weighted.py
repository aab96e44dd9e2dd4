"""WPO: DPO whose pairs are weighted, and the weight.

x is chosen, rejected, both references, both log-weights; for the weight it is logp (N, T),
logits (N, T, V), mask (N, T), one number a row.
"""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import floats, log_sigmoid, log_softmax, sigmoid
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.pair import log_ratios
from tinyalign.laws.catalogue.pair_f import near_pairs
from tinyalign.laws.harness.law import assert_at_most, assert_close, assert_slope_close, law
from tinyalign.laws.outcomes import Broken

weighted_pairs = near_pairs(floats(-4.0, 3.0), floats(-4.0, 3.0))


def with_weights(x, chosen, rejected):
    return (*x[:4], np.full_like(x[4], chosen), np.full_like(x[5], rejected))


def full_weight_is_dpo(loss, x, p):
    """weights of 1 are DPO"""
    a, b = log_ratios(x[:4])
    assert_close(loss(*with_weights(x, 0.0, 0.0), **p), -log_sigmoid(p["beta"] * (a - b)))


def product_of_both_weights(loss, x, p):
    """a pair counts by the product of both weights"""
    whole = loss(*with_weights(x, 0.0, 0.0), **p)
    for chosen, rejected in ((-1.0, 0.0), (0.0, -2.0), (-0.5, -0.7)):
        got = loss(*with_weights(x, chosen, rejected), **p)
        assert_close(got, np.exp(chosen + rejected) * whole)


def never_above_dpo(loss, x, p):
    """a weight is at most 1: never above DPO"""
    assert_at_most(loss(*x, **p), loss(*with_weights(x, 0.0, 0.0), **p))


def weighted_slopes(loss, x, p):
    """the slopes are those of DPO times the weight"""
    a, b = log_ratios(x[:4])
    weight = np.exp(np.minimum(x[4] + x[5], 0.0))
    want = -weight * p["beta"] * sigmoid(-p["beta"] * (a - b))
    assert_slope_close(loss.grad(x, 0, **p), want)
    assert_slope_close(loss.grad(x, 1, **p), -want)


def wpo_formula(loss, x, p):
    """min(1, w_w · w_l) times DPO's loss"""
    a, b = log_ratios(x[:4])
    weight = np.exp(np.minimum(x[4] + x[5], 0.0))
    assert_close(loss(*x, **p), -weight * log_sigmoid(p["beta"] * (a - b)))


WPO = example_laws(
    law(full_weight_is_dpo, "WP1"),
    law(product_of_both_weights, "WP2"),
    law(never_above_dpo, "WP3"),
    law(weighted_slopes, "WP4"),
    law(wpo_formula, "WP5"),
)

# the weight itself


@st.composite
def scored_logits(draw):
    n, t, v = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(2, 3))
    logits = np.array(draw(st.lists(floats(-4.0, 4.0), min_size=n * t * v, max_size=n * t * v)))
    logits = logits.reshape(n, t, v)
    ids = np.array(draw(st.lists(st.integers(0, v - 1), min_size=n * t, max_size=n * t)))
    logp = np.take_along_axis(log_softmax(logits), ids.reshape(n, t, 1), 2)[..., 0]
    length = np.array(draw(st.lists(st.integers(1, t), min_size=n, max_size=n)))[:, None]
    return logp, logits, (np.arange(t) < length).astype(float)


def uniform_policy_has_weight_one(loss, x, p):
    """equal logits: every answer has log-weight 0"""
    flat = np.zeros_like(x[1])
    assert_close(loss(np.full_like(x[0], -np.log(flat.shape[-1])), flat, x[2], **p), 0.0)


def weight_padding_changes_nothing(loss, x, p):
    """what stands in the padding changes nothing"""
    logp, logits, mask = x
    other = np.where(mask > 0, logp, -40.0), np.where(mask[..., None] > 0, logits, 9.0), mask
    assert_close(loss(*other, **p), loss(*x, **p))


def weight_logit_shift_cancels(loss, x, p):
    """adding a constant to the logits changes nothing"""
    assert_close(loss(x[0], x[1] + 3.0, x[2], **p), loss(*x, **p))


def weight_is_a_mean_per_token(loss, x, p):
    """every token twice changes nothing: it is a mean"""
    assert_close(loss(*(np.concatenate([a, a], axis=1) for a in x), **p), loss(*x, **p))


def aligned_to_samples(loss, x, p):
    """mean of log π(y_t) - log Σ π²"""
    own = np.log(np.sum(np.exp(2 * log_softmax(x[1])), axis=-1))
    want = np.sum((x[0] - own) * x[2], axis=1) / np.sum(x[2], axis=1)
    assert_close(loss(*x, **p), want)


def finite_for_a_certain_policy(loss, x, p):
    """a policy that is certain of its answer gives it log-weight 0, not NaN"""
    certain = np.zeros_like(x[1])
    certain[..., 0] = 800.0
    got = loss(np.zeros_like(x[0]), certain, x[2], **p)
    if not np.all(np.isfinite(got)):
        raise Broken("gives inf or nan")
    assert_close(got, 0.0)


LOG_WEIGHT = example_laws(
    law(uniform_policy_has_weight_one, "WW1"),
    law(finite_for_a_certain_policy, "WW2"),
    law(weight_padding_changes_nothing, "WW3"),
    law(weight_logit_shift_cancels, "WW4"),
    law(weight_is_a_mean_per_token, "WW5"),
    law(aligned_to_samples, "WW6"),
)
