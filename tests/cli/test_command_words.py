"""What the command says of itself, when it is stopped, and to a name that is nearly one."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tinyalign import cli
from tinyalign.cli import screen, watching
from tinyalign.cli.choosing import Choose, Claims
from tinyalign.cli.comparing import Compare
from tinyalign.cli.judging import Check
from tinyalign.cli.reading import Read
from tinyalign.cli.training import Run

GOES_ON = (
    "stopped; what is done is on disk, and the same command with --resume goes on (without it "
    "where there is no folder yet)"
)
STOPPED = {
    Run: (["run", "grpo"], GOES_ON),
    Compare: (["compare"], GOES_ON),
    Choose: (["choose"], "stopped"),
    Claims: (["claims"], "stopped"),
    Check: (["check", "a.py:f", "--as", "dpo"], "stopped"),
    Read: (["read", "00"], "stopped"),
}


@pytest.mark.parametrize("command", STOPPED, ids=lambda command: command.__name__)
def test_ctrl_c_promises_only_what_there_is(command, monkeypatch, capsys):
    """--resume is named by the commands that have it."""

    def ctrl_c(self):
        raise KeyboardInterrupt

    typed, says = STOPPED[command]
    monkeypatch.setattr(command, "__call__", ctrl_c)
    assert cli.main(typed) == 130
    assert capsys.readouterr().err == f"\ntinyalign: {says}\n"


@pytest.mark.parametrize("typed", [[], ["methods"], ["compare", "--help"]], ids=" ".join)
def test_a_reader_may_leave_early(typed):
    """As `| head -1` does: no traceback and no complaint."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tinyalign", *typed]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.stderr == ""


def test_the_welcome_and_the_help_fit_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([]) == 0
    welcome = capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    usage, *rest = capsys.readouterr().out.splitlines()
    assert usage.startswith("usage")  # the list of commands, which the library never breaks
    assert max(map(len, [*welcome.splitlines(), *rest])) <= 80
    assert all(f"tinyalign {name}" in welcome for name in ("check", "choose", "claims"))


@pytest.mark.parametrize("command", ["run", "compare"])
def test_a_line_of_help_ends_where_the_next_word_has_no_room(command, capsys, monkeypatch):
    """At a width that no line of the source has: a line of the source is no line of the help."""
    monkeypatch.setenv("COLUMNS", "110")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    # The help of an option begins beside it or, where the option is long, on the next line.
    lines = [line.strip("│") for line in capsys.readouterr().out.splitlines()]
    pairs = [
        (line.rstrip(), after)
        for line, after in itertools.pairwise(lines)
        if after.startswith(" " * 17)
        and after.strip()
        and not re.fullmatch(r" *-\S+( \S+)* *", line)
    ]
    assert len(pairs) > 1
    for line, after in pairs:
        assert len(f"{line} {after.split()[0]}") > 106, (line, after)


def test_a_name_that_is_nearly_a_method_is_asked_about(capsys):
    for typed in (["run", "grpoo"], ["show", "grpoo"], ["compare", "sft", "grpoo"]):
        assert cli.main(typed) == 2
        assert "there is no method 'grpoo': did you mean grpo?" in capsys.readouterr().err
    assert cli.main(["show", "nothing_like_it"]) == 2
    assert "did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "compare"])
