"""For mutation.py: which tests are to judge a mutant, and in which order."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

from mutation_map import lines_of_calls, statement_of

ROOT = Path(__file__).resolve().parent.parent


def path_of(module, root=ROOT):
    """The file of a module; toy_envs is a package beside ours."""
    return root / ("" if module.startswith("toy_envs") else "tinyalign") / f"{module}.py"


def file_of(test):
    return test.split("::")[0]


@cache
def imported(module):
    """Every word in the imports of a module: packages, modules and names."""
    tree = ast.parse(path_of(module).read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return set(re.findall(r"\w+", " ".join(map(ast.unparse, found))))


def tests_that_call(module, known):
    """The tests that call a function of a module."""
    called = lines_of_calls(ast.parse(path_of(module).read_text()))
    lines = known.lines.get(module, {})
    return set().union(*(lines[line] for line in called & set(lines)))


def tests_of(mutant, known):
    """The tests that can see a mutant, in the order in which they are to be run."""
    lines, in_call = statement_of(ast.parse(path_of(mutant.module).read_text()), mutant.line)
    runs = known.lines.get(mutant.module, {})
    stages = [set().union(*(runs.get(line, set()) for line in lines))]
    if not in_call or not stages[0]:  # the import may have called it
        room, _, name = mutant.module.rpartition("/")
        users = [user for user in known.lines if {name, room.split("/")[-1]} & imported(user)]
        stages = [tests_that_call(mutant.module, known)]
        stages.append(set().union(*(tests_that_call(user, known) for user in users)))
    files = set(map(file_of, stages[0]))
    stages.append({test for test in known.costs if file_of(test) in files})
    ordered = [test for stage in stages for test in in_order(stage, mutant.module, known)]
    return list(dict.fromkeys(ordered))


def in_order(tests, module, known):
    """Tests of files that name the module first, then by what the tests of a file cost."""
    name, costs = re.compile(rf"\b{Path(module).stem}\b"), Counter()
    for test in tests:
        costs[file_of(test)] += known.costs[test]
    other = {file: not name.search((ROOT / file).read_text()) for file in costs}
    return sorted(
        (test for test in known.costs if test in tests),
        key=lambda test: (other[file_of(test)], costs[file_of(test)], file_of(test)),
    )


def batches_of(tests, costs, most):
    """[(tests, seconds)]: a few seconds' worth, then six times more; `most` seconds in all."""
    batches, size, total = [], 5, 0
    for test in tests:
        first = not any(file_of(test) == file_of(other) for batch, _ in batches for other in batch)
        cost = costs[test] + 0.3 * first  # to collect a file
        if total + cost > most:
            continue
        if not batches or batches[-1][1] > size:
            size *= 6 if batches else 1
            batches.append(([], 0))
        batches[-1] = ([*batches[-1][0], test], batches[-1][1] + cost)
        total += cost
    return batches
