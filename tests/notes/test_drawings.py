"""Concept drawings: each stands on a page, is described, and says the numbers of the plain text."""

import re

import pytest

from tinyalign.notes.pages import downloads, drawings, markup, site

FENCES = {
    name: (path, plain)
    for path in site.walkthroughs()
    for name, plain in re.findall(
        r"^# ```([a-z]+)\n(.*?)^# ```$", path.read_text("utf8"), flags=re.MULTILINE | re.DOTALL
    )
    if name not in ("python", "py", "json", "text")
}


def test_the_pages_name_every_drawing_and_no_other():
    assert set(FENCES) == set(drawings.DRAWINGS)


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_page_shows_the_drawing_and_a_notebook_the_text(name):
    path, plain = FENCES[name]
    shown = markup.markdown(f"```{name}\nplain text\n```")
    assert "plain text" not in shown and shown.count("<svg") == 1
    words = re.search(r'aria-label="([^"]+)"', shown)[1]
    assert len(words.split()) > 10 and not re.search("#[0-9a-f]{6}", shown)
    line = plain.splitlines()[0].removeprefix("# ")
    assert line.strip() and line.replace("\\", "\\\\") in downloads.notebook(path)


def test_the_drawn_numbers_are_those_of_the_text():
    """The drawing computes them with the library's losses; the text was written by hand."""
    words, _, _ = drawings.trajectory()
    for row in ("0.0, 0.0, 1.0", "0.4, 0.6, 0.9", "0.6, 0.4, 0.1"):
        assert row in words and row.replace(", ", "       ") in FENCES["trajectory"][1]
    words, _, _ = drawings.group()
    for first, other in (("0.75", "-0.25"), ("1.50", "-0.50"), ("1.00", "-0.33")):
        assert f"{first}, {other}, {other}, {other}" in words
        assert f"+{float(first)}" in FENCES["group"][1]


def test_what_stands_in_a_plain_fence_stays_text():
    assert "<svg" not in markup.markdown("```\nclip\n```")


def test_formulas_side_by_side_can_stand_below_each_other():
    """Each is a formula of its own, and the longest decides how small they are set."""
    both = markup.markdown(r"$$a = b + c \qquad d = e$$")
    alone = markup.markdown("$$a = b + c$$")
    assert both.count("<math") == 2
    assert re.search(r"--ems: \d+", both)[0] == re.search(r"--ems: \d+", alone)[0]
