"""The mutator of mutation.py works: on a function of a few lines, whose mutants are known."""

import json
import random
import subprocess
import sys
from pathlib import Path

import mutation
import pytest
from mutation_changes import mutants

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


def test_the_judges_and_the_modules_are_there():
    """A name that no file has would judge nothing."""
    names = {name for names in mutation.JUDGES.values() for name in names} | set(mutation.OTHERS)
    found = {name: list(mutation.ROOT.glob(f"tests/**/{name}.py")) for name in names}
    assert {len(files) for files in found.values()} == {1}, found
    assert all((mutation.ROOT / "tinyalign" / f"{name}.py").is_file() for name in mutation.JUDGES)


TESTS = """from tinyalign.toy import mean


def test_mean():
    assert mean([2, 4, -1]) == 1
"""
JUDGE = """import json, sys
from pathlib import Path

sys.path[0] = sys.argv[1]  # where mutation.py is
import mutation
from mutation_changes import Mutant

folder = Path(sys.argv[2])
for text, limit in json.loads(sys.argv[3]):
    mutant = Mutant("toy", 6, "", "", text)
    print(mutation.survives(folder, mutant, [(["test_toy"], limit)]))
"""


@pytest.mark.slow
def test_a_mutant_is_judged_by_the_tests_that_are_named(tmp_path):
    """One that makes no difference, a wrong one, one that is no Python, one that never ends."""
    toy = tmp_path / "tinyalign" / "toy.py"
    for path, text in ((toy, TOY), (tmp_path / "tests" / "below" / "test_toy.py", TESTS)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    toy.with_name("__init__.py").touch()
    endless = TOY.replace("if not kept:\n        return default", "while kept:\n        pass")
    changed = [(TOY.replace("> 0", new), 60) for new in (">= 0", "< 0", ">")] + [(endless, 2)]
    where = str(Path(mutation.__file__).parent)
    argv = [sys.executable, "-c", JUDGE, where, str(tmp_path), json.dumps(changed)]
    told = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=200).stdout
    assert told.split() == ["True", "False", "False", "False"]
    assert toy.read_text() == TOY
