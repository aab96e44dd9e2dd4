"""Property-test anybody's alignment loss: laws, a judge, and a museum of silent bugs.

Needs NumPy and Hypothesis, and nothing of the rest of tinyalign, which it judges too.
"""

import inspect

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import find_spec, require_known
from tinyalign.laws.catalogue.table import METHODS
from tinyalign.laws.forms.wrapper import unscript
from tinyalign.laws.harness.framework_names import framework_of
from tinyalign.laws.harness.judge import Law, Verdict, laws_for
from tinyalign.laws.outcomes import Broken
from tinyalign.laws.reading.reduction import read_reduction

__all__ = ["METHODS", "Broken", "CannotCall", "Law", "Verdict", "assert_lawful", "laws_of"]


def laws_of(method):
    """The laws that pin a method down, simplest first; each can be called with a function."""
    return laws_for(find_spec(method))


def assert_lawful(fn, method, *, framework=None, dtype="float64", **conventions):
    """AssertionError at the first law of the method that fn breaks, simplest law first.

    fn          the loss: a function, or an object that is called, such as a module of torch
    framework   numpy, torch or jax; None: the one that fn computes with
    reduction   none, mean, sum or mean_of_sums (of the tokens of each row), if the method is a
                loss; left out: as its values show
    raises      CannotCall for a class, for a convention that the method does not have, and where
                no law applies, for that is no success

    A number of fn that no law varies is judged at its default: `tinyalign check` lists those.
    """
    __tracebackhide__ = True  # pytest shows the line of the test, and none of ours
    if inspect.isclass(fn):
        raise CannotCall(f"{fn.__name__} is a class: give an object of it, {fn.__name__}(…).")
    fn, chosen = unscript(fn), find_spec(method)
    require_known(chosen, conventions)
    how = {"framework": framework or framework_of(fn), "dtype": dtype}
    try:
        reduced = read_reduction(fn, chosen, conventions, **how)
        # what was declared is what it has to be
        how |= reduced.conventions if reduced.declared is None else conventions
        applied = False
        for law in laws_for(chosen):
            applied |= law(fn, **how)
    except CannotCall as reason:
        raise CannotCall(str(reason)) from None  # without the frames of ours
    if not applied:
        raise CannotCall(f"no law of {method} applies to this function with these conventions.")
