"""Whatever a function does to its process, `check` says so in a sentence and exits 2.

No status but 0 means that the laws hold, and it needs laws that were judged.
"""

import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from tinyalign.laws import laws_of
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check import command, process
from tinyalign.laws.check.command import check, check_here
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import judge
from tinyalign.laws.harness.subject import Subject

HEAD = "import ctypes, os, signal, sys, threading, time\nimport numpy as np\n"
RIGHT = "np.logaddexp(0, -beta * (w - rw - r + rr))"


def file_with(tmp_path, body="", at_import=""):
    """A file whose loss does something first and then gives the right answer."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    path = tmp_path / "hostile.py"
    loss = f"def loss(w, r, rw, rr, beta=0.1):\n{lines}    return {RIGHT}\n"
    path.write_text(f"{HEAD}{at_import}\n{loss}")
    return f"{path}:loss"


def said_of(target, capsys, judge=check, **how):
    """(exit status, the reason or the verdicts, seconds)."""
    start = time.monotonic()
    status = judge(target, "dpo", as_json=True, examples=3, **how)
    seconds = time.monotonic() - start
    answer = json.loads(capsys.readouterr().out)
    return status, answer.get("reason") or answer["laws"], seconds


AT_A_CALL = {
    "exits": ("os._exit(0)", "ends its process (exit status 0), while it was judged."),
    "kills itself": ("os.kill(os.getpid(), signal.SIGKILL)", "kills its process (SIGKILL), while"),
    "forks": ("os.fork()", "forks its process when it is called"),
}
AT_A_CALL_DEAR = {
    "writes the answer": (
        "import glob, json\n"
        "for d in glob.glob(os.environ.get('TMPDIR', '/tmp') + '/tinyalign-check-*'):\n"
        "  if d == sys.argv[1]: open(d + '/answer.json', 'w').write(\n"
        "      json.dumps({'status': 0, 'data': {'laws': []}, 'pid': os.getpid()}))\n"
        "os._exit(0)",
        "ends its process (exit status 0), while it was judged.",
    ),
    "replaces what the laws use": (
        "np.allclose = lambda *_, **__: True\nreturn 0 * w", "replaces functions of NumPy"
    ),
    "segmentation fault": ("ctypes.string_at(0)", "kills its process (SIGSEGV)"),
    "aborts": ("os.abort()", "kills its process (SIGABRT)"),
    "kills its group": ("os.killpg(0, signal.SIGKILL)", "kills its process (SIGKILL)"),
    "ends itself politely": ("os.kill(os.getpid(), 15)", "kills its process (SIGTERM)"),
    "interrupts": ("raise KeyboardInterrupt", "raises KeyboardInterrupt"),
    "prints a gigabyte": (
        "for _ in range(1000): os.write(1, b'x' * 2**20)", "prints more than 64 MB"
    ),
    "prints a gigabyte of errors": (
        "for _ in range(1000): sys.stderr.write('x' * 2**20)", "prints more than 64 MB"
    ),
    "swallows every exception": (
        "while True:\n  try: time.sleep(9)\n  except BaseException: pass", "did not come to an end"
    ),
    "ignores the alarm": (
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\ntime.sleep(99)", "did not come to an end"
    ),
    "blocks all signals": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\ntime.sleep(99)",
        "did not come to an end",
    ),
    "one long call in C": ("np.linalg.svd(np.ones((3000, 3000)))", "did not come"),
    "half a second a call": ("time.sleep(0.5)", "did not come to an end in 3 s, "),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [*AT_A_CALL, *(pytest.param(n, marks=pytest.mark.slow) for n in AT_A_CALL_DEAR)]
)
def test_what_it_does_at_a_call_is_a_sentence(tmp_path, capsys, name):
    body, sentence = (AT_A_CALL | AT_A_CALL_DEAR)[name]
    limit = 3.0 if "did not come" in sentence else 60.0
    status, reason, took = said_of(file_with(tmp_path, body), capsys, seconds=limit)
    assert status == 2 and sentence in reason, reason
    assert took < limit + 20  # a busy machine takes its time to start and to end it


AT_IMPORT = {
    "hangs": ("time.sleep(999)", "did not come to an end in 1.5 s, "),
}
AT_IMPORT_DEAR = {
    "loops": ("while True: pass", "did not come to an end in 1.5 s, "),
    "exits": ("os._exit(0)", "ends its process (exit status 0), while it was imported"),
    "leaves": ("sys.exit(0)", "raises SystemExit: 0"),
    "raises": ("raise LookupError('no such layer')", "raises LookupError: no such layer"),
    "raises what nobody catches": ("raise GeneratorExit", "raises GeneratorExit"),
    "interrupts": ("raise KeyboardInterrupt", "raises KeyboardInterrupt"),
    "kills itself": ("os.kill(os.getpid(), 9)", "kills its process (SIGKILL), while it was import"),
    "is a script": ("if os.fork() == 0: time.sleep(99)\nos._exit(0)", "(exit status 0), while it"),
    "replaces the process": ("os.execv('/bin/true', ['true'])", "(exit status 0), while it was i"),
    "answers every name": ("def __getattr__(name): raise SystemExit(7)\nraise OSError", "OSError"),
}


@pytest.mark.parametrize(
    "name", [*AT_IMPORT, *(pytest.param(n, marks=pytest.mark.slow) for n in AT_IMPORT_DEAR)]
)
def test_what_it_does_at_its_import_is_a_sentence(tmp_path, capsys, name):
    code, sentence = (AT_IMPORT | AT_IMPORT_DEAR)[name]
    target = file_with(tmp_path, at_import=code)
    limit = 1.5 if "did not come" in sentence else 60.0
    status, reason, took = said_of(target, capsys, seconds=limit)
    assert status == 2 and sentence in reason, reason
    assert took < limit + 20  # a busy machine takes its time to start and to end it


HARMLESS = {  # what is odd, and leaves its answers right
    "changes the folder": "os.chdir('/')",
    "closes stdout": "sys.stdout.close()",
    "forks in C": "ctypes.CDLL(None).fork()",
    "closes all files": "os.closerange(0, 50)",
    "a thread that never ends": "threading.Thread(target=time.sleep, args=(999,)).start()",
    "a process that never ends": "os.posix_spawn('/bin/sleep', ['sleep', '20'], {})",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_no_harm_is_judged(tmp_path, capsys, name):
    once = f"if not globals().get('done'):\n  globals()['done'] = 1\n  {HARMLESS[name]}"
    status, verdicts, took = said_of(file_with(tmp_path, once), capsys)
    assert status == 0 and all(v["verdict"] == "holds" for v in verdicts[:5])
    assert took < 60


def test_an_exception_that_is_none_is_a_broken_law():
    """pytest.skip() and the like are no Exception. The class is another one at each call."""

    def loss(w, r, rw, rr, beta=0.1):
        class Skipped(BaseException):
            pass

        if w[0] < -20:
            raise Skipped("x\x1b[31m" * 500)
        return np.logaddexp(0, -beta * (w - rw - r + rr))

    verdict = judge(laws_of("dpo")[1], Subject(loss, BY_NAME["dpo"]), repeatable_settings(10))
    assert verdict.message.startswith("raises Skipped: x\\x1b[31mx") and len(verdict.message) < 400


@pytest.mark.slow
def test_a_child_ends_with_the_command(tmp_path):
    """As when `timeout` ends the command while the function hangs."""
    (tmp_path / "pid").write_text("")
    hang = "open('pid', 'w').write(str(os.getpid()))\ntime.sleep(999)"
    target = file_with(tmp_path, at_import=hang)
    argv = [sys.executable, "-m", "tinyalign.laws", "check", target, "--as", "dpo"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = subprocess.Popen(argv, cwd=tmp_path, env=environment)
    while not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    command.kill()
    command.wait()
    pid = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{pid} goes on")


def test_a_fault_of_the_checker_is_owned(tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("tinyalign.laws.check.judgement.examine", fail)
    status, reason, _ = said_of(file_with(tmp_path), capsys, check_here)
    assert status == 3 and "The checker itself failed (ZeroDivisionError)" in reason
    account = Path(reason.rpartition(" ")[2].rstrip(".")).read_text()
    assert "ours" in account and "numpy" in account and "hostile.py:loss" in account
    monkeypatch.setattr(command, "answer_of_child", fail)
    assert said_of(file_with(tmp_path), capsys)[0] == 3


def test_where_it_was_is_said(tmp_path):
    child = types.SimpleNamespace(returncode=0)
    request = {"target": "x.py:f", "seconds": 5}
    assert "judges it took 5 s to start" in process._what_became_of_it(
        request, tmp_path, child, "late"
    )
    (tmp_path / process.STAGE).write_text("it was imported")
    said = process._what_became_of_it(request, tmp_path, child, "late")
    assert said.startswith("x.py:f did not come to an end in 5 s, while it was imported")


def test_a_child_without_an_answer_is_no_success(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(process, "START", "import sys")
    status, reason, _ = said_of(file_with(tmp_path), capsys)
    assert status == 3 and "The checker itself failed" in reason


def test_a_right_function_is_judged_in_a_process_of_its_own(tmp_path, capsys):
    target = file_with(tmp_path, "print('called')", "import os; os.environ['SEEN'] = 'here'")
    assert check(target, "dpo", examples=3) == 0
    said = capsys.readouterr()
    assert "0 broken" in said.out and said.err == f"what {target} prints to stdout is left out\n"
    assert "SEEN" not in os.environ
