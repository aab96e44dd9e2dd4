"""ORPO: -log σ of the difference of log-odds LO. x is (chosen, rejected) or also an NLL."""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.domain import LOG2, log_sigmoid, sigmoid
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import law, rounding, same, same_slope
from tinyalign.laws.reference_free import (
    WAY,
    likelihood_adds,
    preference,
    preference_slopes,
    swap_adds,
    tie_costs,
)


def log_odds(a):
    """log p/(1-p) for p = exp(a), by the form that is stable near each end."""
    a = np.asarray(a, dtype=float)
    near_one = np.log(-np.expm1(np.minimum(a, -1e-300)))
    return a - np.where(a > -LOG2, near_one, np.log1p(-np.exp(np.minimum(a, -LOG2))))


def without_weight_only_likelihood(loss, x, p):
    """lam = 0 leaves the NLL alone"""
    same(loss(*x, **p | {"lam": 0.0}), x[2])


def odds_extremes(weight):
    def check(loss, x, p):
        for chosen in (-1e-17, -1e-12, -1.0, -700.0):
            for rejected in (-1e-17, -1e-12, -1.0, -700.0):
                gap = log_odds(chosen) - log_odds(rejected)
                got = preference(loss, chosen, rejected, p)
                same(got, -weight(**p) * log_sigmoid(gap), room=1e-3)

    return check


def odds_near_one(weight):
    def check(loss, x, p):
        want = weight(**p) * 18.420681  # log-odds of exp(-1e-8), against even odds
        same(preference(loss, -LOG2, -1e-8, p), want, room=1e-3)

    return check


def unlikely_odds_are_probabilities(weight):
    def check(loss, x, p):
        gap = x[0] - x[1]
        want = -weight(**p) * log_sigmoid(gap)
        same(preference(loss, x[0] - 40.0, x[1] - 40.0, p), want)

    return check


def odds_slopes(weight):
    def formula(chosen, rejected, **p):
        push = weight(**p) * sigmoid(log_odds(rejected) - log_odds(chosen))
        return push / np.expm1(chosen), -push / np.expm1(rejected)

    return formula


def slopes_where_certain(weight):
    """Where autograd often fails: 1 - p underflows in a branch that the value does not take."""
    formula = odds_slopes(weight)

    def check(loss, x, p, near):
        room = rounding(1e-5, 1e-3)
        rest = [np.zeros(1)] * (len(x) - 2)
        for pair in ((np.array([near]), x[1][:1]), (x[0][:1], np.array([near]))):
            for index, want in enumerate(formula(*pair, **p)):
                found = slope_or_none(loss, (*pair, *rest), index, p)
                if found is not None:
                    name = loss.method.arrays[index]
                    same_slope(found, want, room=room, what=f"in {name} has slope")

    return check


def slope_or_none(loss, x, index, p):
    """By autodiff in the declared precision, else by steps of a thousandth where they can tell.

    A loss of 1e-8 is right to rounding if it is given as 0; the difference of two such is not.
    """
    own = loss.own_slope(x, index, dtype=loss.dtype, **p)
    if own is not None or (index == 0 and x[0][0] > -1e-6):
        return own
    return loss.differences(x, index, width=1e-3 * min(-x[index][0], 1e-2), **p)


def odds_laws(weight):
    """The odds-ratio term, times a weight."""
    return (
        law("O1", tie_costs(lambda **p: weight(**p) * LOG2), sentence="a tie costs λ · log 2"),
        WAY,
        law(
            "O1b",
            swap_adds(lambda w, r, **p: -weight(**p) * (log_odds(w) - log_odds(r))),
            sentence="swapping the pair adds the difference of log-odds (times λ)",
        ),
        law(
            "O3",
            unlikely_odds_are_probabilities(weight),
            sentence="far below probability 1 odds are probabilities: -log σ of the gap",
        ),
        law("C.D10", odds_near_one(weight), sentence="log-odds stay right at p = exp(-1e-8)"),
        law(
            "O4", odds_extremes(weight), sentence="finite and right from p = 1 - 1e-17 to exp(-700)"
        ),
        *slope_laws(weight),
    )


def slope_laws(weight):
    return (
        law(
            "O2",
            preference_slopes(odds_slopes(weight)),
            sentence="the slopes are -σ(-LO)/(1-p_w) and +σ(-LO)/(1-p_l) (times λ)",
        ),
        law(
            "O2b",
            slopes_where_certain(weight),
            sentence="by autodiff the slopes stay finite and right where p is all but 1",
            near=st.sampled_from([-1e-3, -1e-6, -1e-8, -1e-12, -1e-17]),
        ),
    )


ODDS_RATIO = example_laws(*odds_laws(lambda: 1.0))
ORPO = example_laws(
    law("O4b", without_weight_only_likelihood),
    law("OR4", likelihood_adds(lambda lam: 1.0), sentence="the NLL is added, once"),
    *odds_laws(lambda lam: lam),
)
