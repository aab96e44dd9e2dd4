"""Dials: frames as the library computes them, pictures that a page can draw, lines to try."""

import contextlib
import io
import json
import re
import sys
import types

import numpy as np
import pytest
from course import HEADER, build_course, check_page, text_of

from tinyalign.engine.backend import using
from tinyalign.errors import InputError
from tinyalign.notes import dials
from tinyalign.notes.dials import axes, dpo_run, frame, heads
from tinyalign.notes.dials.dial import Dial
from tinyalign.notes.lesson import Picture
from tinyalign.notes.pages import dial_block, front, site
from tinyalign.notes.pages.cells import cells

PATHS = {path.stem[:2]: path for path in site.walkthroughs()}
CELLS = {
    number: cell.text
    for number, path in PATHS.items()
    for cell in cells(path)
    if cell.kind == "code" and re.search(r"^dial\(", cell.text, flags=re.MULTILINE)
}
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf)")
DIAL = """# %% [markdown]
# # 00 · A dial
#
# ## Turn the dial
#
# Which way?

# %%
from tinyalign.notes.dials import dial, frontier

dial(frontier.frame, {"β": (0.1, 0.5, 5.0)}, start=(0.5,), try_it=frontier.TRY)

# %% [markdown]
# <details><summary>The answer</summary>
#
# Down.
#
# </details>
"""


