"""DPOP (a penalty inside the sigmoid) and EXO on pairs (a reverse KL)."""

import numpy as np

from tinyalign.laws.domain import LOG2, log_sigmoid, sigmoid
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import at_most, law, same, same_slope
from tinyalign.laws.pair import (
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
from tinyalign.laws.pair_dpo import both


def zero_penalty_is_dpo(loss, x, p):
    """lam = 0 is DPO"""
    a, b = log_ratios(x)
    same(loss(*x, **p | {"lam": 0.0}), -log_sigmoid(p["beta"] * (a - b)))


def free_where_chosen_rose(loss, x, p):
    """no penalty where the chosen answer is at least as likely as under the reference"""
    a, b = log_ratios(x)
    x = pair_with(np.abs(a), b)
    same(loss(*x, **p), -log_sigmoid(p["beta"] * (np.abs(a) - b)))


def penalty_grows(loss, x, p):
    """a larger lam never lowers it"""
    at_most(loss(*x, **p), loss(*x, **p | {"lam": p["lam"] + 1}))


def level_matters(loss, x, p):
    """lowering both policy log-probs by the same amount does change it: chosen fell"""
    ANCHORED.check(loss, x, p | {"lam": p["lam"] + 1})


def penalty_inside(loss, x, p):
    """where chosen fell, λ times the fall counts against the margin, inside the sigmoid"""
    a, b = log_ratios(x)
    x = pair_with(-np.abs(a) - 0.01, b)
    a, b = log_ratios(x)
    z = p["beta"] * (a - b + p["lam"] * a)
    same(loss(*x, **p), -log_sigmoid(z))
    same_slope(loss.slope(x, 0, **p), -p["beta"] * (1 + p["lam"]) * sigmoid(-z))


DPOP = example_laws(
    law("DP5", starts_at(lambda beta, lam: LOG2), sentence="policy = reference costs log 2"),
    FINITE,
    REFERENCE,
    RATIOS,
    law("DP1", zero_penalty_is_dpo),
    law("Q1", free_where_chosen_rose),
    law("DP2", penalty_grows),
    law("DP4", level_matters),
    law("DP3", penalty_inside),
)


def exo_start(beta, eps):
    return -LOG2 - 0.5 * np.log(eps * (1 - eps))


def least_at_the_label(loss, x, p):
    """0, its least, where σ(z) = 1-ε"""
    pair = pair_with(np.log((1 - p["eps"]) / p["eps"]) / p["beta"], 0.0)
    same(loss(*pair, **p), 0.0)


def exo_slopes(a, b, *, beta, eps):
    z = beta * (a - b)
    return both(beta * sigmoid(z) * sigmoid(-z) * (z - np.log((1 - eps) / eps)))


EXO = example_laws(
    law("EX4", starts_at(exo_start), sentence="policy = reference costs -log 2 - ½log(ε(1-ε))"),
    FINITE,
    REFERENCE,
    RATIOS,
    SHIFT,
    law("EX0", never_below(lambda a, b, beta, eps: 0.0), sentence="a divergence: never below 0"),
    law("E1", least_at_the_label),
    law("EX5", slopes_are(exo_slopes), sentence="dL/dz = σ(z)σ(-z)(z - log((1-ε)/ε))"),
)
