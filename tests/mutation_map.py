"""For mutation.py: which default tests run which line of the code, and what each of them costs.

The default tests run once in a copy of the repository, watched by coverage.py, which has to be
installed by hand: pip install coverage. Processes that a test starts are watched too. A test that
fails in the copy without any change judges nothing and is left out.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

CODE = ("tinyalign", "toy_envs")
SETTINGS = """[run]
source_dirs = {sources}
core = ctrace
parallel = true
patch = fork, _exit
context = ${{PYTEST_CURRENT_TEST-}}
data_file = {data}
disable_warnings = no-data-collected, module-not-measured, module-not-imported, couldnt-parse
"""
START = (
    "import coverage\n\ncoverage.process_startup()\n"  # Python imports sitecustomize when it starts
)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)


class Map(NamedTuple):
    """What every default test costs and runs."""

    costs: dict  # {test: seconds}, in the order of the suite
    lines: dict  # {module: {line: the tests that run it}}


class Watch:
    """Tells coverage.py which test runs, and writes down what each test took."""

    def __init__(self):
        self.costs, self.failed, self.start = {}, set(), 0.0

    def pytest_runtest_logstart(self, nodeid):
        from coverage import Coverage

        Coverage.current().switch_context(nodeid)
        self.start = sum(os.times()[:4])  # of the processor, its processes' time included

    def pytest_runtest_logfinish(self, nodeid):
        self.costs[nodeid] = sum(os.times()[:4]) - self.start

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self):
        told = {"costs": self.costs, "failed": sorted(self.failed)}
        Path(os.environ["MUTATION_COSTS"]).write_text(json.dumps(told))


def pytest_configure(config):
    """This file is a plugin of the one run that makes the map."""
    config.pluginmanager.register(Watch())


def make_map(folder, tests=()):
    """The map of the default tests, or of some files of them, in a copy of the repository."""
    with tempfile.TemporaryDirectory() as made:
        made = Path(made)
        sources = ", ".join(str(folder / name) for name in CODE)
        (made / "settings").write_text(SETTINGS.format(sources=sources, data=made / "data"))
        (made / "sitecustomize.py").write_text(START)
        path = os.pathsep.join(map(str, (made, folder, folder / "tests")))
        told = {"MUTATION_COSTS": made / "costs", "COVERAGE_PROCESS_START": made / "settings"}
        environment = os.environ | {name: str(where) for name, where in told.items()}
        asked = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "mutation_map", *tests]
        subprocess.run(asked, cwd=folder, env=environment | {"PYTHONPATH": path})
        told = json.loads((made / "costs").read_text())
        for test in told["failed"]:
            print("fails without any change:", test)
        good = {test: cost for test, cost in told["costs"].items() if test not in told["failed"]}
        return Map(good, read_lines(made, folder, good))


def read_lines(made, folder, known):
    """{module: {line: the tests that ran it}} of what coverage.py left in a folder."""
    from coverage import CoverageData

    lines = defaultdict(lambda: defaultdict(set))
    for path in made.glob("data.*"):
        data = CoverageData(path)
        data.read()
        for file in data.measured_files():
            module = module_of(Path(file).relative_to(folder.resolve()))
            for line, contexts in data.contexts_by_lineno(file).items():
                # A process that a test started has "test (call)" for a context.
                tests = {re.sub(r" \(\w+\)(\|.*)?$", "", context) for context in contexts}
                lines[module][line] |= tests & set(known)
    return lines


def module_of(path):
    """The name of a module in mutation.py: "runs/config", "toy_envs/task"."""
    return path.with_suffix("").as_posix().removeprefix("tinyalign/")


def save(map_, path):
    """Write a map to a file: tests by their number."""
    numbers = {test: number for number, test in enumerate(map_.costs)}
    lines = {
        module: {line: sorted(numbers[test] for test in tests) for line, tests in rows.items()}
        for module, rows in map_.lines.items()
    }
    Path(path).write_text(json.dumps({"costs": map_.costs, "lines": lines}))


def load(path):
    """The map of a file."""
    told = json.loads(Path(path).read_text())
    names = list(told["costs"])
    lines = {
        module: {int(line): {names[number] for number in tests} for line, tests in rows.items()}
        for module, rows in told["lines"].items()
    }
    return Map(told["costs"], lines)


def statement_of(tree, line):
    """(the lines of the statement that a line belongs to, whether only a call runs them).

    Of an if, a for or a def these are the lines before its body.
    """
    found, called, node = None, False, tree
    while node is not None:
        found, inner = node, [part for part in ast.iter_child_nodes(node) if holds(part, line)]
        called |= isinstance(node, FUNCTIONS) and bool(inner)
        node = inner[0] if inner else None
    body = getattr(found, "body", None)
    last = max(found.lineno, body[0].lineno - 1) if body else found.end_lineno
    return set(range(found.lineno, last + 1)), called


def holds(node, line):
    """Whether a node is a statement, or a branch with statements, that has a line in it."""
    return isinstance(node, BLOCKS) and node.lineno <= line <= node.end_lineno


def lines_of_calls(tree):
    """The lines that run when a function of a module is called, not when the module is imported."""
    found = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    return {n for node in found for n in range(node.body[0].lineno, node.end_lineno + 1)}
