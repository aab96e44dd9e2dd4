"""How long one call of the function under test may take."""

import contextlib
import gc
import os
import signal
import threading
import time

CALL_LIMIT = 2.0  # seconds of computing for one call; the arrays are tiny
WAIT_LIMIT = 6.0  # seconds altogether, for a function that sleeps: a busy machine stalls us too


class TookTooLong(BaseException):
    """Not an Exception, so that neither the function nor Hypothesis swallows it and goes on."""


def _in_gc_callback(frame):
    """Whether a callback of the garbage collector runs: what it raises is only printed."""
    callbacks = {getattr(c, "__code__", None) for c in gc.callbacks}
    while frame is not None and frame.f_code not in callbacks:
        frame = frame.f_back
    return frame is not None


@contextlib.contextmanager
def time_limit():
    """Raise TookTooLong after CALL_LIMIT or WAIT_LIMIT, where the platform has an alarm to set."""
    # Windows has no such alarm, and only the main thread hears one
    usable = hasattr(signal, "setitimer")
    if not usable or threading.current_thread() is not threading.main_thread():
        yield
        return

    pid = os.getpid()
    computed, waited = time.process_time() + CALL_LIMIT, time.monotonic() + WAIT_LIMIT

    def ring(_, frame):
        late = time.process_time() > computed or time.monotonic() > waited
        if late and not _in_gc_callback(frame):
            raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, CALL_LIMIT, 0.1)  # and again, until it is heard
    try:
        yield
    finally:
        if os.getpid() != pid:  # a copy that the call made of this process must not judge on
            os._exit(1)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
