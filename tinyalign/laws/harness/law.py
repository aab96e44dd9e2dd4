"""What a law is: a name, one sentence, and a few lines that raise `Broken` if it fails."""

from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np

from tinyalign.laws.outcomes import Broken


@dataclass(frozen=True)
class Statement:
    """A law before it is bound to a spec: `check(loss, x, p, …)` raises Broken or returns."""

    check: Callable
    ref: str  # short id, a column of data and never shown in place of the name
    name: str
    sentence: str
    extras: dict = field(default_factory=dict)  # further inputs to draw, by argument name
    when: dict = field(default_factory=dict)  # declared conventions without which it is silent
    of_batch: bool = False  # whether it is about several examples together


def law(check, ref, name=None, sentence=None, /, *, when=None, of_batch=False, **extras):
    """One line of a table of laws, named and worded as `check` is.

    A closure is called `check` whatever it checks: its name and sentence are given here.
    """
    sentence = sentence or " ".join(check.__doc__.split())
    return Statement(check, ref, name or check.__name__, sentence, extras, when or {}, of_batch)


precision = ContextVar("precision", default="float64")  # of the function under test


@contextmanager
def use_precision(dtype):
    """Laws allow for the rounding of this precision while the block lasts."""
    before = precision.set(dtype)
    try:
        yield
    finally:
        precision.reset(before)


def rounding(double=1e-9, single=1e-3):
    """The tolerance of a law, by the precision of the function under test."""
    # float32 keeps seven digits, of which sums and exponentials lose some
    return {"float64": double, "float32": single}[precision.get()]


slack = ContextVar("slack", default=(0.0, []))  # no tolerance is below it; what it let pass


@contextmanager
def use_slack(tolerance):
    """Laws allow for errors of this relative size while the block lasts; gives the list of them."""
    passed = []
    before = slack.set((tolerance, passed))
    try:
        yield passed
    finally:
        slack.reset(before)


def _let_pass(gap, within):
    """Whether the slack covers it, which is then kept."""
    tolerance, passed = slack.get()
    if within(tolerance):
        passed.append(gap)
        return True
    return False


def _broadcast_floats(one, other):
    """Both as floats, in one shape."""
    return np.broadcast_arrays(np.asarray(one, dtype=float), np.asarray(other, dtype=float))


def assert_close(actual, expected, *, tolerance=None, what="gives"):
    """Broken unless the two agree everywhere to rounding."""
    tolerance = rounding() if tolerance is None else tolerance
    actual, expected = _broadcast_floats(actual, expected)

    def within(some):
        # relative and absolute: values run from 0 to thousands
        return np.allclose(actual, expected, rtol=some, atol=some)

    if not within(tolerance):
        gap = _gap(actual - expected, expected)
        if not _let_pass(gap, within):
            one, other = show_both(actual, expected)
            raise Broken(f"{what} {one}, want {other}", gap)


def assert_slope_close(actual, expected, *, tolerance=None, what="has slope"):
    """As `assert_close`, with the error of central differences or of float32."""
    tolerance = rounding(1e-5, 1e-3) if tolerance is None else tolerance
    assert_close(actual, expected, tolerance=tolerance, what=what)


def assert_at_most(small, large, *, tolerance=None, what="gives"):
    """Broken unless small ≤ large everywhere, to rounding."""
    tolerance = rounding() if tolerance is None else tolerance
    small, large = _broadcast_floats(small, large)

    def within(some):
        return np.all(small <= large + some * (1 + np.abs(large)))

    if not within(tolerance):
        gap = _gap(np.maximum(small - large, 0.0), large)
        if not _let_pass(gap, within):
            one, other = show_both(small, large)
            raise Broken(f"{what} {one}, want at most {other}", gap)


def assert_at_least(actual, bound, *, tolerance=None):
    """Broken unless actual ≥ bound everywhere, to rounding."""
    actual, bound = _broadcast_floats(actual, bound)
    try:
        # the tolerance of the two is that of the larger one, whichever was found
        assert_at_most(bound, actual, tolerance=tolerance)
    except Broken as error:
        one, other = show_both(actual, bound)
        raise Broken(f"gives {one}, want at least {other}", error.gap) from None


def assert_different(actual, other, *, by=1e-6, floor=0.0):
    """Broken if the two agree: some inputs are not allowed to be ignored.

    by     relative to their size: near saturation a sigmoid moves little, and moves all the same
    floor  absolute, for a sum that may be 0 but for rounding
    """
    actual, other = _broadcast_floats(actual, other)
    size = np.maximum(np.abs(actual), np.abs(other))
    if np.all(np.abs(actual - other) <= np.maximum(by * np.minimum(1.0, size), floor)):
        raise Broken(f"gives {show(actual)} both times, want two different values")


def _gap(difference, wanted):
    """The largest difference, relative to what was wanted where that exceeds 1."""
    largest = np.max(np.abs(difference) / np.maximum(1.0, np.abs(wanted)), initial=0.0)
    return np.inf if np.isnan(largest) else float(largest)


def show(value, digits=6):
    """A number or array as a person would write it."""
    array = np.asarray(value, dtype=float)
    return np.array2string(array, precision=digits, separator=", ", threshold=24).replace("\n", "")


def show_both(one, other):
    """Both with as many digits as it takes to see the first difference."""
    for digits in range(6, 17):
        if show(one, digits) != show(other, digits):
            break
    return show(one, digits), show(other, digits)
