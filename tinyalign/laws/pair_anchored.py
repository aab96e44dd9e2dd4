"""Squares (IPO, SPPO), anchored losses (APO), a binary classifier (BCO), and NCA for pairs."""

import numpy as np

from tinyalign.laws.domain import (
    LOG2,
    floats,
    log_sigmoid,
    log_softmax,
    shifts,
    sigmoid,
    softmax,
    three,
)
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import at_most, law, same, same_slope
from tinyalign.laws.pair import (
    ANCHORED,
    DIRECTION,
    FINITE,
    RATIOS,
    REFERENCE,
    at_reference,
    gaps,
    never_above,
    never_below,
    pair_with,
    prompt_shift_cancels,
    slopes_are,
    starts_at,
    swap_adds,
    swapped,
)
from tinyalign.laws.pair_dpo import both


def least_at_half_over_tau(loss, x, p):
    """0 where the margin is 1/(2τ)"""
    same(loss(*pair_with(1 / (2 * p["tau"]), 0.0), **p), 0.0)


def overshoot_costs_too(loss, x, p, d):
    """a parabola, not a hinge: overshooting the target costs what undershooting costs"""
    target = 1 / (2 * p["tau"])
    same(loss(*pair_with(target + d, 0.0), **p), loss(*pair_with(target - d, 0.0), **p))
    same(loss(*pair_with(target + d, 0.0), **p), d**2)


def noise_pulls_the_target_in(loss, x, p, right):
    """if the label is right with probability q the best margin is (q-½)/τ, finite at q = 1"""
    pair = pair_with((right - 0.5) / p["tau"], 0.0)
    slope = right * loss.slope(pair, 0, **p) + (1 - right) * loss.slope(swapped(pair), 1, **p)
    same_slope(slope, 0.0)


def ipo_optimum(loss, x, p, reward, ref):
    """the population slope is 0 at pi ∝ ref · exp(E[p(y beats y')]/τ)"""
    ref_logp, sampler = log_softmax(ref), softmax(-ref)
    wins = sigmoid(reward[:, None] - reward[None, :])
    logp = log_softmax(ref_logp + wins @ sampler / p["tau"])
    i, j = (k.ravel() for k in np.indices((3, 3)))
    pairs = (logp[i], logp[j], ref_logp[i], ref_logp[j])
    weight = sampler[i] * sampler[j] * wins[i, j]
    slope = np.zeros(3)
    np.add.at(slope, i, weight * loss.slope(pairs, 0, **p))
    np.add.at(slope, j, weight * loss.slope(pairs, 1, **p))
    same_slope(slope - softmax(logp) * np.sum(slope), 0.0)


def ipo_slopes(a, b, *, tau):
    return both(2 * (a - b - 1 / (2 * tau)))


