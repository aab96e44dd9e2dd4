"""Pair and triple losses without a reference: SimPO, ORPO, CPO, SLiC, TPO.

x is (chosen, rejected) or (chosen, rejected, some NLL); LO is the difference of the log-odds.
"""

import numpy as np

from tinyalign.laws.domain import floats, log_sigmoid, per_row, shifts, sigmoid
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import Broken, at_most, law, same, same_slope

LOG2 = np.log(2.0)


def preference(loss, chosen, rejected, p):
    """The loss with its likelihood term, if it has one, at 0."""
    chosen, rejected = np.broadcast_arrays(*np.atleast_1d(chosen, rejected))
    rest = [np.zeros(len(chosen))] * (len(loss.method.arrays) - 2)
    return loss(chosen, rejected, *rest, **p)


def log_odds(a):
    """log p/(1-p) for p = exp(a), by the form that is stable near each end."""
    a = np.asarray(a, dtype=float)
    near_one = np.log(-np.expm1(np.minimum(a, -1e-300)))
    return a - np.where(a > -LOG2, near_one, np.log1p(-np.exp(np.minimum(a, -LOG2))))


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


def without_weight_only_likelihood(loss, x, p):
    """lam = 0 leaves the NLL alone"""
    same(loss(*x, **p | {"lam": 0.0}), x[2])


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


# ORPO: -log σ of the difference of log-odds


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


def odds_laws(weight):
    """The odds-ratio term, times a weight."""
    return (
        law(
            "O1", tie_costs(lambda **p: weight(**p) * LOG2), sentence="a tie costs log 2 (times λ)"
        ),
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
        law(
            "O2",
            preference_slopes(odds_slopes(weight)),
            sentence="the slopes are -σ(-LO)/(1-p_w) and +σ(-LO)/(1-p_l) (times λ)",
        ),
    )


ODDS_RATIO = example_laws(*odds_laws(lambda: 1.0))
ORPO = example_laws(
    law("O4b", without_weight_only_likelihood),
    law("OR4", likelihood_adds(lambda lam: 1.0), sentence="the NLL is added, once"),
    *odds_laws(lambda lam: lam),
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
