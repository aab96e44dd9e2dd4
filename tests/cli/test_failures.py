"""However a command ends: one sentence and a status, never a traceback; nothing is lost."""

import functools
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from faults import ERRORS, Fault

from tinyalign import cli
from tinyalign.cli import failures, typed
from tinyalign.errors import shown
from tinyalign.runs import files

B = ["--env", "bandit", "--steps", "4", "--eval_size", "8", "--batch_size", "4"]
B += ["--eval_every", "2"]


def run(place, *extra, name="mine"):
    argv = ["run", "sft", *B, "--output", str(place), "--name", name, *extra]
    return cli.main(argv)


def untimed(folder):
    """Everything that a run leaves, without seconds: metrics, weights, summaries."""
    told = files.read_metrics(folder) + files.read_summaries(folder)
    told = [{key: value for key, value in row.items() if key != "train_seconds"} for row in told]
    return told, (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, plain_curves):
    """What a run leaves that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole")
    assert run(place) == 0
    return untimed(place / "mine")


def end_at_every_call(tmp_path, capsys, whole, error, step):
    """A run with the n-th call failing, resumed: (points tried) of which none lost anything."""
    n = 1
    while True:
        place = tmp_path / str(n)
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, error, n)
            status = run(place)
        if fault.calls < n:
            assert status == 0
            return n - 1
        said = capsys.readouterr().err
        # A folder that is there need not be made: that refusal harms nothing.
        assert status == 2 or (status == 0 and untimed(place / "mine") == whole)
        assert "Traceback" not in said and "fault of tinyalign" not in said
        begun = (place / "mine" / "config.json").exists()
        assert run(place, *(["--resume"] if begun else [])) == 0
        assert untimed(place / "mine") == whole
        n += step


@pytest.mark.parametrize("name", ["disk full", "memory"])
def test_a_call_that_fails_loses_nothing(tmp_path, capsys, whole, name):
    """Some of the calls; the slow stage tries each with each error (finding 13)."""
    assert end_at_every_call(tmp_path, capsys, whole, ERRORS[name], 9) > 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_any_call_that_fails_loses_nothing(tmp_path, capsys, whole, name):
    """Every open, fsync and rename of a run fails once: a sentence, and --resume ends alike."""
    assert end_at_every_call(tmp_path, capsys, whole, ERRORS[name], 1) > 30


def command(*argv, **options):
    """The finished process of a command."""
    program = [sys.executable, "-m", "tinyalign", *argv]
    return subprocess.run(program, stderr=subprocess.PIPE, text=True, timeout=60, **options)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device")
def test_streams_that_take_nothing_are_no_traceback():
    """Standard output full or closed (finding 16)."""
    with open("/dev/full", "w") as full:
        done = command("methods", stdout=full)
    assert done.returncode == 2 and done.stderr == "tinyalign: No space left on device\n"
    closed = command("methods", preexec_fn=lambda: os.close(1))
    assert (closed.returncode, closed.stderr) == (0, "")


def test_a_backend_that_is_none_is_a_sentence():
    """While Python still imports (finding 35)."""
    done = command("methods", env=os.environ | {"TINYALIGN_BACKEND": "zzz"})
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "zzz" in done.stderr


def test_a_fault_of_our_own_is_told_as_such(tmp_path, capsys, monkeypatch):
    """Status 3, and a file with the traceback that can be reported."""
    monkeypatch.setattr(failures.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(cli.COMMANDS, "methods", lambda: 1 / 0)
    monkeypatch.setattr(cli, "parse_command", lambda argv: lambda: 1 / 0)
    assert cli.main(["methods"]) == 3
    said = capsys.readouterr().err
    (report,) = tmp_path.glob("tinyalign-error-*.txt")
    assert str(report) in said and "Traceback" not in said
    assert "ZeroDivisionError" in report.read_text()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_command_like_ctrl_c(capsys, monkeypatch, name):
    """128 + its number; what is kept is said, and the handler of before is back (finding 32)."""
    number = getattr(signal, name)
    before = signal.getsignal(number)

    def ended():
        signal.raise_signal(number)
        time.sleep(5)

    monkeypatch.setattr(cli, "parse_command", lambda argv: ended)
    assert cli.main(["methods"]) == 128 + number
    assert "stopped" in capsys.readouterr().err
    assert signal.getsignal(number) == before


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.2, 0.3, 0.5, 0.7, 0.9])
def test_ctrl_c_in_the_first_second_is_no_traceback(tmp_path, delay):
    """While Python imports, too (finding 33)."""
    program = [sys.executable, "-m", "tinyalign", "run", "grpo", "--output", str(tmp_path)]
    heard = functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    settings = {"stderr": subprocess.PIPE, "text": True, "preexec_fn": heard}
    with subprocess.Popen(program, **settings) as process:
        time.sleep(delay)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        said = process.communicate(timeout=60)[1]
    assert process.returncode in (130, -signal.SIGINT)
    # Until our first line runs, Python's own start is Python's.
    assert "numpy" not in said and "tinyalign/cli" not in said


PATHS = {
    "a name that is too long": ["--name", "x" * 300],
    "a file as the folder of runs": ["--output", "/dev/null/runs"],
    "no start there": ["--init_from", "\x1b[31m"],
    "no data there": ["--data", "\x1b]0;title\x07.jsonl"],
}


@pytest.mark.parametrize("case", PATHS)
def test_a_path_that_cannot_be_is_a_sentence(tmp_path, capsys, case):
    """And no character in it reaches the terminal that would steer it (findings 15 and 22)."""
    argv = ["run", "sft", *B, "--output", str(tmp_path), *PATHS[case]]
    assert cli.main(argv) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.rstrip("\n").isprintable()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_a_closed_folder_is_a_sentence(tmp_path, capsys):
    (tmp_path / "closed").mkdir(mode=0o000)
    assert run(tmp_path / "closed" / "runs") == 2
    assert "Permission denied" in capsys.readouterr().err


def test_markup_in_a_path_is_not_read_as_markup(tmp_path, capsys, plain_curves):
    """[red] and [/x] are names like others (findings 15 and 23)."""
    assert run(tmp_path / "o[/x]", name="[red]x") == 0
    assert "o[/x]/[red]x: metrics.jsonl" in capsys.readouterr().out


def test_escapes_of_data_do_not_reach_the_terminal(tmp_path, capsys, plain_curves):
    """Neither from texts nor from names of columns (finding 22)."""
    path = tmp_path / "own.jsonl"
    escape = "\x1b]0;owned\x07\x1b[2J"
    line = {"prompt": "a" + escape, "completion": "b"}
    path.write_text("".join(json.dumps(line) + "\n" for _ in range(4)))
    argv = ["run", "sft", "--data", str(path), "--steps", "2", "--model", "tabular"]
    assert cli.main([*argv, "--output", str(tmp_path)]) == 0
    path.write_text(json.dumps({"prompt": "a", "\x1b[31mX": "b"}) + "\n")
    assert cli.main([*argv, "--output", str(tmp_path)]) == 2
    assert "\x1b" not in "".join(capsys.readouterr())


def test_what_is_shown_has_no_control_characters():
    assert shown("a\x1b[2J\x07b\nc·ö\ud800") == "a\\x1b[2J\\x07b\nc·ö\\ud800"


BOXES = {  # what is typed: what is said of it
    ("run", "sft", "--steps", "x"): "--steps is 'x', want a whole number; `tinyalign run --help`",
    ("run", "sft", "--seed", "1.5"): "--seed is '1.5', want a whole number",
    ("run", "sft", "--label_noise", "x"): "--label_noise is 'x', want a number",
    ("run", "sft", "--steps", "٣"): "--steps is '٣', want a number in digits",
    ("run", "sft", "--learning-rate=1_0"): "--learning-rate is '1_0', want a number in digits",
    ("run", "sft", "--nope", "3"): "there is no option --nope;",
    ("run", "sft", "--learningrate", "3"): "(did you mean --learning_rate?)",
    ("write", "x", "--lr", "3"): "there is no option --lr;",
    ("write", "x", "--steps", "3"): "there is no option --steps;",
    ("exam", "make", "x", "--ass", "dpo", "--as", "dpo"): "(did you mean --as?)",
    ("run", "sft", "more"): "'more' is one word too many",
    ("run", "sft", "--env"): "--env has no value",
    ("runn",): "there is no command 'runn'; `tinyalign --help`",
    ("--steps", "3", "run"): "--steps stands before its command",
    ("choose", "--data", "nothing"): "--data is 'nothing', want 'ask', 'demonstrations'",
    ("build-pages",): "tinyalign build-pages needs FOLDER",
}


@pytest.mark.parametrize("argv", BOXES, ids=" ".join)
def test_a_mistyped_word_is_a_sentence_and_no_box(argv, capsys):
    """With the help that lists what there is (finding 26)."""
    assert cli.main(list(argv)) == 2
    said = capsys.readouterr().err
    assert BOXES[argv] in said and said.count("\n") == 1
    assert "--help` lists" in said or "in digits" in said


@pytest.mark.parametrize("name", ["1_000", "٣"])
def test_a_word_may_have_any_digits(tmp_path, plain_curves, name):
    """Only numbers are asked for in digits from 0 to 9 (finding 30)."""
    assert run(tmp_path, name=name) == 0


def test_a_box_without_lines_is_read_too():
    """As tyro draws where the terminal knows ASCII only."""
    box = " Value error \n ---- \n Error parsing --steps: no int: 'x' \n ---- \n --steps INT \n"
    assert typed.sentence(box, "run").startswith("--steps is 'x', want a whole number;")
