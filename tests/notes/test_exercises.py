"""The exercises: right answers pass, no wrong one does, and every wrong one is told why."""

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from walkthrough_solutions import SOLUTIONS
from wrong_answers import WRONG

from tinyalign import cli
from tinyalign.notes.exercises import table, texts
from tinyalign.notes.exercises.judging import UNWRITTEN, why_wrong
from tinyalign.notes.exercises.plain import plain

ROOT = Path(__file__).parents[2]
# The laws take seconds; what is compared with right answers takes none.
LAWFUL = {e.name for e in table.EXERCISES if "require_lawful" in inspect.getsource(e.check)}
EACH = [
    pytest.param(e, id=e.number, marks=[pytest.mark.slow] if e.name in LAWFUL else [])
    for e in table.EXERCISES
]


def unwritten(*arrays, **numbers):
    raise NotImplementedError


@pytest.mark.parametrize("exercise", EACH)
def test_right_answers_pass_and_stubs_are_unwritten(exercise):
    """The solution that the page shows, and another one by another hand."""
    right, _ = SOLUTIONS[exercise.number[:2]][exercise.name]
    assert why_wrong(exercise.check, exercise.solution) == ""
    assert why_wrong(exercise.check, right) == ""
    names = {"np": np}
    exec(texts.stub(exercise), names)
    assert why_wrong(exercise.check, names[exercise.name]) == UNWRITTEN


@pytest.mark.parametrize("exercise", EACH)
def test_every_wrong_answer_is_told_why(exercise):
    """What was found and wanted, and the mistake by its name where it has one; no two alike."""
    wrong, told = WRONG[exercise.name], []
    for says, function in wrong.items():
        message = why_wrong(exercise.check, function)
        assert says in message and "want" in message, (says, message)
        told.append(message)
    _, other = SOLUTIONS[exercise.number[:2]][exercise.name]
    assert why_wrong(exercise.check, other) != ""
    assert len(wrong) >= 4 and len(set(told)) == len(told)


def test_every_exercise_has_wrong_answers_and_two_hints():
    assert {e.name for e in table.EXERCISES} == set(WRONG)
    assert all(len(e.hints) == 2 and "->" in e.shapes for e in table.EXERCISES)


@pytest.mark.parametrize("page", sorted({e.number[:2] for e in table.EXERCISES}))
def test_a_page_has_three_exercises_one_on_paper_and_one_open(page):
    kinds = [getattr(each, "kind", "code") for each in table.of_page(page)]
    assert len(kinds) >= 3 and {"code", "on paper", "open ended"} == set(kinds)


def test_numbers_in_answers_to_questions():
    assert f"= {np.log(22) - 21 / 22:.3f}$" in table.find("06.3").answer
    policy, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    assert np.isclose(q @ (policy / q), 1) and q @ np.log(policy / q) < -0.2
    assert "−KL(q ‖ policy)" in table.find("04.5").answer


def test_a_solution_that_is_shown_can_be_pasted():
    """With np, it defines a function that works, and holds no docstring."""
    for exercise in table.EXERCISES:
        names = {"np": np}
        exec(texts.solution(exercise), names)
        assert '"""' not in texts.solution(exercise)
        if exercise.name not in LAWFUL:
            assert why_wrong(exercise.check, names[exercise.name]) == ""


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda p, k: None, "returns nothing"),
        (lambda p, k: "0.5 ", "for p = 0.1, k = 2 the function gives 0.5, want 0.18"),
        (lambda p, k: [p, k], "gives an array of shape (2,), want one number, 0.18"),
        (lambda p, k: object, "gives <class 'object'>, want 0.18"),
        (lambda p: p, "raises TypeError"),
        (lambda p, k: 1 / 0, "raises ZeroDivisionError in line"),
        (lambda p, k: float("nan"), "gives nan, want 0.18"),
    ],
)
def test_odd_answers_are_told_too(function, says):
    assert says in why_wrong(table.find("13.3").check, function)


def test_an_answer_without_return_is_told_so():
    assert "returns nothing" in why_wrong(table.find("19.1").check, lambda lengths, limit: None)


def test_a_missing_parameter_is_named():
    assert "lacks the parameter beta" in why_wrong(
        table.find("05.2").check, lambda ref_probs, reward: 0.0
    )


def test_the_command_lists_and_writes_and_never_overwrites(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["exercise"]) == 0
    assert capsys.readouterr().out.count("\n") == len(table.ALL) + 2
    assert cli.main(["exercise", "8.1"]) == 0  # as 08.1
    path = tmp_path / "exercise_08_1.py"
    assert "def my_dpo(" in path.read_text(encoding="utf8")
    path.write_text("mine", encoding="utf8")
    assert cli.main(["exercise", "08.1"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert path.read_text(encoding="utf8") == "mine"


def test_the_command_shows_hints_solutions_and_questions(capsys):
    for typed, says in (
        (["08.1", "--hint", "1"], "The margin is chosen log-ratio minus"),
        (["08.1", "--hint", "2"], "−log σ of β times the margin"),
        (["08.1", "--hint", "2"], "from tinyalign.losses.numerics import log_sigmoid"),
        (["08.1", "--solution"], "def my_dpo("),
        (["08.3"], "on paper"),
        (["08.3", "--solution"], "0.693"),
    ):
        assert cli.main(["exercise", *typed]) == 0
        assert says in capsys.readouterr().out
    for typed in (["08.1", "--hint", "3"], ["99.1"], ["08.1", "no.txt"]):
        assert cli.main(["exercise", *typed]) == 2


def test_no_formula_of_latex_is_left_for_the_terminal():
    for exercise in table.ALL.values():
        texts = exercise.hints if hasattr(exercise, "hints") else (exercise.answer,)
        for text in (exercise.task, *texts):
            assert not set("\\$") & set(plain(text)), text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ("return 1 - p**k - (1 - p) ** k", 0, "13.3 my_signal_share: right"),
        ("return 1 - p**k", 1, "not yet right: for p = 0.1, k = 2 the function gives 0.99"),
        ("raise NotImplementedError", 1, "not yet written"),
        ("return 1 / 0", 1, "raises ZeroDivisionError in line 2"),
        ("while True: pass", 2, "did not come to an end in 6 s"),
        ("import os; os._exit(5)", 2, "ends its process (exit status 5)"),
        ("import os; os.kill(os.getpid(), 9)", 2, "kills its process (SIGKILL)"),
        ("import sys; sys.exit()", 2, "raises SystemExit"),
        ("return (", 2, "raises SyntaxError"),
    ],
)
def test_a_file_is_judged_in_a_process_of_its_own(body, status, says, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"def my_signal_share(p, k):\n    {body}\n", encoding="utf8")
    seconds = "6" if "while" in body else "60"  # on a busy machine the others take their time
    command = [sys.executable, "-m", "tinyalign", "exercise", "13.3", str(path)]
    command += ["--seconds", seconds]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, says in done.stdout + done.stderr) == (status, True), done
    assert "Traceback" not in done.stderr


def test_the_pages_show_the_exercises_of_the_library():
    """They are what `python docs/build_exercises.py` writes now."""
    spec = importlib.util.spec_from_file_location(
        "build_exercises", ROOT / "docs/build_exercises.py"
    )
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    for path in build.PAGES:
        assert build.page_with_exercises(path) == path.read_text(encoding="utf8"), path.name
