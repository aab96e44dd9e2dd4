"""KL estimators and their control: k1, k2, k3, the exact KL, Ziegler's controller.

x is (logp, ref_logp) per token. Expectations are exact sums over a softmax of five outcomes.
"""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import floats, log_softmax, per_row
from tinyalign.laws.catalogue.general import example_laws, whole_laws
from tinyalign.laws.harness.law import (
    assert_at_least,
    assert_at_most,
    assert_close,
    assert_slope_close,
    law,
    rounding,
)

five = st.tuples(*[floats(-4.0, 4.0)] * 5).map(np.array)


def kl(logp, ref_logp):
    # summed over the last axis, the outcomes
    return np.sum(np.exp(logp) * (logp - ref_logp), axis=-1)


def zero_at_equality(loss, x, p):
    """0 where policy and reference agree"""
    assert_close(loss(x[0], x[0], **p), 0.0)


def never_negative(loss, x, p):
    """never below 0"""
    assert_at_least(loss(*x, **p), 0.0)


def only_the_log_ratio_counts(loss, x, p):
    """only the log-ratio counts"""
    assert_close(loss(x[0] - 1.5, x[1] - 1.5, **p), loss(*x, **p))


def expectation_is_kl(loss, x, p, theta, ref):
    """its exact expectation under the policy is KL(policy ‖ reference)"""
    logp, ref_logp = log_softmax(theta), log_softmax(ref)
    # five outcomes as one row of five tokens: (1, 5)
    values = loss(logp[None, :], ref_logp[None, :], **p)
    mean = np.sum(np.exp(logp) * values[0])
    assert_close(mean, kl(logp, ref_logp), tolerance=rounding(1e-8, 1e-2))


def kl_slope_as_a_loss(loss, x, p, theta, ref):
    """as a loss on fixed samples its expected slope is that of KL(policy ‖ reference)"""
    logp, ref_logp = log_softmax(theta), log_softmax(ref)
    # the samples stay where they are: only the loss is differentiated
    slope = loss.grad((logp[None, :], ref_logp[None, :]), 0, **p)[0]
    assert_slope_close(through_softmax(logp, np.exp(logp) * slope), kl_slope(logp, ref_logp))


def kl_slope_as_a_reward(loss, x, p, theta, ref):
    """as a constant in front of the score its expected slope is that of KL(policy ‖ reference)"""
    logp, ref_logp = log_softmax(theta), log_softmax(ref)
    # the value weighs the score ∇ log π and is a constant itself
    values = loss(logp[None, :], ref_logp[None, :], **p)[0]
    assert_slope_close(through_softmax(logp, np.exp(logp) * values), kl_slope(logp, ref_logp))


def through_softmax(logp, weight):
    """Σ weight_y · ∇ log p(y) in the logits."""
    # (5,): Σ_y w_y(1_y - π), since ∇ log π_y = 1_y - π
    return weight - np.exp(logp) * np.sum(weight)


def kl_slope(logp, ref_logp):
    return np.exp(logp) * (logp - ref_logp - kl(logp, ref_logp))


def small_moves_cost_half_the_square(loss, x, p):
    """for a small log-ratio δ it is δ²/2"""
    # the next term is of order δ³, smaller by δ; in float32 a thousandth would cancel to nothing
    width = rounding(1e-3, 5e-2)
    for step in (width, -width):
        got = loss(x[0] + step, x[0], **p) / (0.5 * step**2)
        assert_close(got, 1.0, tolerance=rounding(2e-3, 5e-2))


def the_log_ratio_itself(loss, x, p):
    """it is the log-ratio logp - ref_logp, and no other estimator"""
    assert_close(loss(*x, **p), x[0] - x[1])


def slope_is(formula):
    def check(loss, x, p):
        assert_slope_close(loss.grad(x, 0, **p), formula(x[0] - x[1]))

    return check


USES = (
    law(kl_slope_as_a_loss, "KL2", when={"use": "loss"}, theta=five, ref=five),
    law(kl_slope_as_a_reward, "KL3", when={"use": "reward"}, theta=five, ref=five),
)
EXPECTED = law(expectation_is_kl, "KL1", theta=five, ref=five)
SMALL = law(small_moves_cost_half_the_square, "KL1c")
RATIO = law(only_the_log_ratio_counts, "KL1b")
ZERO = law(zero_at_equality, "KL0")
POSITIVE = law(never_negative, "KL1a")
# k1 may be negative, so POSITIVE is not among its laws
K1 = example_laws(
    ZERO,
    RATIO,
    law(the_log_ratio_itself, "KL1d"),
    EXPECTED,
    law(slope_is(np.ones_like), "PP9", "closed_form_slope", "the slope in logp is 1"),
    *USES,
)
# k2 is biased, so EXPECTED is not among its laws
K2 = example_laws(
    ZERO,
    POSITIVE,
    RATIO,
    SMALL,
    law(
        slope_is(lambda gap: gap), "PP9", "closed_form_slope", "the slope in logp is the log-ratio"
    ),
    *USES,
)
K3 = example_laws(
    ZERO,
    POSITIVE,
    RATIO,
    SMALL,
    EXPECTED,
    law(
        slope_is(lambda gap: -np.expm1(-gap)),
        "PP9",
        "closed_form_slope",
        "the slope in logp is 1 - ref/policy",
    ),
    *USES,
)


