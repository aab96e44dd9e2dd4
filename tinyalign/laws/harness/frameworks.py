"""Arrays into and out of NumPy, PyTorch and JAX, and each one's own derivative.

A framework is imported when a function written in it is judged, never before.
"""

import contextlib
import importlib
import importlib.util
import warnings
from unittest.mock import patch

import numpy as np


class Numpy:
    """Plain arrays; derivatives by HIPS autograd where the function lets its boxes through."""

    imports = ("from numpy import array, inf, nan",)

    def literal(self, array, dtype):
        """The array as code that can be pasted."""
        array = np.asarray(array)
        single = ", dtype='float32'" if dtype == "float32" and array.dtype.kind == "f" else ""
        return repr(array.item()) if array.ndim == 0 else f"array({array.tolist()!r}{single})"

    def __init__(self):
        self.traces = importlib.util.find_spec("autograd") is not None
        self.differentiates = self.traces

    def send(self, array, dtype):
        array = np.array(array)  # a copy: what the function does to it must not reach the law
        return array.astype(dtype) if array.dtype.kind == "f" else array

    def receive(self, value):
        return np.asarray(value)

    def ones(self, like):
        """A mask that lets everything through; not ones_like, which autograd would trace."""
        return np.ones(like.shape, like.dtype)

    def stack(self, arrays):
        return self._numpy().stack(arrays, axis=-1)

    def log_rest(self, logp):
        """log(1 - exp(logp)): what is left for all other tokens."""
        return self._numpy().log1p(-self._numpy().exp(logp))

    def exp(self, array):
        return self._numpy().exp(array)

    def zeros(self, shape):
        return np.zeros(shape, dtype=int)

    def lengthened(self, array, at_end):
        """(N, T, …) with its last or first column once more."""
        both = [array, array[:, -1:]] if at_end else [array[:, :1], array]
        return self._numpy().concatenate(both, axis=1)

    def _numpy(self):
        """autograd's NumPy where it is there, which lets its boxes through."""
        return importlib.import_module("autograd.numpy" if self.traces else "numpy")

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
    imports = ("import torch", "from math import inf, nan", "from torch import tensor")

    def literal(self, array, dtype):
        array = np.asarray(array)
        # a tensor of plain numbers is in float32
        double = ", dtype=torch.float64" if dtype == "float64" and array.dtype.kind == "f" else ""
        return f"tensor({array.tolist()!r}{double})"

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
        # a reproducer asks for it with NumPy arrays
        tensor = isinstance(like, self.torch.Tensor)
        return self.torch.ones(like.shape, dtype=like.dtype if tensor else None)

    def stack(self, arrays):
        return self.torch.stack(arrays, dim=-1)

    def log_rest(self, logp):
        return self.torch.log1p(-logp.exp())

    def exp(self, array):
        return self.torch.exp(array)

    def zeros(self, shape):
        return self.torch.zeros(shape, dtype=self.torch.int64)

    def lengthened(self, array, at_end):
        return self.torch.cat([array, array[:, -1:]] if at_end else [array[:, :1], array], dim=1)

    def grad(self, call, arrays, index, dtype):
        tensors = [self.send(a, dtype) for a in arrays]
        tensors[index].requires_grad_(True)
        value = call(*tensors)
        if isinstance(value, float):  # a plain number: no gradient passes
            return np.zeros(np.shape(arrays[index]))
        total = value.sum()
        if not total.requires_grad:  # detached: its derivative is exactly zero
            return np.zeros(np.shape(arrays[index]))
        (gradient,) = self.torch.autograd.grad(total, [tensors[index]], allow_unused=True)
        return np.zeros(np.shape(arrays[index])) if gradient is None else gradient.numpy()


class Jax:
    imports = (
        "import jax",
        "from jax.numpy import array, inf, nan",
        'jax.config.update("jax_enable_x64", True)',
    )
    literal = Numpy.literal

    def __init__(self):
        self.jax = importlib.import_module("jax")
        # JAX computes in float32 unless told otherwise
        self.jax.config.update("jax_enable_x64", True)
        # every example has another shape: to compile each takes longer than to run it
        self.jax.config.update("jax_disable_jit", True)

    def send(self, array, dtype):
        array = np.asarray(array)
        return self.jax.numpy.asarray(array.astype(dtype) if array.dtype.kind == "f" else array)

    def receive(self, value):
        if isinstance(value, tuple | list):
            return np.stack([self.receive(v) for v in value])
        return np.asarray(value)

    def ones(self, like):
        return self.jax.numpy.ones(like.shape, like.dtype)

    def stack(self, arrays):
        return self.jax.numpy.stack(arrays, axis=-1)

    def log_rest(self, logp):
        return self.jax.numpy.log1p(-self.jax.numpy.exp(logp))

    def exp(self, array):
        return self.jax.numpy.exp(array)

    def zeros(self, shape):
        return self.jax.numpy.zeros(shape, dtype=int)

    def lengthened(self, array, at_end):
        both = [array, array[:, -1:]] if at_end else [array[:, :1], array]
        return self.jax.numpy.concatenate(both, axis=1)

    def grad(self, call, arrays, index, dtype):
        sent = [self.send(a, dtype) for a in arrays]
        total = self.jax.grad(lambda a: call(*sent[:index], a, *sent[index + 1 :]).sum())
        return np.asarray(total(sent[index]))


FRAMEWORKS = {"numpy": Numpy, "torch": Torch, "jax": Jax}
