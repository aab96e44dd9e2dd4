"""Property-test anybody's alignment loss: laws, a judge, and a museum of silent bugs.

Needs NumPy and Hypothesis, and nothing of the rest of tinyalign, which it judges too.
"""

from tinyalign.laws.judge import Law, Verdict, laws_for
from tinyalign.laws.law import Broken
from tinyalign.laws.methods import BY_NAME, METHODS
from tinyalign.laws.signature import CannotCall

__all__ = ["METHODS", "Broken", "CannotCall", "Law", "Verdict", "assert_lawful", "laws_of"]


def laws_of(method):
    """The laws that pin a method down, simplest first; each can be called with a function."""
    if method not in BY_NAME:
        raise ValueError(f"no method {method!r}; known: {', '.join(sorted(BY_NAME))}")
    return laws_for(BY_NAME[method])


def assert_lawful(fn, method, *, framework="numpy", dtype="float64", **conventions):
    """AssertionError at the first law of the method that fn breaks, simplest law first."""
    for law in laws_of(method):
        law(fn, framework=framework, dtype=dtype, **conventions)
