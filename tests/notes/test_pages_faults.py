"""The system refuses once, at any call of a page build: a sentence, and the next build is whole."""

import pytest
from course import course_in
from faults import ERRORS, Fault

from tinyalign import cli
from tinyalign.notes.pages import site


@pytest.fixture
def short_course(tmp_path, monkeypatch):
    """Two walkthroughs that run in a moment, in the place of ours."""
    monkeypatch.setattr(site, "WALKTHROUGHS", course_in(tmp_path))


def build(out):
    return cli.main(["build-pages", str(out)])


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.usefixtures("short_course")
@pytest.mark.parametrize("name", ERRORS)
def test_any_call_that_fails_in_a_build_leaves_whole_pages(tmp_path, capsys, name):
    """No page is half a page, no file of another name stays, and a second build ends alike."""
    assert build(tmp_path / "whole") == 0
    whole, n = contents(tmp_path / "whole"), 1
    while True:
        out = tmp_path / f"mine{n}"
        with pytest.MonkeyPatch.context() as patch:
            fault = Fault(patch, ERRORS[name], n)
            status = build(out)
        said = capsys.readouterr().err
        if fault.calls < n:
            break
        assert status == 2 and said.count("\n") == 1 and "fault of tinyalign" not in said, said
        if out.exists():
            left = contents(out)
            assert left.keys() <= whole.keys()
            assert all(left[page] == whole[page] for page in left)
        assert build(out) == 0 and contents(out) == whole
        n += 1
    assert status == 0 and n > 20
