"""A process for each function, copied from one that has imported what all of them need."""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from multiprocessing.connection import wait

from tinyalign.laws.scan.judging import NOT_JUDGED, judge

SECONDS = 60.0  # by the clock, for one function: a busy machine makes us wait
PRELOADED = "tinyalign.laws.scan.judging"


class Workers:
    def __init__(self, frameworks=(), seconds=SECONDS):
        method = (
            "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        )
        self.context = multiprocessing.get_context(method)
        if method == "forkserver":
            self.context.set_forkserver_preload([PRELOADED, *(f for f in frameworks if f != "jax")])
        self.seconds = seconds

    def answer(self, job):
        """What the process answers; where it does not, what became of it."""
        receiver, sender = self.context.Pipe(duplex=False)
        process = self.context.Process(target=_work, args=(job, sender))
        process.start()
        sender.close()
        try:
            ready = wait([receiver], self.seconds)
            answer = _receive(receiver, process.pid) if ready else None
        finally:
            _end(process)
        if answer is not None:
            return answer
        became = f"It ends its process ({process.exitcode})." if ready else "It does not come back."
        return {"verdict": NOT_JUDGED, "sentence": became, "method": "", "notes": []}


def _receive(receiver, pid):
    """The answer of this very process; None from a copy of it, or where it ended."""
    with contextlib.suppress(EOFError, OSError):
        answer = receiver.recv()
        return answer if answer.pop("pid") == pid else None


def _end(process):
    """Kill it, and all that it started, but for what left its group."""
    process.join(0.2)
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _work(job, sender):
    if hasattr(os, "setsid"):
        os.setsid()
    # Hypothesis keeps notes about the code that it runs: not where the user stands
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{tempfile.gettempdir()}/hypothesis")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    start = time.process_time()
    sys.dont_write_bytecode = True
    answer = judge(job)
    sender.send(answer | {"pid": os.getpid(), "seconds": time.process_time() - start})
    sender.close()
    os._exit(0)
