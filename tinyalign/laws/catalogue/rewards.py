"""Reward models: Bradley-Terry for pairs, Plackett-Luce for rankings."""

from itertools import permutations

import numpy as np

from tinyalign.laws.catalogue.domain import (
    LOG2,
    floats,
    log_sigmoid,
    per_row,
    shifts,
    sigmoid,
    three,
)
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import (
    assert_at_most,
    assert_close,
    assert_slope_close,
    law,
    rounding,
)
from tinyalign.laws.outcomes import Broken, NotApplicable


def plain(p):
    return p | {"margin": 0.0, "center": 0.0}


def _require_own(loss, number):
    """NotApplicable where the function has no such term: what it would do is nothing to hold."""
    if loss.caller.fixed.get(number) == 0:
        raise NotApplicable(f"it has no {number}")


def tie_costs_log2(loss, x, p):
    """equal rewards cost log 2"""
    assert_close(loss(x[0], x[0], **plain(p)), LOG2)


def finite_at_extremes(loss, x, p):
    """it stays finite for a pair that is wrong by 10 000, and costs just that"""
    # a logarithm of a sigmoid that was rounded to 0 is -inf
    got = loss(np.array([-1e4, 1e4]), np.array([0.0, 0.0]), **plain(p))
    assert_close(got, [1e4, 0.0])


def reward_shift_cancels(loss, x, p, c):
    """adding a constant to both rewards changes nothing (without centering)"""
    p, c = p | {"center": 0.0}, per_row(c, x)
    assert_close(loss(x[0] + c, x[1] + c, **p), loss(*x, **p))


def swap_adds_the_difference(loss, x, p):
    """swapping the pair adds the difference: L(d) = L(-d) - d"""
    assert_close(loss(*x, **plain(p)), loss(x[1], x[0], **plain(p)) - (x[0] - x[1]))


def margin_is_subtracted(loss, x, p):
    """a margin counts against the difference: L(d; m) = L(d - m; 0)"""
    _require_own(loss, "margin")
    p = p | {"center": 0.0}
    assert_close(loss(*x, **p), loss(x[0] - p["margin"], x[1], **plain(p)))


def centering_costs_nothing_at_zero_sum(loss, x, p):
    """centering costs nothing where the two rewards add to 0"""
    _require_own(loss, "center")
    assert_close(loss(x[0], -x[0], **p), loss(x[0], -x[0], **p | {"center": 0.0}))


def centering_costs_the_squared_sum(loss, x, p):
    """centering adds c · (r_w + r_l)²"""
    _require_own(loss, "center")
    assert_close(loss(*x, **p), loss(*x, **p | {"center": 0.0}) + p["center"] * (x[0] + x[1]) ** 2)


def bradley_terry_slopes(loss, x, p):
    """the slopes are -σ(-d) on chosen, +σ(-d) on rejected"""
    want = -sigmoid(x[1] - x[0])
    assert_slope_close(loss.grad(x, 0, **plain(p)), want)
    assert_slope_close(loss.grad(x, 1, **plain(p)), -want)


def bradley_terry_formula(loss, x, p):
    """-log σ(r_w - r_l - m) + c · (r_w + r_l)², and its slopes"""
    # at whatever margin and center the function has: the laws above set them to 0
    gap, both = x[0] - x[1] - p["margin"], x[0] + x[1]
    assert_close(loss(*x, **p), p["center"] * both**2 - log_sigmoid(gap))
    pull, push = 2.0 * p["center"] * both, sigmoid(-gap)
    assert_slope_close(loss.grad(x, 0, **p), pull - push)
    assert_slope_close(loss.grad(x, 1, **p), pull + push)


def true_rewards_are_stationary(loss, x, p, reward):
    """with Bradley-Terry labels the population slope is 0 at the true rewards"""
    # all nine ordered pairs of three answers
    i, j = (k.ravel() for k in np.indices((3, 3)))
    r = np.array(reward)
    # (9,): how often i beats j under the true rewards
    weight = sigmoid(r[i] - r[j])
    slope = np.zeros(3)
    np.add.at(slope, i, weight * loss.grad((r[i], r[j]), 0, **plain(p)))
    np.add.at(slope, j, weight * loss.grad((r[i], r[j]), 1, **plain(p)))
    assert_slope_close(slope, 0.0)


BRADLEY_TERRY = example_laws(
    law(tie_costs_log2, "RM2"),
    law(finite_at_extremes, "C.D6"),
    law(reward_shift_cancels, "RM1", c=shifts),
    law(swap_adds_the_difference, "RM3"),
    law(margin_is_subtracted, "RM5"),
    law(centering_costs_nothing_at_zero_sum, "RM6"),
    law(centering_costs_the_squared_sum, "RM6b"),
    law(true_rewards_are_stationary, "RM8", reward=three),
    law(bradley_terry_slopes, "RM4"),
    law(bradley_terry_formula, "RM9"),
)


def equal_rewards_cost_log_k_factorial(loss, x, p):
    """K equal rewards cost log K!"""
    # K answers for the first place, K-1 for the second, and so on
    k = x[0].shape[1]
    assert_close(loss(np.full((1, k), 1.5), **p), np.sum(np.log(np.arange(1, k + 1))))


def two_answers_is_bradley_terry(loss, x, p):
    """for two answers it is Bradley-Terry"""
    pair = x[0][:, :2]
    assert_close(loss(pair, **p), -log_sigmoid(pair[:, 0] - pair[:, 1]))


def orders_have_total_probability_one(loss, x, p):
    """over all orders of the same rewards the probabilities exp(-L) add to 1"""
    row = x[0][0][:4]
    # (K!, K): one row of rewards in every order
    orders = np.array([row[list(order)] for order in permutations(range(len(row)))])
    assert_close(np.sum(np.exp(-loss(orders, **p))), 1.0, tolerance=rounding(1e-6, 1e-3))


def ranked_reward_shift_cancels(loss, x, p, c):
    """adding a constant to all rewards of a prompt changes nothing"""
    assert_close(loss(x[0] + per_row(c, x)[:, None], **p), loss(*x, **p))


def falls_in_the_first_reward(loss, x, p):
    """best first: raising the first reward never raises the loss"""
    # (P, K), best first
    raised = x[0].copy()
    raised[:, 0] += 1.0
    assert_at_most(loss(raised, **p), loss(*x, **p))
    if not np.all(np.isfinite(loss(1000.0 * x[0], **p))):
        raise Broken("gives inf at rewards in the thousands")


PLACKETT_LUCE = example_laws(
    law(equal_rewards_cost_log_k_factorial, "RM7a"),
    law(ranked_reward_shift_cancels, "RM7d", c=floats(-50.0, 50.0)),
    law(falls_in_the_first_reward, "RM7c"),
    law(two_answers_is_bradley_terry, "RM7b"),
    law(orders_have_total_probability_one, "RM7"),
)
