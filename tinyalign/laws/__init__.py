"""Property-test anybody's alignment loss: laws, a judge, and a museum of silent bugs.

Needs NumPy and Hypothesis, and nothing of the rest of tinyalign, which it judges too.
"""

from tinyalign.laws.catalogue.lookup import find_spec, require_known
from tinyalign.laws.catalogue.table import METHODS
from tinyalign.laws.harness.judge import Law, Verdict, laws_for
from tinyalign.laws.harness.law import Broken
from tinyalign.laws.harness.signature import CannotCall

__all__ = ["METHODS", "Broken", "CannotCall", "Law", "Verdict", "assert_lawful", "laws_of"]


def laws_of(method):
    """The laws that pin a method down, simplest first; each can be called with a function."""
    return laws_for(find_spec(method))


def assert_lawful(fn, method, *, framework="numpy", dtype="float64", **conventions):
    """AssertionError at the first law of the method that fn breaks, simplest law first.

    raises  CannotCall for a convention that the method does not have, and where no law applies,
            for that is no success
    """
    chosen = find_spec(method)
    require_known(chosen, conventions)
    how = {"framework": framework, "dtype": dtype, **conventions}
    # a list, not a generator: every law is asked
    if not any([law(fn, **how) for law in laws_for(chosen)]):
        raise CannotCall(f"no law of {method} applies to this function with these conventions.")