def run(code):
    """What some lines of Python print, and all that they define."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue(), names


def dial_of(number):
    """The Dial of a walkthrough: its cell needs no other cell."""
    before, _, call = CELLS[number].rpartition("dial(")
    with using("numpy"):
        return run(f"{before}shown = dial({call}")[1]["shown"]


def missing(shown, values):
    """Numbers of a frame that its lines of Python do not print."""
    with using("numpy"):  # as a reader runs them
        printed, _ = run(shown.lines(values))
    said = {frame.text_of(float(number)) for number in NUMBER.findall(printed)}
    numbers = shown.frames[values].numbers
    return {n: x for n, x in numbers.items() if re.fullmatch(r"[−.\d∞]+", x) and x not in said}


@pytest.mark.parametrize("number", CELLS)
def test_the_lines_under_a_dial_print_its_numbers(number):
    """At most ten lines; at the start and at both ends they give the numbers of the picture."""
    shown = dial_of(number)
    assert isinstance(shown, Dial) and 1 <= len(shown.settings) <= 2
    assert len(shown.try_it.splitlines()) <= 10
    ends = [*shown.frames]
    for values in (shown.start, ends[0], ends[-1]):
        assert missing(shown, values) == {}, (number, values)
    assert len(dial_block.html(shown, "dial-1")) < 40_000


@pytest.mark.slow
@pytest.mark.parametrize("number", CELLS)
def test_the_lines_under_a_dial_print_its_numbers_at_every_setting(number):
    shown = dial_of(number)
    assert {v: lost for v in shown.frames if (lost := missing(shown, v))} == {}


def some_dial(**settings):
    """A dial of one number and its square."""

    def square(x):
        marks = [dials.Line("square", [0, 1, 2], [0, 1, 4]), dials.Points("here", [x], [x * x])]
        bars = [dials.Bars("both", [x, -x])]
        panels = [dials.Panel("Line", "x", "y", marks), dials.Panel("Bars", "", "y", bars, "ab")]
        return dials.Frame(panels, {"square": x * x, "said": "words & <b>"})

    settings = {"start": (1,), "try_it": "print(<x>**2)"} | settings
    return dials.dial(square, {"x": (0, 1, 2)}, **settings)


def test_a_script_prints_the_first_picture_and_a_wrong_start_is_named(capsys):
    shown = some_dial()
    assert capsys.readouterr().out == "x = 1: square 1; said words & <b>\n"
    assert shown.lines((2,)) == "print(2**2)"
    with pytest.raises(InputError, match="x is 7, want one of"):
        some_dial(start=(7,))


def test_numbers_are_short_and_read_the_same_in_both_languages():
    written = {0.12345678: "0.1235", 2.0: "2", -0.00001: "0", 123456.7: "123500", -1.5: "−1.5"}
    assert {value: frame.text_of(value) for value in written} == written
    assert frame.text_of(np.inf) == "∞" and frame.text_of("words") == "words"
    for value in np.random.default_rng(0).normal(size=500) * 10.0 ** (np.arange(500) % 7):
        assert json.dumps(frame.short(value)) == str(frame.short(value))


def test_axes_hold_every_frame_and_bars_stand_on_zero():
    line, bars = some_dial().limits()
    assert line.x[0] < 0 and line.x[1] > 2 and line.y[1] > 4 and bars.y[0] < -2 < 2 < bars.y[1]
    only_up = [dials.Panel("", "", "", [dials.Bars("b", [1.0])], ("a",))]
    assert axes.limits(only_up).y[0] == 0
    assert axes.ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert axes.ticks(-3.1, 12) == [-2, 0, 2, 4, 6, 8, 10, 12] or len(axes.ticks(-3.1, 12)) < 9


def test_the_data_of_a_page_hold_what_changes_and_nothing_twice():
    shown = some_dial()
    data = json.loads(dial_block.as_json(shown, shown.limits()).replace("<\\/", "</"))
    assert len(data["frames"]) == 3 and data["frames"][2]["numbers"] == ["4", "words & <b>"]
    assert data["frames"][0]["panels"][0] == [{}, {"x": [0], "y": [0]}]  # the line stands still
    assert data["panels"][0]["marks"][0]["y"] == [0, 1, 4]


def test_a_dial_on_a_page(course):
    """Its first picture stands there without the script; a rebuild has the same bytes."""
    (course / "00_first.py").write_text(HEADER + DIAL, encoding="utf8")
    out = build_course(course, only=["00"])
    text = check_page(out / "00_first.html")
    check_page(out / "index.html")
    assert text.count('<svg role="img" aria-label="Plot: ') == 2 and "<rect" in text
    assert '<input type="range"' in text and " hidden>" in text and 'aria-valuetext="0.5"' in text
    assert "<dd>0.9338</dd>" in text and 'beta</span><span class="o">=' in text
    assert "β = 0.5: KL" not in text, "what the call prints is in the picture"
    assert text == text_of(build_course(course, "again", only=["00"]))


def test_a_notebook_shows_a_picture_and_with_widgets_a_slider(monkeypatch):
    shown, seen = some_dial(), []
    display = types.SimpleNamespace(display=seen.append)
    known = {"display": display, "version_info": (7, 0), "get_ipython": lambda: None}
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(**known))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    shown._ipython_display_()
    assert isinstance(seen.pop(), Picture)
    widgets = types.SimpleNamespace(
        SelectionSlider=lambda **settings: settings,
        interact=lambda draw, **sliders: draw(**{n: s["options"][-1] for n, s in sliders.items()}),
    )
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    shown._ipython_display_()
    assert "x = 2" in seen.pop().get_suptitle()


def test_the_run_of_dpo_arrives_as_the_front_page_says():
    """Each β within 0.0001 nats at step 160; at step 20 a small β is far and a large one near."""
    left = {
        (beta, step): float(dpo_run.frame(beta, step).numbers["KL to the optimum"])
        for beta in (0.25, 0.5, 1.0, 2.0)
        for step in (20, 160)
    }
    assert all(left[beta, 160] < 1e-4 for beta, _ in left)
    assert f"{left[0.25, 20]:.2f}" == "0.70" and f"{left[2.0, 20]:.3f}" == "0.003"
    assert "0.70 nats" in front.ARRIVED and "0.003" in front.ARRIVED


def test_the_first_token_looks_for_no_previous_one():
    """Without the mask it looks at all alike, and the third one at the second."""
    with using("numpy"):
        first, third = (heads.frame("previous token", token).panels[0].marks for token in (1, 3))
    assert np.allclose(first[1].y, 0.2) and np.argmax(third[1].y) == 1
