"""One set of colours: in the pictures of docs/, in those of the pages, and in the pages' style."""

import re
from pathlib import Path

import pytest

from tinyalign.notes.pages import running, site
from tinyalign.report import comparison_plots, plots

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs").glob("*.svg"))
STYLE = Path(site.__file__).with_name("style.css").read_text(encoding="utf8")
HEX = re.compile(r"#[0-9a-f]{6}\b")


def coloured(text):
    """The colours of a text that are no shades of grey."""
    return {c for c in HEX.findall(text.lower()) if len({c[1:3], c[3:5], c[5:]}) > 1}


def palette():
    return coloured(" ".join(plots.COLOURS))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_of_docs_has_the_colours_of_the_library(picture):
    """Black is one of them: what is drawn in black alone learns from demonstrations."""
    found = coloured(picture.read_text(encoding="utf8"))
    assert found <= palette() and (found or picture.stem.endswith("_demonstrations"))


def test_families_of_methods_have_these_colours():
    assert set(comparison_plots.COLOURS.values()) == set(plots.COLOURS)


def test_a_page_has_the_same_colours_and_others_in_the_dark():
    """Each colour of a figure is one variable of the style, which light and dark define."""
    variables = {running.THEME[colour] for colour in palette()}
    assert len(variables) == len(palette()) == 6
    for variable in variables:
        values = re.findall(rf"{variable[4:-1]}: (#[0-9a-f]{{6}})", STYLE)
        assert len(set(values)) == 2, variable


@pytest.mark.parametrize("page", site.walkthroughs(), ids=lambda page: page.stem)
def test_no_cell_names_a_colour_of_its_own(page):
    """Greys, black and white, or a variable: "C0" would be matplotlib's colour, not ours."""
    named = re.findall(r"""colou?r=f?"([^"]+)\"""", page.read_text(encoding="utf8"))
    assert all(re.fullmatch(r"0\.\d+|black|white", name) for name in named), named
