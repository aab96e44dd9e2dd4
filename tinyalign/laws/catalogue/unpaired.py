"""KTO: one answer, a thumb up or down. x is (logp, ref_logp, desirable, z0)."""

import numpy as np

from tinyalign.laws.catalogue.divergence import never_negative, zero_at_equality
from tinyalign.laws.catalogue.domain import floats, sigmoid
from tinyalign.laws.catalogue.general import autodiff_slope, example_laws, whole_laws
from tinyalign.laws.forms.kto_rows import own_z0
from tinyalign.laws.harness.law import (
    assert_at_least,
    assert_at_most,
    assert_close,
    assert_slope_close,
    law,
)
from tinyalign.laws.outcomes import Broken, NotApplicable

UP, DOWN = "weight_desirable", "weight_undesirable"


def weights(desirable, p):
    return np.where(desirable, p[UP], p[DOWN])


def half_the_weight_at_reference(loss, x, p):
    """policy = reference and z0 = 0: half the weight"""
    # σ(0) = ½
    logp, _, desirable, _ = x
    assert_close(loss(logp, logp, desirable, np.array(0.0), **p), weights(desirable, p) / 2)


def labels_add_to_one(loss, x, p):
    """at equal weights of 1 the two labels' losses add to 1"""
    logp, ref, desirable, z0 = x
    # with different weights the two would not balance
    p = p | {UP: 1.0, DOWN: 1.0}
    assert_close(loss(logp, ref, desirable, z0, **p) + loss(logp, ref, ~desirable, z0, **p), 1.0)


def between_zero_and_the_weight(loss, x, p):
    """between 0 and the weight: no log"""
    assert_at_least(loss(*x, **p), 0.0)
    assert_at_most(loss(*x, **p), weights(x[2], p))


def weight_is_a_factor(loss, x, p):
    """a weight is a plain factor"""
    # two factors, so that one weight used for both labels shows
    doubled = p | {UP: 2 * p[UP], DOWN: 3 * p[DOWN]}
    assert_close(loss(*x, **doubled), np.where(x[2], 2.0, 3.0) * loss(*x, **p))


def only_difference_to_z0_counts(loss, x, p, c):
    """log-ratio and z0 count only as their difference"""
    logp, ref, desirable, z0 = x
    assert_close(loss(logp + c, ref, desirable, z0 + c, **p), loss(*x, **p))


def reads_z0_and_the_log_ratio(loss, x, p):
    """raising only the log-ratio does change it: z0 is not ignored, nor the level"""
    logp, _, desirable, _ = x
    here = loss(logp, logp, desirable, np.array(0.0), **p)
    # the level moves alone, then z0 moves alone
    for z0, level in ((0.0, 1.0), (1.0, 0.0)):
        there = loss(logp + level, logp, desirable, np.array(z0), **p)
        if np.any(np.abs(here - there) < 1e-4 * weights(desirable, p)):
            raise Broken("ignores the log-ratio" if level else "ignores z0")


def slope_vanishes_far_out(loss, x, p):
    """the slope dies on both sides, also where the label is badly violated"""
    _, ref, desirable, z0 = x
    # β · 60/β = 60, where σ is flat to all digits
    far = 60.0 / p["beta"]
    for side in (far, -far):
        assert_slope_close(loss.grad((ref + z0 + side, ref, desirable, z0), 0, **p), 0.0)


def contradictory_labels_cancel(loss, x, p):
    """the same answer once up, once down: no slope at equal weights"""
    logp, ref, desirable, z0 = x
    p = p | {UP: 1.0, DOWN: 1.0}
    # the same answers with every label turned round
    slope = loss.grad((logp, ref, ~desirable, z0), 0, **p)
    assert_slope_close(slope, -loss.grad(x, 0, **p))


def kto_slope(loss, x, p):
    """the slope is -λβs(1-s) for a thumb up, +λβs(1-s) for a thumb down, s = σ(β(h - z0))"""
    logp, ref, desirable, z0 = x
    s = sigmoid(p["beta"] * (logp - ref - z0))
    # 1 - σ falls for a thumb up, σ rises for a thumb down
    want = weights(desirable, p) * p["beta"] * s * (1 - s) * np.where(desirable, -1.0, 1.0)
    assert_slope_close(loss.grad(x, 0, **p), want)


def own_z0_is_never_negative(loss, x, p):
    """a z0 worked out inside is 0 where the mismatched pairs' mean is below 0"""
    form = own_z0(loss.caller.fn)
    if form is None:
        raise NotApplicable("z0 is given to it")
    *others, z0 = x
    with form.below_zero():
        below = loss(*others, -1.0 - z0, **p)
    assert_close(below, loss(*others, np.array(0.0), **p))


def own_z0_has_no_gradient(loss, x, p):
    """a z0 worked out inside is a constant to the gradient"""
    if own_z0(loss.caller.fn) is None:
        raise NotApplicable("z0 is given to it")
    # above 0, where the cut at 0 has a slope of its own
    x = (*x[:3], x[3] + 1.0)
    assert_close(autodiff_slope(loss, x, 3, p), 0.0, what="has the slope")


KTO = example_laws(
    law(half_the_weight_at_reference, "K1"),
    law(between_zero_and_the_weight, "K2b"),
    law(labels_add_to_one, "K2"),
    law(weight_is_a_factor, "K6"),
    law(reads_z0_and_the_log_ratio, "K4"),
    law(only_difference_to_z0_counts, "K4b", c=floats(-30.0, 30.0)),
    law(slope_vanishes_far_out, "K8"),
    law(contradictory_labels_cancel, "K7"),
    law(kto_slope, "K3"),
    law(own_z0_is_never_negative, "K5d"),
    law(own_z0_has_no_gradient, "K5e"),
)


def mean_log_ratio_clamped_at_zero(loss, x, p):
    """the mean log-ratio of the mismatched pairs where that is positive, else 0; no factor beta"""
    assert_close(loss(*x, **p), max(0.0, np.mean(x[0] - x[1])))


def no_gradient_through_z0(loss, x, p):
    """a constant to the gradient: its own derivative is 0"""
    assert_close(autodiff_slope(loss, x, 0, p), 0.0)


KTO_Z0 = whole_laws(
    law(zero_at_equality, "K5a"),
    law(never_negative, "K5b"),
    law(mean_log_ratio_clamped_at_zero, "K5"),
    law(no_gradient_through_z0, "K5c"),
)
