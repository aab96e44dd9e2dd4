"""Where arrays live: NumPy on the CPU, or CuPy on an NVIDIA GPU.

`xp` looks like a module. `xp.exp(x)` is numpy.exp(x) until use("cupy") is called and
cupy.exp(x) afterwards. Files that compute import `xp` and never name NumPy or CuPy.
"""

import contextlib
import os
import sys

import numpy as np
from autograd.extend import VSpace
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vspaces import ArrayVSpace

from tinyalign.engine.threads import is_command

FLOAT = np.float32  # one dtype everywhere: float64 is 2x slower on a CPU, up to 64x on a GPU


class BackendError(RuntimeError):
    pass


class _Namespace:
    module = np

    def __getattr__(self, name):  # called only for names not found on the object itself
        return getattr(self.module, name)


xp = _Namespace()


def _load_cupy():
    try:
        import cupy
    except ImportError as error:
        raise BackendError(
            "CuPy is not installed: in the checkout, pip install -e '.[cuda13]' (or '.[cuda12]')"
        ) from error
    if not cupy.cuda.is_available():
        # Without this check the first array would fail, with an error of the driver.
        raise BackendError(
            "CuPy is installed, but it finds no NVIDIA GPU it can use (no driver, or one too old)"
        )
    return cupy


def _load_strict():
    from tinyalign.engine import strict_cupy  # a stand-in for CuPy that needs no GPU

    return strict_cupy.xp


LOADERS = {"numpy": lambda: np, "cupy": _load_cupy, "strict": _load_strict}
DEVICES = {"cpu": "numpy", "gpu": "cupy"}
VARIABLE = "TINYALIGN_BACKEND"


def use(name):
    """Create every array from now on with this backend: "numpy", "cupy" or "strict"."""
    if name not in LOADERS:
        raise BackendError(f"unknown backend {name!r}: choose one of {', '.join(LOADERS)}")
    module = LOADERS[name]()
    if module.ndarray not in VSpace.mappings:
        _register_with_autograd(module)
    xp.module = module


def use_device(name):
    """Compute on "cpu", "gpu" or "auto" (the GPU if there is one) -> a line for the log.

    The line names the device, and why "auto" did not take the GPU.
    """
    why = ""
    if name == "auto":
        name = "gpu"
        try:
            LOADERS[DEVICES[name]]()  # raises without CuPy, or without a GPU that CuPy can use
        except BackendError as error:
            name, why = "cpu", f": {error}"
    if name not in DEVICES:
        raise BackendError(f"--device is {name!r}, want cpu, gpu or auto")
    use(DEVICES[name])
    os.environ[VARIABLE] = DEVICES[name]  # worker processes that start later inherit it
    return describe() + why


@contextlib.contextmanager
def using(name):
    """use(name) inside a `with` block, then go back."""
    before = xp.module
    use(name)
    try:
        yield
    finally:
        xp.module = before


def _register_with_autograd(module):
    """Tell autograd how to box an array of this type, and how to make zeros of its shape."""

    class DeviceSpace(ArrayVSpace):
        def __init__(self, value):  # ArrayVSpace calls np.asarray(value), which CuPy refuses
            self.shape, self.dtype = value.shape, value.dtype

        def zeros(self):
            return module.zeros(self.shape, self.dtype)

        def ones(self):
            return module.ones(self.shape, self.dtype)

    ArrayBox.register(module.ndarray)
    VSpace.register(module.ndarray, DeviceSpace)


def to_device(array, dtype=None):
    """A NumPy array (or list, or number), copied to the backend in use."""
    return xp.asarray(array, dtype=dtype)


def to_host(array):
    """Any backend's array as a NumPy array. On a GPU this waits for the GPU to finish."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def pieces(size, piece=16_384):
    """Slices that cover a vector: cache-sized on a CPU, all of it at once on a GPU."""
    if xp.module is not np:
        return [slice(None)]  # every piece would be another launch of a GPU kernel
    return [slice(start, start + piece) for start in range(0, size, piece)]


def describe():
    """One line for a log: which device the numbers come from."""
    if xp.module.__name__ != "cupy":
        return f"{'CPU' if xp.module is np else 'strict stand-in'} (NumPy {np.__version__})"
    name = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())["name"].decode()
    return f"{name} (CuPy {xp.__version__})"


try:
    use(os.environ.get(VARIABLE, "numpy"))
except BackendError as _error:
    if not is_command():
        raise
    # The command is only being imported: nobody above could say it in a sentence.
    print(f"tinyalign: {VARIABLE}: {_error}", file=sys.stderr)
    raise SystemExit(2) from None
