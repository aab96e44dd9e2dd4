"""Errata: a page made from their data, and links between rows, pages and tests."""

import pytest
from course import build_course, check_page, text_of

from tinyalign.errors import InputError
from tinyalign.notes.pages import errata, site

ERRATA = """[{"row": 3, "note": "004", "lines": [3, 5], "quotes": ["a < b"], "truth": "*no*",
"walkthrough": "00_first", "test": "test_row_01", "why_not": null},
{"row": 12, "note": "001", "lines": [7], "quotes": ["c"], "truth": "d",
"walkthrough": null, "test": null, "why_not": "history"}]"""


def test_errata_are_a_page_of_their_own(course):
    """Made from their data; a row links to page and test, or says why there is no test."""
    (course / "errata.json").write_text(ERRATA, encoding="utf8")
    out = build_course(course)
    text = check_page(out / "errata.html")
    assert 'id="row-12"' in text and "note 004, line 3, 5" in text and "“a &lt; b”" in text
    assert '<a href="00_first.html">page 00</a>' in text and "history" in text
    assert 'href="errata.html#test_row_01"' in text and 'id="test_row_01"' in text
    assert "test_row_02" not in text and "frozen reference" in text
    assert 'href="errata.html"' in check_page(out / "index.html")


def test_a_convention_stands_apart_from_the_errors(course):
    """In a table of its own, with the convention named; links to its row still arrive."""
    rows = ERRATA.replace('"truth": "d"', '"truth": "d", "convention": "whether e is counted"')
    (course / "errata.json").write_text(rows, encoding="utf8")
    text = check_page(build_course(course) / "errata.html")
    errors, conventions = text.split("under one way to count")
    assert 'id="row-3"' in errors and 'id="row-12"' in conventions
    assert "Depends on a convention: whether e is counted." in conventions


def mention(course, prose, code):
    """The second page with other words and code, in a course that has errata."""
    (course / "errata.json").write_text(ERRATA.replace("00_first", "01_second"), encoding="utf8")
    text = f"# %% [markdown]\n# # 01 · The other\n#\n# {prose}\n# %%\n{code}\n"
    (course / "01_second.py").write_text(text, encoding="utf8")
    return text_of(build_course(course), "01_second")


def test_what_speaks_of_an_erratum_leads_to_it_and_back(course):
    """Linked phrases and citations in code lead to the rows; the first of each is an anchor."""
    prose = "[It](errata.html#row-3) is, and\n# [was](errata.html#row-3)."
    text = mention(course, prose, "# row 3\nx = 'errata rows 3 and 12'\ny = 'errata row 4'")
    one, two = '<a href="errata.html#row-3"', '<a href="errata.html#row-12"'
    assert f'{one} id="errata-3">It</a> is' in text and f"{one}>was</a>." in text
    assert f"{one}>errata rows 3</a> and" in text and f'{two} id="errata-12">12</a>' in text
    assert "# row 3</span>" in text and "errata row 4" in text
    check_page(course.parent / "pages" / "01_second.html")
    assert 'href="01_second.html#errata-3"' in check_page(course.parent / "pages" / "errata.html")
    assert text.count('errata.html#row-3"') == 3 and text.count('errata.html#row-12"') == 1


def test_an_erratum_that_is_not_there_is_named(course):
    with pytest.raises(InputError, match=r"01_second\.py: there is no errata row 4"):
        mention(course, "As [there](errata.html#row-4).", "x = 1")


def test_the_errata_of_this_course_lead_to_places_that_mention_them():
    """A row is spoken about on the page that it names, so its link has somewhere to go."""
    paths = {path.stem: path for path in site.walkthroughs()}
    for row in errata.read(site.WALKTHROUGHS):
        if row["walkthrough"]:
            assert row["row"] in errata.mentions(paths[row["walkthrough"]]), row["row"]
    assert set(errata.tests()) == {row["test"] for row in errata.read(site.WALKTHROUGHS)} - {None}
