"""The hardware and library versions that affect rounding; nothing that identifies the machine."""

import ctypes
import os
import platform
from pathlib import Path

import numpy as np

# OpenBLAS reads these two; the first one that is set counts.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def describe_machine():
    """A dict for JSON: NumPy, its BLAS, the number of threads, the model of the processor."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "threads": next((os.environ[name] for name in THREADS if name in os.environ), "all"),
        "cpu": processor_model(),
    }


def processor_model():
    """The processor's model as the operating system names it."""
    # Only Linux has this file; elsewhere Python's own, coarser answer has to do.
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def blas_kernel():
    """The processor that OpenBLAS took this one for, or "unknown": other kernels round otherwise.

    NumPy's wheels for Linux bring OpenBLAS in a folder beside NumPy's own.
    """
    folder = Path(np.__file__).parents[1] / "numpy.libs"
    for path in folder.glob("*openblas*"):
        library = ctypes.CDLL(str(path))  # NumPy has loaded it already
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename"):
            if hasattr(library, name):
                ask = getattr(library, name)
                ask.restype = ctypes.c_char_p
                return ask().decode()
    return "unknown"
