"""The scripts: each whole in one short file, and as good as the same method of `tinyalign run`."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sweeping import run

from tinyalign.methods import rollouts, samples

ROOT = Path(__file__).parents[2]
SCRIPTS = {path.stem: path for path in sorted((ROOT / "walkthroughs" / "scripts").glob("*.py"))}
LONGEST = 120  # lines of code
# What a reader of a script may have to look up, besides NumPy and the standard library.
ALLOWED = {
    "tinyalign",
    "tinyalign.losses",
    "tinyalign.models",
    "tinyalign.engine.optim",
    "tinyalign.policy",
    "tinyalign.models.tokenizer",
    "tinyalign.engine.tree",
    "toy_envs",
}
SEED = 0
METHODS = ("sft", "dpo", "grpo", "ppo")
MORE = METHODS[1:]  # these go on from a warm start by SFT

each_script = pytest.mark.parametrize("name", METHODS)


def source(name):
    """The text of a script."""
    return SCRIPTS[name].read_text(encoding="utf8")


def code_lines(text):
    """How many lines are neither blank nor part of a comment or a docstring."""
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    skipped = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node):
            skipped |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = [line.strip() for line in text.splitlines()]
    code = [bool(line) and not line.startswith("#") for line in lines]
    return sum(code[number - 1] for number in range(1, len(lines) + 1) if number not in skipped)


def modules(text):
    """The modules that a source imports from. `from package import module` is one of the module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            paths = [ROOT / name.replace(".", "/") for name in inner]
            found = any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)
            yield from inner if found else [node.module]


def test_there_is_a_script_for_each_of_four_methods():
    """The other tests look at these."""
    assert set(SCRIPTS) == set(METHODS)


@each_script
def test_a_script_is_short(name):
    """At most 120 lines of code, and a docstring that says what is learned."""
    assert ast.get_docstring(ast.parse(source(name)))
    assert 0 < code_lines(source(name)) <= LONGEST


def test_what_counts_as_a_line_of_code():
    """Two of these lines do."""
    documented = '"""What it is,\nin two lines."""\n\n# why\n'
    assert code_lines(documented + 'def f():\n    """A word."""\n    return 1  # so\n') == 2


@each_script
def test_a_script_uses_nothing_that_hides_the_method(name):
    """No loop, stage or step of the package: those are what the script writes out."""
    for module in modules(source(name)):
        known = module in ALLOWED or module.rpartition(".")[0] in ALLOWED - {"tinyalign"}
        assert known or module.split(".")[0] in sys.stdlib_module_names | {"numpy"}, module


def test_an_import_that_hides_the_method_is_found():
    """However it is written."""
    for text in ("from tinyalign.methods import steps", "import tinyalign.methods.steps"):
        assert list(modules(text)) == ["tinyalign.methods.steps"]
    assert list(modules("from tinyalign.methods.steps import sft_step")) == [
        "tinyalign.methods.steps"
    ]


def test_the_scripts_begin_alike():
    """The same text from the task to the warm start, so that a diff shows what sets them apart."""
    parts = [re.search(r"^# The task.*?^print", source(name), re.M | re.S) for name in MORE]
    assert len({part.group() for part in parts}) == 1


@pytest.mark.slow
@each_script
def test_a_script_learns_what_run_learns(tmp_path, monkeypatch, name):
    """The held-out accuracy that it prints last is that of `tinyalign run`, within 2 points.

    The script draws the same random numbers, takes the same number of steps and looks at the same
    500 problems, so it is the same training up to rounding. The script reads every row whole, and
    here `run` does so too: a prompt read once gives the same gradient but for rounding, and where
    the warm start stops accuracy rises so steeply that rounding alone moved it from 40 to 49 % (the
    same 130 steps; with whole rows it was that of the script). On seed 0 the two accuracies were
    equal; 2 points are for other machines, where rounding may differ and sampling magnifies it.
    Two independent runs would differ by more: 500 problems alone put a standard deviation of
    √(2·0.8·0.2/500) = 2.5 points on the difference at 80 % (dpo), and seeds put more than that.
    What this does not show: near 100 % (sft, grpo, ppo) 2 points hide a small difference; there
    the accuracy of the warm start is the sharper check.
    """
    for module in (samples, rollouts):
        monkeypatch.setattr(module, "prompt_layout", lambda *batch, **options: None)
    steps = int(re.search(r"^STEPS\b.*?= (\d+)", source(name), re.MULTILINE).group(1))
    command = [sys.executable, SCRIPTS[name], str(SEED)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    last = re.fullmatch(r"held-out accuracy (\S+) on 500 problems", printed.splitlines()[-1])
    kl = {"beta": 0.01} if name == "grpo" else {}  # the script's; the recipe has none
    summaries = run(tmp_path, name, seed=SEED, steps=steps, **kl)
    assert abs(float(last[1]) - summaries[-1]["eval_accuracy"]) <= 0.02
    if name in MORE:
        warm = re.match(r"warm start: (\d+) steps of SFT, accuracy (\S+)", printed)
        assert int(warm[1]) == summaries[0]["steps"]
        assert abs(float(warm[2]) - summaries[0]["eval_accuracy"]) <= 0.02
