"""`check` and `museum`: one clear sentence for every mishap, and the right exit code."""

import json
import os
import re
import subprocess
import sys

import pytest

from tinyalign import cli
from tinyalign.laws.__main__ import COMMANDS, main
from tinyalign.laws.check.command import check_here, museum
from tinyalign.laws.harness import limits
from tinyalign.laws.museum import EXHIBITS

BAD = """
import numpy as np
import time

number = 3

def good(w, r, rw, rr, *, beta):
    return np.logaddexp(0, -beta * (w - rw - r + rr))

def without_reference(w, r, rw, rr, *, beta):
    return np.logaddexp(0, -beta * (w - r))

def mean_without_reference(w, r, rw, rr, *, beta):
    return np.mean(without_reference(w, r, rw, rr, beta=beta))

def too_few(w, r):
    return w - r

def too_needy(w, r, rw, rr, colour, *, beta, size):
    return w * colour * size

def raises(w, r, rw, rr, *, beta):
    raise RuntimeError("no such layer")

def nan(w, r, rw, rr, *, beta):
    return w * np.nan

def text(w, r, rw, rr, *, beta):
    return "0.69"

def nothing(w, r, rw, rr, *, beta):
    pass

def several(w, r, rw, rr, *, beta):
    return good(w, r, rw, rr, beta=beta), beta * (w - rw), beta * (r - rr)

def square(w, r, rw, rr, *, beta):
    return np.logaddexp(0, -beta * ((w - rw)[:, None] - (r - rr)))

def hangs(w, r, rw, rr, *, beta):
    while True:
        time.sleep(0.01)

def hangs_sometimes(w, r, rw, rr, *, beta):
    while np.any(w < -30):
        pass
    return good(w, r, rw, rr, beta=beta)

def writes(w, r, rw, rr, *, beta):
    w -= rw
    return np.logaddexp(0, -beta * (w - r + rr))

def exits(w, r, rw, rr, *, beta):
    raise SystemExit(0)

calls = []
def moody(w, r, rw, rr, *, beta):
    calls.append(1)
    return good(w, r, rw, rr, beta=beta) + (len(calls) % 7 == 0)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("user") / "mine.py"
    path.write_text(BAD)
    (path.parent / "broken.py").write_text("import nowhere_to_be_found\n")
    (path.parent / "syntax.py").write_text("def f(:\n")
    return path


@pytest.fixture
def impatient(monkeypatch):
    """A call that takes longer than other calls by much is enough here."""
    monkeypatch.setattr(limits, "CALL_LIMIT", 0.3)
    monkeypatch.setattr(limits, "WAIT_LIMIT", 2.0)


def test_a_right_function_exits_0(file, capsys):
    assert check_here(f"{file}:good", "dpo", examples=10) == 0
    assert "0 broken" in capsys.readouterr().out


def test_a_wrong_function_exits_1_with_code_and_diagnosis(file, capsys):
    assert check_here(f"{file}:without_reference", "dpo", examples=8) == 1
    out = capsys.readouterr().out
    assert "Breaks log2_at_reference: policy = reference costs log 2. For instance:" in out
    assert "docs/kill_matrix.md" in out  # what else the law catches
    assert "Looks like: the reference was dropped" in " ".join(out.split())


@pytest.mark.parametrize(
    ("name", "method", "sentence"),
    [
        ("missing", "dpo", "defines no 'missing'"),
        ("number", "dpo", "is 'int', not a function"),
        ("too_few", "dpo", "takes the arrays w, r; dpo also needs ref_chosen_logp, the chosen"),
        ("too_needy", "dpo", "also needs"),
        ("exits", "dpo", "raises SystemExit"),
        ("text", "dpo", "gives a str, want numbers"),
        ("hangs", "dpo", "did not come back within"),
        ("good", "dpoo", "No method 'dpoo'; did you mean dpo or"),
    ],
)
def test_what_cannot_be_judged_exits_2_with_one_sentence(
    file, capsys, impatient, name, method, sentence
):
    assert check_here(f"{file}:{name}", method, examples=5) == 2
    said = capsys.readouterr()
    assert sentence in said.err + said.out
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("nowhere.py:f", "There is no file"),
        ("no_colon.py", "not of the form"),
        ("no.such.module:f", "raises ModuleNotFoundError"),
        ("broken.py:f", "raises ModuleNotFoundError"),
        ("syntax.py:f", "raises SyntaxError"),
    ],
)
def test_a_file_that_is_not_there_or_cannot_be_read(file, capsys, monkeypatch, target, sentence):
    monkeypatch.chdir(file.parent)
    assert check_here(target, "dpo") == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (["colour=red"], "has no convention 'colour'"),
        (["reduction=median"], "want one of none, mean, sum"),
        (["beta=large"], "want a number"),
    ],
)
def test_a_convention_that_does_not_exist(file, capsys, declared, sentence):
    assert check_here(f"{file}:good", "dpo", convention=declared) == 2
    assert sentence in capsys.readouterr().err


def test_an_unknown_framework(file, capsys):
    assert check_here(f"{file}:good", "dpo", framework="fortran") == 2
    assert "want one of numpy, torch, jax" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("nan", "log2_at_reference"),
        ("square", "batch_is_its_rows"),
        ("writes", "inputs_are_not_modified"),
        ("moody", "answers_are_repeatable"),
        ("nothing", "gives_an_answer"),
    ],
)
def test_what_breaks_a_law_exits_1(file, capsys, name, law):
    assert check_here(f"{file}:{name}", "dpo", as_json=True, examples=8) == 1
    data = json.loads(capsys.readouterr().out)
    assert law in [entry["law"] for entry in data["laws"] if entry["verdict"] == "broken"]


def test_a_function_that_always_raises_is_broken_and_says_with_what(file, capsys):
    assert check_here(f"{file}:raises", "dpo", as_json=True, examples=5) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["diagnosis"].startswith("It raises RuntimeError: no such layer (on every input")
    (law,) = data["laws"]
    assert law["verdict"] == "broken" and "raises(array([" in law["counterexample"]


def test_a_function_that_hangs_on_some_inputs_exits_2(file, capsys, impatient):
    assert check_here(f"{file}:hangs_sometimes", "dpo") == 2
    said = capsys.readouterr()
    assert "did not come back" in " ".join((said.out + said.err).split())


def test_json_holds_the_whole_report(file, capsys):
    check_here(f"{file}:without_reference", "dpo", as_json=True, examples=4)
    data = json.loads(capsys.readouterr().out)
    assert data["exit_code"] == 1 and data["diagnosis"]
    broken = [entry for entry in data["laws"] if entry["verdict"] == "broken"]
    assert all("from mine import without_reference" in e["counterexample"] for e in broken)


def test_the_museum_lists_and_shows(capsys):
    assert museum() == 0
    assert "dpo_without_reference" in capsys.readouterr().out
    assert museum("dpo_without_reference", reveal=True) == 0
    out = capsys.readouterr().out
    assert out.index("np.logaddexp") < out.index("breaks log2_at_reference")
    assert museum("no_such_exhibit") == 2
    assert museum("dpo_reference_added", reveal=True) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "We planted this mistake ourselves; no public project is known to have it." in out


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_list_of_exhibits_breaks_no_name(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    museum()
    lines = capsys.readouterr().out.splitlines()
    names = {line.split()[0] for line in lines if re.match(r"  \w", line)}
    assert names == {exhibit.name for exhibit in EXHIBITS}
    assert columns < 80 or max(map(len, lines)) <= columns


def test_the_reduction_is_told_before_the_table(file, capsys):
    assert check_here(f"{file}:mean_without_reference", "dpo", examples=8) == 1
    out = capsys.readouterr().out
    assert out.startswith("mean_without_reference returns a mean over the batch: judged with")
    assert "Breaks batch_is_its_rows" not in out and "the reference was dropped" in " ".join(
        out.split()
    )


def test_a_convention_may_be_typed_each_by_itself_or_all_at_once(file, capsys):
    words = ["check", f"{file}:good", "--as", "dpo", "--json", "--convention", "beta=1"]
    for more in (["colour=red"], ["--convention", "colour=red"]):
        assert main([*words, *more]) == 2
        assert "has no convention 'colour'" in capsys.readouterr().out
    ours = cli.all_commands()
    assert issubclass(ours["check"], COMMANDS["check"])
    assert ours["museum"] is COMMANDS["museum"]


def test_the_module_runs_as_a_command(file):
    argv = [sys.executable, "-m", "tinyalign.laws", "check", f"{file}:text", "--as", "dpo"]
    done = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert main(["museum", "ipo_two_squares"]) == 0
