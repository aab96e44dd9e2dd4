"""Losses that are squares of log-ratios: IPO and SPPO."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats, log_softmax, shifts, sigmoid, softmax, three
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.pair import (
    ANCHORED,
    DIRECTION,
    FINITE,
    RATIOS,
    REFERENCE,
    SEPARATE,
    gaps,
    pair_with,
    prompt_shift_cancels,
    slopes_are,
    starts_at,
    swap,
    swap_adds,
)
from tinyalign.laws.catalogue.pair_dpo import both
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law


def zero_at_the_target_margin(loss, x, p):
    """0 where the margin is 1/(2τ)"""
    assert_close(loss(*pair_with(1 / (2 * p["tau"]), 0.0), **p), 0.0)


def overshoot_costs_too(loss, x, p, d):
    """a parabola, not a hinge: overshooting the target costs what undershooting costs"""
    # in units of the margin D
    target = 1 / (2 * p["tau"])
    assert_close(loss(*pair_with(target + d, 0.0), **p), loss(*pair_with(target - d, 0.0), **p))
    assert_close(loss(*pair_with(target + d, 0.0), **p), d**2)


def noise_pulls_the_target_in(loss, x, p, right):
    """if the label is right with probability q the best margin is (q-½)/τ, finite at q = 1"""
    pair = pair_with((right - 0.5) / p["tau"], 0.0)
    # swapped, the second argument is the answer that was chosen before
    slope = right * loss.grad(pair, 0, **p) + (1 - right) * loss.grad(swap(pair), 1, **p)
    assert_slope_close(slope, 0.0)


def recovers_the_ipo_optimum(loss, x, p, reward, ref):
    """the population slope is 0 at pi ∝ ref · exp(E[p(y beats y')]/τ)"""
    ref_logp, sampler = log_softmax(ref), softmax(-ref)
    # (3, 3): how often answer i beats answer j
    wins = sigmoid(reward[:, None] - reward[None, :])
    # IPO maximises the mean win rate against the sampler
    logp = log_softmax(ref_logp + wins @ sampler / p["tau"])
    i, j = (k.ravel() for k in np.indices((3, 3)))
    pairs = (logp[i], logp[j], ref_logp[i], ref_logp[j])
    # (9,): how often a pair is drawn and labelled in this order
    weight = sampler[i] * sampler[j] * wins[i, j]
    slope = np.zeros(3)
    np.add.at(slope, i, weight * loss.grad(pairs, 0, **p))
    np.add.at(slope, j, weight * loss.grad(pairs, 1, **p))
    # from log-probs to logits, through the softmax
    assert_slope_close(slope - softmax(logp) * np.sum(slope), 0.0)


def ipo_slopes(a, b, *, tau):
    return both(2 * (a - b - 1 / (2 * tau)))


IPO = example_laws(
    law(
        starts_at(lambda tau: 1 / (4 * tau**2)),
        "I1b",
        "closed_form_at_reference",
        "policy = reference costs 1/(4τ²)",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law(prompt_shift_cancels, "I3", c=shifts),
    law(zero_at_the_target_margin, "I1"),
    law(
        swap_adds(lambda d, tau: -2 * d / tau),
        "I4",
        "swap_adds_scaled_margin",
        "swapping the pair adds 2D/τ",
    ),
    DIRECTION,
    law(overshoot_costs_too, "I2", d=gaps),
    law(noise_pulls_the_target_in, "I5", right=floats(0.5, 1.0)),
    law(slopes_are(ipo_slopes), "I7", "closed_form_slopes", "the slopes are ±2(D - 1/(2τ))"),
    law(recovers_the_ipo_optimum, "I6", reward=three, ref=three),
)


def zero_at_both_targets(loss, x, p):
    """0 where chosen is 1/(2β) above the reference and rejected 1/(2β) below"""
    # a sure win is ½ above even odds; divided by β it is the target log-ratio
    half = 1 / (2 * p["beta"])
    assert_close(loss(*pair_with(half, -half), **p), 0.0)


def sppo_slopes(a, b, *, beta):
    return 2 * (a - 1 / (2 * beta)), 2 * (b + 1 / (2 * beta))


SPPO = example_laws(
    law(
        starts_at(lambda beta: 1 / (2 * beta**2)),
        "SP1",
        "closed_form_at_reference",
        "policy = reference costs 1/(2β²)",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law(zero_at_both_targets, "X1"),
    SEPARATE,
    ANCHORED,
    law(
        slopes_are(sppo_slopes),
        "SP3",
        "closed_form_slopes",
        "slopes 2(h_w - 1/(2β)) and 2(h_l + 1/(2β))",
    ),
)
