"""Whatever words are typed, the command ends with status 0, or with 2 and one sentence."""

import contextlib
import dataclasses
import io
import os
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinyalign import cli
from tinyalign.cli import screen
from tinyalign.errors import InputError
from tinyalign.methods import METHODS
from tinyalign.runs import train
from tinyalign.runs.compare import comparison, tune

FIELDS = {name: [f.name for f in dataclasses.fields(row)] for name, row in cli.COMMANDS.items()}
WORDS = [
    "", " ", "0", "-1", "1", "3", "1e400", "nan", "-inf", "1_000", "٣", "x", "None", "--", "-", "=",
    "True", "bandit", "addition", "bandit,addition", "tabular", "lstm", "k1", "model", "rank",
    "samples:100", "steps:4", "seconds:x", "accuracy:0.5", "recipe", "names_sft", "names_pairs",
    "/dev/null", "/dev/zero", ".", "..", "a/b", "\x1b[2J", "\ud800", "a\nb", "[red]", "[/x]",
    "x" * 300, "dask:tcp://[::1", "mpi", "os:getcwd", "sys:exit", "tensorboard", "cpu", "gpu",
    *(row.name for row in METHODS[:12]), "reward,ppo", "sft,dpo", "grpo@1", "00",
]  # fmt: skip


@st.composite
def command_lines(draw):
    """A command, mostly with options of its own, and words that may fit or not."""
    command = draw(st.sampled_from([*cli.COMMANDS, "", "runn", "--help", "--version"]))
    own = FIELDS.get(command) or ["x"]
    option = st.sampled_from(own).map("--{}".format) | st.text("-abc=", max_size=4)
    word = st.sampled_from(WORDS) | st.text(max_size=5) | st.integers().map(str)
    pair = st.tuples(option, word) | st.tuples(word) | st.tuples(option)
    pairs = draw(st.lists(pair, max_size=4))
    return [command, *(text for pair in pairs for text in pair)]


def status_of(argv):
    """(status, what stood on stderr) of a command."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = cli.main(argv)
        except SystemExit as error:  # --help
            status = error.code
    return status, said.getvalue()


def nothing_done(*args, **named):
    raise InputError("all was right, and nothing is done")


@pytest.fixture
def no_work(monkeypatch, tmp_path):
    """Everything is checked, and nothing trained, measured, drawn or opened."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(train, "run", lambda *args, **named: [])
    monkeypatch.setattr(screen, "print_summaries", lambda *args: None)
    monkeypatch.setattr(comparison, "compare", nothing_done)
    monkeypatch.setattr(tune, "tune", nothing_done)
    monkeypatch.setattr("tinyalign.notes.claims.remeasure", lambda *args: {})
    monkeypatch.setattr("tinyalign.notes.pages.read", lambda name: 0)
    monkeypatch.setattr("tinyalign.notes.pages.write", lambda out: 0)
    monkeypatch.setattr("tinyalign.notes.play.play", lambda browser, port: 0)
    monkeypatch.setattr("builtins.input", lambda *args: "")
    monkeypatch.setitem(os.environ, "TINYALIGN_BACKEND", "numpy")


@pytest.mark.slow
@pytest.mark.usefixtures("no_work")
@settings(
    max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(command_lines())
def test_any_words_end_in_a_sentence(argv):
    status, said = status_of(argv)
    assert status in (0, 2), (argv, said)
    assert "Traceback" not in said and "╭" not in said
    if status == 2:
        lines = [line for line in said.splitlines() if line.startswith("tinyalign:")]
        assert len(lines) == 1, (argv, said)