@pytest.mark.parametrize("columns", [60, 80, 100])
def test_help_says_what_is_left_to_the_recipe_and_breaks_no_pipeline(
    command, columns, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    said = capsys.readouterr().out
    flat = " ".join(said.replace("│", " ").split())
    assert "None" not in said and "METHOD" in said
    assert "num_pairs INT" in said and "[default: the method's recipe]" in flat
    assert command == "run" or "reward,ppo" in said


@pytest.mark.parametrize("command", ["run", "compare"])
@pytest.mark.parametrize(
    ("old", "name", "typed", "value"),
    [
        ("--start", "init_from", "runs/a", Path("runs/a")),
        ("--start_accuracy", "warm_start_accuracy", "0.7", 0.7),
        ("--start-accuracy", "warm_start_accuracy", "0.7", 0.7),
        ("--noise", "label_noise", "0.1", 0.1),
    ],
)
def test_flags_that_were_renamed_can_still_be_typed(command, old, name, typed, value, capsys):
    """Before or after the method, with a space or "=", and --help names the new flag alone."""
    for words in ([old, typed, "dpo"], ["dpo", old, typed], ["dpo", f"{old}={typed}"]):
        assert getattr(cli.parse_command([command, *words]), name) == value
        assert capsys.readouterr().err == f"{old} is now called --{name}\n"
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    flags = re.findall(r"--[\w-]+", capsys.readouterr().out)
    assert f"--{name}" in flags and old not in flags


def test_words_that_are_no_renamed_flags_stay_as_they_are(capsys):
    """A value is not a flag, and the --noise of `choose` is another one."""
    assert cli.parse_command(["run", "dpo", "--name", "start"]).name == "start"
    assert cli.parse_command(["run", "dpo", "--name=--noise"]).name == "--noise"
    assert cli.parse_command(["choose", "--noise", "high"]).noise == "high"
    assert capsys.readouterr().err == ""


def test_the_time_left_is_of_the_runs_at_work(monkeypatch):
    """Steps that were done before cost no time, and each sweep has a clock of its own."""

    def states(*steps):
        rows = [{"state": "running", "stage": "sft", "step": n, "stage_index": 0} for n in steps]
        return {Path(f"{len(steps)}/{i}"): row | {"stages": [100]} for i, row in enumerate(rows)}

    shown, clock = [], iter([0, 0, 10, 100, 100, 110])
    monkeypatch.setattr(watching.time, "monotonic", lambda: next(clock))
    on_poll = watching.live_table(lambda table: shown.append([*table.columns[2].cells][-1]), "", "")
    for steps in ([0], [50], [80, 0], [90, 40]):
        on_poll(states(*steps))
    lefts = ["0 s", "10 s, about 10 s left", "0 s", "10 s, about 14 s left"]
    assert [text.partition("; ")[2] for text in shown] == lefts


def test_the_accuracy_of_a_judge_is_called_one_of_pairs():
    row = {"eval_accuracy": 0.75}
    assert screen.format_metrics(row | {"stage": "dpo"}, "addition") == "held-out accuracy 0.750"
    for env in ("addition", "bandit"):
        shown = screen.format_metrics(row | {"stage": "reward"}, env)
        assert shown == "held-out pair accuracy 0.750"


def test_on_the_bandit_a_line_tells_the_distance_to_the_optimum_and_no_accuracy():
    row = {"stage": "dpo", "eval_accuracy": 0.75, "eval_kl": 0.2, "eval_optimum_kl": 0.018}
    assert screen.format_metrics(row, "bandit") == "held-out kl 0.200  to optimum 0.018"


def test_what_a_model_writes_stays_on_its_line(capsys):
    """A line break that was sampled is shown as a sign."""
    summary = {
        "method": "sft",
        "steps": 1,
        "completions_sampled": 0,
        "networks": ["policy"],
        "bytes": 8,
    }
    screen.print_summaries(
        [summary | {"train_seconds": 0.1, "sample_completions": ["an\nna", "[b]ob"]}], "runs/x"
    )
    assert "\nsample completions: an↵na, [b]ob\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["runs", "--output", "X"], "tinyalign runs has no --output, it takes the folder"),
        (["runs", "--steps", "3"], "there is no option --steps; `tinyalign runs --help`"),
        (["exam", "make", "X"], "tinyalign exam make needs --as METHOD; `tinyalign exam make --h"),
        (["check", "a.py:f", "--as", "ipo_average"], "ipo_average has no laws yet: CONTRIBUTING"),
        (["metrics", "nothing"], "no metric has 'nothing' in its key"),
        (["explain", "."], "there is no file metrics.jsonl"),
    ],
)
def test_a_mistake_names_what_to_type(typed, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(typed) == 2
    assert says in capsys.readouterr().err


def test_metrics_of_a_word(capsys):
    assert cli.main(["metrics", "KL"]) == 0
    said = capsys.readouterr().out
    assert "eval_kl" in said and "grad_norm" not in said
