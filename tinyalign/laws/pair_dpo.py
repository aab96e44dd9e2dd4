"""DPO and the losses that bend it: cDPO, robust DPO, hinge."""

import numpy as np

from tinyalign.laws.domain import LOG2, log_sigmoid, log_softmax, sigmoid, softmax, three
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import Broken, at_most, differs, law, same, same_slope
from tinyalign.laws.pair import (
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
    swap_adds,
    swapped,
)


def both(slope):
    """A slope on chosen, and its opposite on rejected."""
    return slope, -slope


def tiny_beta(loss, x, p):
    """as beta goes to 0 the loss leaves log 2 along -D/2 per unit of beta"""
    a, b = log_ratios(x)
    small = 1e-6
    same((loss(*x, **p | {"beta": small}) - LOG2) / small, -(a - b) / 2, room=2e-3)


def convex_and_falling(loss, d, p, x):
    """as a function of the margin it is positive, falls, and is convex"""
    left, middle, right = (loss(*pair_with(d + s, 0.0), **p) for s in (-1.0, 0.0, 1.0))
    at_most(0.0, right)
    at_most(right, middle)
    at_most(2 * middle, left + right)


def steep_when_wrong(loss, x, p):
    """a pair that is wrong by far has slope -beta in the margin, one that is right by far 0"""
    far = 60.0 / p["beta"]
    same_slope(loss.slope(pair_with(-far, 0.0), 0, **p), -p["beta"])
    same_slope(loss.slope(pair_with(far, 0.0), 0, **p), 0.0)


def recovers_the_optimum(loss, x, p, reward, ref):
    """with Bradley-Terry labels the population slope is 0 at pi ∝ ref · exp(reward/beta)"""
    ref_logp, sampler = log_softmax(ref), softmax(-ref)
    logp = log_softmax(ref_logp + reward / p["beta"])
    i, j = (k.ravel() for k in np.indices((3, 3)))
    pairs = (logp[i], logp[j], ref_logp[i], ref_logp[j])
    weight = sampler[i] * sampler[j] * sigmoid(reward[i] - reward[j])
    slope = np.zeros(3)
    np.add.at(slope, i, weight * loss.slope(pairs, 0, **p))
    np.add.at(slope, j, weight * loss.slope(pairs, 1, **p))
    same_slope(slope - softmax(logp) * np.sum(slope), 0.0)
    if np.ptp(reward) > 1.0:  # and it is not 0 where training starts
        start = loss.slope(at_reference(pairs), 0, **p)
        differs(np.sum(weight * start * (reward[i] > reward[j])), 0.0)


def dpo_slopes(a, b, *, beta):
    return both(-beta * sigmoid(-beta * (a - b)))


DPO = example_laws(
    law("D1", starts_at(lambda beta: LOG2), sentence="policy = reference costs log 2"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law("D2", swap_adds(lambda d, beta: -beta * d), sentence="swapping the pair adds beta · D"),
    DIRECTION,
    law("D5", tiny_beta, when={"dtype": "float64"}),
    law("D11", convex_and_falling, d=gaps),
    law("D12", steep_when_wrong),
    law(
        "D4",
        slopes_are(dpo_slopes),
        sentence="the slopes are -βσ(-z) on chosen, +βσ(-z) on rejected",
    ),
    law("D7", recovers_the_optimum, reward=three, ref=three),
)


def flips_mirror(loss, x, p):
    """calling the other label noise: flip and 1 - flip trade places when the pair is swapped"""
    p = p | {"flip": max(p["flip"], 0.01)}  # 1 - flip = 1 may be refused
    same(loss(*x, **p), loss(*swapped(x), **p | {"flip": 1 - p["flip"]}))


def least_at_the_odds(loss, x, p):
    """least where βD = log((1-ε)/ε), and there it is the entropy of the labels"""
    flip = min(max(p["flip"], 0.01), 0.49)
    p = p | {"flip": flip}
    pair = pair_with(np.log((1 - flip) / flip) / p["beta"], 0.0)
    same(loss(*pair, **p), -flip * np.log(flip) - (1 - flip) * np.log(1 - flip))
    same_slope(loss.slope(pair, 0, **p), 0.0)


def without_flips_is_dpo(loss, x, p):
    """flip = 0 is DPO"""
    a, b = log_ratios(x)
    same(loss(*x, **p | {"flip": 0.0}), -log_sigmoid(p["beta"] * (a - b)))


def cdpo_slopes(a, b, *, beta, flip):
    return both(beta * (sigmoid(beta * (a - b)) - (1 - flip)))


CDPO = example_laws(
    law("D1", starts_at(lambda beta, flip: LOG2), sentence="policy = reference costs log 2"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law("CD1", without_flips_is_dpo),
    law("CD3", flips_mirror),
    law("D8", least_at_the_odds),
    law("CD4", slopes_are(cdpo_slopes), sentence="dL/dz = σ(z) - (1-ε)"),
)


def unbiased_under_flips(loss, x, p):
    """averaged over flipped labels it is DPO: (1-ε)L(D) + εL(-D) = -log σ(z)"""
    a, b = log_ratios(x)
    right, wrong = loss(*x, **p), loss(*swapped(x), **p)
    same((1 - p["flip"]) * right + p["flip"] * wrong, -log_sigmoid(p["beta"] * (a - b)))


def half_noise_is_refused(loss, x, p):
    """flip = 1/2 carries no information and is refused"""
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
    law("D1", starts_at(lambda beta, flip: LOG2), sentence="policy = reference costs log 2"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law("RD1", without_flips_is_dpo),
    law(
        "RD3",
        swap_adds(lambda d, beta, flip: -beta * d / (1 - 2 * flip)),
        sentence="swapping the pair adds βD/(1-2ε)",
    ),
    law("D9", unbiased_under_flips),
    law("RD2", slopes_are(robust_slopes), sentence="dL/dz = -[(1-ε)σ(-z) + εσ(z)]/(1-2ε), never 0"),
    law("RD-raise", half_noise_is_refused),
)


def flat_beyond_the_margin(loss, x, p):
    """0 once z ≥ 1, and 1 - z before"""
    a, b = log_ratios(x)
    same(loss(*x, **p), np.maximum(0.0, 1 - p["beta"] * (a - b)))


HINGE = example_laws(
    law("D1", starts_at(lambda beta: 1.0), sentence="policy = reference costs 1"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    DIRECTION,
    law("D11", convex_and_falling, d=gaps),
    law("L1", flat_beyond_the_margin),
)
