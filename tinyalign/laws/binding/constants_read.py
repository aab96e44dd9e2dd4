"""Numbers that a function reads from its module or its closure: BETA, MAX_LEN."""

import inspect

from tinyalign.laws.binding.number_names import aliases


def constant_for(fn, method, number):
    """(its name, its value) of the constant that a function has for one of our numbers."""
    found = {name.lower(): (name, value) for name, value in _constants(fn).items()}
    names = [n.lower() for n in (number, *aliases(method, number))]
    return next((found[n] for n in names if n in found), None)


def _constants(fn):
    """{name: value} of all numbers that it reads from outside."""
    try:
        outside = inspect.getclosurevars(inspect.unwrap(getattr(fn, "forward", fn)))
    except (TypeError, ValueError):
        return {}
    read = {**outside.globals, **outside.nonlocals}
    return {n: v for n, v in read.items() if isinstance(v, int | float) and v is not True}
