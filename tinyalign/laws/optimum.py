"""Closed forms over a handful of outcomes. Probabilities sum to 1 along the last axis."""

import numpy as np

from tinyalign.laws.domain import floats, softmax
from tinyalign.laws.general import whole_laws
from tinyalign.laws.law import at_most, law, rounding, same


def sums_to_one(loss, x, p):
    """a distribution: not negative, and it sums to 1"""
    got = loss(*x, **p)
    at_most(0.0, got)
    same(np.sum(got, axis=-1), 1.0)


def reward_level_is_free(loss, x, p, c):
    """adding a constant to the rewards changes nothing"""
    same(loss(x[0], x[1] + c, *x[2:], **p), loss(*x, **p))


def equal_rewards_keep_the_reference(loss, x, p):
    """equal rewards: the reference itself"""
    same(loss(x[0], 0 * x[1] + 2.0, *x[2:], **p), x[0])


def impossible_stays_impossible(loss, x, p):
    """one more outcome that the reference never gives changes nothing, and stays at 0"""
    none = np.zeros((len(x[0]), 1))
    wider = (np.concatenate([x[0], none], axis=1), np.concatenate([x[1], none + 5.0], axis=1))
    same(loss(*wider, *x[2:], **p), np.concatenate([loss(*x, **p), none], axis=1))


def log_ratio_is_reward(loss, x, p):
    """β log(π*/π_ref) differs from the reward by a constant only"""
    with np.errstate(divide="ignore"):
        implied = p["beta"] * np.log(loss(*x, **p) / x[0])
    gap = implied - x[1]
    seen = loss(*x, **p) > 1e-200  # the rest has underflowed
    gap = np.where(seen, gap, np.max(np.where(seen, gap, -np.inf), axis=-1, keepdims=True))
    same(gap - gap.max(axis=-1, keepdims=True), 0.0, room=rounding(1e-6, 1e-2))


def extreme_rewards_stay_finite(loss, x, p):
    """rewards of a million leave a distribution"""
    huge = 1e6 * (1.0 + np.abs(x[1]))
    for reward in (1e6 * x[1], huge, -huge):  # also where all are good, or all are bad
        same(np.sum(loss(x[0], reward, **p), axis=-1), 1.0)


OPTIMAL_POLICY = whole_laws(
    law("KL5a", sums_to_one),
    law("KL5b", equal_rewards_keep_the_reference),
    law("KL5c", extreme_rewards_stay_finite),
    law("KL5h", impossible_stays_impossible),
    law("KC0", reward_level_is_free, c=floats(-20.0, 20.0)),
    law("KC1", log_ratio_is_reward),
)


def one_draw_is_the_reference(loss, x, p):
    """n = 1: the reference itself"""
    same(loss(x[0], x[1], np.array(1)), x[0])


def order_only(loss, x, p):
    """an increasing transform of the rewards changes nothing"""
    same(loss(x[0], x[1] ** 3 + x[1], x[2]), loss(*x))


def more_draws_more_reward(loss, x, p):
    """more draws never lower the expected reward"""
    fewer, more = loss(*x), loss(x[0], x[1], x[2] + 1)
    at_most(np.sum(fewer * x[1], axis=-1), np.sum(more * x[1], axis=-1))


def divergence_bound(loss, x, p):
    """KL to the reference is at most log n - (n-1)/n"""
    got, n = loss(*x), float(x[2])
    terms = np.where(got > 0, got * np.log(np.where(got > 0, got, 1.0) / x[0]), 0.0)
    at_most(np.sum(terms, axis=-1), np.log(n) - (n - 1) / n)


def composes(loss, x, p):
    """best of m draws from best of n is best of n·m"""
    same(loss(loss(*x), x[1], np.array(2)), loss(x[0], x[1], 2 * x[2]))


def cumulative_power(loss, x, p):
    """the chance of at most this reward is the reference's, to the power n"""
    not_above = x[1][:, None, :] <= x[1][:, :, None]
    reference = np.sum(not_above * x[0][:, None, :], axis=-1)
    same(np.sum(not_above * loss(*x)[:, None, :], axis=-1), reference ** float(x[2]))


def ties_share(loss, x, p):
    """answers of equal reward keep their proportions under the reference"""
    same(loss(x[0], 0 * x[1] + 2.0, x[2]), x[0])


BEST_OF_N = whole_laws(
    law("BN1a", sums_to_one),
    law("BN1b", one_draw_is_the_reference),
    law("BN1c", ties_share),
    law("BN1e", impossible_stays_impossible),
    law("BN6", order_only),
    law("BN1d", more_draws_more_reward),
    law("BN1", divergence_bound),
    law("BN2", composes),
    law("BN3", cumulative_power),
)

# x is (probs, ref_probs, reward)


def at_the_reference(loss, x, p):
    """policy = reference: the expected reward"""
    same(loss(x[1], x[1], x[2], **p), np.sum(x[1] * x[2], axis=-1))


def reward_level_adds(loss, x, p, c):
    """adding c to the rewards adds c"""
    same(loss(x[0], x[1], x[2] + c, **p), loss(*x, **p) + c)


def without_penalty_the_reward(loss, x, p):
    """β = 0: the expected reward"""
    same(loss(*x, **p | {"beta": 0.0}), np.sum(x[0] * x[2], axis=-1))


def largest_at_the_optimum(loss, x, p):
    """at ref · exp(r/β) it is β log Z, and nowhere more"""
    best = softmax(np.log(x[1]) + x[2] / p["beta"])
    top = np.max(x[2] / p["beta"], axis=-1)
    z = np.sum(x[1] * np.exp(x[2] / p["beta"] - top[:, None]), axis=-1)
    most = p["beta"] * (np.log(z) + top)
    if np.all(best > 1e-100):
        same(loss(best, x[1], x[2], **p), most, room=rounding(1e-7, 1e-2))
    at_most(loss(*x, **p), most)


def objective_value(loss, x, p):
    """E[r] - β KL(π ‖ π_ref)"""
    kl = np.sum(x[0] * np.log(x[0] / x[1]), axis=-1)
    same(loss(*x, **p), np.sum(x[0] * x[2], axis=-1) - p["beta"] * kl)


OBJECTIVE = whole_laws(
    law("KL5d", at_the_reference),
    law("KL5g", without_penalty_the_reward),
    law("KL5e", reward_level_adds, c=floats(-20.0, 20.0)),
    law("KL5", largest_at_the_optimum),
    law("KL5f", objective_value),
)
