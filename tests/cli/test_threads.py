"""The command computes with one BLAS thread, unless the shell says otherwise."""

import os
import subprocess
import sys

import pytest

from tinyalign.engine.threads import THREADS

SPARE = len(os.sched_getaffinity(0)) > 1 if hasattr(os, "sched_getaffinity") else False
pytestmark = pytest.mark.skipif(not SPARE, reason="counts threads on Linux, on several cores")
# An executor that writes down how many threads its process has, and starts no run.
COUNTER = """
import os
import pathlib

def make():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    counts = [line for line in lines if line.startswith("Threads:")]
    pathlib.Path("threads").write_text(counts[0].split()[1])
    os._exit(0)
"""
SCRIPT = "import sys; from tinyalign.cli import main; sys.exit(main())"
LIBRARY = "import tinyalign, counter; counter.make()"
COMPARE = ["compare", "--executor", "counter:make", "--env", "bandit"]


def threads_of(words, folder, **shell):
    """How many threads a process has after it has loaded what the command loads."""
    (folder / "counter.py").write_text(COUNTER)
    unset = {name: value for name, value in os.environ.items() if name not in THREADS}
    path = os.pathsep.join([str(folder), *sys.path])
    env = unset | {"PYTHONPATH": path} | shell
    subprocess.run([sys.executable, *words], cwd=folder, env=env, check=True, timeout=60)
    return int((folder / "threads").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_module_of_the_current_folder_is_not_taken_for_another(tmp_path, jobs):
    """A numpy.py or a pickle.py that lies there: neither the command nor its workers import one."""
    for name in ("numpy", "json", "pickle", "struct", "tyro", "rich", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("import os; os._exit(77)")
    path = os.pathsep.join(sys.path[1:])
    argv = ["compare", "sft", "--env", "bandit", "--steps", "1", "--jobs", jobs]
    command = [sys.executable, "-m", "tinyalign", *argv]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, timeout=120)
    assert done.returncode == 0


def test_the_command_has_one_thread(tmp_path):
    """As `python -m tinyalign` and as the script that pip makes."""
    assert threads_of(["-m", "tinyalign", *COMPARE], tmp_path) == 1
    (tmp_path / "tinyalign").write_text(SCRIPT)
    script = [str(tmp_path / "tinyalign"), *COMPARE]
    assert threads_of(script, tmp_path) == 1


def test_the_shell_decides_and_a_library_changes_nothing(tmp_path):
    command = ["-m", "tinyalign", *COMPARE]
    assert threads_of(command, tmp_path, OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2") == 2
    assert threads_of(["-c", LIBRARY], tmp_path) > 1
