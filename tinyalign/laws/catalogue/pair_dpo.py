"""DPO and the losses that bend it: cDPO, robust DPO, hinge."""

import numpy as np

from tinyalign.laws.catalogue.domain import LOG2, log_sigmoid, log_softmax, sigmoid, softmax, three
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.pair import (
    DIRECTION,
    FINITE,
    RATIOS,
    REFERENCE,
    SHIFT,
    at_reference,
    gaps,
    log_ratios,
    pair_with,
    slopes_are,
    starts_at,
    swap,
    swap_adds,
)
from tinyalign.laws.harness.law import (
    assert_at_least,
    assert_at_most,
    assert_close,
    assert_different,
    assert_slope_close,
    law,
)
from tinyalign.laws.outcomes import Broken


def both(slope):
    """A slope on chosen, and its opposite on rejected."""
    return slope, -slope


def linear_in_small_beta(loss, x, p):
    """as beta goes to 0 the loss leaves log 2 along -D/2 per unit of beta"""
    a, b = log_ratios(x)
    # a difference quotient in beta, so in float64 only
    small, none = 1e-6, 1e-12
    moved = loss(*x, **p | {"beta": small}) - loss(*x, **p | {"beta": none})
    assert_close(moved / small, -(a - b) / 2, tolerance=2e-3)


def convex_and_falling_in_the_margin(loss, d, p, x):
    """as a function of the margin it is positive, falls, and is convex"""
    # convex: the middle lies on or below the mean of its neighbours
    left, middle, right = (loss(*pair_with(d + s, 0.0), **p) for s in (-1.0, 0.0, 1.0))
    assert_at_least(right, 0.0)
    assert_at_most(right, middle)
    assert_at_most(2 * middle, left + right)


def slope_saturates_far_out(loss, x, p):
    """a pair that is wrong by far has slope -beta in the margin, one that is right by far 0"""
    # βD = ±60, where σ is 0 or 1 to all digits
    far = 60.0 / p["beta"]
    assert_slope_close(loss.grad(pair_with(-far, 0.0), 0, **p), -p["beta"])
    assert_slope_close(loss.grad(pair_with(far, 0.0), 0, **p), 0.0)


def recovers_the_optimum(loss, x, p, reward, ref):
    """with Bradley-Terry labels the population slope is 0 at pi ∝ ref · exp(reward/beta)"""
    # pairs are drawn otherwise than by the reference: the optimum must not depend on it
    ref_logp, sampler = log_softmax(ref), softmax(-ref)
    logp = log_softmax(ref_logp + reward / p["beta"])
    # all nine ordered pairs of three answers
    i, j = (k.ravel() for k in np.indices((3, 3)))
    pairs = (logp[i], logp[j], ref_logp[i], ref_logp[j])
    # (9,): how often a pair is drawn and labelled in this order
    weight = sampler[i] * sampler[j] * sigmoid(reward[i] - reward[j])
    slope = np.zeros(3)
    np.add.at(slope, i, weight * loss.grad(pairs, 0, **p))
    np.add.at(slope, j, weight * loss.grad(pairs, 1, **p))
    # from log-probs to logits, through the softmax
    assert_slope_close(slope - softmax(logp) * np.sum(slope), 0.0)
    if np.ptp(reward) > 1.0:  # and it is not 0 where training starts
        start = loss.grad(at_reference(pairs), 0, **p)
        assert_different(np.sum(weight * start * (reward[i] > reward[j])), 0.0, floor=1e-12)


def dpo_slopes(a, b, *, beta):
    return both(-beta * sigmoid(-beta * (a - b)))


