"""Do the tests notice a wrong stage? The code of methods/, one small change at a time, and judged.

    python tests/mutation.py [--module methods/train_online] [--count 60] [--seed 0] [--quick]

A mutant is a module with one change. It is written into a copy of the repository, never into the
repository itself, and the tests of JUDGES run there, those named for the module first. A test that
fails, or does not end, kills the mutant. A survivor is a hole in the tests unless EQUIVALENT gives
a reason why no test can see it. The draw goes by lines: every line has the same chance, and then
every change of the line.
"""

import argparse
import ast
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")

import autograd.numpy  # noqa: E402, F401  imported once, and not again for every mutant
import hypothesis  # noqa: E402, F401
import pytest  # noqa: E402
from independent.mutate import variants  # noqa: E402
from mutation_tables import EQUIVALENT, JUDGES, MODULES, OTHERS  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
OTHER_NAMES = {  # what could have been written instead
    "chosen": "rejected",
    "rejected": "chosen",
    "argmax": "argmin",
    "argmin": "argmax",
    "max": "min",
    "min": "max",
    "all": "any",
    "ones_like": "zeros_like",
}
NO_MATHS = ("annotation", "returns", "decorator_list")  # fields of a node that compute nothing


class Mutant(NamedTuple):
    """A module with one change."""

    module: str  # such as "methods/train_online"
    line: int
    code: str  # the line before the change
    change: str  # "old -> new"
    text: str  # the whole changed module

    def __str__(self):
        return f"{self.module}:{self.line}: {self.change}"


def nodes(tree):
    """The nodes of a module that compute something: no annotations, no text, no imports."""
    if isinstance(tree, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
        return
    yield tree
    for field, value in ast.iter_fields(tree):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST) and field not in NO_MATHS:
                yield from nodes(part)


