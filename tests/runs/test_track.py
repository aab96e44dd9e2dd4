"""Metrics in trackio and TensorBoard: each line of metrics.jsonl once, also after --resume."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinyalign import cli
from tinyalign.runs import files, trackers, train

pytestmark = pytest.mark.usefixtures("plain_curves")
SMALL = ["--env", "bandit", "--steps", "6", "--eval_every", "2", "--batch_size", "4", "--seed", "3"]


def run(folder, *extra):
    argv = ["run", "dpo,dpo", *SMALL, "--num_pairs", "20", "--output", str(folder), "--name", "one"]
    return cli.main([*argv, *extra])


def written(folder):
    """The numbers of each line of metrics.jsonl, by the number of the line."""
    return {
        number: {k: v for k, v in row.items() if k not in ("stage", "step")}
        for number, row in enumerate(files.read_metrics(folder / "one"), 1)
    }


class Killed(BaseException):
    """Stands for whatever ends a run half-way."""


def killed_at(count):
    """train.train_stage, ended after so many rows of the run."""
    real, rows = train.train_stage, []

    def train_stage(job, folder, progress, log, on_step):
        def counted(row, total):
            on_step(row, total)
            rows.append(row)
            if len(rows) == count:
                raise Killed

        return real(job, folder, progress, log, counted)

    return train_stage


class Writer:
    """Stands for tensorboardX: keeps what it is given in a file of its folder."""

    def __init__(self, logdir, flush_secs):
        self.rows, self.path = {}, Path(logdir) / "events.json"
        self.path.parent.mkdir()

    def add_scalar(self, name, value, step):
        assert name not in self.rows.setdefault(step, {}), "told twice"
        self.rows[step][name] = value

    def close(self):
        self.path.write_text(json.dumps(self.rows))


class Library:
    """Stands for the module tensorboardX."""

    SummaryWriter = Writer


def told(folder):
    """What the writer was given."""
    rows = json.loads((folder / "one" / "tensorboard" / "events.json").read_text())
    return {int(step): row for step, row in rows.items()}


def test_every_row_is_told_once(tmp_path, monkeypatch):
    """Two stages: the steps go on from the first to the second."""
    monkeypatch.setitem(sys.modules, "tensorboardX", Library)
    assert run(tmp_path, "--report_to", "tensorboard") == 0
    assert told(tmp_path) == written(tmp_path)
    assert list(told(tmp_path)) == list(range(1, 13))


def test_a_resumed_run_has_no_step_twice(tmp_path, monkeypatch):
    """Rows after the last checkpoint were told, then trained again: the store has the new ones."""
    monkeypatch.setitem(sys.modules, "tensorboardX", Library)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(train, "train_stage", killed_at(9))
        run(tmp_path, "--report_to", "tensorboard")
    assert len(told(tmp_path)) == 9
    assert run(tmp_path, "--report_to", "tensorboard", "--resume") == 0
    assert told(tmp_path) == written(tmp_path)
    assert len(told(tmp_path)) == 12


def test_a_finished_run_can_be_reported_afterwards(tmp_path, monkeypatch):
    """--resume with --report_to trains nothing and tells everything."""
    assert run(tmp_path) == 0
    monkeypatch.setitem(sys.modules, "tensorboardX", Library)
    before = (tmp_path / "one" / "model.safetensors").read_bytes()
    assert run(tmp_path, "--resume", "--report_to", "tensorboard") == 0
    assert told(tmp_path) == written(tmp_path)
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "library", "words"),
    [
        ("wandb", None, "it can be none, trackio or tensorboard"),
        ("tensorboard", "tensorboardX", "pip install -e '.[tensorboard]'"),
        ("trackio", "trackio", "pip install -e '.[track]'"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_work(
    name, library, words, tmp_path, monkeypatch, capsys
):
    """An unknown word, a library that is not installed: nothing is written."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    if library:
        monkeypatch.setitem(sys.modules, library, None)
    assert run(tmp_path, "--report_to", name) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_run_that_is_refused_keeps_its_store(tmp_path, monkeypatch):
    """The same name again without --resume: status 2, and the store stays as it was."""
    monkeypatch.setitem(sys.modules, "tensorboardX", Library)
    assert run(tmp_path, "--report_to", "tensorboard") == 0
    before = told(tmp_path)
    assert run(tmp_path, "--report_to", "tensorboard") == 2
    assert told(tmp_path) == before


def test_tensorboard_files_hold_the_metrics(tmp_path):
    """The real writer; its records are read back by their protocol buffers."""
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    assert run(tmp_path, "--report_to", "tensorboard") == 0
    (path,) = (tmp_path / "one" / "tensorboard").iterdir()
    content, found = path.read_bytes(), {}
    while content:  # a record: its length, 4 bytes of checksum, itself, 4 more
        end = 12 + int.from_bytes(content[:8], "little")
        event = Event.FromString(content[12:end])
        for value in event.summary.value:
            found.setdefault(event.step, {})[value.tag] = value.simple_value
        content = content[end + 4 :]
    expected = written(tmp_path)
    assert found.keys() == expected.keys()
    for step, row in expected.items():
        assert found[step].keys() == row.keys()
        assert all(math.isclose(found[step][k], row[k], rel_tol=1e-6) for k in row)


READ = """
import socket, sys
socket.getaddrinfo = socket.create_connection = None  # whoever asks for the network fails
from tinyalign import cli
status = cli.main(sys.argv[1:])
from trackio.sqlite_storage import SQLiteStorage
(name,) = SQLiteStorage.get_runs("tinyalign")
rows = SQLiteStorage.get_logs("tinyalign", name)
print(status, name, *[row["step"] for row in rows])
"""


def test_trackio_keeps_the_metrics_below_the_run(tmp_path):
    """A process of its own, without network: the database holds each step once, resumed or not."""
    pytest.importorskip("trackio")
    argv = ["run", "sft", *SMALL, "--output", str(tmp_path), "--name", "one"]
    for resume in ([], ["--resume"]):
        done = subprocess.run(
            [sys.executable, "-c", READ, *argv, "--report_to", "trackio", *resume],
            capture_output=True, text=True, env={**os.environ, "TRACKIO_SPACE_ID": "some/space"},
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == "0 one 1 2 3 4 5 6", done.stderr
    assert [path.name for path in (tmp_path / "one" / "trackio").glob("*.db")] == ["tinyalign.db"]


def test_none_tells_nobody(tmp_path):
    """The default: no store."""
    with trackers.open_tracker("none", tmp_path) as on_step:
        on_step({"step": 1}, 1)
    assert os.listdir(tmp_path) == []