DPO = example_laws(
    law(starts_at(lambda beta: LOG2), "D1", "log2_at_reference", "policy = reference costs log 2"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law(
        swap_adds(lambda d, beta: -beta * d),
        "D2",
        "swap_adds_scaled_margin",
        "swapping the pair adds beta · D",
    ),
    DIRECTION,
    law(linear_in_small_beta, "D5", when={"dtype": "float64"}),
    law(convex_and_falling_in_the_margin, "D11", d=gaps),
    law(slope_saturates_far_out, "D12"),
    law(
        slopes_are(dpo_slopes),
        "D4",
        "closed_form_slopes",
        "the slopes are -βσ(-z) on chosen, +βσ(-z) on rejected",
    ),
    law(recovers_the_optimum, "D7", reward=three, ref=three),
)


def flip_mirrors_the_pair(loss, x, p):
    """calling the other label noise: flip and 1 - flip trade places when the pair is swapped"""
    p = p | {"flip": max(p["flip"], 0.01)}  # 1 - flip = 1 may be refused
    assert_close(loss(*x, **p), loss(*swap(x), **p | {"flip": 1 - p["flip"]}))


def least_at_the_label_odds(loss, x, p):
    """least where βD = log((1-ε)/ε), and there it is the entropy of the labels"""
    # at 0 the best margin is infinite, at ½ it is 0
    flip = min(max(p["flip"], 0.01), 0.49)
    p = p | {"flip": flip}
    pair = pair_with(np.log((1 - flip) / flip) / p["beta"], 0.0)
    assert_close(loss(*pair, **p), -flip * np.log(flip) - (1 - flip) * np.log(1 - flip))
    assert_slope_close(loss.grad(pair, 0, **p), 0.0)


def without_flips_is_dpo(loss, x, p):
    """flip = 0 is DPO"""
    a, b = log_ratios(x)
    assert_close(loss(*x, **p | {"flip": 0.0}), -log_sigmoid(p["beta"] * (a - b)))


def cdpo_slopes(a, b, *, beta, flip):
    return both(beta * (sigmoid(beta * (a - b)) - (1 - flip)))


CDPO = example_laws(
    law(
        starts_at(lambda beta, flip: LOG2),
        "D1",
        "log2_at_reference",
        "policy = reference costs log 2",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law(without_flips_is_dpo, "CD1"),
    law(flip_mirrors_the_pair, "CD3"),
    law(least_at_the_label_odds, "D8"),
    law(slopes_are(cdpo_slopes), "CD4", "closed_form_slopes", "dL/dz = σ(z) - (1-ε)"),
)


def unbiased_under_flips(loss, x, p):
    """averaged over flipped labels it is DPO: (1-ε)L(D) + εL(-D) = -log σ(z)"""
    a, b = log_ratios(x)
    # the loss of the observed label, and of the flipped one
    right, wrong = loss(*x, **p), loss(*swap(x), **p)
    assert_close((1 - p["flip"]) * right + p["flip"] * wrong, -log_sigmoid(p["beta"] * (a - b)))


def half_noise_is_refused(loss, x, p):
    """flip = 1/2 carries no information and is refused"""
    # 1 - 2·flip = 0 stands in a denominator
    try:
        value = loss(*x, **p | {"flip": 0.5})
    except Broken:
        return  # it raised, or gave nan
    if np.all(np.isfinite(value)):
        raise Broken("gives a number at flip = 0.5, want an error")


def robust_slopes(a, b, *, beta, flip):
    z = beta * (a - b)
    return both(-beta * ((1 - flip) * sigmoid(-z) + flip * sigmoid(z)) / (1 - 2 * flip))


ROBUST = example_laws(
    law(
        starts_at(lambda beta, flip: LOG2),
        "D1",
        "log2_at_reference",
        "policy = reference costs log 2",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law(without_flips_is_dpo, "RD1"),
    law(
        swap_adds(lambda d, beta, flip: -beta * d / (1 - 2 * flip)),
        "RD3",
        "swap_adds_scaled_margin",
        "swapping the pair adds βD/(1-2ε)",
    ),
    law(unbiased_under_flips, "D9"),
    law(
        slopes_are(robust_slopes),
        "RD2",
        "closed_form_slopes",
        "dL/dz = -[(1-ε)σ(-z) + εσ(z)]/(1-2ε), never 0",
    ),
    law(half_noise_is_refused, "RD-raise"),
)


def flat_beyond_the_margin(loss, x, p):
    """0 once z ≥ 1, and 1 - z before"""
    a, b = log_ratios(x)
    assert_close(loss(*x, **p), np.maximum(0.0, 1 - p["beta"] * (a - b)))


# no law of the swap: a hinge is flat on one side
HINGE = example_laws(
    law(starts_at(lambda beta: 1.0), "D1", "one_at_reference", "policy = reference costs 1"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    DIRECTION,
    law(convex_and_falling_in_the_margin, "D11", d=gaps),
    law(flat_beyond_the_margin, "L1"),
)
