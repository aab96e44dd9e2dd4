"""Right values and wrong slopes, made mechanically: each argument of each method, one at a time."""

import inspect

import autograd.numpy as anp
import numpy as np
import pytest
from autograd.tracer import getval
from judged_functions import NOT_A_FUNCTION_OF_OURS, OURS, find

from tinyalign.laws.catalogue.general import DETACHED, SLOPES
from tinyalign.laws.catalogue.table import METHODS
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, Law, judge_leniently
from tinyalign.laws.harness.subject import Subject

NO_AUTODIFF = ("gae", "gae_over_turns")  # ours compute in plain NumPy
JUDGED = [m for m in METHODS if m.name not in {*NOT_A_FUNCTION_OF_OURS, *NO_AUTODIFF}]
MOVING = [(m, i) for m in JUDGED for i in m.moving]
CONSTANT = [(m, i) for m in JUDGED for i in m.constants]


def keep(x, where):
    """x, with its slope only where the condition holds."""
    return anp.where(where(getval(x)), x, getval(x))


def every_other(x):
    return np.arange(np.size(x)).reshape(np.shape(x)) % 2 == 0


SLOPES_OF = {  # what the slope becomes, the value being the same
    "none": getval,
    "twice": lambda x: 2 * x - getval(x),
    "half": lambda x: 0.5 * x + getval(0.5 * x),
    "minus": lambda x: 2 * getval(x) - x,
    "every other": lambda x: keep(x, every_other),
    "where high": lambda x: keep(x, lambda v: v >= np.median(v)),
    "where low": lambda x: keep(x, lambda v: v <= np.median(v)),
}


def with_argument(fn, index, change):
    """fn, with one of its arguments changed before the call."""
    signature = inspect.signature(fn)
    name = [*signature.parameters][index]

    def changed(*given, **named):
        bound = signature.bind(*given, **named)
        bound.arguments[name] = change(bound.arguments[name])
        return fn(*bound.args, **bound.kwargs)

    changed.__signature__ = signature
    return changed


def plus_nothing(fn, index):
    """fn, plus 0 whose slope in one argument is not 0."""
    signature = inspect.signature(fn)
    name = [*signature.parameters][index]

    def changed(*given, **named):
        total = anp.sum(signature.bind(*given, **named).arguments[name])
        return fn(*given, **named) + 0.3 * (total - getval(total))

    changed.__signature__ = signature
    return changed


def breaks(fn, method, statement, dtype="float64", **conventions):
    subject = Subject(fn, method, conventions, dtype=dtype)
    setting = repeatable_settings(60, shrink=False)
    return judge_leniently(Law(statement, method), subject, setting).status == BROKEN


def missed(method, index, kinds, dtype):
    """The kinds of wrong slope that the law lets pass."""
    fn = find(OURS, method.name)
    wrong = {kind: with_argument(fn, index, SLOPES_OF[kind]) for kind in kinds}
    return [kind for kind, f in wrong.items() if not breaks(f, method, SLOPES, dtype)]


def named(case):
    method, index = case
    return f"{method.name}-{method.arrays[index]}"


@pytest.mark.parametrize("case", MOVING[::6], ids=named)
def test_a_detached_argument_is_found(case):
    assert missed(*case, ["none"], "float64") == []


@pytest.mark.slow
@pytest.mark.parametrize("case", MOVING, ids=named)
def test_every_wrong_slope_is_found(case):
    assert missed(*case, SLOPES_OF, "float64") == []
    assert missed(*case, ["none", "every other"], "float32") == []


@pytest.mark.slow
@pytest.mark.parametrize("case", CONSTANT, ids=named)
def test_a_slope_in_a_constant_is_found_where_it_is_declared_to_be_detached(case):
    method, index = case
    fn = plus_nothing(find(OURS, method.name), index)
    assert breaks(fn, method, DETACHED, detach="inside")
