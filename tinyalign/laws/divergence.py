"""KL estimators and their control: k1, k2, k3, the exact KL, Ziegler's controller.

x is (logp, ref_logp) per token. Expectations are exact sums over a softmax of five outcomes.
"""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.domain import floats, log_softmax, per_row
from tinyalign.laws.general import example_laws, whole_laws
from tinyalign.laws.law import at_most, law, rounding, same, same_slope

five = st.tuples(*[floats(-4.0, 4.0)] * 5).map(np.array)


def kl(logp, ref_logp):
    return np.sum(np.exp(logp) * (logp - ref_logp), axis=-1)


def zero_at_equality(loss, x, p):
    """0 where policy and reference agree"""
    same(loss(x[0], x[0], **p), 0.0)


def never_negative(loss, x, p):
    """never below 0"""
    at_most(0.0, loss(*x, **p))


def only_the_ratio(loss, x, p):
    """only the log-ratio counts"""
    same(loss(x[0] - 1.5, x[1] - 1.5, **p), loss(*x, **p))


def expectation_is_kl(loss, x, p, theta, ref):
    """its exact expectation under the policy is KL(policy ‖ reference)"""
    logp, ref_logp = log_softmax(theta), log_softmax(ref)
    values = loss(logp[None, :], ref_logp[None, :], **p)
    same(np.sum(np.exp(logp) * values[0]), kl(logp, ref_logp), room=rounding(1e-8, 1e-2))


def right_slope_as_a_loss(loss, x, p, theta, ref):
    """as a loss on fixed samples its expected slope is that of KL(policy ‖ reference)"""
    logp, ref_logp = log_softmax(theta), log_softmax(ref)
    slope = loss.slope((logp[None, :], ref_logp[None, :]), 0, **p)[0]
    same_slope(through_softmax(logp, np.exp(logp) * slope), kl_slope(logp, ref_logp))


def right_slope_as_a_reward(loss, x, p, theta, ref):
    """as a constant in front of the score its expected slope is that of KL(policy ‖ reference)"""
    logp, ref_logp = log_softmax(theta), log_softmax(ref)
    values = loss(logp[None, :], ref_logp[None, :], **p)[0]
    same_slope(through_softmax(logp, np.exp(logp) * values), kl_slope(logp, ref_logp))


def through_softmax(logp, weight):
    """Σ weight_y · ∇ log p(y) in the logits."""
    return weight - np.exp(logp) * np.sum(weight)


def kl_slope(logp, ref_logp):
    return np.exp(logp) * (logp - ref_logp - kl(logp, ref_logp))


def small_moves_cost_half_the_square(loss, x, p):
    """for a small log-ratio δ it is δ²/2"""
    for step in (1e-3, -1e-3):
        same(loss(x[0] + step, x[0], **p) / (0.5 * step**2), 1.0, room=2e-3)


def slope_is(formula):
    def check(loss, x, p):
        same_slope(loss.slope(x, 0, **p), formula(x[0] - x[1]))

    return check


USES = (
    law("KL2", right_slope_as_a_loss, when={"use": "loss"}, theta=five, ref=five),
    law("KL3", right_slope_as_a_reward, when={"use": "reward"}, theta=five, ref=five),
)
EXPECTED = law("KL1", expectation_is_kl, theta=five, ref=five)
SMALL = law("KL1c", small_moves_cost_half_the_square)
RATIO = law("KL1b", only_the_ratio)
ZERO = law("KL0", zero_at_equality)
POSITIVE = law("KL1a", never_negative)
K1 = example_laws(
    ZERO,
    RATIO,
    EXPECTED,
    law("PP9", slope_is(np.ones_like), sentence="the slope in logp is 1"),
    *USES,
)
K2 = example_laws(
    ZERO,
    POSITIVE,
    RATIO,
    SMALL,
    law("PP9", slope_is(lambda gap: gap), sentence="the slope in logp is the log-ratio"),
    *USES,
)
K3 = example_laws(
    ZERO,
    POSITIVE,
    RATIO,
    SMALL,
    EXPECTED,
    law(
        "PP9", slope_is(lambda gap: -np.expm1(-gap)), sentence="the slope in logp is 1 - ref/policy"
    ),
    *USES,
)


def level_is_free(loss, x, p, c):
    """adding a constant to either row of logits changes nothing"""
    c = per_row(c, x)[:, None]
    same(loss(x[0] + c, x[1], **p), loss(*x, **p))
    same(loss(x[0], x[1] - c, **p), loss(*x, **p))


def to_uniform_it_is_missing_entropy(loss, x, p):
    """against a uniform reference it is log V minus the policy's entropy"""
    logp = log_softmax(x[0])
    entropy = -np.sum(np.exp(logp) * logp, axis=-1)
    same(loss(x[0], 0 * x[1], **p), np.log(x[0].shape[-1]) - entropy)


def exact_value(loss, x, p):
    """Σ π(log π - log π_ref) over the last axis"""
    same(loss(*x, **p), kl(log_softmax(x[0]), log_softmax(x[1])))


EXACT_KL = example_laws(
    ZERO,
    POSITIVE,
    law("P1", level_is_free, c=floats(-50.0, 50.0)),
    law("KL6", to_uniform_it_is_missing_entropy),
    law("KL1", exact_value),
)


def keeps_on_target(loss, x, p):
    """KL on target keeps beta"""
    same(loss(x[0], np.array(p["target"]), **p), x[0])


def follows_the_error(loss, x, p):
    """KL above target raises beta, below lowers it"""
    here = x[0]
    at_most(loss(here, np.array(p["target"] * 0.9), **p), here * (1 - 1e-12), room=0)
    at_most(here * (1 + 1e-12), loss(here, np.array(p["target"] * 1.1), **p), room=0)


def change_is_limited(loss, x, p):
    """however far off, beta changes by at most 20 % · n/horizon"""
    most = 0.2 * p["n"] / p["horizon"]
    same(loss(x[0], np.array(1e9), **p), x[0] * (1 + most))
    same(loss(x[0], np.array(0.0), **p), x[0] * (1 - most))


def proportional_inside(loss, x, p):
    """inside ±20 % beta changes by the relative error · n/horizon"""
    error = np.clip(x[1] / p["target"] - 1, -0.2, 0.2)
    same(loss(*x, **p), x[0] * (1 + error * p["n"] / p["horizon"]))


ADAPTIVE = whole_laws(
    law("PP8a", keeps_on_target),
    law("PP8b", follows_the_error),
    law("PP8", change_is_limited),
    law("PP8c", proportional_inside),
)
