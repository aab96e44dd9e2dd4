"""Laws that several pair losses with a reference share. x is chosen, rejected, both references.

Below, h is a log-ratio to the reference, D the difference of the two, and z = beta · D.
"""

import numpy as np

from tinyalign.laws.catalogue.domain import floats, per_row, shifts
from tinyalign.laws.catalogue.formulas import formula_of
from tinyalign.laws.harness.law import (
    assert_at_least,
    assert_at_most,
    assert_close,
    assert_different,
    assert_slope_close,
    law,
)
from tinyalign.laws.outcomes import Broken


def log_ratios(x):
    chosen, rejected, ref_chosen, ref_rejected = x
    return chosen - ref_chosen, rejected - ref_rejected


def at_reference(x):
    """The same batch before the first step: the policy is the reference."""
    return x[2], x[3], x[2], x[3]


def swap(x):
    return x[1], x[0], x[3], x[2]


def pair_with(a, b):
    """A pair whose log-ratios are a and b."""
    a, b = np.broadcast_arrays(np.atleast_1d(a).astype(float), np.atleast_1d(b).astype(float))
    # any reference does where only log-ratios count
    return a - 7.0, b - 9.0, np.full_like(a, -7.0), np.full_like(b, -9.0)


def starts_at(value):
    """Where policy and reference agree the loss has one value, whatever the log-probs."""

    def check(loss, x, p):
        assert_close(loss(*at_reference(x), **p), value(**p))

    return check


def slopes_are(formula):
    """Both derivatives in closed form, as functions of the two log-ratios."""

    def check(loss, x, p):
        want = formula(*log_ratios(x), **p)
        assert_slope_close(loss.grad(x, 0, **p), want[0])
        assert_slope_close(loss.grad(x, 1, **p), want[1])

    return check


def chosen_up_rejected_down(loss, x, p):
    """at the reference raising chosen lowers the loss as fast as raising rejected raises it"""
    start = at_reference(x)
    up, down = loss.grad(start, 0, **p), loss.grad(start, 1, **p)
    assert_slope_close(up, -down)
    # strictly: a loss that is flat there would pass the line above
    assert_at_most(up, -1e-6, tolerance=0, what="has slope")


def only_log_ratios_count(loss, x, p, c):
    """moving a log-prob together with its reference changes nothing: only log-ratios count"""
    w, rejected, rw, rl = x
    c = per_row(c, x)
    # another shift for rejected, or a common one would hide a missing reference
    assert_close(loss(w + c, rejected + 2 * c, rw + c, rl + 2 * c, **p), loss(*x, **p))


def reads_the_reference(loss, x, p):
    """another reference gives another loss"""
    w, rejected, rw, rl = at_reference(x)
    start = loss(w, rejected, rw, rl, **p)
    # three points: a parabola may well agree at two
    once, twice = (loss(w, rejected, rw - s, rl + s, **p) for s in (1.0, 2.0))
    assert_different(np.concatenate([once, twice]), np.concatenate([start, start]))


def prompt_shift_cancels(loss, x, p, c):
    """adding c(x) to both policy log-probs changes nothing: log Z(x) cancels"""
    c = per_row(c, x)
    assert_close(loss(x[0] + c, x[1] + c, x[2], x[3], **p), loss(*x, **p))


def prompt_shift_matters(loss, x, p):
    """adding c to both policy log-probs does change it: this loss is anchored"""
    # near the reference no sigmoid has saturated
    w, rejected, rw, rl = at_reference(x)
    assert_different(loss(w - 2, rejected - 2, rw, rl, **p), loss(w, rejected, rw, rl, **p))


def terms_are_separate(loss, x, p, c):
    """two separate terms: moving one answer costs the same wherever the other is"""
    w, rejected, rw, rl = x
    # for a sum of two terms the mixed second difference is 0
    moved = loss(w - 1, rejected - c**2 - 1, rw, rl, **p) + loss(*x, **p)
    assert_close(
        moved, loss(w - 1, rejected, rw, rl, **p) + loss(w, rejected - c**2 - 1, rw, rl, **p)
    )


def finite_at_extremes(loss, x, p):
    """it stays finite at log-probs of -10 000"""
    far, near = np.array([-1e4, -1.0, -1e4]), np.array([-1.0, -1e4, -1e4])
    # far from the reference on one side, once in each direction
    for pair in ((far, near, near, near), (near, far, far, near)):
        if not np.all(np.isfinite(loss(*pair, **p))):
            raise Broken("gives inf")


def right_far_out(loss, x, p):
    """it is right, and not only finite, at log-probs of -10 000"""
    far, near = np.array([-1e4, -1.0, -1e4]), np.array([-1.0, -1e4, -1e4])
    # the references, or the likelihoods where there are none, are those of an ordinary answer
    rest = [np.ones(3) if "nll" in name else -np.ones(3) for name in loss.spec.arrays[2:]]
    for pair in ((far, near, *rest), (near, far, *rest)):
        # a nan_to_num makes it finite, and wrong
        assert_close(loss(*pair, **p), formula_of(loss.spec.name)(*pair, **p))


def swap_adds(difference):
    """L(chosen, rejected) = L(rejected, chosen) + something known."""

    def check(loss, x, p):
        a, b = log_ratios(x)
        assert_close(loss(*x, **p), loss(*swap(x), **p) + difference(a - b, **p))

    return check


def never_below(bound):
    def check(loss, x, p):
        assert_at_least(loss(*x, **p), bound(*log_ratios(x), **p))

    return check


def never_above(bound):
    def check(loss, x, p):
        assert_at_most(loss(*x, **p), bound(*log_ratios(x), **p))

    return check


# lines that the tables of several methods share
RATIOS = law(only_log_ratios_count, "D6", c=shifts)
REFERENCE = law(reads_the_reference, "D6b")
SHIFT = law(prompt_shift_cancels, "D3", c=shifts)
ANCHORED = law(prompt_shift_matters, "D3-not")
FINITE = law(finite_at_extremes, "C.D6")
DIRECTION = law(chosen_up_rejected_down, "C.D3")
FAR = law(right_far_out, "far")
SEPARATE = law(terms_are_separate, "SP2", c=floats(-3.0, 3.0))
gaps = floats(-20.0, 20.0)
