"""Closed forms over a handful of outcomes. Probabilities sum to 1 along the last axis."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats, softmax
from tinyalign.laws.catalogue.general import whole_laws
from tinyalign.laws.harness.law import assert_at_least, assert_at_most, assert_close, law, rounding


def is_a_distribution(loss, x, p):
    """a distribution: not negative, and it sums to 1"""
    got = loss(*x, **p)
    assert_at_least(got, 0.0)
    assert_close(np.sum(got, axis=-1), 1.0)


def reward_shift_cancels(loss, x, p, c):
    """adding a constant to the rewards changes nothing"""
    assert_close(loss(x[0], x[1] + c, *x[2:], **p), loss(*x, **p))


def equal_rewards_keep_the_reference(loss, x, p):
    """equal rewards: the reference itself"""
    assert_close(loss(x[0], 0 * x[1] + 2.0, *x[2:], **p), x[0])


def impossible_stays_impossible(loss, x, p):
    """one more outcome that the reference never gives changes nothing, and stays at 0"""
    none = np.zeros((len(x[0]), 1))
    # a reward of 5 must not lift a probability of 0
    wider = (np.concatenate([x[0], none], axis=1), np.concatenate([x[1], none + 5.0], axis=1))
    assert_close(loss(*wider, *x[2:], **p), np.concatenate([loss(*x, **p), none], axis=1))


def log_ratio_is_reward(loss, x, p):
    """β log(π*/π_ref) differs from the reward by a constant only"""
    # exp(r/β) may underflow to a probability of 0
    with np.errstate(divide="ignore"):
        implied = p["beta"] * np.log(loss(*x, **p) / x[0])
    gap = implied - x[1]
    seen = loss(*x, **p) > 1e-200  # the rest has underflowed
    gap = np.where(seen, gap, np.max(np.where(seen, gap, -np.inf), axis=-1, keepdims=True))
    # the largest difference made 0: what is left is not constant
    assert_close(gap - gap.max(axis=-1, keepdims=True), 0.0, tolerance=rounding(1e-6, 1e-2))


def extreme_rewards_stay_finite(loss, x, p):
    """rewards of a million leave a distribution"""
    huge = 1e6 * (1.0 + np.abs(x[1]))
    for reward in (1e6 * x[1], huge, -huge):  # also where all are good, or all are bad
        assert_close(np.sum(loss(x[0], reward, **p), axis=-1), 1.0)


OPTIMAL_POLICY = whole_laws(
    law(is_a_distribution, "KL5a"),
    law(equal_rewards_keep_the_reference, "KL5b"),
    law(extreme_rewards_stay_finite, "KL5c"),
    law(impossible_stays_impossible, "KL5h"),
    law(reward_shift_cancels, "KC0", c=floats(-20.0, 20.0)),
    law(log_ratio_is_reward, "KC1"),
)


def one_draw_is_the_reference(loss, x, p):
    """n = 1: the reference itself"""
    assert_close(loss(x[0], x[1], np.array(1)), x[0])


def only_the_order_counts(loss, x, p):
    """an increasing transform of the rewards changes nothing"""
    assert_close(loss(x[0], x[1] ** 3 + x[1], x[2]), loss(*x))


def more_draws_more_reward(loss, x, p):
    """more draws never lower the expected reward"""
    # (B, K) each
    fewer, more = loss(*x), loss(x[0], x[1], x[2] + 1)
    assert_at_most(np.sum(fewer * x[1], axis=-1), np.sum(more * x[1], axis=-1))


def kl_bound(loss, x, p):
    """KL to the reference is at most log n - (n-1)/n"""
    got, n = loss(*x), float(x[2])
    # 0 · log 0 = 0, without the logarithm of 0
    terms = np.where(got > 0, got * np.log(np.where(got > 0, got, 1.0) / x[0]), 0.0)
    assert_at_most(np.sum(terms, axis=-1), np.log(n) - (n - 1) / n)


def draws_compose(loss, x, p):
    """best of m draws from best of n is best of n·m"""
    # the best of two bests of n
    assert_close(loss(loss(*x), x[1], np.array(2)), loss(x[0], x[1], 2 * x[2]))


def distribution_function_to_the_power_n(loss, x, p):
    """the chance of at most this reward is the reference's, to the power n"""
    # (B, K, K): which outcomes have at most the reward of outcome k
    not_above = x[1][:, None, :] <= x[1][:, :, None]
    reference = np.sum(not_above * x[0][:, None, :], axis=-1)
    assert_close(np.sum(not_above * loss(*x)[:, None, :], axis=-1), reference ** float(x[2]))


def ties_keep_reference_proportions(loss, x, p):
    """answers of equal reward keep their proportions under the reference"""
    assert_close(loss(x[0], 0 * x[1] + 2.0, x[2]), x[0])


BEST_OF_N = whole_laws(
    law(is_a_distribution, "BN1a"),
    law(one_draw_is_the_reference, "BN1b"),
    law(ties_keep_reference_proportions, "BN1c"),
    law(impossible_stays_impossible, "BN1e"),
    law(only_the_order_counts, "BN6"),
    law(more_draws_more_reward, "BN1d"),
    law(kl_bound, "BN1"),
    law(draws_compose, "BN2"),
    law(distribution_function_to_the_power_n, "BN3"),
)

# x is (probs, ref_probs, reward)


def expected_reward_at_reference(loss, x, p):
    """policy = reference: the expected reward"""
    assert_close(loss(x[1], x[1], x[2], **p), np.sum(x[1] * x[2], axis=-1))


def reward_shift_adds(loss, x, p, c):
    """adding c to the rewards adds c"""
    assert_close(loss(x[0], x[1], x[2] + c, **p), loss(*x, **p) + c)


def expected_reward_without_penalty(loss, x, p):
    """β = 0: the expected reward"""
    assert_close(loss(*x, **p | {"beta": 0.0}), np.sum(x[0] * x[2], axis=-1))


def largest_at_the_optimum(loss, x, p):
    """at ref · exp(r/β) it is β log Z, and nowhere more"""
    best = softmax(np.log(x[1]) + x[2] / p["beta"])
    # log Z with its maximum taken out: exp(r/β) may overflow
    top = np.max(x[2] / p["beta"], axis=-1)
    z = np.sum(x[1] * np.exp(x[2] / p["beta"] - top[:, None]), axis=-1)
    most = p["beta"] * (np.log(z) + top)
    # below, log π* cannot be had from π*
    if np.all(best > 1e-100):
        assert_close(loss(best, x[1], x[2], **p), most, tolerance=rounding(1e-7, 1e-2))
    assert_at_most(loss(*x, **p), most)


def rlhf_objective_formula(loss, x, p):
    """E[r] - β KL(π ‖ π_ref)"""
    kl = np.sum(x[0] * np.log(x[0] / x[1]), axis=-1)
    assert_close(loss(*x, **p), np.sum(x[0] * x[2], axis=-1) - p["beta"] * kl)


OBJECTIVE = whole_laws(
    law(expected_reward_at_reference, "KL5d"),
    law(expected_reward_without_penalty, "KL5g"),
    law(reward_shift_adds, "KL5e", c=floats(-20.0, 20.0)),
    law(largest_at_the_optimum, "KL5"),
    law(rlhf_objective_formula, "KL5f"),
)
