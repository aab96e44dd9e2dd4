"""Which framework a function computes with, by the names in it; nothing is imported for that."""

import inspect

from tinyalign.laws.harness.frameworks import FRAMEWORKS


def framework_of(fn):
    """What a function computes with, by what it and the functions that it calls name."""
    inner = getattr(fn, "forward", None) or getattr(fn, "__func__", fn)
    inner = inner if hasattr(inner, "__code__") else type(fn).__call__
    inner = getattr(inner, "__wrapped__", inner)
    scope = getattr(inner, "__globals__", {})
    used = _roots(inner, scope, [])
    for name in ("torch", "jax"):
        # a function of methods alone, such as x.mean(), is of what its file imports
        imported = not used & set(FRAMEWORKS) and name in {_root(v) for v in scope.values()}
        if name in used or imported:
            return name
    return "numpy"


def _roots(fn, scope, seen):
    """The packages whose names a function uses, and those of the functions beside it."""
    found = set()
    if fn in seen or not hasattr(fn, "__code__"):
        return found
    for name in fn.__code__.co_names:
        value = scope.get(name)
        found |= {_root(value)} | _roots(value, scope, [*seen, fn])
    return found


def _root(value):
    named = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
    return named.partition(".")[0] if isinstance(named, str) else ""
