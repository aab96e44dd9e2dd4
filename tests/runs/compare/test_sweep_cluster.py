"""Sweeps on dask and MPI, and sweeps that are killed: the digest of one that ran in peace."""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sweeping import jobs, stamps

from tinyalign.runs import files
from tinyalign.runs.compare import executors, sweep

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[2]
SWEEPING = str(TESTS / "sweeping.py")
STEPS = 100  # long enough to be killed half-way
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PATIENCE = 240


@pytest.fixture(scope="module")
def in_peace(tmp_path_factory):
    """The digest of the sweep, carried out one job after another."""
    done = jobs(tmp_path_factory.mktemp("whole"), STEPS)
    sweep.sweep(done, executors.Serial())
    return sweep.digest(done)


@contextlib.contextmanager
def started(*argv):
    """A program that runs beside the test and ends with it."""
    process = subprocess.Popen([sys.executable, *argv], **QUIET, cwd=TESTS)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(condition):
    """Wait for something to come true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def finished(asked):
    """The jobs that are done."""
    return [job for job in asked if (job.folder / "curves.svg").exists()]


def half_done(asked):
    """The jobs that have begun and are not done."""
    return [job for job in asked if files.newest_metrics(job.folder) and job not in finished(asked)]


def ended(pid):
    """Whether a process is gone; one that only waits to be reaped is."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def children(pid):
    """The processes that a process has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True
    )
    return [int(number) for number in listed.stdout.split()]


def test_a_sweep_killed_with_9_and_restarted_repeats_no_finished_job(tmp_path, in_peace):
    """Twice: finished runs keep every byte, the workers die with the sweep, the results are one."""
    asked = jobs(tmp_path, STEPS)
    command = [SWEEPING, str(tmp_path), str(STEPS), ""]
    for goal in (2, 5):
        with started(*command) as process:
            until(lambda goal=goal: len(finished(asked)) >= goal and half_done(asked))
            workers = children(process.pid)
            process.send_signal(signal.SIGKILL)
            process.wait()
        until(lambda workers=workers: all(map(ended, workers)))
        before = {job: stamps(job.folder) for job in finished(asked)}
        assert goal <= len(before) < len(asked)
    with executors.open_executor(2) as pool:
        sweep.sweep(asked, pool, resume=True)
    assert {job: stamps(job.folder) for job in before} == before
    assert sweep.digest(asked) == in_peace


@pytest.mark.parametrize(("times", "pause"), [(1, 0.0), (10, 0.0), (10, 0.03), (10, 0.3)])
def test_ctrl_c_says_how_to_go_on_and_ends_the_workers(tmp_path, times, pause):
    """SIGINT to all processes, as a terminal sends it: status 130, one sentence, no traceback.

    However often it is pressed: workers are put away and the sentence is said all the same.
    """
    argv = ["-m", "tinyalign", "compare", "sft", "dpo", "--env", "bandit", "--steps", "100000"]
    argv += ["--output", str(tmp_path), "--name", "cut", "--num_pairs", "20"]
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's & is deaf
    settings = {"start_new_session": True, "preexec_fn": heard, "text": True}
    with subprocess.Popen([sys.executable, *argv], stderr=subprocess.PIPE, **settings) as process:
        try:
            until(
                lambda: any(
                    files.newest_metrics(folder) for folder in (tmp_path / "cut").rglob("sft")
                )
            )
            workers = children(process.pid)
            for _ in range(times):
                with contextlib.suppress(ProcessLookupError):  # it may have ended before the tenth
                    os.killpg(process.pid, signal.SIGINT)
                time.sleep(pause)
            said = process.communicate(timeout=60)[1]
        finally:
            with contextlib.suppress(ProcessLookupError):  # a failure here is no other test's
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "start finished" in said and "--resume goes on" in said
    assert said.count("tinyalign: ") == 1 and "Traceback" not in said
    until(lambda: all(map(ended, workers)))


def test_dask_local_cluster_gives_the_same_digest(tmp_path, in_peace):
    """Two worker processes with two threads each."""
    distributed = pytest.importorskip("distributed")
    asked = jobs(tmp_path, STEPS)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, executors.open_executor(executor=f"dask:{cluster.scheduler_address}") as workers:
        sweep.sweep(asked, workers)
    assert sweep.digest(asked) == in_peace


def test_a_dask_worker_killed_with_9_changes_nothing(tmp_path, in_peace):
    """A scheduler and two workers, each a process of its own; one dies with a job half done."""
    pytest.importorskip("distributed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address, asked = f"tcp://127.0.0.1:{port}", jobs(tmp_path / "runs", STEPS)
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    worker += ["--local-directory", str(tmp_path)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(started("-m", "dask", *scheduler))
        until(lambda: answers(port))
        victim, _ = [stack.enter_context(started("-m", "dask", *worker)) for _ in range(2)]
        command = [SWEEPING, str(tmp_path / "runs"), str(STEPS), f"dask:{address}"]
        driver = stack.enter_context(started(*command))
        until(lambda: finished(asked) and len(half_done(asked)) == 2)  # both are at work
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        before = {job: stamps(job.folder) for job in finished(asked)}
        assert 1 <= len(before) < len(asked)
        assert driver.wait(PATIENCE) == 0
    assert {job: stamps(job.folder) for job in before} == before
    assert sweep.digest(asked) == in_peace


def answers(port):
    """Whether something listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_mpi_gives_the_same_digest(tmp_path, in_peace):
    """mpiexec starts three processes: the first leads, two work."""
    pytest.importorskip("mpi4py")
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if mpiexec is None:
        pytest.skip("no mpiexec")
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    spare = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures"]
    command += [SWEEPING, str(tmp_path), str(STEPS), "mpi"]
    done = subprocess.run(
        command, env={**os.environ, **root, **spare}, capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr.decode()
    assert sweep.digest(jobs(tmp_path, STEPS)) == in_peace
