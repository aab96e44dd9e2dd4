"""Advantages inside a group of answers to one prompt. x is (rewards (P, G),)."""

from itertools import product

import numpy as np

from tinyalign.laws.catalogue.domain import floats, softmax, three
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import assert_at_most, assert_close, law, rounding


def sums_to_zero(loss, x, p):
    """the advantages of a group add to 0"""
    # (P,): one sum for each group
    assert_close(np.sum(loss(*x, **p), axis=1), 0.0, tolerance=tolerance())


def equal_rewards_get_zero(loss, x, p):
    """equal rewards: every advantage is 0, and no NaN"""
    # the mean of several 3.3 may differ from 3.3 in the last bit
    for value in (3.3, 0.0, -1.0):
        got = loss(np.full_like(x[0], value), **p)
        assert_close(got, 0.0, tolerance=rounding(1e-7, 1e-3))


def permutes_with_the_group(loss, x, p):
    """listing the group the other way round lists the advantages the other way round"""
    assert_close(loss(x[0][:, ::-1], **p), loss(*x, **p)[:, ::-1], tolerance=tolerance())


def reward_shift_cancels(loss, x, p, c):
    """adding a constant to a group's rewards changes nothing"""
    assert_close(loss(x[0] + c, **p), loss(*x, **p), tolerance=tolerance())


def scales_with_the_rewards(loss, x, p, scale):
    """rewards times s give advantages times s"""
    assert_close(loss(scale * x[0], **p), scale * loss(*x, **p))


def better_never_gets_less(loss, x, p):
    """a better answer never gets a smaller advantage"""
    # (P, G) from the worst answer of each group to the best
    order = np.argsort(x[0], axis=1, kind="stable")
    ordered = np.take_along_axis(loss(*x, **p), order, axis=1)
    assert_at_most(ordered[:, :-1], ordered[:, 1:], tolerance=tolerance())


def tolerance():
    """Standardising divides by eps where rewards are all but equal, so rounding shows."""
    return rounding(1e-6, 1e-2)


def expected_slope(factor):
    """E[(1/K) Σ A_i ∇log p(y_i)] over all K-tuples of a three-armed bandit, against ∇ E[r]."""

    def check(loss, x, p, theta, reward):
        probs = softmax(theta)
        # gradient of E[r] in the three logits, exactly: π(r - E[r])
        truth = probs * (reward - probs @ reward)
        for k in (2, 3):
            # all 3^K draws of K answers with their probabilities: nothing is sampled
            tuples = np.array(list(product(range(3), repeat=k)))
            chance = np.prod(probs[tuples], axis=1)
            advantage = loss(reward[tuples], **p)
            # ∇ log π(arm) in the logits, one-hot minus π: (3^K, K, 3)
            score = np.eye(3)[tuples] - probs
            expected = np.einsum("t,ti,tia->a", chance, advantage, score) / k
            assert_close(expected, factor(k) * truth, tolerance=tolerance())

    return check


def reward_minus_group_mean(loss, x, p):
    """the reward minus the mean of its group"""
    assert_close(loss(*x, **p), x[0] - np.mean(x[0], axis=1, keepdims=True))


SUM, EQUAL = law(sums_to_zero, "R1"), law(equal_rewards_get_zero, "R4")
ORDER, BETTER = law(permutes_with_the_group, "R5"), law(better_never_gets_less, "R5b")
LEVEL = law(reward_shift_cancels, "R1b", c=floats(-20.0, 20.0))
SCALE = law(scales_with_the_rewards, "R5c", scale=floats(0.1, 5.0))
# simplest first, as in every table: the first broken law is what a user reads
BASE = (EQUAL, SUM, ORDER, LEVEL, BETTER)

CENTER = example_laws(
    *BASE,
    SCALE,
    law(
        expected_slope(lambda k: (k - 1) / k),
        "R9",
        "expected_slope_is_shrunk",
        "over all K-tuples the expected slope is (K-1)/K of the true one",
        theta=three,
        reward=three,
    ),
    law(reward_minus_group_mean, "DG2"),
)


def reward_minus_mean_of_others(loss, x, p):
    """the reward minus the mean of the others in its group"""
    k = x[0].shape[1]
    # (P, G): the group's sum without the answer itself
    others = (np.sum(x[0], axis=1, keepdims=True) - x[0]) / (k - 1)
    assert_close(loss(*x, **p), x[0] - others)


