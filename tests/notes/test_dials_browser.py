"""Dials in a headless Chromium: every frame shows what Python computed, by keyboard and in time.

pytest -m browser tests/notes/test_dials_browser.py
"""

import json

import pytest
from test_dials import CELLS, dial_of

from tinyalign.notes.dials import axes, frame
from tinyalign.notes.pages import dial_block, layout, site

pytestmark = pytest.mark.browser

# What a dial shows when its sliders stand at some places.
SHOW = """(([name, places]) => { const figure = document.getElementById(name);
  const inputs = figure.querySelectorAll('input');
  inputs.forEach((input, i) => { input.value = places[i]; });
  inputs[0].dispatchEvent(new Event('input'));
  return {
    marks: [...figure.querySelectorAll('.mark')].map(mark => mark.innerHTML),
    words: [...figure.querySelectorAll('svg')].map(svg => svg.getAttribute('aria-label')),
    numbers: [...figure.querySelectorAll('dd')].map(number => number.textContent),
    settings: [...inputs].map(input => input.getAttribute('aria-valuetext')),
    code: figure.querySelector('pre').textContent }; })"""
# Milliseconds from a key to the picture, the median of fifty.
TIMES = """(async () => { const input = document.querySelector('.dial input'), times = [];
  for (let k = 0; k < 50; k++) {
    const start = performance.now();
    input.value = k % 3;
    input.dispatchEvent(new Event('input'));
    document.querySelector('.mark').getBoundingClientRect();
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame); }
  return times.sort((a, b) => a - b)[25]; })()"""


@pytest.fixture(scope="module")
def every():
    """{number of a page: its Dial}."""
    return {number: dial_of(number) for number in CELLS}


@pytest.fixture(scope="module")
def page(every, tmp_path_factory):
    """One page with all dials."""
    out = tmp_path_factory.mktemp("dials")
    blocks = (dial_block.html(shown, f"dial-{number}") for number, shown in every.items())
    body = "<h1>All dials</h1>\n" + "".join(blocks)
    site.write_scripts(out)
    site.write_file(out / "page.html", layout.frame("All dials", body, []))
    return out / "page.html"


def expected(shown, values):
    """What Python says that the page shows for these values."""
    panels = shown.frames[values].panels
    limits = shown.limits()
    return {
        "marks": [
            axes.mark_svg(panel, i, limit)
            for panel, limit in zip(panels, limits, strict=True)
            for i in range(len(panel.marks))
        ],
        "words": [axes.in_words(panel) for panel in panels],
        "numbers": [*shown.frames[values].numbers.values()],
        "settings": [frame.setting_text(value) for value in values],
        "code": shown.lines(values),
    }


@pytest.mark.parametrize("number", CELLS)
def test_every_frame_shows_what_python_computed(browser, every, page, number):
    """Shapes, words, numbers, values and code: the same characters."""
    browser.show(page, width=1280, dark=False)
    shown = every[number]
    for values in shown.frames:
        pairs = zip(shown.settings.values(), values, strict=True)
        places = [options.index(v) for options, v in pairs]
        seen = browser.ask(f"{SHOW}({json.dumps([f'dial-{number}', places])})")
        assert seen == expected(shown, values), (number, values)
    assert browser.complaints == []


def test_the_arrow_keys_turn_a_dial_and_a_screen_reader_hears_it(browser, every, page):
    browser.show(page, width=390, dark=True)
    browser.ask("document.querySelector('.dial input').focus()")
    before = browser.ask("document.querySelector('output').textContent")
    browser.press("ArrowRight")
    assert browser.ask("document.querySelector('output').textContent") != before
    wait = "new Promise(done => setTimeout(done, 600))"
    browser.ask(wait)
    first = next(iter(every.values()))
    said = browser.ask("document.querySelector('.dial [role=status]').textContent")
    assert said.startswith(next(iter(first.frames[first.start].numbers)))


def test_a_move_is_drawn_at_once(browser, page):
    """Less than a frame of the screen, though the machine is busy."""
    browser.show(page, width=1280, dark=False)
    assert browser.ask(TIMES) < 50


def test_without_the_script_the_first_picture_stands_there(browser, page, tmp_path):
    alone = tmp_path / "alone.html"
    alone.write_text(page.read_text(encoding="utf8").replace("dials.js", "data:,"), encoding="utf8")
    browser.show(alone, width=1280, dark=False)
    assert browser.ask("document.querySelectorAll('.dial input:not([hidden])').length") == 0
    assert browser.ask("document.querySelector('.mark').getBoundingClientRect().height") > 20
