"""Somebody's function with other parameters; its source and its class are still to be found."""

import contextlib
import functools
import inspect

import numpy as np


class Wrapper:
    sentence = ""

    def __init__(self, fn, parameters):
        plain = getattr(fn, "forward", fn)
        # without its attributes: those of a torch.nn.Module are none of ours
        functools.update_wrapper(self, plain, updated=())
        self.fn = fn
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        self.__globals__ = getattr(plain, "__globals__", {})
        self.__code__ = getattr(plain, "__code__", None)
        self.__signature__ = inspect.Signature(parameters)

    def bind(self, given, named):
        """{parameter: value} of a call, what its **kwargs take among them."""
        bound = self.__signature__.bind_partial(*given, **named).arguments
        for name, q in self.__signature__.parameters.items():
            if q.kind is q.VAR_KEYWORD:
                bound |= bound.pop(name, {})
        return bound

    def require_domain(self, arrays):
        """OutOfDomain where a law asks for arrays, by our names, that this form cannot hold."""
        if isinstance(self.fn, Wrapper):
            self.fn.require_domain(arrays)

    def sentences(self):
        """What was made of its parameters, and of those of the function inside."""
        inside = self.fn.sentences() if isinstance(self.fn, Wrapper) else []
        return [*inside, *([self.sentence] if self.sentence else [])]

    def written_with(self, arguments, literal):
        """The arguments of a call of the function inside as code, which may be wrapped again."""
        if isinstance(self.fn, Wrapper):
            return self.fn.written((), arguments, literal)
        return [f"{name}={literal(array)}" for name, array in arguments.items()]


@contextlib.contextmanager
def watch_inside(fn, framework):
    """While it lasts the function inside is watched; gives the arrays of its own it overwrites."""
    overwritten, outer = [], fn
    while isinstance(outer, Wrapper) and isinstance(outer.fn, Wrapper):
        outer = outer.fn
    if not isinstance(outer, Wrapper):
        yield overwritten
        return
    inside = outer.fn

    def watch(*given, **named):
        arrays = [a for a in _flat([*given, *named.values()]) if hasattr(a, "shape")]
        before = [framework.receive(a).copy() for a in arrays]
        answer = inside(*given, **named)
        changed = [not np.array_equal(framework.receive(a), b, equal_nan=True)
                   for a, b in zip(arrays, before, strict=True)]  # fmt: skip
        overwritten.extend(n for n in changed if n)
        return answer

    outer.fn = watch
    try:
        yield overwritten
    finally:
        outer.fn = inside


def _flat(values):
    """What is in dictionaries too: a batch holds its arrays by key."""
    for value in values:
        yield from _flat(value.values()) if isinstance(value, dict) else [value]


def positional_parameters(names):
    """Parameters of these names."""
    return [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]


def keyword_parameters(parameters, taken=()):
    """What else a function takes, by name."""
    return [
        q.replace(kind=q.KEYWORD_ONLY)
        for n, q in parameters.items()
        if n not in taken and not q.kind.name.startswith("VAR_")
    ]


def readable_parameters(fn):
    """{name: parameter}; None where no signature can be read."""
    try:
        return dict(inspect.signature(getattr(fn, "forward", fn)).parameters)
    except (TypeError, ValueError):
        return None


def unscript(fn):
    """fn with the signature of the function that torch.jit.script compiled: it shows none itself.

    The compiled one is called.
    """
    written = getattr(fn, "_torchdynamo_inline", None)
    if not inspect.isfunction(written):
        return fn

    @functools.wraps(written)
    def call(*given, **named):
        return fn(*given, **named)

    return call
