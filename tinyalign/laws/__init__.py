"""Property-test anybody's alignment loss: laws, a judge, and a museum of silent bugs.

Needs NumPy and Hypothesis, and nothing of the rest of tinyalign, which it judges too.
"""

from tinyalign.laws.judge import Law, Verdict, laws_for
from tinyalign.laws.law import Broken
from tinyalign.laws.methods import METHODS
from tinyalign.laws.named import method_named, require_known
from tinyalign.laws.signature import CannotCall

__all__ = ["METHODS", "Broken", "CannotCall", "Law", "Verdict", "assert_lawful", "laws_of"]


def laws_of(method):
    """The laws that pin a method down, simplest first; each can be called with a function."""
    return laws_for(method_named(method))


def assert_lawful(fn, method, *, framework="numpy", dtype="float64", **conventions):
    """AssertionError at the first law of the method that fn breaks, simplest law first.

    raises  CannotCall for a convention that the method does not have, and where no law applies,
            for that is no success
    """
    chosen = method_named(method)
    require_known(chosen, conventions)
    how = {"framework": framework, "dtype": dtype, **conventions}
    if not any([law(fn, **how) for law in laws_for(chosen)]):
        raise CannotCall(f"no law of {method} applies to this function with these conventions.")
