"""Baselines with a prompt index, with several rewards, and MaxRL's.

x is (reward (N,), prompt (N,)), for GDPO (reward (P, G, R), weight (R,)), for MaxRL (P, G) alone.
"""

from itertools import product

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.advantage import ORDER, SUM, tolerance
from tinyalign.laws.catalogue.domain import floats, tables
from tinyalign.laws.catalogue.general import example_laws, whole_laws
from tinyalign.laws.harness.law import assert_close, assert_different, law
from tinyalign.laws.outcomes import Broken, OutOfDomain


@st.composite
def prompts(draw):
    """Rewards of prompts with two to four completions each, in any order."""
    # libraries differ in what a completion alone gets
    sizes = draw(st.lists(st.integers(2, 4), min_size=1, max_size=3))
    prompt = draw(st.permutations([7 * i for i, size in enumerate(sizes) for _ in range(size)]))
    reward = [draw(floats(-5.0, 5.0)) for _ in prompt]
    return np.array(reward), np.array(prompt)


def by_group(function):
    """The advantage of each completion, computed prompt by prompt."""

    def whole(x, p):
        want = np.zeros_like(x[0])
        for name in np.unique(x[1]):
            own = x[1] == name
            want[own] = function(x[0][own], **p)
        return want

    return whole


def centred(reward):
    return reward - np.mean(reward)


def standardised(reward, eps, ddof):
    return centred(reward) / (np.std(reward, ddof=ddof) + eps)


def without_itself(reward):
    return centred(reward) * len(reward) / (len(reward) - 1)


def equal_rewards_get_zero(loss, x, p):
    """equal rewards: every advantage is 0, and no NaN"""
    assert_close(loss(np.full_like(x[0], 3.3), x[1], **p), 0.0, tolerance=tolerance())


def prompts_are_separate(loss, x, p):
    """the rewards of one prompt change nothing for another"""
    other = x[1] != x[1][0]
    moved = np.where(other, x[0], 2.0 * x[0] + 9.0)
    got, before = loss(moved, x[1], **p), loss(*x, **p)
    assert_close(got[other], before[other], tolerance=tolerance())


def order_is_free(loss, x, p):
    """completions may come in any order: only the prompt's number says who belongs together"""
    back = loss(x[0][::-1], x[1][::-1], **p)[::-1]
    assert_close(back, loss(*x, **p), tolerance=tolerance())


def names_are_free(loss, x, p):
    """other numbers for the same prompts change nothing"""
    assert_close(loss(x[0], 100 - x[1], **p), loss(*x, **p), tolerance=tolerance())


def reward_shift_cancels(loss, x, p):
    """adding a constant to the rewards changes nothing"""
    assert_close(loss(x[0] + 4.0, x[1], **p), loss(*x, **p), tolerance=tolerance())


def alone_gets_a_number(loss, x, p):
    """a completion whose prompt has no other gets a number, and changes nothing for the others"""
    try:
        got = loss(np.append(x[0], 2.0), np.append(x[1], 100), **p)
    except Broken as reason:
        # some libraries refuse such a prompt, which is no wrong answer
        if "raises" in str(reason):
            raise OutOfDomain(str(reason)) from None
        raise
    assert_close(got[:-1], loss(*x, **p), tolerance=tolerance())
    assert_close(0.0 * got[-1], 0.0)


def is_(function):
    def check(loss, x, p):
        assert_close(loss(*x, **p), by_group(function)(x, p), tolerance=tolerance())

    return check


def of_prompts(function, sentence):
    return whole_laws(
        law(equal_rewards_get_zero, "R4"),
        law(prompts_are_separate, "BP1"),
        law(order_is_free, "BP2"),
        law(names_are_free, "BP3"),
        law(reward_shift_cancels, "R1b"),
        law(alone_gets_a_number, "BP5"),
        law(is_(function), "BP4", "within_each_prompt", sentence),
    )


CENTER = of_prompts(centred, "the reward minus the mean of its prompt")
STANDARDIZE = of_prompts(standardised, "(r - mean)/(std + eps) of its prompt")
LEAVE_ONE_OUT = of_prompts(without_itself, "the reward minus the mean of its prompt's others")

# MaxRL

successes = tables(floats(0.0, 5.0), width=2, high=6)


def equal_groups_get_zero(loss, x, p):
    """equal rewards: every advantage is 0, and no NaN where all are 0"""
    for value in (3.3, 0.0, 1.0):
        assert_close(loss(np.full_like(x[0], value), **p), 0.0, tolerance=1e-5)


