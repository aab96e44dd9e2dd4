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
def signals_heard():
    """Ctrl-C, SIGTERM and SIGHUP end the block by an exception: workers and files are put away."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]

    def end(number, frame):
        raise KeyboardInterrupt if number == signal.SIGINT else Ended(number)

    # Only the main thread may set handlers; a signal that is ignored, as under nohup, stays so.
    main = threading.current_thread() is threading.main_thread()
    heard = [n for n in numbers if main and signal.getsignal(n) == signal.SIG_DFL]
    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)


def say(text):
    """Print a line on standard error, if there still is one."""
    with contextlib.suppress(OSError, ValueError):
        print(f"tinyalign: {shown(text)}", file=sys.stderr, flush=True)


def interrupted(error, message, is_process):
    """Say what is kept after Ctrl-C or another signal, and return the status.

    is_process  the process ends now: pressed once more, Ctrl-C would meet Python's own exit
    """
    if is_process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
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
