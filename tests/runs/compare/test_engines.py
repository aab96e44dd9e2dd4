"""What can be typed for who carries out a sweep, and what is said when it cannot be."""

import json
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from concurrent import futures

import pytest

from tinyalign import cli
from tinyalign.errors import InputError
from tinyalign.runs.compare import executors

SMALL = ["--env", "bandit", "--steps", "2", "--eval_size", "5", "--batch_size", "4"]


def free_port():
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


MISTAKES = {
    "a word": ("cloud", "want dask:tcp://HOST:PORT, mpi, or MODULE:FACTORY"),
    "nothing before the colon": (":make", "MODULE:FACTORY"),
    "nothing behind it": ("mine:", "MODULE:FACTORY"),
    "dask without an address": ("dask", "want tcp://HOST:PORT"),
    "dask with half an address": ("dask:localhost", "want tcp://HOST:PORT"),
    "dask with another scheme": ("dask:http://localhost:8786", "want tcp://HOST:PORT"),
    "dask with a port that cannot be": ("dask:tcp://localhost:99999", "Port out of range"),
    "a module that is not there": ("nowhere:make", "No module named 'nowhere'"),
    "a function that is not there": ("os:nowhere", "no attribute 'nowhere'"),
    "a function that fails": ("os:link", "TypeError"),
    "a function of something else": ("os:getcwd", "returned a str"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence_before_any_work(case, tmp_path, monkeypatch, capsys):
    """Status 2, the sentence names what was typed, and nothing is written."""
    pytest.importorskip("distributed") if case.startswith("dask") else None
    monkeypatch.chdir(tmp_path)
    typed, words = MISTAKES[case]
    assert cli.main(["compare", "--executor", typed]) == 2
    said = capsys.readouterr().err
    assert words in said and typed.removeprefix("dask:").removeprefix("dask") in said
    assert said.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_scheduler_that_does_not_answer_is_named():
    """The address, the reason and how to start one; within a second, not dask's half a minute."""
    pytest.importorskip("distributed")
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match="dask scheduler") as error:
        executors.open_executor(executor=f"dask:{address}").__enter__()
    assert address in str(error.value) and "refused" in str(error.value)


@pytest.mark.parametrize(
    ("executor", "library"), [("dask:tcp://localhost:1", "distributed"), ("mpi", "mpi4py.futures")]
)
def test_a_missing_library_is_named(executor, library, monkeypatch):
    """What to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match="pip install"):
        executors.open_executor(executor=executor).__enter__()


def test_jobs_and_executor_exclude_each_other():
    """Both say how many workers there are."""
    with pytest.raises(InputError, match="leave one of them away"):
        executors.open_executor(2, "mpi")


MINE = """
from concurrent.futures import Executor, Future

asked = []

class Mine(Executor):
    def submit(self, fn, job):
        asked.append(job.folder.name)
        future = Future()
        future.set_result(fn(job))
        return future
"""


@pytest.mark.usefixtures("plain_curves")
def test_anybodys_executor_carries_out_a_comparison(tmp_path, monkeypatch):
    """A class of a module in the current folder: the start, each method, then what each costs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_engine.py").write_text(MINE)
    argv = ["compare", "sft", "dpo", *SMALL, "--num_pairs", "20", "--name", "mine"]
    assert cli.main([*argv, "--executor", "my_engine:Mine"]) == 0
    assert sys.modules.pop("my_engine").asked == ["start", "sft", "dpo", "sft", "dpo"]
    run = tmp_path / "runs" / "mine" / "seed0" / "dpo"
    summary = json.loads((run / "summary.json").read_text())
    assert [stage["method"] for stage in summary] == ["dpo"]


def test_one_job_at_a_time_is_this_process():
    """--jobs 1 starts no other process; an error waits in the future, Ctrl-C does not."""
    with executors.open_executor(1) as executor:
        assert executor.submit(os.getpid).result() == os.getpid()
        assert isinstance(executor.submit(divmod, 1, 0).exception(), ZeroDivisionError)
        with pytest.raises(KeyboardInterrupt):
            executor.submit(interrupt)


def interrupt():
    raise KeyboardInterrupt


def test_workers_compute_with_one_thread_and_end_with_the_block():
    """The environment is set before NumPy is imported there; a failure ends what goes on."""
    with pytest.raises(InterruptedError), executors.open_executor(2) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() is not None
        workers = multiprocessing.active_children()
        pool.submit(signal.pause)
        raise InterruptedError
    assert workers and all(gone(worker) for worker in workers)


def gone(worker):
    """Whether a process ends within half a minute. (The pool's thread may be the one to notice.)"""
    for _ in range(300):
        worker.join(0.1)
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_the_default_is_two_processes():
    """What --help says."""
    with executors.open_executor() as pool:
        assert isinstance(pool, futures.ProcessPoolExecutor)
        assert pool._max_workers == executors.DEFAULT_JOBS == 2


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no such signals here")
def test_ctrl_c_never_breaks_off_the_start_of_a_worker(monkeypatch):
    """Even where the system hands it to another thread than the one that waits: it comes after."""
    handed_over = []

    def interrupted_submit(pool, job):
        def pressed():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

        other = threading.Thread(target=pressed)
        other.start()
        other.join()
        handed_over.append(job)

    monkeypatch.setattr(futures.ProcessPoolExecutor, "submit", interrupted_submit)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & turns it off
    try:
        with executors.process_pool(1) as pool, pytest.raises(KeyboardInterrupt):
            pool.submit("a job")
        assert handed_over == ["a job"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
