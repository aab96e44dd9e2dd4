"""Anchored losses (APO), a binary classifier (BCO), and NCA for pairs."""

from tinyalign.laws.catalogue.domain import LOG2, floats, log_sigmoid, sigmoid
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.pair import (
    ANCHORED,
    FINITE,
    RATIOS,
    REFERENCE,
    SEPARATE,
    at_reference,
    never_above,
    never_below,
    slopes_are,
    starts_at,
)
from tinyalign.laws.harness.law import assert_at_most, assert_close, assert_slope_close, law


def pushes_apart_everywhere(loss, x, p):
    """raising chosen never raises it, raising rejected never lowers it"""
    # where the sigmoid is flat the slope is 0 to rounding
    assert_at_most(loss.grad(x, 0, **p), 0.0, tolerance=1e-6, what="has slope")
    assert_at_most(-loss.grad(x, 1, **p), 0.0, tolerance=1e-6, what="has minus the slope")


def apo_zero_slopes(a, b, *, beta):
    # σ' = σ(1 - σ)
    s, t = sigmoid(beta * a), sigmoid(beta * b)
    return -beta * s * (1 - s), beta * t * (1 - t)


# a sum of two sigmoids, whichever way round each is
BETWEEN = (
    law(never_below(lambda a, b, beta: 0.0), "AP-low", "never_negative", "never below 0"),
    law(never_above(lambda a, b, beta: 2.0), "AP-high", "never_above_two", "never above 2"),
)
APO_ZERO = example_laws(
    law(starts_at(lambda beta: 1.0), "A1", "one_at_reference", "policy = reference costs 1"),
    FINITE,
    REFERENCE,
    RATIOS,
    *BETWEEN,
    SEPARATE,
    law(pushes_apart_everywhere, "A1b"),
    law(
        slopes_are(apo_zero_slopes),
        "AP2",
        "closed_form_slopes",
        "slopes -βs(1-s) and +βs(1-s), s = σ(βh) each",
    ),
)


def chosen_rests_at_the_reference(loss, x, p):
    """at the reference the slope on chosen is 0, on rejected β/4"""
    start = at_reference(x)
    assert_slope_close(loss.grad(start, 0, **p), 0.0)
    assert_slope_close(loss.grad(start, 1, **p), p["beta"] / 4)


def apo_down_slopes(a, b, *, beta):
    # of the chosen log-ratio and of the margin
    s, t = sigmoid(beta * a), sigmoid(beta * (a - b))
    return beta * (s * (1 - s) - t * (1 - t)), beta * t * (1 - t)


APO_DOWN = example_laws(
    law(starts_at(lambda beta: 1.0), "A1", "one_at_reference", "policy = reference costs 1"),
    FINITE,
    REFERENCE,
    RATIOS,
    *BETWEEN,
    law(chosen_rests_at_the_reference, "A1c"),
    ANCHORED,
    law(
        slopes_are(apo_down_slopes),
        "AP3",
        "closed_form_slopes",
        "slopes β[s(1-s) - s_D(1-s_D)] and βs_D(1-s_D)",
    ),
)


def bco_start(beta, delta):
    return -log_sigmoid(-delta) - log_sigmoid(delta)


def delta_shifts_the_level(loss, x, p, c):
    """raising both log-ratios by c and delta by beta · c changes nothing"""
    w, rejected, rw, rl = x
    # only βh - δ enters either sigmoid
    moved = loss(w + c, rejected + c, rw, rl, **p | {"delta": p["delta"] + p["beta"] * c})
    assert_close(moved, loss(*x, **p))


def bco_slopes(a, b, *, beta, delta):
    return -beta * sigmoid(delta - beta * a), beta * sigmoid(beta * b - delta)


def dpo_bound(a, b, *, beta, delta):
    return -log_sigmoid(beta * (a - b))


BCO = example_laws(
    law(
        starts_at(bco_start),
        "BC1",
        "closed_form_at_reference",
        "policy = reference costs -logσ(-δ) - logσ(δ); 2 log 2 at δ=0",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law(never_below(dpo_bound), "B1", "never_below_dpo", "never below DPO, whatever delta"),
    SEPARATE,
    law(delta_shifts_the_level, "BC2", c=floats(-20.0, 20.0)),
    law(slopes_are(bco_slopes), "BC3", "closed_form_slopes", "slopes -βσ(δ-βh_w) and +βσ(βh_l-δ)"),
)


def nca_pair_slopes(a, b, *, beta):
    # chosen is pulled up once and held down by half of both normalisers
    return beta * (-sigmoid(-beta * a) + sigmoid(beta * a) / 2), beta * sigmoid(beta * b) / 2


NCA_PAIR = example_laws(
    law(
        starts_at(lambda beta: 2 * LOG2),
        "N5",
        "two_log2_at_reference",
        "policy = reference costs 2 log 2",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    SEPARATE,
    law(
        slopes_are(nca_pair_slopes),
        "N5b",
        "closed_form_slopes",
        "slopes β(½σ(βh_w) - σ(-βh_w)) and ½βσ(βh_l)",
    ),
)
