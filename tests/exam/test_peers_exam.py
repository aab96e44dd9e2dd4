"""Opt-in (`-m peers`): TRL's trainers, run by the lines of an exam's own README, and graded."""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("trl")

from trl_runs import RUNS, grade, train  # noqa: E402

from tinyalign.exam.verdict import EXIT  # noqa: E402

KEPT = json.loads((Path(__file__).parents[2] / "docs/exam_peers.json").read_text("utf8"))


@pytest.mark.parametrize("name", RUNS)
def test_trl_lands_where_it_should_and_what_is_set_otherwise_is_named(name, tmp_path, capsys):
    """The verdict is the one that docs/exam.md prints, too."""
    wanted = RUNS[name].wanted
    train(RUNS[name], tmp_path / "exam")
    found = grade(tmp_path / "exam")
    with capsys.disabled():
        print(f"\n{name}: {found['verdict']}: {found['sentence']}")
    assert wanted in (found["verdict"], found["mistake"]), found["sentence"]
    assert found["exit_code"] == EXIT.get(wanted, 1)
    if name in KEPT:
        assert found["verdict"] == KEPT[name]["verdict"]
        assert found["mistake"] == KEPT[name]["mistake"]
