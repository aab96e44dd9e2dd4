"""Pair and triple losses without a reference: SimPO, CPO, TPO, SLiC, and what ORPO has of them.

x is (chosen, rejected) or (chosen, rejected, some NLL).
"""

import numpy as np

from tinyalign.laws.catalogue.domain import LOG2, floats, per_row, shifts, sigmoid
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import assert_at_most, assert_close, assert_slope_close, law
from tinyalign.laws.outcomes import Broken


def preference(loss, chosen, rejected, p):
    """The loss with its likelihood term, if it has one, at 0."""
    chosen, rejected = np.broadcast_arrays(*np.atleast_1d(chosen, rejected))
    # an NLL of 0 leaves the preference alone
    rest = [np.zeros(len(chosen))] * (len(loss.spec.arrays) - 2)
    return loss(chosen, rejected, *rest, **p)


def tie_costs(value):
    def check(loss, x, p):
        assert_close(preference(loss, x[0], x[0], p), value(**p))

    return check


def likelihood_adds(weight):
    """The NLL enters as weight · NLL and in no other way."""

    def check(loss, x, p):
        want = preference(loss, x[0], x[1], p) + weight(**p) * x[2]
        assert_close(loss(*x, **p), want)

    return check


def preference_slopes(formula):
    def check(loss, x, p):
        # an NLL of 0 leaves the slopes of the preference alone
        still = (x[0], x[1], *[np.zeros(len(x[0]))] * (len(x) - 2))
        want = formula(x[0], x[1], **p)
        assert_slope_close(loss.grad(still, 0, **p), want[0])
        assert_slope_close(loss.grad(still, 1, **p), want[1])

    return check


def swap_adds(difference):
    def check(loss, x, p):
        there, back = preference(loss, x[0], x[1], p), preference(loss, x[1], x[0], p)
        assert_close(there, back + difference(x[0], x[1], **p))

    return check


def common_shift_cancels(loss, x, p, c):
    """adding c to both log-probs changes nothing"""
    c = per_row(c, x)
    assert_close(preference(loss, x[0] + c, x[1] + c, p), preference(loss, x[0], x[1], p))


def finite_at_extremes(loss, x, p):
    """it stays finite at log-probs of -10 000"""
    for pair in ((-1e4, -1.0), (-1.0, -1e4), (-1e4, -1e4)):
        if not np.all(np.isfinite(preference(loss, *pair, p))):
            raise Broken("gives inf")


def falls_in_chosen_rises_in_rejected(loss, x, p):
    """raising chosen does not raise it, raising rejected does not lower it"""
    # 0.005 keeps every average log-prob below 0
    here = preference(loss, x[0], x[1], p)
    assert_at_most(preference(loss, x[0] + 0.005, x[1], p), here)
    assert_at_most(here, preference(loss, x[0], x[1] + 0.005, p))


SHIFT = law(common_shift_cancels, "SM2", c=shifts)
FINITE = law(finite_at_extremes, "C.D6")
WAY = law(falls_in_chosen_rises_in_rejected, "OR1")


# SimPO, CPO, TPO and TPO-L: -log σ(β · gap - γ)


def log2_at_the_target_gap(loss, x, p):
    """log 2 exactly where the gap is γ/β"""
    # chosen raised above rejected by just that gap
    assert_close(preference(loss, x[1] + p["gamma"] / p["beta"], x[1], p), LOG2)


def gamma_counts_against_the_gap(loss, x, p):
    """γ counts against the gap: it does what lowering chosen by γ/β does"""
    # β · gap - γ = β · (gap - γ/β)
    lowered = preference(loss, x[0] - p["gamma"] / p["beta"], x[1], p | {"gamma": 0.0})
    assert_close(preference(loss, x[0], x[1], p), lowered)


def swap_adds_scaled_gap_without_gamma(loss, x, p):
    """γ = 0: swapping the pair adds β · gap"""
    p = p | {"gamma": 0.0}
    back = preference(loss, x[1], x[0], p)
    assert_close(preference(loss, x[0], x[1], p), back - p["beta"] * (x[0] - x[1]))


def simpo_slopes(chosen, rejected, *, beta, gamma, **rest):
    # CPO's is the same with γ = 0
    slope = -beta * sigmoid(gamma - beta * (chosen - rejected))
    return slope, -slope


def cpo_slopes(chosen, rejected, *, beta, **rest):
    return simpo_slopes(chosen, rejected, beta=beta, gamma=0.0)


# with a margin γ; TPO-L has the same term
SIMPO_TERM = (
    law(log2_at_the_target_gap, "M1"),
    FINITE,
    SHIFT,
    law(swap_adds_scaled_gap_without_gamma, "M1b"),
    law(gamma_counts_against_the_gap, "SM4"),
    law(
        preference_slopes(simpo_slopes),
        "SM1",
        "closed_form_slopes",
        "the slopes are ∓βσ(γ - β·gap)",
    ),
)
# without a margin; TPO has the same term
CPO_TERM = (
    law(tie_costs(lambda beta, alpha: LOG2), "CP1", "tie_costs_log2", "a tie costs log 2"),
    FINITE,
    SHIFT,
    law(
        swap_adds(lambda w, r, beta, alpha: -beta * (w - r)),
        "CP2",
        "swap_adds_scaled_gap",
        "swapping the pair adds β · gap",
    ),
    law(preference_slopes(cpo_slopes), "CP4", "closed_form_slopes", "the slopes are ∓βσ(-β·gap)"),
)
SIMPO = example_laws(*SIMPO_TERM)
CPO = example_laws(
    *CPO_TERM,
    law(
        likelihood_adds(lambda beta, alpha: alpha),
        "CP5",
        "likelihood_is_added",
        "α times the NLL is added, once",
    ),
)
TPO = example_laws(
    *CPO_TERM,
    law(
        likelihood_adds(lambda beta, alpha: alpha),
        "T4",
        "gold_enters_by_likelihood_alone",
        "the gold answer enters only as α times its NLL: nothing compares it with chosen",
    ),
)
TPO_L = example_laws(
    *SIMPO_TERM,
    law(
        likelihood_adds(lambda beta, gamma, alpha: alpha),
        "T4",
        "gold_enters_by_likelihood_alone",
        "the gold answer enters only as α times its NLL: nothing compares it with chosen",
    ),
)


# SLiC: a hinge in the gap


def hinge_formula(loss, x, p):
    """max(0, δ - gap): 0 from a gap of δ on, slope -1 before"""
    assert_close(preference(loss, x[0], x[1], p), np.maximum(0.0, p["delta"] - (x[0] - x[1])))


def scales_with_the_units(loss, x, p, scale):
    """in other units, scale · log-probs and scale · δ, it is scale times as large"""
    bigger = preference(loss, scale * x[0], scale * x[1], p | {"delta": scale * p["delta"]})
    assert_close(bigger, scale * preference(loss, x[0], x[1], p))


SLIC = example_laws(
    law(tie_costs(lambda delta, lam: delta), "SL1", "tie_costs_delta", "a tie costs δ"),
    FINITE,
    SHIFT,
    WAY,
    law(scales_with_the_units, "SL5", scale=floats(0.1, 4.0)),
    law(
        likelihood_adds(lambda delta, lam: lam),
        "SL6",
        "likelihood_is_added",
        "λ times the NLL is added, once",
    ),
    law(hinge_formula, "L1"),
)