IPO = example_laws(
    law(
        "I1b", starts_at(lambda tau: 1 / (4 * tau**2)), sentence="policy = reference costs 1/(4τ²)"
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law("I3", prompt_shift_cancels, c=shifts),
    law("I1", least_at_half_over_tau),
    law("I4", swap_adds(lambda d, tau: -2 * d / tau), sentence="swapping the pair adds 2D/τ"),
    DIRECTION,
    law("I2", overshoot_costs_too, d=gaps),
    law("I5", noise_pulls_the_target_in, right=floats(0.5, 1.0)),
    law("I7", slopes_are(ipo_slopes), sentence="the slopes are ±2(D - 1/(2τ))"),
    law("I6", ipo_optimum, reward=three, ref=three),
)


def two_targets(loss, x, p):
    """0 where chosen is 1/(2β) above the reference and rejected 1/(2β) below"""
    half = 1 / (2 * p["beta"])
    same(loss(*pair_with(half, -half), **p), 0.0)


def terms_are_separate(loss, x, p, c):
    """two separate terms: moving one answer costs the same wherever the other is"""
    w, rejected, rw, rl = x
    moved = loss(w - 1, rejected - c**2 - 1, rw, rl, **p) + loss(*x, **p)
    same(moved, loss(w - 1, rejected, rw, rl, **p) + loss(w, rejected - c**2 - 1, rw, rl, **p))


def sppo_slopes(a, b, *, beta):
    return 2 * (a - 1 / (2 * beta)), 2 * (b + 1 / (2 * beta))


SEPARATE = law("SP2", terms_are_separate, c=floats(-3.0, 3.0))
SPPO = example_laws(
    law(
        "SP1",
        starts_at(lambda beta: 1 / (2 * beta**2)),
        sentence="policy = reference costs 1/(2β²)",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law("X1", two_targets),
    SEPARATE,
    ANCHORED,
    law("SP3", slopes_are(sppo_slopes), sentence="slopes 2(h_w - 1/(2β)) and 2(h_l + 1/(2β))"),
)


def pushes_apart_everywhere(loss, x, p):
    """raising chosen never raises it, raising rejected never lowers it"""
    at_most(loss.slope(x, 0, **p), 0.0, room=1e-6, what="has slope")
    at_most(-loss.slope(x, 1, **p), 0.0, room=1e-6, what="has minus the slope")


def apo_zero_slopes(a, b, *, beta):
    s, t = sigmoid(beta * a), sigmoid(beta * b)
    return -beta * s * (1 - s), beta * t * (1 - t)


BETWEEN = (
    law("AP-low", never_below(lambda a, b, beta: 0.0), sentence="never below 0"),
    law("AP-high", never_above(lambda a, b, beta: 2.0), sentence="never above 2"),
)
APO_ZERO = example_laws(
    law("A1", starts_at(lambda beta: 1.0), sentence="policy = reference costs 1"),
    FINITE,
    REFERENCE,
    RATIOS,
    *BETWEEN,
    SEPARATE,
    law("A1b", pushes_apart_everywhere),
    law(
        "AP2", slopes_are(apo_zero_slopes), sentence="slopes -βs(1-s) and +βs(1-s), s = σ(βh) each"
    ),
)


def chosen_rests_at_the_reference(loss, x, p):
    """at the reference the slope on chosen is 0, on rejected β/4"""
    start = at_reference(x)
    same_slope(loss.slope(start, 0, **p), 0.0)
    same_slope(loss.slope(start, 1, **p), p["beta"] / 4)


def apo_down_slopes(a, b, *, beta):
    s, t = sigmoid(beta * a), sigmoid(beta * (a - b))
    return beta * (s * (1 - s) - t * (1 - t)), beta * t * (1 - t)


APO_DOWN = example_laws(
    law("A1", starts_at(lambda beta: 1.0), sentence="policy = reference costs 1"),
    FINITE,
    REFERENCE,
    RATIOS,
    *BETWEEN,
    law("A1c", chosen_rests_at_the_reference),
    ANCHORED,
    law(
        "AP3", slopes_are(apo_down_slopes), sentence="slopes β[s(1-s) - s_D(1-s_D)] and βs_D(1-s_D)"
    ),
)


def bco_start(beta, delta):
    return -log_sigmoid(-delta) - log_sigmoid(delta)


def delta_is_a_level(loss, x, p, c):
    """raising both log-ratios by c and delta by beta · c changes nothing"""
    w, rejected, rw, rl = x
    moved = loss(w + c, rejected + c, rw, rl, **p | {"delta": p["delta"] + p["beta"] * c})
    same(moved, loss(*x, **p))


def bco_slopes(a, b, *, beta, delta):
    return -beta * sigmoid(delta - beta * a), beta * sigmoid(beta * b - delta)


def dpo_bound(a, b, *, beta, delta):
    return -log_sigmoid(beta * (a - b))


BCO = example_laws(
    law(
        "BC1",
        starts_at(bco_start),
        sentence="policy = reference costs -logσ(-δ) - logσ(δ); 2 log 2 at δ=0",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law("B1", never_below(dpo_bound), sentence="never below DPO, whatever delta"),
    SEPARATE,
    law("BC2", delta_is_a_level, c=floats(-20.0, 20.0)),
    law("BC3", slopes_are(bco_slopes), sentence="slopes -βσ(δ-βh_w) and +βσ(βh_l-δ)"),
)


def nca_pair_slopes(a, b, *, beta):
    return beta * (-sigmoid(-beta * a) + sigmoid(beta * a) / 2), beta * sigmoid(beta * b) / 2


NCA_PAIR = example_laws(
    law("N5", starts_at(lambda beta: 2 * LOG2), sentence="policy = reference costs 2 log 2"),
    FINITE,
    REFERENCE,
    RATIOS,
    SEPARATE,
    law("N5b", slopes_are(nca_pair_slopes), sentence="slopes β(½σ(βh_w) - σ(-βh_w)) and ½βσ(βh_l)"),
)
