"""CPO and SimPO with label smoothing. x is chosen, rejected, and for CPO the chosen answer's NLL.

z is the argument of SimPO's or CPO's sigmoid, ε the chance that a label is wrong.
"""

import numpy as np

from tinyalign.laws.catalogue.domain import log_sigmoid, sigmoid
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law


def cpo_z(x, p):
    return p["beta"] * (x[0] - x[1]), p["alpha"] * x[2]


def simpo_z(x, p):
    return p["beta"] * (x[0] - x[1]) - p["gamma"], 0.0


def without_flips(argument):
    def check(loss, x, p):
        z, rest = argument(x, p)
        assert_close(loss(*x, **p | {"flip": 0.0}), -log_sigmoid(z) + rest)

    return check


def flips_interpolate(loss, x, p):
    """it is linear in ε: half of ε costs the mean of no ε and all of it"""
    none, half, full = (loss(*x, **p | {"flip": part * p["flip"]}) for part in (0.0, 0.5, 1.0))
    assert_close(half, (none + full) / 2)


def a_flip_adds_its_argument(argument):
    def check(loss, x, p):
        z, _ = argument(x, p)
        assert_close(loss(*x, **p) - loss(*x, **p | {"flip": 0.0}), p["flip"] * z)

    return check


def least_at_the_label_odds(argument):
    def check(loss, x, p):
        p = p | {"flip": min(max(p["flip"], 0.01), 0.49)}
        # moved so that z is log((1-ε)/ε)
        z, _ = argument(x, p)
        odds = np.log((1 - p["flip"]) / p["flip"])
        best = (x[0] + (odds - z) / p["beta"], *x[1:])
        assert_slope_close(loss.grad(best, 0, **p), 0.0)

    return check


def smoothed_slopes(argument):
    def check(loss, x, p):
        z, _ = argument(x, p)
        want = p["beta"] * (sigmoid(z) - (1 - p["flip"]))
        assert_slope_close(loss.grad(x, 0, **p), want)
        assert_slope_close(loss.grad(x, 1, **p), -want)

    return check


def likelihood_is_not_smoothed(loss, x, p):
    """the likelihood term counts whole, whatever ε"""
    assert_slope_close(loss.grad(x, 2, **p), np.full_like(x[2], p["alpha"]))


def smoothed(argument, plain, *more):
    return example_laws(
        law(without_flips(argument), "CD1", "without_flips_it_is_plain", f"flip = 0 is {plain}"),
        law(flips_interpolate, "CD5"),
        law(
            a_flip_adds_its_argument(argument),
            "CD6",
            "a_flip_adds_its_argument",
            "ε adds ε · z: -log σ(-z) = -log σ(z) + z",
        ),
        *more,
        law(
            least_at_the_label_odds(argument),
            "D8",
            "least_at_the_label_odds",
            "the slope of the preference term is 0 where z = log((1-ε)/ε)",
        ),
        law(smoothed_slopes(argument), "CD4", "closed_form_slopes", "dL/dz = σ(z) - (1-ε)"),
    )


CONSERVATIVE_CPO = smoothed(cpo_z, "CPO", law(likelihood_is_not_smoothed, "CD7"))
CONSERVATIVE_SIMPO = smoothed(simpo_z, "SimPO")