# the estimator with clamps
def never_above_the_limit(loss, x, p):
    """never negative, never above the limit"""
    far = (x[0] - 40.0, x[1])
    for at in (x, far):
        assert_at_least(loss(*at, **p), -1e-12)
        assert_at_most(loss(*at, **p), p["limit"])


def k3_within_the_limits(loss, x, p):
    """within the limits it is k3, e^(ref - policy) - (ref - policy) - 1"""
    # at most half of either limit away
    gap = np.clip(x[1] - x[0], -0.9, 0.9) * min(p["log_ratio_limit"], p["limit"], 1.0)
    assert_close(loss(x[1] - gap, x[1], **p), np.expm1(gap) - gap)


def no_slope_past_a_limit(loss, x, p):
    """a token that either side gave up has no slope"""
    for gap in (-2 * p["log_ratio_limit"], 2 * p["log_ratio_limit"]):
        assert_slope_close(loss.grad((x[1] - gap, x[1]), 0, **p), 0.0)


def clamped_formula(loss, x, p):
    """k3 of the clamped log-ratio, at most the limit"""
    gap = np.clip(x[1] - x[0], -p["log_ratio_limit"], p["log_ratio_limit"])
    assert_close(loss(*x, **p), np.minimum(np.expm1(gap) - gap, p["limit"]))


CLAMPED_K3 = example_laws(
    law(k3_within_the_limits, "CK1"),
    law(never_above_the_limit, "CK2"),
    law(no_slope_past_a_limit, "CK3"),
    law(clamped_formula, "CK4"),
)


def logit_shift_cancels(loss, x, p, c):
    """adding a constant to either row of logits changes nothing"""
    # (B, 1), another shift for each row
    c = per_row(c, x)[:, None]
    assert_close(loss(x[0] + c, x[1], **p), loss(*x, **p))
    assert_close(loss(x[0], x[1] - c, **p), loss(*x, **p))


def log_v_minus_entropy_against_uniform(loss, x, p):
    """against a uniform reference it is log V minus the policy's entropy"""
    logp = log_softmax(x[0])
    entropy = -np.sum(np.exp(logp) * logp, axis=-1)
    assert_close(loss(x[0], 0 * x[1], **p), np.log(x[0].shape[-1]) - entropy)


def exact_kl_formula(loss, x, p):
    """Σ π(log π - log π_ref) over the last axis"""
    assert_close(loss(*x, **p), kl(log_softmax(x[0]), log_softmax(x[1])))


EXACT_KL = example_laws(
    ZERO,
    POSITIVE,
    law(logit_shift_cancels, "P1", c=floats(-50.0, 50.0)),
    law(log_v_minus_entropy_against_uniform, "KL6"),
    law(exact_kl_formula, "KL1"),
)


def on_target_keeps_beta(loss, x, p):
    """KL on target keeps beta"""
    assert_close(loss(x[0], np.array(p["target"]), **p), x[0])


def beta_follows_the_error(loss, x, p):
    """KL above target raises beta, below lowers it"""
    here = x[0]
    # strictly: beta has to move
    assert_at_most(loss(here, np.array(p["target"] * 0.9), **p), here * (1 - 1e-12), tolerance=0)
    assert_at_most(here * (1 + 1e-12), loss(here, np.array(p["target"] * 1.1), **p), tolerance=0)


def change_of_beta_is_limited(loss, x, p):
    """however far off, beta changes by at most 20 % · n/horizon"""
    # an error beyond 20 % counts as 20 %
    most = 0.2 * p["n"] / p["horizon"]
    assert_close(loss(x[0], np.array(1e9), **p), x[0] * (1 + most))
    assert_close(loss(x[0], np.array(0.0), **p), x[0] * (1 - most))


def proportional_inside_the_limit(loss, x, p):
    """inside ±20 % beta changes by the relative error · n/horizon"""
    error = np.clip(x[1] / p["target"] - 1, -0.2, 0.2)
    assert_close(loss(*x, **p), x[0] * (1 + error * p["n"] / p["horizon"]))


ADAPTIVE = whole_laws(
    law(on_target_keeps_beta, "PP8a"),
    law(beta_follows_the_error, "PP8b"),
    law(change_of_beta_is_limited, "PP8"),
    law(proportional_inside_the_limit, "PP8c"),
)
