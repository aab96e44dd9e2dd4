"""How many threads BLAS may use. This module loads no NumPy, which reads that when it is loaded."""

import os
import sys
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def is_command():
    """Whether this process is the command: the script `tinyalign`, or `python -m tinyalign`."""
    as_module = ("-m", "tinyalign") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
    return Path(sys.argv[0]).stem == "tinyalign" or as_module


def limit_blas_threads():
    """Ask for one BLAS thread, in this process if it has not loaded NumPy, and in its workers.

    Matrices this small gain little from a second thread, and lose a lot when it is busy. What the
    shell says stands, except for `tinyalign claims`: more threads add up in another order, and a
    long run that rounds differently ends elsewhere, so a figure can be measured again only with
    the same number of threads.
    """
    override = sys.argv[1:2] == ["claims"]
    for variable in THREADS:
        os.environ[variable] = "1" if override else os.environ.get(variable, "1")