def expressions(node):
    """(word, expression) that could stand in the place of an expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield from variants(node)
        if not isinstance(node.value, bool):
            yield "doubled", ast.Constant(2 * node.value)
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part):
                kept = {name: getattr(node, name) for name in ("lower", "upper", "step")}
                yield f"no {part}", ast.Slice(**kept | {part: None})
    elif isinstance(node, ast.Dict) and len(node.keys) > 0:
        for i, key in enumerate(node.keys):
            rest = ast.Dict(node.keys[:i] + node.keys[i + 1 :], node.values[:i] + node.values[i + 1 :])
            yield f"without {ast.unparse(key) if key else 'a part'}", rest
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.BoolOp(other, node.values)
        for i, value in enumerate(node.values):
            rest = node.values[:i] + node.values[i + 1 :]
            yield f"without {ast.unparse(value)}", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp)):
        yield from variants(node)
    elif isinstance(node, ast.Call):
        yield from variants(node)
        yield from calls(node)
    if isinstance(node, (ast.Attribute, ast.Name)) and isinstance(node.ctx, ast.Load):
        name = node.attr if isinstance(node, ast.Attribute) else node.id
        if other := OTHER_NAMES.get(name):
            named = ast.Attribute(node.value, other) if isinstance(node, ast.Attribute) else ast.Name(other)
            yield other, named
    if isinstance(node, (ast.Compare, ast.BoolOp)):
        yield "not", ast.UnaryOp(ast.Not(), node)


def calls(node):
    """A call without one of its keywords, and what a method is called on without the call."""
    for i, keyword in enumerate(node.keywords):
        rest = node.keywords[:i] + node.keywords[i + 1 :]
        yield f"without {keyword.arg or 'a part'}", ast.Call(node.func, node.args, rest)
    if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
        yield f"no {node.func.attr}", node.func.value
    elif isinstance(node.func, ast.Attribute) and node.func.attr in ("astype", "copy", "reshape"):
        yield f"no {node.func.attr}", node.func.value


def conditions(node):
    """(condition, word, other condition) of an if, a while or a filter."""
    tests = node.ifs if isinstance(node, ast.comprehension) else [node.test]
    for test in tests:
        yield test, "not", ast.UnaryOp(ast.Not(), test)
        yield test, "always", ast.Constant(True)
        yield test, "never", ast.Constant(False)


def can_go(node):
    """Whether a statement can be left out without a name that is then unknown."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)  # a docstring
    if isinstance(node, ast.Assign):
        (target, *_), used = node.targets, {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
        return isinstance(target, (ast.Subscript, ast.Attribute)) or bool(names & used)
    return isinstance(node, (ast.AugAssign, ast.Raise, ast.Break, ast.Continue))


def changes(tree):
    """(node, word, the text to stand in its place) of every change."""
    for node in nodes(tree):
        if isinstance(node, (ast.If, ast.While, ast.comprehension)):
            for test, word, other in conditions(node):
                yield test, word, f"({ast.unparse(other)})"
        if isinstance(node, ast.stmt) and can_go(node):
            yield node, "nothing", "pass"
        if isinstance(node, ast.expr):
            for word, other in expressions(node):
                text = ast.unparse(ast.fix_missing_locations(other))
                yield node, word, text if isinstance(node, ast.Slice) else f"({text})"


def mutants(source, module="toy"):
    """Every mutant of a module's text that Python accepts, each of them once."""
    lines, seen = source.encode().splitlines(keepends=True), {ast.dump(ast.parse(source))}
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    for node, word, new in changes(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        whole = source.encode()
        text = (whole[:start] + new.encode() + whole[end:]).decode()
        with contextlib.suppress(SyntaxError, ValueError):
            tree = ast.parse(text)
            compile(text, module, "exec")
            if (meant := ast.dump(tree)) not in seen:
                seen.add(meant)
                code = lines[node.lineno - 1].decode().strip()
                yield Mutant(module, node.lineno, code, f"{ast.unparse(node)} -> {word}", text)


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
        if mutant.module.endswith(module) and re.search(code, mutant.code) and re.search(change, mutant.change):
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
        os.dup2(os.open("/tmp/w/g4.out", os.O_WRONLY|os.O_CREAT|os.O_TRUNC), number)
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    early = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis is there already
    return pytest.main([*options, "-W", early, *map(str, files)])


def pass_tests(folder, names, limit):
    """Whether the default tests in files of these names pass within so many seconds."""
    if not names:
        return True
    files = [file for name in names for file in sorted(folder.glob(f"tests/**/{name}.py"))]
    child, began = os.fork(), time.monotonic()
    if child == 0:
        os.setpgid(0, 0)
        os._exit(run_tests(folder, files))
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() - began < limit:
        time.sleep(0.02)
    if ended == (0, 0):
        os.killpg(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    return ended[1] == 0


def survives(folder, mutant, batches):
    """Whether all the tests pass with the mutant in place of its module."""
    place = folder / "tinyalign" / f"{mutant.module}.py"
    original = place.read_text()
    for compiled in place.parent.glob(f"__pycache__/{place.stem}.*"):
        compiled.unlink()  # or a change within the same second could go unseen
    place.write_text(mutant.text)
    try:
        return all(pass_tests(folder, names, limit) for names, limit in batches)
    finally:
        place.write_text(original)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", help="one module, such as methods/train_online; default: all")
    parser.add_argument("--count", type=int, default=60, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="only the tests named for a module")
    asked = parser.parse_args()
    modules = [asked.module] if asked.module else MODULES
    others = [] if asked.quick else OTHERS
    found = [m for name in modules for m in mutants((ROOT / "tinyalign" / f"{name}.py").read_text(), name)]
    ends = {"killed": [], "survived": [], "equivalent": []}
    with copy_of_repository() as folder:
        used = {name for names in JUDGES.values() for name in names} | set(others)
        assert pass_tests(folder, sorted(used), 600), "the tests fail without any change"
        for mutant in draw(found, asked.count, random.Random(asked.seed)):
            batches = [(JUDGES[mutant.module], 60), (others, 600)]
            end = "equivalent" if reason(mutant) else "killed"
            if end == "killed" and survives(folder, mutant, batches):
                end = "survived"
            ends[end].append(mutant)
            print(f"{end:10} {mutant}", *([f"({why})"] if (why := reason(mutant)) else []), flush=True)
    counts = {end: len(these) for end, these in ends.items()}
    print(*(f"{count} {end}" for end, count in counts.items()), sep=", ")
    print(f"killed of those that are not equivalent: {counts['killed'] / (counts['killed'] + counts['survived']):.1%}")


if __name__ == "__main__":
    main()
