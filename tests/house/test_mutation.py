"""The mutator of mutation.py works: on a function of a few lines, whose mutants are known."""

import ast
import json
import random
import subprocess
import sys
from pathlib import Path

import mutation
import mutation_choice
import mutation_map
import pytest
from mutation_changes import Mutant, mutants

TOY = '''"""A toy."""


def mean(numbers, default=0.0):
    """The mean of the numbers above 0, é included."""
    kept = [x for x in numbers if x > 0 and x == x]
    kept = sorted(kept, reverse=True)
    if not kept:
        return default
    return sum(kept[1:]) / len(kept)
'''


def test_a_toy_has_the_mutants_that_one_would_write():
    found = {(mutant.line, mutant.change): mutant.text for mutant in mutants(TOY)}
    assert len(found) == len(set(found.values())) and TOY not in found.values()
    for line, change, code in [
        (4, "0.0 -> constant 1.0", "default=(1.0)"),
        (6, "x > 0 -> GtE", "if (x >= 0) and x == x"),
        (6, "x > 0 and x == x -> without x == x", "if (x > 0)]"),
        (7, "sorted(kept, reverse=True) -> without reverse", "kept = (sorted(kept))"),
        (7, "True -> flag", "reverse=(False)"),
        (7, "kept = sorted(kept, reverse=True) -> nothing", "\n    pass\n    if"),
        (8, "not kept -> never", "if (False):"),
        (10, "1: -> no lower", "kept[:]"),
        (10, "sum(kept[1:]) / len(kept) -> Mult", "return (sum(kept[1:]) * len(kept))"),
        (10, "sum(kept[1:]) -> mean", "(mean(kept[1:]))"),
    ]:
        assert code in found[line, change]
        assert len(found[line, change].splitlines()) == len(TOY.splitlines())
    assert not any("toy" in change or "included" in change for _, change in found)


def test_a_draw_goes_round_the_lines():
    """Of the same seed the same; no line a second time before all have had their turn."""
    found = list(mutants(TOY))
    lines = {mutant.line for mutant in found}
    drawn = mutation.draw(found, len(lines), random.Random(3))
    assert {mutant.line for mutant in drawn} == lines
    assert drawn == mutation.draw(found, len(lines), random.Random(3))
    assert sorted(mutation.draw(found, 10**4, random.Random(3))) == sorted(found)


def test_a_line_belongs_to_a_statement_that_a_call_runs_or_an_import():
    """TOY's default and a table belong to the import; of an if, the lines before its body."""
    tree = ast.parse(TOY + "TABLE = {\n    1: 2,\n}\n")
    assert mutation_map.statement_of(tree, 8) == ({8}, True)
    assert mutation_map.statement_of(tree, 9) == ({9}, True)
    assert mutation_map.statement_of(tree, 4) == ({4}, False)
    assert mutation_map.statement_of(tree, 12) == ({11, 12, 13}, False)
    assert mutation_map.lines_of_calls(tree) == set(range(5, 11))


COSTS = {
    "tests/losses/test_numerics.py::a": 4.0,
    "tests/losses/test_numerics.py::b": 1.0,
    "tests/engine/test_ops.py::c": 9.0,
    "tests/engine/test_ops.py::d": 1.0,
    "tests/engine/test_rules.py::e": 2.0,
}
A, B, C, D, E = COSTS


def test_a_mutant_is_judged_by_the_tests_that_run_its_line_and_then_by_their_neighbours():
    """Files that name the module come first, then cheap ones; a default is judged by every call."""
    module = "losses/numerics"
    text = mutation.path_of(module).read_text().splitlines()
    (line, *_) = [n for n, code in enumerate(text, 1) if code.startswith("    return")]
    before = max(n for n in range(1, line) if text[n - 1].startswith("def "))
    known = mutation_map.Map(COSTS, {module: {line: {A, C, E}}})
    in_call, default = (Mutant(module, n, "", "", "") for n in (line, before))
    assert mutation_choice.tests_of(in_call, known) == [A, E, C, B, D]
    assert mutation_choice.tests_of(default, known) == [A, E, C, B, D]
    assert mutation_choice.tests_of(in_call, mutation_map.Map(COSTS, {})) == []


def test_batches_grow_and_end():
    """What is too dear for the seconds that are left is left out, and what is cheap is not."""
    assert mutation_choice.batches_of([], COSTS, 100) == []
    assert mutation_choice.batches_of([A, B, C, D], COSTS, 9) == [([A, B], 5.3), ([D], 1.3)]
    (first, second) = mutation_choice.batches_of([C, A, B, D, E], COSTS, 100)
    assert first == ([C], 9.3) and second[0] == [A, B, D, E]


def test_a_map_is_kept_in_a_file(tmp_path):
    known = mutation_map.Map(COSTS, {"losses/numerics": {3: {A, B}, 4: set()}})
    mutation_map.save(known, tmp_path / "map")
    assert mutation_map.load(tmp_path / "map") == known


def test_every_room_has_its_modules():
    """What stands outside the folders is the room "."; the laws have their own mutants."""
    rooms = {room: mutation.modules_of(room) for room in mutation.rooms()}
    assert {"losses", "runs", "toy_envs", "."} <= set(rooms) and "laws" not in rooms
    assert "policy" in rooms["."] and "runs/compare/jobs" in rooms["runs"]
    paths = [mutation.path_of(module) for modules in rooms.values() for module in modules]
    assert all(path.is_file() for path in paths) and len(paths) == len(set(paths))


TESTS = """from tinyalign.toy import mean


def test_mean():
    assert mean([2, 4, -1]) == 1
"""
JUDGE = """import json, sys
from pathlib import Path

sys.path[0] = sys.argv[1]  # where mutation.py is
import mutation
from mutation_changes import Mutant

folder, test = Path(sys.argv[2]), "tests/below/test_toy.py::test_mean"
for text, limit in json.loads(sys.argv[3]):
    mutant = Mutant("toy", 6, "", "", text)
    print(mutation.find_killer(folder, mutant, [([test], limit)]) or "nothing")
try:
    mutation.killer(folder, [test + "_of_none"], 60)
except RuntimeError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_mutant_is_judged_by_the_tests_that_are_named(tmp_path):
    """One that makes no difference, a wrong one, one that is no Python, one that never ends."""
    toy = tmp_path / "tinyalign" / "toy.py"
    for path, text in ((toy, TOY), (tmp_path / "tests" / "below" / "test_toy.py", TESTS)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    toy.with_name("__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")  # names begin here
    endless = TOY.replace("if not kept:\n        return default", "while kept:\n        pass")
    changed = [(TOY.replace("> 0", new), 10) for new in (">= 0", "< 0", ">")] + [(endless, -4.5)]
    where = str(Path(mutation.__file__).parent)
    argv = [sys.executable, "-c", JUDGE, where, str(tmp_path), json.dumps(changed)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=200).stdout
    test = "tests/below/test_toy.py"
    ends = ["nothing", f"{test}::test_mean", test, "the tests do not end"]
    assert told.splitlines() == [
        *ends,
        f"none of these tests is there: ['{test}::test_mean_of_none']",
    ]
    assert toy.read_text() == TOY
