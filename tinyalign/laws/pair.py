"""Laws that several pair losses with a reference share. x is chosen, rejected, both references.

Below, h is a log-ratio to the reference, D the difference of the two, and z = beta · D.
"""

import numpy as np

from tinyalign.laws.domain import floats, per_row, shifts
from tinyalign.laws.law import Broken, at_most, differs, law, same, same_slope


def log_ratios(x):
    chosen, rejected, ref_chosen, ref_rejected = x
    return chosen - ref_chosen, rejected - ref_rejected


def at_reference(x):
    """The same batch before the first step: the policy is the reference."""
    return x[2], x[3], x[2], x[3]


def swapped(x):
    return x[1], x[0], x[3], x[2]


def pair_with(a, b):
    """A pair whose log-ratios are a and b."""
    a, b = np.broadcast_arrays(np.atleast_1d(a).astype(float), np.atleast_1d(b).astype(float))
    return a - 7.0, b - 9.0, np.full_like(a, -7.0), np.full_like(b, -9.0)


def starts_at(value):
    """Where policy and reference agree the loss has one value, whatever the log-probs."""

    def check(loss, x, p):
        same(loss(*at_reference(x), **p), value(**p))

    return check


def slopes_are(formula):
    """Both derivatives in closed form, as functions of the two log-ratios."""

    def check(loss, x, p):
        want = formula(*log_ratios(x), **p)
        same_slope(loss.slope(x, 0, **p), want[0])
        same_slope(loss.slope(x, 1, **p), want[1])

    return check


def falls_to_the_right_side(loss, x, p):
    """at the reference raising chosen lowers the loss as fast as raising rejected raises it"""
    start = at_reference(x)
    up, down = loss.slope(start, 0, **p), loss.slope(start, 1, **p)
    same_slope(up, -down)
    at_most(up, -1e-6, room=0, what="has slope")


def only_ratios(loss, x, p, c):
    """moving a log-prob together with its reference changes nothing: only log-ratios count"""
    w, rejected, rw, rl = x
    c = per_row(c, x)
    same(loss(w + c, rejected + 2 * c, rw + c, rl + 2 * c, **p), loss(*x, **p))


def reads_the_reference(loss, x, p):
    """another reference gives another loss"""
    w, rejected, rw, rl = at_reference(x)
    start = loss(w, rejected, rw, rl, **p)
    # three points: a parabola may well agree at two
    once, twice = (loss(w, rejected, rw - s, rl + s, **p) for s in (1.0, 2.0))
    differs(np.concatenate([once, twice]), np.concatenate([start, start]))


def prompt_shift_cancels(loss, x, p, c):
    """adding c(x) to both policy log-probs changes nothing: log Z(x) cancels"""
    c = per_row(c, x)
    same(loss(x[0] + c, x[1] + c, x[2], x[3], **p), loss(*x, **p))


def prompt_shift_matters(loss, x, p):
    """adding c to both policy log-probs does change it: this loss is anchored"""
    w, rejected, rw, rl = at_reference(x)
    differs(loss(w - 2, rejected - 2, rw, rl, **p), loss(w, rejected, rw, rl, **p))


def finite_far_out(loss, x, p):
    """it stays finite at log-probs of -10 000"""
    far, near = np.array([-1e4, -1.0, -1e4]), np.array([-1.0, -1e4, -1e4])
    for pair in ((far, near, near, near), (near, far, far, near)):
        if not np.all(np.isfinite(loss(*pair, **p))):
            raise Broken("gives inf")


def swap_adds(difference):
    """L(chosen, rejected) = L(rejected, chosen) + something known."""

    def check(loss, x, p):
        a, b = log_ratios(x)
        same(loss(*x, **p), loss(*swapped(x), **p) + difference(a - b, **p))

    return check


def never_below(bound):
    def check(loss, x, p):
        at_most(bound(*log_ratios(x), **p), loss(*x, **p))

    return check


def never_above(bound):
    def check(loss, x, p):
        at_most(loss(*x, **p), bound(*log_ratios(x), **p))

    return check


RATIOS = law("D6", only_ratios, c=shifts)
REFERENCE = law("D6b", reads_the_reference)
SHIFT = law("D3", prompt_shift_cancels, c=shifts)
ANCHORED = law("D3-not", prompt_shift_matters)
FINITE = law("C.D6", finite_far_out)
DIRECTION = law("C.D3", falls_to_the_right_side)
gaps = floats(-20.0, 20.0)
