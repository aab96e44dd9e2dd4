"""DPOP (a penalty inside the sigmoid) and EXO on pairs (a reverse KL)."""

import numpy as np

from tinyalign.laws.catalogue.domain import LOG2, log_sigmoid, sigmoid
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.pair import (
    ANCHORED,
    FINITE,
    RATIOS,
    REFERENCE,
    SHIFT,
    log_ratios,
    never_below,
    pair_with,
    slopes_are,
    starts_at,
)
from tinyalign.laws.catalogue.pair_dpo import both
from tinyalign.laws.harness.law import assert_at_most, assert_close, assert_slope_close, law


def zero_penalty_is_dpo(loss, x, p):
    """lam = 0 is DPO"""
    a, b = log_ratios(x)
    assert_close(loss(*x, **p | {"lam": 0.0}), -log_sigmoid(p["beta"] * (a - b)))


def no_penalty_where_chosen_rose(loss, x, p):
    """no penalty where the chosen answer is at least as likely as under the reference"""
    a, b = log_ratios(x)
    # a log-ratio of |a| for chosen, so it did not fall
    x = pair_with(np.abs(a), b)
    assert_close(loss(*x, **p), -log_sigmoid(p["beta"] * (np.abs(a) - b)))


def penalty_grows_with_lam(loss, x, p):
    """a larger lam never lowers it"""
    assert_at_most(loss(*x, **p), loss(*x, **p | {"lam": p["lam"] + 1}))


def level_matters_where_chosen_fell(loss, x, p):
    """lowering both policy log-probs by the same amount does change it: chosen fell"""
    # lam = 0 is DPO, whose level does cancel
    ANCHORED.check(loss, x, p | {"lam": p["lam"] + 1})


def penalty_inside_the_sigmoid(loss, x, p):
    """where chosen fell, λ times the fall counts against the margin, inside the sigmoid"""
    a, b = log_ratios(x)
    # away from the kink at a log-ratio of 0
    x = pair_with(-np.abs(a) - 0.01, b)
    a, b = log_ratios(x)
    z = p["beta"] * (a - b + p["lam"] * a)
    assert_close(loss(*x, **p), -log_sigmoid(z))
    assert_slope_close(loss.grad(x, 0, **p), -p["beta"] * (1 + p["lam"]) * sigmoid(-z))


DPOP = example_laws(
    law(
        starts_at(lambda beta, lam: LOG2),
        "DP5",
        "log2_at_reference",
        "policy = reference costs log 2",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    law(zero_penalty_is_dpo, "DP1"),
    law(no_penalty_where_chosen_rose, "Q1"),
    law(penalty_grows_with_lam, "DP2"),
    law(level_matters_where_chosen_fell, "DP4"),
    law(penalty_inside_the_sigmoid, "DP3"),
)


def exo_start(beta, eps):
    return -LOG2 - 0.5 * np.log(eps * (1 - eps))


def least_at_the_label(loss, x, p):
    """0, its least, where σ(z) = 1-ε"""
    pair = pair_with(np.log((1 - p["eps"]) / p["eps"]) / p["beta"], 0.0)
    assert_close(loss(*pair, **p), 0.0)


def exo_slopes(a, b, *, beta, eps):
    z = beta * (a - b)
    # 0 where the margin is the log-odds of the smoothed label
    return both(beta * sigmoid(z) * sigmoid(-z) * (z - np.log((1 - eps) / eps)))


EXO = example_laws(
    law(
        starts_at(exo_start),
        "EX4",
        "closed_form_at_reference",
        "policy = reference costs -log 2 - ½log(ε(1-ε))",
    ),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law(
        never_below(lambda a, b, beta, eps: 0.0),
        "EX0",
        "never_negative",
        "a divergence: never below 0",
    ),
    law(least_at_the_label, "E1"),
    law(slopes_are(exo_slopes), "EX5", "closed_form_slopes", "dL/dz = σ(z)σ(-z)(z - log((1-ε)/ε))"),
)
