"""NumPy in, NumPy out, whatever backend computes: one test checks the same thing on all of them.

A test draws its examples and works out its answers in NumPy. `here(ops).linear(x, w, b)` sends
the arrays to the device in use, computes there, and fetches the result; on NumPy it is
ops.linear(x, w, b) itself. What is traced by autograd stays on the device from end to end: such a
test says `sent(arrays)` first and `fetched(result)` last.
"""

import functools

import numpy as np
from autograd import make_vjp

from tinyalign.engine.backend import to_device, to_host, xp


def sent(thing):
    """The same with every NumPy array in it on the device in use; there read-only if here."""
    return _mapped(_put, np.ndarray, thing)


def fetched(thing):
    """The same with every array of the device as NumPy's."""
    return thing if xp.module is np else _mapped(to_host, xp.ndarray, thing)


def copied(thing):
    """The same with a NumPy copy of every array, which nobody else writes to."""
    return _mapped(lambda array: to_host(array).copy(), (np.ndarray, xp.ndarray), thing)


def here(library):
    """A module, or a function, of the library for callers that hold NumPy arrays."""
    return _function(library) if callable(library) else _Module(library)


def frozen(tree):
    """The same arrays, which nobody can write to from now on, where a backend can promise that."""
    _mapped(_lock, (np.ndarray, xp.ndarray), tree)
    return tree


def pulled_back(function, args, at, weight):
    """Value and gradient of sum(weight · function) in argument `at`."""
    args, weight = sent(args), sent(np.asarray(weight))
    vjp, value = make_vjp(lambda x: function(*args[:at], x, *args[at + 1 :]))(args[at])
    return fetched((value, vjp(weight)))


def _mapped(change, kind, thing):
    """change(array) for every array of a kind, inside lists, tuples, named ones, and dicts."""
    if isinstance(thing, kind):
        return change(thing)
    if isinstance(thing, dict):
        return {name: _mapped(change, kind, part) for name, part in thing.items()}
    if isinstance(thing, (list, tuple)):
        parts = [_mapped(change, kind, part) for part in thing]
        return type(thing)(*parts) if hasattr(thing, "_fields") else type(thing)(parts)
    return thing


def _put(array):
    there = to_device(array)
    return there if array.flags.writeable else _lock(there)


def _lock(array):
    if xp.module.__name__ != "cupy":  # CuPy has no read-only arrays
        array.flags.writeable = False
    return array


def _function(function):
    @functools.wraps(function)
    def call(*args, **named):
        result = fetched(function(*sent(args), **sent(named)))
        return _function(result) if callable(result) else result

    return call


class _Module:
    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        thing = getattr(self._module, name)
        return _function(thing) if callable(thing) else thing