def scale_cancels(loss, x, p):
    """rewards times s give the same advantages: they are measured in means"""
    assert_close(loss(3.0 * x[0], **p), loss(*x, **p))


def failures_get_minus_one(loss, x, p):
    """a failure among successes gets -1, whatever the share of successes"""
    reward = np.zeros((1, 4))
    for count in (1, 2, 3):
        reward[0, :count] = 1.0
        want = np.where(reward > 0, 4 / count - 1, -1.0)
        assert_close(loss(reward, **p), want, tolerance=1e-5)


def expected_slope_is_of_the_log(loss, x, p, chance):
    """over all groups of G the expected slope is that of log p, cut off after G - 1 terms"""
    for size in (2, 3, 4):
        groups = np.array(list(product((0.0, 1.0), repeat=size)))
        often = np.prod(np.where(groups > 0, chance, 1 - chance), axis=1)
        # ∂ log P(answer)/∂p: 1/p of a success, -1/(1-p) of a failure
        score = np.where(groups > 0, 1 / chance, -1 / (1 - chance))
        got = np.sum(often[:, None] * loss(groups, **p) * score) / size
        assert_close(got, np.sum((1 - chance) ** np.arange(size - 1)), tolerance=1e-5)


def maxrl_formula(loss, x, p):
    """(r - mean)/mean, and 0 where no answer got anything"""
    mean = np.mean(x[0], axis=1, keepdims=True)
    want = np.divide(x[0] - mean, mean, out=np.zeros_like(x[0]), where=mean > 1e-3)
    # next to no reward at all: an epsilon in the denominator shows
    seen = np.broadcast_to(mean > 1e-3, want.shape)
    assert_close(np.where(seen, loss(*x, **p), 0.0), want, tolerance=2e-3)


MAXRL = example_laws(
    law(equal_groups_get_zero, "R4"),
    SUM,
    ORDER,
    law(failures_get_minus_one, "MX1"),
    law(expected_slope_is_of_the_log, "MX2", chance=floats(0.05, 0.95)),
    law(scale_cancels, "MX3"),
    law(maxrl_formula, "MX4"),
)

# GDPO


@st.composite
def several_rewards(draw):
    p, g, r = draw(st.integers(1, 2)), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    cells = draw(st.lists(floats(-3.0, 3.0), min_size=p * g * r, max_size=p * g * r))
    weight = draw(st.lists(floats(0.1, 3.0), min_size=r, max_size=r))
    return np.array(cells).reshape(p, g, r), np.array(weight)


def group_parts(x, eps):
    """Every reward standardised within its group: (P, G, R)."""
    centre = x[0] - np.mean(x[0], axis=1, keepdims=True)
    return centre / (np.std(x[0], axis=1, ddof=1, keepdims=True) + eps)


def batch_mean_is_zero(loss, x, p):
    """the advantages of the whole batch add to 0"""
    assert_close(np.sum(loss(*x, **p)), 0.0, tolerance=tolerance())


def a_rewards_scale_cancels(loss, x, p):
    """one reward times 100 changes next to nothing: none drowns another"""
    reward = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    scaled = reward * np.array([100.0, 1.0])
    weight = np.array([1.0, 0.7])
    assert_close(loss(scaled, weight, **p), loss(reward, weight, **p), tolerance=1e-1)


def weight_zero_is_not_read(loss, x, p):
    """a reward of weight 0 changes nothing"""
    more = np.concatenate([x[0], np.cumsum(x[0], axis=1)[..., :1] ** 2], axis=2)
    got = loss(more, np.append(x[1], 0.0), **p)
    assert_close(got, loss(*x, **p), tolerance=tolerance())


def weights_count(loss, x, p):
    """a reward counts by its weight"""
    reward = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    one, other = (loss(reward, np.array(w), **p) for w in ([2.0, 0.5], [0.5, 2.0]))
    assert_different(one, other)
    assert_close(one, other[:, [1, 0, 2]])


def gdpo_formula(loss, x, p):
    """each reward standardised in its group, weighted, summed, standardised over the batch"""
    total = np.sum(group_parts(x, p["eps"]) * x[1], axis=2)
    spread = np.std(total, ddof=1)
    # multiplied out: dividing by a deviation near 0 would magnify rounding
    assert_close(loss(*x, **p) * (spread + p["eps"]), total - np.mean(total), tolerance=tolerance())


GDPO = whole_laws(
    law(batch_mean_is_zero, "GD1"),
    law(weights_count, "GD2"),
    law(weight_zero_is_not_read, "GD3"),
    law(a_rewards_scale_cancels, "GD4"),
    law(gdpo_formula, "GD5"),
)
