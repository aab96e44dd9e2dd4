"""A function that takes one batch of arrays, made to look like one that takes the arrays."""

import inspect

from tinyalign.laws.harness.holders import attributes_read
from tinyalign.laws.harness.parameter_names import names_array

BATCHES = (
    "batch", "data", "inputs", "experience", "sample", "samples", "rollout", "micro_batch",
)  # fmt: skip


class Batch(dict):
    """Arrays by key or by attribute."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the checker does not know what {name} is") from None


def unpacked(fn):
    """fn with a parameter for each array that it reads from its batch; fn itself without one."""
    try:
        parameters = dict(inspect.signature(fn).parameters)
    except (TypeError, ValueError):
        return fn
    name = next((n for n in BATCHES if n in parameters), None)
    keys = [k for k in attributes_read(fn, name) if names_array(k)] if name else []
    if not keys:
        return fn
    return _Unpacked(fn, name, keys, [q for n, q in parameters.items() if n != name])


class _Unpacked:
    """Called with the arrays by name; it puts them into the batch."""

    def __init__(self, fn, name, keys, others):
        self.fn, self.name, self.keys = fn, name, keys
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)
        kind = inspect.Parameter.KEYWORD_ONLY
        arrays = [inspect.Parameter(k, inspect.Parameter.POSITIONAL_OR_KEYWORD) for k in keys]
        own = [
            q.replace(kind=kind) for q in others if q.kind not in (q.VAR_KEYWORD, q.VAR_POSITIONAL)
        ]
        self.__signature__ = inspect.Signature([*arrays, *own])

    def __call__(self, *given, **named):
        arrays = dict(zip(self.keys, given, strict=False))
        arrays |= {k: v for k, v in named.items() if k in self.keys}
        others = {k: v for k, v in named.items() if k not in self.keys}
        return self.fn(**{self.name: Batch(arrays)}, **others)
