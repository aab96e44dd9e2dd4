"""Judge in a process of its own: whatever a function does there, the command goes on.

The child reads its request from a file and leaves its answer in another. What it prints, and
whatever it starts, ends with it.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SECONDS = 90.0  # for import, judging and output together
LOUD = 2**26  # bytes on stdout and stderr together; a loss that prints a line a call needs a tenth
REQUEST, STAGE, ANSWER = "request.json", "stage.txt", "answer.json"
# the child looks for modules where this process does, before it imports anything
START = (
    "import importlib, sys; sys.path[:] = sys.argv[4:]; "
    "importlib.import_module(sys.argv[3]).main(sys.argv[1], int(sys.argv[2]))"
)


class Drain(threading.Thread):
    """Reads a pipe to its end and keeps nothing but how much it was."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.count = stream, 0
        self.start()

    def run(self):
        with self.stream:
            while chunk := os.read(self.stream.fileno(), 2**16):
                self.count += len(chunk)


def answer_of_child(request, module="tinyalign.laws.check.child"):
    """What the child answers; where it does not, what became of it, as an answer of status 2.

    module  whose function `main` the child runs
    """
    with tempfile.TemporaryDirectory(prefix="tinyalign-check-") as name:
        folder = Path(name)
        (folder / REQUEST).write_text(json.dumps(request))
        with _lifeline() as lifeline:
            word = secrets.token_hex() + "\n"
            child, drains = _start(folder, lifeline, module, word)
            try:
                end = _wait(child, drains, time.monotonic() + request["seconds"])
            finally:
                _end(child)
        for drain in drains:
            drain.join(1.0)  # a process that the function started may hold the pipe open
        answer = _read(folder, child.pid, word)
        if end == "" and answer is not None:
            return answer | {"loud": drains[0].count > 0}
        return {"status": 2, "reason": _what_became_of_it(request, folder, child, end)}


@contextlib.contextmanager
def _lifeline():
    """The end of a pipe that the child reads: nothing comes, and it closes when we are gone."""
    if os.name != "posix":  # no file but these three can be handed over
        yield -1
        return
    theirs, ours = os.pipe()
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


def _start(folder, lifeline, module, word):
    child = subprocess.Popen(
        [sys.executable, "-c", START, str(folder), str(lifeline), module, *sys.path],
        pass_fds=(lifeline,) if lifeline >= 0 else (),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # a group of its own, which is ended as a whole
    )
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(word.encode())
    return child, [Drain(child.stdout), Drain(child.stderr)]


def _wait(child, drains, until):
    """Until the child ends: "", or "late" or "loud" where it has to be ended."""
    pause = 0.005
    while child.poll() is None:
        if time.monotonic() > until:
            return "late"
        if sum(drain.count for drain in drains) > LOUD:
            return "loud"
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return ""


def _end(child):
    """Kill the child and all that it started, but for what left its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _read(folder, pid, word):
    """The answer that this very process wrote, or None: its copies have nothing to say.

    word  what only the checker in it was told
    """
    try:
        answer = json.loads((folder / ANSWER).read_text())
    except (OSError, ValueError):
        return None
    own = answer.pop("pid", None) == pid and answer.pop("password", None) == word
    return answer if own else None


def _what_became_of_it(request, folder, child, end):
    target, seconds = request["target"], request["seconds"]
    stage = (folder / STAGE).read_text() if (folder / STAGE).exists() else ""
    if not stage and end == "late":
        return f"The process that judges it took {seconds:g} s to start (--seconds allows more)."
    if not stage:  # nothing of theirs has run
        raise ChildProcessError(f"the process that judges ended with {child.returncode}")
    where = f"while {stage}"
    if end == "late":
        return f"{target} did not come to an end in {seconds:g} s, {where} (--seconds allows more)."
    if end == "loud":
        return f"{target} prints more than {LOUD // 2**20} MB, {where}."
    if child.returncode < 0:
        names = {int(s): s.name for s in signal.Signals}
        name = names.get(-child.returncode, f"signal {-child.returncode}")
        return f"{target} kills its process ({name}), {where}."
    return f"{target} ends its process (exit status {child.returncode}), {where}."
