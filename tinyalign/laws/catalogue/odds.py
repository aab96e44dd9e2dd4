"""ORPO: -log σ of the difference of log-odds LO. x is (chosen, rejected) or also an NLL."""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import LOG2, log_sigmoid, sigmoid
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.reference_free import (
    WAY,
    likelihood_adds,
    preference,
    preference_slopes,
    swap_adds,
    tie_costs,
)
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law, rounding


def log_odds(a):
    """log p/(1-p) for p = exp(a), by the form that is stable near each end."""
    a = np.asarray(a, dtype=float)
    # each branch is kept off the other's end: np.where computes both
    near_one = np.log(-np.expm1(np.minimum(a, -1e-300)))
    return a - np.where(a > -LOG2, near_one, np.log1p(-np.exp(np.minimum(a, -LOG2))))


def without_weight_likelihood_alone(loss, x, p):
    """lam = 0 leaves the NLL alone"""
    assert_close(loss(*x, **p | {"lam": 0.0}), x[2])


def at_the_extremes(weight):
    def right_at_the_extremes(loss, x, p):
        """finite and right from p = 1 - 1e-17 to exp(-700)"""
        for chosen in (-1e-17, -1e-12, -1.0, -700.0):
            for rejected in (-1e-17, -1e-12, -1.0, -700.0):
                # by the stable form above
                gap = log_odds(chosen) - log_odds(rejected)
                got = preference(loss, chosen, rejected, p)
                assert_close(got, -weight(**p) * log_sigmoid(gap), tolerance=1e-3)

    return right_at_the_extremes


def near_one(weight):
    def log_odds_right_near_one(loss, x, p):
        """log-odds stay right at p = exp(-1e-8)"""
        want = weight(**p) * 18.420681  # log-odds of exp(-1e-8), against even odds
        assert_close(preference(loss, -LOG2, -1e-8, p), want, tolerance=1e-3)

    return log_odds_right_near_one


def far_below_one(weight):
    def unlikely_odds_are_probabilities(loss, x, p):
        """far below probability 1 odds are probabilities: -log σ of the gap"""
        # 40 nats lower 1 - p is 1 to all digits
        gap = x[0] - x[1]
        want = -weight(**p) * log_sigmoid(gap)
        assert_close(preference(loss, x[0] - 40.0, x[1] - 40.0, p), want)

    return unlikely_odds_are_probabilities


def odds_slopes(weight):
    def formula(chosen, rejected, **p):
        # d log-odds / d log p = 1/(1 - p) = -1/expm1(log p)
        push = weight(**p) * sigmoid(log_odds(rejected) - log_odds(chosen))
        return push / np.expm1(chosen), -push / np.expm1(rejected)

    return formula


def where_certain(weight):
    """Where autograd often fails: 1 - p underflows in a branch that the value does not take."""
    formula = odds_slopes(weight)

    def slopes_right_near_certainty(loss, x, p, near):
        """by autodiff the slopes stay finite and right where p is all but 1"""
        tolerance = rounding(1e-5, 1e-3)
        rest = [np.zeros(1)] * (len(x) - 2)
        # chosen all but certain, then rejected, a call each: one NaN would hide the other
        for pair in ((np.array([near]), x[1][:1]), (x[0][:1], np.array([near]))):
            for index, want in enumerate(formula(*pair, **p)):
                slope = slope_or_none(loss, (*pair, *rest), index, p)
                if slope is not None:
                    what = f"in {loss.spec.arrays[index]} has slope"
                    assert_slope_close(slope, want, tolerance=tolerance, what=what)

    return slopes_right_near_certainty


def slope_or_none(loss, x, index, p):
    """By autodiff in the declared precision, else by steps of a thousandth where they can tell.

    A loss of 1e-8 is right to rounding if it is given as 0; the difference of two such is not.
    """
    own = loss.own_grad(x, index, **p)
    if own is not None or (index == 0 and x[0][0] > -1e-6):
        return own
    return loss.finite_differences(x, index, width=1e-3 * min(-x[index][0], 1e-2), **p)


def odds_laws(weight):
    """The odds-ratio term, times a weight."""
    # the weight is 1 where the term by itself takes none, and ORPO's own λ inside ORPO
    return (
        law(
            tie_costs(lambda **p: weight(**p) * LOG2),
            "O1",
            "tie_costs_log2",
            "a tie costs λ · log 2",
        ),
        WAY,
        law(
            swap_adds(lambda w, r, **p: -weight(**p) * (log_odds(w) - log_odds(r))),
            "O1b",
            "swap_adds_log_odds_gap",
            "swapping the pair adds the difference of log-odds (times λ)",
        ),
        law(far_below_one(weight), "O3"),
        law(near_one(weight), "C.D10"),
        law(at_the_extremes(weight), "O4"),
        *slope_laws(weight),
    )


def slope_laws(weight):
    """Both derivatives of that term, at ordinary inputs and where an answer is all but certain."""
    # both need care near p = 1, where log(1 - p) is infinite
    return (
        law(
            preference_slopes(odds_slopes(weight)),
            "O2",
            "closed_form_slopes",
            "the slopes are -σ(-LO)/(1-p_w) and +σ(-LO)/(1-p_l) (times λ)",
        ),
        law(
            where_certain(weight),
            "O2b",
            near=st.sampled_from([-1e-3, -1e-6, -1e-8, -1e-12, -1e-17]),
        ),
    )


ODDS_RATIO = example_laws(*odds_laws(lambda lam: lam))
ORPO = example_laws(
    law(without_weight_likelihood_alone, "O4b"),
    law(likelihood_adds(lambda lam: 1.0), "OR4", "likelihood_is_added", "the NLL is added, once"),
    *odds_laws(lambda lam: lam),
)
