"""Do the tests notice a wrong line? The code of a room, one small change at a time, and judged.

    python tests/mutation.py [--room runs] [--module runs/plan] [--count 10] [--seed 0] [--map FILE]

A mutant is a module with one change. It is written into a copy of the repository, never into the
repository itself, and the default tests that run the changed line are run there, those whose file
names the module first, then the cheap ones, until one fails; then the other tests of the same
files, which may look at what the first ones made. What runs only at import, such as a table, is
judged by the tests that call anything in the module or in a module that imports the module. A test
that fails, or does not end, kills the mutant. A survivor is a hole in the tests unless EQUIVALENT
gives a reason why no test can see it. The draw goes by lines: every line has the same chance, and
then every change of the line.

Which test runs which line is found by one run of all default tests under coverage.py, which takes
minutes: --map keeps the answer in a file, and reads the answer from a file that is there.
"""

import argparse
import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")

import autograd.numpy  # noqa: E402, F401  imported once, and not again for every mutant
import hypothesis  # noqa: E402, F401
import pytest  # noqa: E402
from mutation_changes import mutants  # noqa: E402
from mutation_choice import ROOT, batches_of, file_of, path_of, tests_of  # noqa: E402
from mutation_map import load, make_map, save  # noqa: E402
from mutation_tables import EQUIVALENT  # noqa: E402


def draw(found, count, rng):
    """`count` mutants: lines in random order, one mutant of each, then a second one of each, …"""
    by_line = {}
    for mutant in rng.sample(found, len(found)):
        by_line.setdefault((mutant.module, mutant.line), []).append(mutant)
    order, drawn = rng.sample(list(by_line), len(by_line)), []
    while len(drawn) < min(count, len(found)):
        drawn += [by_line[place].pop() for place in order if by_line[place]]
    return drawn[:count]


def reason(mutant):
    """Why no test can tell the mutant from the original, or None."""
    for module, code, change, why in EQUIVALENT:
        place = re.search(module, mutant.module) and re.search(code, mutant.code)
        if place and re.search(change, mutant.change):
            return why
    return None


