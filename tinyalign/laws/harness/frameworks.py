"""Arrays into and out of NumPy, PyTorch and JAX, and each one's own derivative.

A framework is imported when a function written in it is judged, never before.
"""

import contextlib
import importlib
import importlib.util
import inspect
import warnings
from unittest.mock import patch

import numpy as np


class Numpy:
    """Plain arrays; derivatives by HIPS autograd where the function lets its boxes through."""

    def __init__(self):
        self.differentiates = importlib.util.find_spec("autograd") is not None

    def send(self, array, dtype):
        array = np.array(array)  # a copy: what the function does to it must not reach the law
        return array.astype(dtype) if array.dtype.kind == "f" else array

    def receive(self, value):
        return np.asarray(value)

    def ones(self, like):
        """A mask that lets everything through; not ones_like, which autograd would trace."""
        return np.ones(like.shape, like.dtype)

    def grad(self, call, arrays, index, dtype):
        """d Σ call / d arrays[index], or None where there is no derivative but differences."""
        if not self.differentiates:
            return None
        try:
            return self._autograd(call, [self.send(a, dtype) for a in arrays], index)
        except Exception:  # plain NumPy refuses autograd's boxes in one of a hundred ways
            self.differentiates = False
            return None

    def _autograd(self, call, arrays, index):
        grad = importlib.import_module("autograd").grad
        total = importlib.import_module("autograd.numpy").sum
        with warnings.catch_warnings(), _refuse_plain_numpy():
            warnings.simplefilter("ignore")  # "output seems independent of input" is an answer
            # the sum over the answer: its slope in one array is all slopes at once
            along = grad(lambda a: total(call(*arrays[:index], a, *arrays[index + 1 :])))
            return np.asarray(along(arrays[index]), dtype=float)


@contextlib.contextmanager
def _refuse_plain_numpy():
    """Make NumPy's own clip, where, mean … raise on autograd's boxes.

    Left to itself np.clip turns a box into an array of objects, which autograd takes for a
    constant: the slope is then wrong, and nobody says so.
    """
    # the wrapper around an array while autograd traces
    box = importlib.import_module("autograd.numpy.numpy_boxes").ArrayBox

    def refuse(*_, **__):
        raise TypeError("plain NumPy on a box")

    with (
        patch.object(box, "__array_function__", refuse, create=True),
        patch.object(box, "__array__", refuse, create=True),
        # nor may a ufunc take a box; a plain array times a box is left to the box
        patch.object(box, "__array_ufunc__", None, create=True),
    ):
        yield


class Torch:
    def __init__(self):
        self.torch = importlib.import_module("torch")

    def send(self, array, dtype):
        tensor = self.torch.tensor(np.array(array))  # a copy: torch refuses reversed views
        return tensor.to(getattr(self.torch, dtype)) if tensor.is_floating_point() else tensor

    def receive(self, value):
        if isinstance(value, tuple | list):
            return np.stack([self.receive(v) for v in value])
        return value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)

    def ones(self, like):
        return self.torch.ones(like.shape, dtype=like.dtype)

    def grad(self, call, arrays, index, dtype):
        tensors = [self.send(a, dtype) for a in arrays]
        tensors[index].requires_grad_(True)
        total = call(*tensors).sum()
        if not total.requires_grad:  # detached: its derivative is exactly zero
            return np.zeros(np.shape(arrays[index]))
        (gradient,) = self.torch.autograd.grad(total, [tensors[index]], allow_unused=True)
        return np.zeros(np.shape(arrays[index])) if gradient is None else gradient.numpy()


class Jax:
    def __init__(self):
        self.jax = importlib.import_module("jax")
        # JAX computes in float32 unless told otherwise
        self.jax.config.update("jax_enable_x64", True)

    def send(self, array, dtype):
        array = np.asarray(array)
        return self.jax.numpy.asarray(array.astype(dtype) if array.dtype.kind == "f" else array)

    def receive(self, value):
        if isinstance(value, tuple | list):
            return np.stack([self.receive(v) for v in value])
        return np.asarray(value)

    def ones(self, like):
        return self.jax.numpy.ones(like.shape, like.dtype)

    def grad(self, call, arrays, index, dtype):
        sent = [self.send(a, dtype) for a in arrays]
        total = self.jax.grad(lambda a: call(*sent[:index], a, *sent[index + 1 :]).sum())
        return np.asarray(total(sent[index]))


FRAMEWORKS = {"numpy": Numpy, "torch": Torch, "jax": Jax}


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
