"""The system refuses once, at any call of a comparison: a sentence, and --resume ends alike."""

import json

import pytest
from faults import ERRORS, Fault
from killing import left_of

from tinyalign import cli, report
from tinyalign.report import comparison_plots, plots

SMALL = ["--env", "bandit", "--steps", "2", "--eval_size", "8", "--batch_size", "4"]


def compare(place, *extra):
    argv = ["compare", "sft", "rloo", *SMALL, "--eval_every", "2", "--jobs", "1"]
    return cli.main([*argv, "--output", str(place), "--name", "mine", *extra])


@pytest.fixture(scope="module")
def one_picture():
    """A comparison draws one picture of five, its runs none: all are written in the same way."""

    def scores(comparison, parts):
        return {"scores": (comparison_plots.scores(comparison.rows), "scores")}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tinyalign.runs.compare.comparison.captioned_figures", scores)
        patch.setattr(report, "curves", lambda rows, path: plots.write_whole(path, b"<svg/>"))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_picture):
    """What a comparison leaves that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole")
    assert compare(place) == 0
    return left_of(place / "mine")


def is_told(status, folder, said):
    """Whether the command said in one sentence what failed, or the comparison goes on without."""
    if status == 2:
        return said.count("tinyalign: ") == 1
    failed = json.loads((folder / "compare.json").read_text())["failed"]
    return status == 0 and all(run in said for run in failed)


def resume(place):
    """The status of the same command again; --resume where there is something to resume."""
    begun = any((place / "mine").glob("**/config.json"))
    return compare(place, *["--resume"] * begun)


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_any_call_that_fails_in_a_comparison_loses_nothing(tmp_path, capsys, whole, name):
    """Every fourth call, so that the four errors share all calls."""
    n = 1 + list(ERRORS).index(name)
    while True:
        place = tmp_path / str(n)
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, ERRORS[name], n)
            status = compare(place)
        said = capsys.readouterr().err
        if fault.calls < n:
            break
        assert is_told(status, place / "mine", said), (n, status, said)
        assert "Traceback" not in said and "fault of tinyalign" not in said
        assert resume(place) == 0 and left_of(place / "mine") == whole, n
        assert not any(place.rglob("error.txt")) and not any(place.rglob(".tinyalign-part-*"))
        n += 4
    assert status == 0 and n > 100
