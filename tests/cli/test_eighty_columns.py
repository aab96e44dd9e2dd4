"""Tables on a screen of 80 columns: no line is wider, and no cell is cut with dots."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from tinyalign import cli, losses
from tinyalign.cli import method_help, screen
from tinyalign.cli.show import print_source


@pytest.fixture
def narrow(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "typed", ["methods", "metrics", "museum dpo", "claims", "claims dpo", "env"]
)
def test_tables_fit(narrow, capsys, typed):
    assert cli.main(typed.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 5
    assert [line for line in lines if cell_len(line) > 80] == []


def test_a_run_is_listed_with_its_whole_name_and_its_scores(narrow, capsys):
    words = ["run", "dpo", "--env", "bandit", "--steps", "1", "--num_pairs", "64"]
    assert cli.main([*words, "--name", "a-name-of-forty-characters-without-spaces"]) == 0
    table = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert [line for line in table if line.startswith("stage") and cell_len(line) > 80] == []
    assert cli.main(["runs"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if cell_len(line) > 80] == []
    assert "a-name-of-forty-characters-without-spaces" in out
    assert "KL, nats" in out and "--num_pairs 64" in out


def test_code_is_seen_on_a_light_and_on_a_dark_screen():
    """No letter is white, bright white or black on the screen's own colour."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, color_system="standard", width=80)
    print_source(console, "function", losses.k2)
    pieces = re.findall(r"\x1b\[([0-9;]*)m([^\x1b]*)", screen.getvalue())
    assert {code for code, _ in pieces} > {"0", "34;49"}  # there is colour
    unseen = {"30", "37", "90", "97"}
    assert [text for code, text in pieces if unseen & {*code.split(";")} and text.strip()] == []


STAGE = {"method": "sft", "steps": 2, "completions_sampled": 0, "networks": ["policy"],
         "bytes": 1000, "train_seconds": 0.5}  # fmt: skip
TUNED = {"sft": {"chosen": {"learning_rate": 0.1}, "score": 0.5, "median": 0.25}}


@pytest.mark.parametrize(
    ("show", "result"), [(screen.print_summaries, [STAGE]), (screen.print_tuned, TUNED)]
)
def test_a_place_is_never_broken(narrow, capsys, show, result):
    """It can be copied; what looks like a style of rich is part of the name."""
    place = "/".join(["a-folder", "[bold]"] * 10)
    show(result, place)
    assert place in capsys.readouterr().out


def test_brackets_in_the_help_of_a_method_are_not_a_style(capsys, monkeypatch):
    monkeypatch.setattr(method_help, "sections", lambda row: [("numbers", ["--x 1  in [bold]"])])
    assert method_help.print_help(["sft", "dpo"]) == 0
    out = capsys.readouterr().out
    assert out.count("--x 1  in [bold]") == out.count("numbers:") == 2
    assert out.startswith("sft: ") and "\ndpo: " in out


def test_names_stand_on_the_left_of_a_column_and_numbers_on_the_right(capsys):
    both = ["policy", "reference"]
    stages = [STAGE, STAGE | {"method": "grpo", "steps": 1234, "networks": both}]
    screen.print_summaries(stages, "folder")
    head, first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("sft ") and second.startswith("grpo ")
    at, end = head.index("networks"), head.index("steps") + len("steps")
    assert first[at:].startswith("policy ") and second[at:].startswith("policy, reference ")
    assert first[:end].endswith("    2") and second[:end].endswith(" 1234")


@pytest.mark.parametrize("typed", ["claims dpo", "metrics", "methods"])
def test_no_number_is_coloured(monkeypatch, capsys, typed):
    """Colours are for headings; rich would paint every number and every word in quotes."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert cli.main(typed.split()) == 0
    painted = re.findall(r"\x1b\[[0-9;]*m([^\x1b]+)", capsys.readouterr().out)
    assert painted and [text for text in painted if re.fullmatch(r"[\d.]+", text)] == []
