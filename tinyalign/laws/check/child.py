"""The process in which somebody's function is imported and judged."""

import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tinyalign.laws.check.judgement import JUDGING, judgement
from tinyalign.laws.check.process import ANSWER, REQUEST, STAGE


def main(name, lifeline, answer=judgement):
    """Answer the request in this folder, and end there and then.

    answer  called with the request and a function that is told what comes next
    """
    if lifeline >= 0:
        threading.Thread(target=end_with_parent, args=(lifeline,), daemon=True).start()
    folder, word = Path(name), password()
    request = json.loads((folder / REQUEST).read_text())
    # Hypothesis keeps notes about the code that it runs: not where the user stands
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{tempfile.gettempdir()}/hypothesis")

    def enter(stage):
        (folder / STAGE).write_text(stage)
        if stage == JUDGING and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=lambda: leave(folder, refusal, word))

    tempfile.tempdir = name  # what is written there goes with it
    refusal = {"status": 2, "reason": f"{request['target']} forks its process when it is called."}
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: os._exit(1))
    leave(folder, answer(request, enter), word)


def password():
    """What the parent said on the standard input, where nobody can read it again."""
    word = sys.stdin.readline()
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    return word


def end_with_parent(lifeline):
    """End this process and all of its group when the one that started it is gone."""
    try:
        os.read(lifeline, 1)
    except OSError:  # theirs have closed all files
        return
    os.killpg(os.getpid(), signal.SIGKILL)


def leave(folder, answer, word):
    """Write the answer, and wait neither for their threads nor for their atexit functions.

    word  without it the answer counts for nothing: a function could have written it
    """
    part = folder / f"{ANSWER}.part"
    part.write_text(json.dumps(answer | {"pid": os.getpid(), "password": word}))
    part.replace(folder / ANSWER)
    os._exit(0)
