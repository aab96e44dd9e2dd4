"""What the command sets before NumPy is loaded: BLAS threads, Ctrl-C, where modules are found."""

import os
import signal
import sys
import threading

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def is_command() -> bool:
    """Whether this process is the command: the script `tinyalign`, or `python -m tinyalign`."""
    as_module = ("-m", "tinyalign") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
    script = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    return script == "tinyalign" or as_module


def limit_blas_threads() -> None:
    """Ask for one BLAS thread, in this process if it has not loaded NumPy, and in its workers.

    Matrices this small gain little from a second thread, and lose a lot when it is busy. What the
    shell says stands, except for `tinyalign claims`: more threads add up in another order, and a
    long run that rounds differently ends elsewhere, so a figure can be measured again only with
    the same number of threads.
    """
    override = sys.argv[1:2] == ["claims"]
    for variable in THREADS:
        os.environ[variable] = "1" if override else os.environ.get(variable, "1")


def end_quietly_on_ctrl_c() -> None:
    """Let Ctrl-C end this process without a traceback while Python still imports.

    `cli.main` hears it afterwards.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def leave_current_folder() -> None:
    """Find no module in the current folder, where a numpy.py may lie, as the script does not.

    `python -m` puts that folder first. Where the package itself lies in it, as in a checkout, the
    folder stays.
    """
    here = os.getcwd()
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.path[:1] in ([""], [here]) and os.path.dirname(package) != here:
        del sys.path[0]
