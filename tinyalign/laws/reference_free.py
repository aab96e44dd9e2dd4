"""Pair and triple losses without a reference: SimPO, CPO, TPO, SLiC, and what ORPO has of them.

x is (chosen, rejected) or (chosen, rejected, some NLL).
"""

import numpy as np

from tinyalign.laws.domain import LOG2, floats, per_row, shifts, sigmoid
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import Broken, at_most, law, same, same_slope


def preference(loss, chosen, rejected, p):
    """The loss with its likelihood term, if it has one, at 0."""
    chosen, rejected = np.broadcast_arrays(*np.atleast_1d(chosen, rejected))
    rest = [np.zeros(len(chosen))] * (len(loss.method.arrays) - 2)
    return loss(chosen, rejected, *rest, **p)


def tie_costs(value):
    def check(loss, x, p):
        same(preference(loss, x[0], x[0], p), value(**p))

    return check


def likelihood_adds(weight):
    """The NLL enters as weight · NLL and in no other way."""

    def check(loss, x, p):
        want = preference(loss, x[0], x[1], p) + weight(**p) * x[2]
        same(loss(*x, **p), want)

    return check


def preference_slopes(formula):
    def check(loss, x, p):
        still = (x[0], x[1], *[np.zeros(len(x[0]))] * (len(x) - 2))
        want = formula(x[0], x[1], **p)
        same_slope(loss.slope(still, 0, **p), want[0])
        same_slope(loss.slope(still, 1, **p), want[1])

    return check


def swap_adds(difference):
    def check(loss, x, p):
        there, back = preference(loss, x[0], x[1], p), preference(loss, x[1], x[0], p)
        same(there, back + difference(x[0], x[1], **p))

    return check


def common_shift_cancels(loss, x, p, c):
    """adding c to both log-probs changes nothing"""
    c = per_row(c, x)
    same(preference(loss, x[0] + c, x[1] + c, p), preference(loss, x[0], x[1], p))


def finite_far_out(loss, x, p):
    """it stays finite at log-probs of -10 000"""
    for pair in ((-1e4, -1.0), (-1.0, -1e4), (-1e4, -1e4)):
        if not np.all(np.isfinite(preference(loss, *pair, p))):
            raise Broken("gives inf")


def right_way_round(loss, x, p):
    """raising chosen does not raise it, raising rejected does not lower it"""
    here = preference(loss, x[0], x[1], p)
    at_most(preference(loss, x[0] + 0.005, x[1], p), here)
    at_most(here, preference(loss, x[0], x[1] + 0.005, p))


SHIFT = law("SM2", common_shift_cancels, c=shifts)
FINITE = law("C.D6", finite_far_out)
WAY = law("OR1", right_way_round)


# SimPO, CPO, TPO and TPO-L: -log σ(β · gap - γ)


def even_at_the_margin(loss, x, p):
    """log 2 exactly where the gap is γ/β"""
    same(preference(loss, x[1] + p["gamma"] / p["beta"], x[1], p), LOG2)


def gamma_is_a_margin(loss, x, p):
    """γ counts against the gap: it does what lowering chosen by γ/β does"""
    lowered = preference(loss, x[0] - p["gamma"] / p["beta"], x[1], p | {"gamma": 0.0})
    same(preference(loss, x[0], x[1], p), lowered)


def without_margin_antisymmetric(loss, x, p):
    """γ = 0: swapping the pair adds β · gap"""
    p = p | {"gamma": 0.0}
    back = preference(loss, x[1], x[0], p)
    same(preference(loss, x[0], x[1], p), back - p["beta"] * (x[0] - x[1]))


def simpo_slopes(chosen, rejected, *, beta, gamma, **rest):
    slope = -beta * sigmoid(gamma - beta * (chosen - rejected))
    return slope, -slope


def cpo_slopes(chosen, rejected, *, beta, **rest):
    return simpo_slopes(chosen, rejected, beta=beta, gamma=0.0)


SIMPO_TERM = (
    law("M1", even_at_the_margin),
    FINITE,
    SHIFT,
    law("M1b", without_margin_antisymmetric),
    law("SM4", gamma_is_a_margin),
    law("SM1", preference_slopes(simpo_slopes), sentence="the slopes are ∓βσ(γ - β·gap)"),
)
CPO_TERM = (
    law("CP1", tie_costs(lambda beta, alpha: LOG2), sentence="a tie costs log 2"),
    FINITE,
    SHIFT,
    law(
        "CP2",
        swap_adds(lambda w, r, beta, alpha: -beta * (w - r)),
        sentence="swapping the pair adds β · gap",
    ),
    law("CP4", preference_slopes(cpo_slopes), sentence="the slopes are ∓βσ(-β·gap)"),
)
SIMPO = example_laws(*SIMPO_TERM)
CPO = example_laws(
    *CPO_TERM,
    law(
        "CP5", likelihood_adds(lambda beta, alpha: alpha), sentence="α times the NLL is added, once"
    ),
)
TPO = example_laws(
    *CPO_TERM,
    law(
        "T4",
        likelihood_adds(lambda beta, alpha: alpha),
        sentence="the gold answer enters only as α times its NLL: nothing compares it with chosen",
    ),
)
TPO_L = example_laws(
    *SIMPO_TERM,
    law(
        "T4",
        likelihood_adds(lambda beta, gamma, alpha: alpha),
        sentence="the gold answer enters only as α times its NLL: nothing compares it with chosen",
    ),
)


# SLiC: a hinge in the gap


def hinge_value(loss, x, p):
    """max(0, δ - gap): 0 from a gap of δ on, slope -1 before"""
    same(preference(loss, x[0], x[1], p), np.maximum(0.0, p["delta"] - (x[0] - x[1])))


def units_cancel(loss, x, p, scale):
    """in other units, scale · log-probs and scale · δ, it is scale times as large"""
    bigger = preference(loss, scale * x[0], scale * x[1], p | {"delta": scale * p["delta"]})
    same(bigger, scale * preference(loss, x[0], x[1], p))


SLIC = example_laws(
    law("SL1", tie_costs(lambda delta, lam: delta), sentence="a tie costs δ"),
    FINITE,
    SHIFT,
    WAY,
    law("SL5", units_cancel, scale=floats(0.1, 4.0)),
    law("SL6", likelihood_adds(lambda delta, lam: lam), sentence="λ times the NLL is added, once"),
    law("L1", hinge_value),
)
