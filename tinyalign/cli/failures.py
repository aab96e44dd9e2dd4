"""How a command ends that cannot go on: a sentence, a status, and never a traceback.

2    the input is wrong, or the system refused (a full disk, no memory, no permission)
3    a fault of tinyalign: its traceback is in a file
130  Ctrl-C; 128 + N for another signal N
"""

import contextlib
import errno
import os
import signal
import sys
import tempfile
import threading
import traceback

from tinyalign.errors import refusal, shown

# What may pass, so that a run can go on afterwards.
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE)
GOES_ON = "; nothing is lost, and the same command with --resume goes on when there is more of it"


class Ended(KeyboardInterrupt):
    """A signal other than Ctrl-C asks the process to end."""


@contextlib.contextmanager
def signals_heard(is_process):
    """The first Ctrl-C, SIGTERM or SIGHUP ends the block by an exception, which puts things away.

    A further Ctrl-C is ignored, since it would break that off; a SIGTERM ends the process at once.

    is_process  the process ends with the block: after an interrupt nothing is heard any more
    """
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Only the main thread may set handlers; a signal that is ignored, as under nohup, stays so.
    main = threading.current_thread() is threading.main_thread()
    found = {n: signal.getsignal(n) for n in (getattr(signal, name) for name in names)}
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {n: handler for n, handler in found.items() if main and handler in usual}

    def end(number, frame):
        for n in before:
            signal.signal(n, signal.SIG_DFL if n == signal.SIGTERM else signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in before:
            if not is_process or signal.getsignal(number) is end:
                signal.signal(number, before[number])


def say(text):
    """Print a line on standard error, if there still is one."""
    with contextlib.suppress(OSError, ValueError):
        print(f"tinyalign: {shown(text)}", file=sys.stderr, flush=True)


def interrupted(error, message):
    """Say what is kept after Ctrl-C or another signal, and return the status."""
    with contextlib.suppress(OSError, ValueError):
        print(file=sys.stderr)
    say(message)
    # 128 + the signal, as shells expect.
    return 128 + (error.args[0] if isinstance(error, Ended) else signal.SIGINT)


def refused(error, resumable):
    """Say what the system refused, and return the status.

    resumable  whether the command has --resume
    """
    passing = isinstance(error, MemoryError) or getattr(error, "errno", None) in PASSING
    say(refusal(error) + (GOES_ON if passing and resumable else ""))
    silence_broken_streams()
    return 2


def own_fault(error):
    """Say that the program is wrong and not its user, keep the traceback, return the status."""
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    try:
        descriptor, path = tempfile.mkstemp(prefix="tinyalign-error-", suffix=".txt")
        with open(descriptor, "w", encoding="utf8", errors="backslashreplace") as file:
            file.write(f"tinyalign {' '.join(map(shown, sys.argv[1:]))}\n\n")
            file.write("".join(traceback.format_exception(error)))
        where = f"please report it with the file {path}"
    except OSError:
        where = "its traceback could not be written"
    say(f"a fault of tinyalign, not yours ({what}): {where}")
    return 3


def silence_broken_streams():
    """Let streams that cannot be written go nowhere: Python would complain at its own exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def open_missing_streams():
    """Where a stream was closed, as with >&-, write to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf8"))  # noqa: SIM115
