"""What figures were computed on: what rounding depends on, and nothing that says whose it is."""

import os
import platform
from pathlib import Path

import numpy as np

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # the first that is set is obeyed


def computed_on():
    """NumPy, its BLAS and their threads, and the processor's model: a dict that JSON can hold."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
        "threads": next((os.environ[name] for name in THREADS if name in os.environ), "all"),
        "cpu": processor(),
    }


def processor():
    """The processor's model as the system names it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf8").splitlines() if listed.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
