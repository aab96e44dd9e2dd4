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
    """A law before it is bound to a method: `check(loss, x, p, …)` raises Broken or returns."""

    name: str
    check: Callable
    extras: dict = field(default_factory=dict)  # further inputs to draw, by argument name
    when: dict = field(default_factory=dict)  # declared conventions without which it is silent

    @property
    def sentence(self):
        return " ".join(self.check.__doc__.split())


def law(name, check, *, when=None, sentence=None, **extras):
    """One line of a table of laws; a sentence may be given where `check` is a shared closure."""
    if sentence is not None:
        check.__doc__ = sentence
    return Statement(name, check, extras, when or {})


precision = ContextVar("precision", default="float64")  # of the function under test


@contextmanager
def judged_in(dtype):
    """Laws leave the room that rounding in this precision needs, while the block lasts."""
    before = precision.set(dtype)
    try:
        yield
    finally:
        precision.reset(before)


def rounding(double=1e-9, single=1e-3):
    """The room that a law leaves, by the precision of the function under test."""
    return {"float64": double, "float32": single}[precision.get()]


def _alike(one, other):
    """Both as floats, in one shape."""
    return np.broadcast_arrays(np.asarray(one, dtype=float), np.asarray(other, dtype=float))


def same(actual, expected, *, room=None, what="gives"):
    """Broken unless the two agree everywhere to rounding."""
    room = rounding() if room is None else room
    actual, expected = _alike(actual, expected)
    if not np.allclose(actual, expected, rtol=room, atol=room):
        raise Broken(f"{what} {show(actual)}, want {show(expected)}")


def same_slope(actual, expected, *, room=1e-5, what="has slope"):
    """As `same`, with the room that central differences need; slopes are taken in float64."""
    same(actual, expected, room=room, what=what)


def at_most(small, large, *, room=None, what="gives"):
    """Broken unless small ≤ large everywhere, to rounding."""
    room = rounding() if room is None else room
    small, large = _alike(small, large)
    if not np.all(small <= large + room * (1 + np.abs(large))):
        raise Broken(f"{what} {show(small)}, want at most {show(large)}")


def differs(actual, other, *, by=1e-6):
    """Broken if the two agree: some inputs are not allowed to be ignored."""
    if np.all(np.abs(np.asarray(actual, dtype=float) - np.asarray(other, dtype=float)) < by):
        raise Broken(f"gives {show(actual)} both times, want two different values")


def show(value):
    """A number or array as a person would write it."""
    array = np.asarray(value, dtype=float)
    return np.array2string(array, precision=6, separator=", ", threshold=24).replace("\n", "")
