"""What a law is: a name, one sentence, and a few lines that raise `Broken` if it fails."""

from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np


class Broken(AssertionError):
    """The function under test contradicts a law; the message says what it gave and what was due."""


class NotApplicable(Exception):
    """The law asks for something this function fixes, such as another beta."""


@dataclass(frozen=True)
class Statement:
    """A law before it is bound to a spec: `check(loss, x, p, …)` raises Broken or returns."""

    check: Callable
    ref: str  # short id, a column of data and never shown in place of the name
    name: str
    sentence: str
    extras: dict = field(default_factory=dict)  # further inputs to draw, by argument name
    when: dict = field(default_factory=dict)  # declared conventions without which it is silent


def law(check, ref, name=None, sentence=None, /, *, when=None, **extras):
    """One line of a table of laws, named and worded as `check` is.

    A closure is called `check` whatever it checks: its name and sentence are given here.
    """
    sentence = sentence or " ".join(check.__doc__.split())
    return Statement(check, ref, name or check.__name__, sentence, extras, when or {})


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


def _broadcast_floats(one, other):
    """Both as floats, in one shape."""
    return np.broadcast_arrays(np.asarray(one, dtype=float), np.asarray(other, dtype=float))


def assert_close(actual, expected, *, tolerance=None, what="gives"):
    """Broken unless the two agree everywhere to rounding."""
    tolerance = rounding() if tolerance is None else tolerance
    actual, expected = _broadcast_floats(actual, expected)
    # relative and absolute: values run from 0 to thousands
    if not np.allclose(actual, expected, rtol=tolerance, atol=tolerance):
        raise Broken(f"{what} {show(actual)}, want {show(expected)}")


def assert_slope_close(actual, expected, *, tolerance=1e-5, what="has slope"):
    """As `assert_close`, with the error of central differences; slopes are taken in float64."""
    assert_close(actual, expected, tolerance=tolerance, what=what)


def assert_at_most(small, large, *, tolerance=None, what="gives"):
    """Broken unless small ≤ large everywhere, to rounding."""
    tolerance = rounding() if tolerance is None else tolerance
    small, large = _broadcast_floats(small, large)
    if not np.all(small <= large + tolerance * (1 + np.abs(large))):
        raise Broken(f"{what} {show(small)}, want at most {show(large)}")


def assert_different(actual, other, *, by=1e-6):
    """Broken if the two agree: some inputs are not allowed to be ignored."""
    if np.all(np.abs(np.asarray(actual, dtype=float) - np.asarray(other, dtype=float)) < by):
        raise Broken(f"gives {show(actual)} both times, want two different values")


def show(value):
    """A number or array as a person would write it."""
    array = np.asarray(value, dtype=float)
    return np.array2string(array, precision=6, separator=", ", threshold=24).replace("\n", "")