LEAVE_ONE_OUT = example_laws(
    *BASE,
    SCALE,
    law(
        expected_slope(lambda k: 1.0),
        "R9",
        "expected_slope_is_unbiased",
        "over all K-tuples the expected slope is the true one: unbiased",
        theta=three,
        reward=three,
    ),
    law(reward_minus_mean_of_others, "R8"),
)


def unit_standard_deviation(loss, x, p):
    """clearly different rewards get a standard deviation of 1, up to eps"""
    # eps in the denominator keeps the deviation a little below 1
    spread = np.std(x[0], axis=1, ddof=p["ddof"])
    got = np.std(loss(*x, **p), axis=1, ddof=p["ddof"])
    assert_close(got, spread / (spread + p["eps"]), tolerance=tolerance())


def one_success_in_four(loss, x, p):
    """one success in four, ddof 0: √3 and -1/√3"""
    p = p | {"ddof": 0, "eps": 1e-6}
    got = loss(np.array([[1.0, 0.0, 0.0, 0.0]]), **p)
    # mean 1/4, deviation √3/4: (1 - 1/4)/(√3/4) = √3
    assert_close(got, [[3**0.5, *[-(3**-0.5)] * 3]], tolerance=1e-3)


def negated_rewards_negate_advantages(loss, x, p):
    """rewards turned upside down turn the advantages upside down"""
    assert_close(loss(-x[0], **p), -loss(*x, **p), tolerance=tolerance())


def standardize_formula(loss, x, p):
    """(r - mean)/(std + eps), the std with the declared ddof"""
    centred = x[0] - np.mean(x[0], axis=1, keepdims=True)
    spread = np.std(x[0], axis=1, ddof=p["ddof"], keepdims=True)
    # multiplied out: dividing by a deviation near 0 would magnify rounding
    assert_close(loss(*x, **p) * (spread + p["eps"]), centred)


STANDARDIZE = example_laws(
    *BASE,
    law(negated_rewards_negate_advantages, "R1c"),
    law(one_success_in_four, "R3"),
    law(unit_standard_deviation, "R2"),
    law(standardize_formula, "R2b"),
)


def only_the_order_counts(loss, x, p):
    """an increasing transform of the rewards changes nothing"""
    assert_close(loss(x[0] ** 3 + x[0], **p), loss(*x, **p))


def ties_share_an_advantage(loss, x, p):
    """equal rewards get equal advantages"""
    # (P, G, G): all pairs of answers of a group
    got, equal = loss(*x, **p), x[0][:, :, None] == x[0][:, None, :]
    assert_close((got[:, :, None] - got[:, None, :]) * equal, 0.0)


def unit_population_deviation(loss, x, p):
    """a group that is not all equal has population standard deviation 1"""
    # a group of equal rewards has deviation 0
    varied = np.ptp(x[0], axis=1) > 0
    assert_close(np.std(loss(*x, **p), axis=1)[varied], 1.0)


def distinct_rewards_are_evenly_spaced(loss, x, p):
    """K different rewards: (rank - (K-1)/2)/√((K²-1)/12), rank 0 the worst"""
    k = x[0].shape[1]
    # not sorted, so that a rank is not a position
    row = np.roll(np.arange(k, dtype=float), 1)
    # ranks 0 to K-1 have mean (K-1)/2 and variance (K²-1)/12
    want = (row - (k - 1) / 2) / np.sqrt((k**2 - 1) / 12)
    assert_close(loss((10 * row)[None, :], **p), want[None, :])


def midrank_formula(loss, x, p):
    """the average rank of its ties, less the mean, over the population std of the ranks"""
    # (P, G): how many are worse, and how many equal, itself included
    below = np.sum(x[0][:, :, None] > x[0][:, None, :], axis=2)
    ties = np.sum(x[0][:, :, None] == x[0][:, None, :], axis=2)
    rank = below + (ties - 1) / 2
    centred = rank - np.mean(rank, axis=1, keepdims=True)
    spread = np.std(rank, axis=1, keepdims=True)
    assert_close(loss(*x, **p), np.divide(centred, spread, out=0 * rank, where=spread > 0))


RANK = example_laws(
    EQUAL,
    SUM,
    law(ties_share_an_advantage, "R6b"),
    ORDER,
    BETTER,
    law(only_the_order_counts, "R6"),
    law(unit_population_deviation, "R6c"),
    law(distinct_rewards_are_evenly_spaced, "R7"),
    law(midrank_formula, "R7b"),
)
