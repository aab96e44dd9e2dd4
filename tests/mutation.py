"""Do the tests notice a wrong line? The code of a room, one small change at a time, and judged.

    python tests/mutation.py [--module methods/train_online] [--count 60] [--seed 0] [--quick]
    python tests/mutation.py --room runs --count 60

A mutant is a module with one change. It is written into a copy of the repository, never into the
repository itself, and the tests of JUDGES run there, those named for the module first; a module
that has no row there is judged by the tests of its room that name it, or by all of them. A test
that fails, or does not end, kills the mutant. A survivor is a hole in the tests unless EQUIVALENT
gives a reason why no test can see it. The draw goes by lines: every line has the same chance, and
then every change of the line.
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
from mutation_tables import EQUIVALENT, JUDGES, OTHERS  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


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


def run_tests(folder, files):
    """The exit status of pytest in a child that has the folder first on its path."""
    os.chdir(folder)
    sys.path[0], os.environ["PYTHONPATH"] = str(folder), str(folder)
    sys.dont_write_bytecode = any(folder.glob("tinyalign/__pycache__"))
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    early = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis is there already
    return pytest.main([*options, "-W", early, *map(str, files)])


def pass_tests(folder, names, limit):
    """Whether the default tests in files of these names pass within so many processor seconds.

    On the clock ten times as many: a machine may be busy with other things.
    """
    if not names:
        return True
    files = [file for name in names for file in sorted(folder.glob(f"tests/**/{name}.py"))]
    child, last = os.fork(), time.monotonic() + 10 * limit
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        os._exit(run_tests(folder, files))
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < last:
        time.sleep(0.02)
    if ended == (0, 0):
        os.killpg(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    return ended[1] == 0


def survives(folder, mutant, batches):
    """Whether all the tests pass with the mutant in place of its module."""
    place = path_of(mutant.module, folder)
    original = place.read_text()
    for compiled in place.parent.glob(f"__pycache__/{place.stem}.*"):
        compiled.unlink()  # or a change within the same second could go unseen
    place.write_text(mutant.text)
    try:
        return all(pass_tests(folder, names, limit) for names, limit in batches)
    finally:
        place.write_text(original)


def judge(folder, mutant, batches):
    """killed, survived, or equivalent."""
    if reason(mutant):
        return "equivalent"
    return "survived" if survives(folder, mutant, batches) else "killed"


def path_of(module, root=ROOT):
    """The file of a module; toy_envs is a package beside ours."""
    return root / ("" if module.startswith("toy_envs") else "tinyalign") / f"{module}.py"


def mutants_of(module):
    return mutants(path_of(module).read_text(), module)


def modules_of(room):
    """The modules of a room such as "runs", those of the folders in it too."""
    base = path_of(room).with_suffix("")
    paths = sorted(path for path in base.rglob("*.py") if path.name != "__init__.py")
    return [f"{room}/{path.relative_to(base).with_suffix('')}" for path in paths]


def judges_of(module):
    """The names of the test files that judge a module: of its room, those that name the module."""
    if module in JUDGES:
        return JUDGES[module]
    room, name = module.split("/")[0], re.compile(rf"\b{Path(module).stem}\b")
    files = sorted(ROOT.glob(f"tests/{room}/**/test_*.py"), key=lambda path: path.stat().st_size)
    return [path.stem for path in files if name.search(path.read_text())] or [
        path.stem for path in files
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", help="one module, such as methods/train_online; default: all")
    parser.add_argument("--room", help="a folder, such as runs: all its modules")
    parser.add_argument("--count", type=int, default=60, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="only the tests named for a module")
    asked = parser.parse_args()
    modules = [asked.module] * bool(asked.module) or list(JUDGES)
    modules = modules_of(asked.room) if asked.room else modules
    others, counts = [] if asked.quick or asked.room else OTHERS, Counter()
    found = [mutant for name in modules for mutant in mutants_of(name)]
    drawn = draw(found, asked.count, random.Random(asked.seed))
    with copy_of_repository() as folder:
        used = {name for mutant in drawn for name in judges_of(mutant.module)} | set(others)
        assert pass_tests(folder, sorted(used), 1200), "the tests fail without any change"
        for mutant in drawn:
            end = judge(folder, mutant, [(judges_of(mutant.module), 100), (others, 600)])
            counts[end] += 1
            print(f"{end:10} {mutant}", f"({reason(mutant)})" * bool(reason(mutant)), flush=True)
    told = counts["killed"] + counts["survived"]
    print(*(f"{counts[end]} {end}" for end in ("killed", "survived", "equivalent")), sep=", ")
    print(f"{counts['killed'] / max(told, 1):.1%} of those that are not equivalent were killed")


if __name__ == "__main__":
    main()
