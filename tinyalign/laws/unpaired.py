"""KTO: one answer, a thumb up or down. x is (logp, ref_logp, desirable, z0)."""

import numpy as np

from tinyalign.laws.divergence import never_negative, zero_at_equality
from tinyalign.laws.domain import floats, sigmoid
from tinyalign.laws.general import autodiff_slope, example_laws, whole_laws
from tinyalign.laws.law import Broken, at_most, law, same, same_slope

UP, DOWN = "weight_desirable", "weight_undesirable"


def weights(desirable, p):
    return np.where(desirable, p[UP], p[DOWN])


def half_at_the_reference(loss, x, p):
    """policy = reference and z0 = 0: half the weight"""
    logp, _, desirable, _ = x
    same(loss(logp, logp, desirable, np.array(0.0), **p), weights(desirable, p) / 2)


def up_and_down_make_one(loss, x, p):
    """at equal weights of 1 the two labels' losses add to 1"""
    logp, ref, desirable, z0 = x
    p = p | {UP: 1.0, DOWN: 1.0}
    same(loss(logp, ref, desirable, z0, **p) + loss(logp, ref, ~desirable, z0, **p), 1.0)


def bounded(loss, x, p):
    """between 0 and the weight: no log"""
    at_most(0.0, loss(*x, **p))
    at_most(loss(*x, **p), weights(x[2], p))


def weight_multiplies(loss, x, p):
    """a weight is a plain factor"""
    doubled = p | {UP: 2 * p[UP], DOWN: 3 * p[DOWN]}
    same(loss(*x, **doubled), np.where(x[2], 2.0, 3.0) * loss(*x, **p))


def reference_point_moves_along(loss, x, p, c):
    """log-ratio and z0 count only as their difference"""
    logp, ref, desirable, z0 = x
    same(loss(logp + c, ref, desirable, z0 + c, **p), loss(*x, **p))


def level_matters(loss, x, p):
    """raising only the log-ratio does change it: z0 is not ignored, nor the level"""
    logp, _, desirable, _ = x
    here = loss(logp, logp, desirable, np.array(0.0), **p)
    for z0, level in ((0.0, 1.0), (1.0, 0.0)):
        there = loss(logp + level, logp, desirable, np.array(z0), **p)
        if np.any(np.abs(here - there) < 1e-4 * weights(desirable, p)):
            raise Broken("ignores the log-ratio" if level else "ignores z0")


def flat_far_away(loss, x, p):
    """the slope dies on both sides, also where the label is badly violated"""
    _, ref, desirable, z0 = x
    far = 60.0 / p["beta"]
    for side in (far, -far):
        same_slope(loss.slope((ref + z0 + side, ref, desirable, z0), 0, **p), 0.0)


def contradictions_cancel(loss, x, p):
    """the same answer once up, once down: no slope at equal weights"""
    logp, ref, desirable, z0 = x
    p = p | {UP: 1.0, DOWN: 1.0}
    slope = loss.slope((logp, ref, ~desirable, z0), 0, **p)
    same_slope(slope, -loss.slope(x, 0, **p))


def kto_slope(loss, x, p):
    """the slope is -λβs(1-s) for a thumb up, +λβs(1-s) for a thumb down, s = σ(β(h - z0))"""
    logp, ref, desirable, z0 = x
    s = sigmoid(p["beta"] * (logp - ref - z0))
    want = weights(desirable, p) * p["beta"] * s * (1 - s) * np.where(desirable, -1.0, 1.0)
    same_slope(loss.slope(x, 0, **p), want)


KTO = example_laws(
    law("K1", half_at_the_reference),
    law("K2b", bounded),
    law("K2", up_and_down_make_one),
    law("K6", weight_multiplies),
    law("K4", level_matters),
    law("K4b", reference_point_moves_along, c=floats(-30.0, 30.0)),
    law("K8", flat_far_away),
    law("K7", contradictions_cancel),
    law("K3", kto_slope),
)


def clamped_mean(loss, x, p):
    """the mean log-ratio of the mismatched pairs where that is positive, else 0; no factor beta"""
    same(loss(*x, **p), max(0.0, np.mean(x[0] - x[1])))


def no_slope_through(loss, x, p):
    """a constant to the gradient: its own derivative is 0"""
    same(autodiff_slope(loss, x, 0, p), 0.0)


KTO_Z0 = whole_laws(
    law("K5a", zero_at_equality),
    law("K5b", never_negative),
    law("K5", clamped_mean),
    law("K5c", no_slope_through),
)
