"""Advantages inside a group of answers to one prompt. x is (rewards (P, G),)."""

from itertools import product

import numpy as np

from tinyalign.laws.domain import floats, softmax, three
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import at_most, law, rounding, same


def sums_to_zero(loss, x, p):
    """the advantages of a group add to 0"""
    same(np.sum(loss(*x, **p), axis=1), 0.0, room=room())


def equal_rewards_get_nothing(loss, x, p):
    """equal rewards: every advantage is 0, and no NaN"""
    for value in (3.3, 0.0, -1.0):
        got = loss(np.full_like(x[0], value), **p)
        same(got, 0.0, room=rounding(1e-7, 1e-3))


def order_follows(loss, x, p):
    """listing the group the other way round lists the advantages the other way round"""
    same(loss(x[0][:, ::-1], **p), loss(*x, **p)[:, ::-1], room=room())


def level_is_free(loss, x, p, c):
    """adding a constant to a group's rewards changes nothing"""
    same(loss(x[0] + c, **p), loss(*x, **p), room=room())


def scale_carries_over(loss, x, p, scale):
    """rewards times s give advantages times s"""
    same(loss(scale * x[0], **p), scale * loss(*x, **p))


def better_gets_more(loss, x, p):
    """a better answer never gets a smaller advantage"""
    order = np.argsort(x[0], axis=1, kind="stable")
    ordered = np.take_along_axis(loss(*x, **p), order, axis=1)
    at_most(ordered[:, :-1], ordered[:, 1:], room=room())


def room():
    """Standardising divides by eps where rewards are all but equal, so rounding shows."""
    return rounding(1e-6, 1e-2)


def expected_slope(factor):
    """E[(1/K) Σ A_i ∇log p(y_i)] over all K-tuples of a three-armed bandit, against ∇ E[r]."""

    def check(loss, x, p, theta, reward):
        probs = softmax(theta)
        truth = probs * (reward - probs @ reward)
        for k in (2, 3):
            tuples = np.array(list(product(range(3), repeat=k)))
            chance = np.prod(probs[tuples], axis=1)
            advantage = loss(reward[tuples], **p)
            score = np.eye(3)[tuples] - probs
            found = np.einsum("t,ti,tia->a", chance, advantage, score) / k
            same(found, factor(k) * truth, room=room())

    return check


def less_own_mean(loss, x, p):
    """the reward minus the mean of its group"""
    same(loss(*x, **p), x[0] - np.mean(x[0], axis=1, keepdims=True))


SUM, EQUAL = law("R1", sums_to_zero), law("R4", equal_rewards_get_nothing)
ORDER, BETTER = law("R5", order_follows), law("R5b", better_gets_more)
LEVEL = law("R1b", level_is_free, c=floats(-20.0, 20.0))
SCALE = law("R5c", scale_carries_over, scale=floats(0.1, 5.0))
BASE = (EQUAL, SUM, ORDER, LEVEL, BETTER)

CENTER = example_laws(
    *BASE,
    SCALE,
    law(
        "R9",
        expected_slope(lambda k: (k - 1) / k),
        sentence="over all K-tuples the expected slope is (K-1)/K of the true one",
        theta=three,
        reward=three,
    ),
    law("DG2", less_own_mean),
)


def less_the_others_mean(loss, x, p):
    """the reward minus the mean of the others in its group"""
    k = x[0].shape[1]
    others = (np.sum(x[0], axis=1, keepdims=True) - x[0]) / (k - 1)
    same(loss(*x, **p), x[0] - others)


LEAVE_ONE_OUT = example_laws(
    *BASE,
    SCALE,
    law(
        "R9",
        expected_slope(lambda k: 1.0),
        sentence="over all K-tuples the expected slope is the true one: unbiased",
        theta=three,
        reward=three,
    ),
    law("R8", less_the_others_mean),
)


def spread_one(loss, x, p):
    """clearly different rewards get a standard deviation of 1, up to eps"""
    spread = np.std(x[0], axis=1, ddof=p["ddof"])
    got = np.std(loss(*x, **p), axis=1, ddof=p["ddof"])
    same(got, spread / (spread + p["eps"]), room=room())


def binary_closed_form(loss, x, p):
    """one success in four, ddof 0: √3 and -1/√3"""
    p = p | {"ddof": 0, "eps": 1e-6}
    got = loss(np.array([[1.0, 0.0, 0.0, 0.0]]), **p)
    same(got, [[3**0.5, *[-(3**-0.5)] * 3]], room=1e-3)


def sign_flips(loss, x, p):
    """rewards turned upside down turn the advantages upside down"""
    same(loss(-x[0], **p), -loss(*x, **p), room=room())


def standardised(loss, x, p):
    """(r - mean)/(std + eps), the std with the declared ddof"""
    centred = x[0] - np.mean(x[0], axis=1, keepdims=True)
    spread = np.std(x[0], axis=1, ddof=p["ddof"], keepdims=True)
    same(loss(*x, **p) * (spread + p["eps"]), centred)


STANDARDIZE = example_laws(
    *BASE,
    law("R1c", sign_flips),
    law("R3", binary_closed_form),
    law("R2", spread_one),
    law("R2b", standardised),
)


def only_order_counts(loss, x, p):
    """an increasing transform of the rewards changes nothing"""
    same(loss(x[0] ** 3 + x[0], **p), loss(*x, **p))


def ties_share(loss, x, p):
    """equal rewards get equal advantages"""
    got, equal = loss(*x, **p), x[0][:, :, None] == x[0][:, None, :]
    same((got[:, :, None] - got[:, None, :]) * equal, 0.0)


def unit_spread(loss, x, p):
    """a group that is not all equal has population standard deviation 1"""
    varied = np.ptp(x[0], axis=1) > 0
    same(np.std(loss(*x, **p), axis=1)[varied], 1.0)


def evenly_spaced(loss, x, p):
    """K different rewards: (rank - (K-1)/2)/√((K²-1)/12), rank 0 the worst"""
    k = x[0].shape[1]
    row = np.roll(np.arange(k, dtype=float), 1)
    want = (row - (k - 1) / 2) / np.sqrt((k**2 - 1) / 12)
    same(loss((10 * row)[None, :], **p), want[None, :])


def midranks(loss, x, p):
    """the average rank of its ties, less the mean, over the population std of the ranks"""
    below = np.sum(x[0][:, :, None] > x[0][:, None, :], axis=2)
    ties = np.sum(x[0][:, :, None] == x[0][:, None, :], axis=2)
    rank = below + (ties - 1) / 2
    centred = rank - np.mean(rank, axis=1, keepdims=True)
    spread = np.std(rank, axis=1, keepdims=True)
    same(loss(*x, **p), np.divide(centred, spread, out=0 * rank, where=spread > 0))


RANK = example_laws(
    EQUAL,
    SUM,
    law("R6b", ties_share),
    ORDER,
    BETTER,
    law("R6", only_order_counts),
    law("R6c", unit_spread),
    law("R7", evenly_spaced),
    law("R7b", midranks),
)
