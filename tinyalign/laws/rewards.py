"""Reward models: Bradley-Terry for pairs, Plackett-Luce for rankings."""

from itertools import permutations

import numpy as np

from tinyalign.laws.domain import LOG2, floats, log_sigmoid, per_row, shifts, sigmoid, three
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import Broken, at_most, law, rounding, same, same_slope


def plain(p):
    return p | {"margin": 0.0, "center": 0.0}


def tie(loss, x, p):
    """equal rewards cost log 2"""
    same(loss(x[0], x[0], **plain(p)), LOG2)


def finite_far_out(loss, x, p):
    """it stays finite for a pair that is wrong by 10 000, and costs just that"""
    got = loss(np.array([-1e4, 1e4]), np.array([0.0, 0.0]), **plain(p))
    same(got, [1e4, 0.0])


def level_is_free(loss, x, p, c):
    """adding a constant to both rewards changes nothing (without centering)"""
    p, c = p | {"center": 0.0}, per_row(c, x)
    same(loss(x[0] + c, x[1] + c, **p), loss(*x, **p))


def swap(loss, x, p):
    """swapping the pair adds the difference: L(d) = L(-d) - d"""
    same(loss(*x, **plain(p)), loss(x[1], x[0], **plain(p)) - (x[0] - x[1]))


def margin_is_subtracted(loss, x, p):
    """a margin counts against the difference: L(d; m) = L(d - m; 0)"""
    p = p | {"center": 0.0}
    same(loss(*x, **p), loss(x[0] - p["margin"], x[1], **plain(p)))


def centering_is_free_at_zero_sum(loss, x, p):
    """centering costs nothing where the two rewards add to 0"""
    same(loss(x[0], -x[0], **p), loss(x[0], -x[0], **p | {"center": 0.0}))


def centering_costs_the_squared_sum(loss, x, p):
    """centering adds c · (r_w + r_l)²"""
    same(loss(*x, **p), loss(*x, **p | {"center": 0.0}) + p["center"] * (x[0] + x[1]) ** 2)


def reward_slopes(loss, x, p):
    """the slopes are -σ(-d) on chosen, +σ(-d) on rejected"""
    want = -sigmoid(x[1] - x[0])
    same_slope(loss.slope(x, 0, **plain(p)), want)
    same_slope(loss.slope(x, 1, **plain(p)), -want)


def truth_is_stationary(loss, x, p, reward):
    """with Bradley-Terry labels the population slope is 0 at the true rewards"""
    i, j = (k.ravel() for k in np.indices((3, 3)))
    r = np.array(reward)
    weight = sigmoid(r[i] - r[j])
    slope = np.zeros(3)
    np.add.at(slope, i, weight * loss.slope((r[i], r[j]), 0, **plain(p)))
    np.add.at(slope, j, weight * loss.slope((r[i], r[j]), 1, **plain(p)))
    same_slope(slope, 0.0)


BRADLEY_TERRY = example_laws(
    law("RM2", tie),
    law("C.D6", finite_far_out),
    law("RM1", level_is_free, c=shifts),
    law("RM3", swap),
    law("RM5", margin_is_subtracted),
    law("RM6", centering_is_free_at_zero_sum),
    law("RM6b", centering_costs_the_squared_sum),
    law("RM8", truth_is_stationary, reward=three),
    law("RM4", reward_slopes),
)


def equal_rewards_share(loss, x, p):
    """K equal rewards cost log K!"""
    k = x[0].shape[1]
    same(loss(np.full((1, k), 1.5), **p), np.sum(np.log(np.arange(1, k + 1))))


def two_is_bradley_terry(loss, x, p):
    """for two answers it is Bradley-Terry"""
    pair = x[0][:, :2]
    same(loss(pair, **p), -log_sigmoid(pair[:, 0] - pair[:, 1]))


def orders_sum_to_one(loss, x, p):
    """over all orders of the same rewards the probabilities exp(-L) add to 1"""
    row = x[0][0]
    orders = np.array([row[list(order)] for order in permutations(range(len(row)))])
    same(np.sum(np.exp(-loss(orders, **p))), 1.0, room=rounding(1e-6, 1e-3))


def ranked_level_is_free(loss, x, p, c):
    """adding a constant to all rewards of a prompt changes nothing"""
    same(loss(x[0] + per_row(c, x)[:, None], **p), loss(*x, **p))


def best_first(loss, x, p):
    """best first: raising the first reward never raises the loss"""
    raised = x[0].copy()
    raised[:, 0] += 1.0
    at_most(loss(raised, **p), loss(*x, **p))
    if not np.all(np.isfinite(loss(1000.0 * x[0], **p))):
        raise Broken("gives inf at rewards in the thousands")


PLACKETT_LUCE = example_laws(
    law("RM7a", equal_rewards_share),
    law("RM7d", ranked_level_is_free, c=floats(-50.0, 50.0)),
    law("RM7c", best_first),
    law("RM7b", two_is_bradley_terry),
    law("RM7", orders_sum_to_one),
)