@contextlib.contextmanager
def copy_of_repository():
    """A folder with the files that Git knows or would take, gone afterwards."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
            (target := Path(folder, name)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        yield Path(folder)


class Chosen:
    """A plugin of pytest: some tests alone, in their order, and which of them failed."""

    def __init__(self, tests, pipe):
        self.places = {test: place for place, test in enumerate(tests)}
        self.pipe = pipe

    def pytest_collection_modifyitems(self, items):
        kept = [item for item in items if item.nodeid in self.places]
        items[:] = sorted(kept, key=lambda item: self.places[item.nodeid])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            os.write(self.pipe, report.nodeid.encode())

    pytest_collectreport = pytest_runtest_logreport


def run_tests(folder, tests, pipe):
    """The exit status of pytest in a child that has the folder first on its path."""
    os.chdir(folder)
    sys.path[0], os.environ["PYTHONPATH"] = str(folder), str(folder)
    sys.dont_write_bytecode, os.environ["PYTHONDONTWRITEBYTECODE"] = True, "1"  # as mutants go
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    early = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis is there already
    files = list(dict.fromkeys(file_of(test) for test in tests))
    return pytest.main([*options, "-W", early, *files], plugins=[Chosen(tests, pipe)])


def killer(folder, tests, limit):
    """What kills a mutant among some tests within so many processor seconds; "" if nothing does.

    On the clock ten times as many: a machine may be busy with other things. If no test could be
    run, there is no verdict, and that is an error.
    """
    outlet, inlet = os.pipe()
    child, last = os.fork(), time.monotonic() + 10 * limit
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        os._exit(run_tests(folder, tests, inlet))
    os.close(inlet)
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < last:
        time.sleep(0.02)
    if ended == (0, 0):
        os.killpg(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    if os.WIFSIGNALED(ended[1]):
        return "the tests do not end"
    with open(outlet) as told:
        failed = told.read()
    status = os.WEXITSTATUS(ended[1])
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"none of these tests is there: {tests}")
    return failed or ("no import" if status else "")


def find_killer(folder, mutant, batches):
    """What kills the mutant when it stands in the place of its module; "" if no batch can."""
    place = path_of(mutant.module, folder)
    original = place.read_text()
    for compiled in place.parent.glob(f"__pycache__/{place.stem}.*"):
        compiled.unlink()  # or a change within the same second could go unseen
    place.write_text(mutant.text)
    try:
        ends = (killer(folder, tests, int(20 + 4 * seconds)) for tests, seconds in batches)
        return next(filter(None, ends), "")
    finally:
        place.write_text(original)


def judge(folder, mutant, known, most):
    """(killed, survived, or equivalent; by which test, after how many, or why)."""
    if why := reason(mutant):
        return "equivalent", why
    tests = tests_of(mutant, known)
    batches = batches_of(tests, known.costs, most)
    if test := find_killer(folder, mutant, batches):
        return "killed", test
    return "survived", f"{sum(len(batch) for batch, _ in batches)} of {len(tests)} tests"


def mutants_of(module):
    return mutants(path_of(module).read_text(), module)


def rooms():
    """The folders with code, and "." for the files outside; the laws have mutants of their own."""
    found = {path.parent.name for path in ROOT.glob("tinyalign/*/*.py")} - {"laws", "examples"}
    return [*sorted(found), ".", "toy_envs"]


def modules_of(room):
    """The modules of a room such as "runs", those of the folders in it too."""
    base = ROOT / ("" if room == "toy_envs" else "tinyalign")
    paths = base.glob("*.py") if room == "." else (base / room).rglob("*.py")
    names = [path.relative_to(base).with_suffix("").as_posix() for path in sorted(paths)]
    return [name for name in names if Path(name).name not in ("__init__", "__main__")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--room", action="append", help="such as runs; default: all")
    parser.add_argument("--module", help="one module, such as methods/train_online")
    parser.add_argument("--count", type=int, default=10, help="how many mutants of each room")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=120, help="of tests for a mutant, at most")
    parser.add_argument("--map", help="a file to keep the map in: which test runs which line")
    asked = parser.parse_args()
    drawn = {}
    for place in [asked.module] if asked.module else asked.room or rooms():
        names = [asked.module] if asked.module else modules_of(place)
        found = [mutant for name in names for mutant in mutants_of(name)]
        drawn[place] = draw(found, asked.count, random.Random(asked.seed))
    with copy_of_repository() as folder:
        judge_all(folder, drawn, map_of(folder, asked.map), asked.seconds)


def map_of(folder, kept):
    """The map in a file, or else the map made in a copy of the repository, and kept if asked."""
    if kept and Path(kept).exists():
        compile_all(folder)
        return load(kept)
    known = make_map(folder)
    if kept:
        save(known, kept)
    return known


def compile_all(folder):
    """Compile code and tests, which a run of the tests to make the map does on the way."""
    asked = [sys.executable, "-m", "pytest", "-q", "-n", "0", "--collect-only"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    subprocess.run(asked, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)


def judge_all(folder, drawn, known, most):
    """Judge {room: mutants}, and tell every end and the table of the rooms."""
    counts = {place: Counter() for place in drawn}
    for place, found in drawn.items():
        for mutant in found:
            end, why = judge(folder, mutant, known, most)
            counts[place][end] += 1
            print(f"{end:10} {mutant} ({why})", flush=True)
    for place, ends in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        told = ", ".join(f"{ends[end]} {end}" for end in ("killed", "survived", "equivalent"))
        print(
            f"{place:10} {told}: {ends['killed'] / max(1, ends['killed'] + ends['survived']):.0%}"
        )


if __name__ == "__main__":
    main()
