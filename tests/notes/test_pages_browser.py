"""Every page in a headless Chromium: quiet, alone, readable on a phone, at a desk and in the dark.

    pip install --no-deps axe-playwright-python==0.1.8 && pytest -m browser

The pages are those that the slow tests of the walkthroughs have left; what is missing is built.
"""

import io
import re

import chromium
import matplotlib.image
import pytest

from tinyalign.notes.pages import site

pytestmark = pytest.mark.browser
PATHS = {path.stem: path for path in site.walkthroughs()}
PAGES = ["index", "errata", *PATHS]
WIDTHS = (390, 1280)  # a phone and a small desk

# The text between formulas, without code and what was printed: nothing of LaTeX may be left in it.
PROSE = """(() => { const copy = document.querySelector('main').cloneNode(true);
  copy.querySelectorAll('pre, code, svg, math').forEach(part => part.remove());
  return copy.textContent; })()"""
FORMULAS = """[...document.querySelectorAll('main math')].map(e => [e.namespaceURI,
  e.getBoundingClientRect().width, e.getBoundingClientRect().height])"""
PLOTS = """[...document.querySelectorAll('.plot svg')].map(e => e.getBoundingClientRect())
  .map(({x, y, width, height}) => ({x: x + scrollX, y: y + scrollY, width, height}))"""
# Formulas that are wider than their column, and cells beside which no prose stands.
CUT = """[...document.querySelectorAll('.math.block > span')]
  .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""
ALONE = """[...document.querySelectorAll('.row')].filter(row => row.querySelector('.evidence')
  && !row.querySelector('.prose')?.textContent.trim()).map(e => e.textContent.slice(0, 200))"""
UNREACHED = """[...document.querySelectorAll('a[href], input, summary, pre, .wide, .rail')]
  .filter(e => e.tabIndex < 0).map(e => e.outerHTML.slice(0, 120))"""
# axe computes the contrast of every span, and pages have thousands that are styled alike: one of
# each kind stays, the others become text. That makes axe three times as fast.
THIN = """(() => { const seen = new Set();
  for (const span of document.querySelectorAll('pre span[class]')) {
    const pre = span.closest('pre'), style = span.getAttribute('style');
    const kind = [span.className, style, pre.className, pre.parentElement.className].join();
    if (seen.has(kind)) span.replaceWith(...span.childNodes);
    seen.add(kind); } })()"""
# In the dark the page has the same elements in other colours: two rules of axe read colours.
VIOLATIONS = """(rules => axe.run({resultTypes: ['violations'], ...rules})
  .then(found => found.violations.map(v =>
    `${v.id}: ${v.nodes.length} times, ${v.nodes[0].html} ${v.nodes[0].failureSummary}`)))"""
EVERY = "({})"
OF_COLOUR = "({runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}})"


@pytest.fixture(scope="module")
def axe():
    """The text of axe-core, a checker of accessibility."""
    return chromium.axe_source() or pytest.fail(f"pip install --no-deps {chromium.AXE}==0.1.8")


@pytest.fixture(scope="module")
def out():
    """The folder of the pages, with those that need no walkthrough to run."""
    folder = site.cache()
    site.write_frame(folder, list(PATHS.values()))
    return folder


@pytest.fixture(scope="module", params=PAGES)
def file(request, out):
    """The file of a page; a walkthrough whose page is not there yet runs first."""
    file = out / f"{request.param}.html"
    if request.param in PATHS and not site.is_built(file):
        site.build_page(PATHS[request.param], out)
    return file


@pytest.fixture(scope="module", params=WIDTHS)
def width(request):
    return request.param


@pytest.fixture(scope="module")
def loaded(browser, axe, file, width):
    """Name, complaints and requests of a page that is loaded once for all tests, and unfolded.

    Each test sets with `look` the width, the colours and the medium that it needs.
    """
    browser.show(file, width=width, dark=False)
    browser.ask("document.querySelectorAll('details').forEach(e => { e.open = true })")
    complaints, requests = list(browser.complaints), set(browser.requests)
    browser.ask(f"{axe};0")
    return file.stem, complaints, requests


def test_a_page_is_quiet_and_asks_for_nothing_else(loaded, file):
    """Nothing on the console, no request but for itself, its style, its scripts, an empty icon."""
    _, complaints, requests = loaded
    assert complaints == []
    own = {file.as_uri(), *((file.parent / name).as_uri() for name in site.SHARED)}
    assert {url for url in requests if not url.startswith("data:")} == own


def test_a_page_is_not_wider_than_the_window(browser, loaded, width):
    """No horizontal scrolling, with everything unfolded."""
    browser.look(width=width, dark=False)
    assert browser.ask("innerWidth") == width
    assert browser.ask("document.documentElement.scrollWidth") <= width


def test_formulas_are_mathml(browser, loaded, width):
    """Each has a size on the screen, and no dollar or backslash is left in the prose."""
    browser.look(width=width, dark=False)
    formulas = browser.ask(FORMULAS)
    assert all(space == "http://www.w3.org/1998/Math/MathML" for space, _, _ in formulas)
    assert all(width > 3 and height > 3 for _, width, height in formulas)
    stem = loaded[0]
    written = PATHS[stem].read_text(encoding="utf8") if stem in PATHS else ""
    assert formulas or not re.search(r"^# [^`]*\$", written, flags=re.MULTILINE)
    assert not set("$\\") & set(browser.ask(PROSE))


def test_no_equation_is_cut_and_no_column_is_empty(browser, loaded, width):
    """Formulas, drawings and solutions fit; beside every cell there stands some prose."""
    browser.look(width=width, dark=False)
    assert browser.ask(CUT) == [] and browser.ask(ALONE) == []
    if width > 1000:  # on a phone a drawing scrolls
        assert browser.ask(CUT.replace(".math.block > span", ".prose pre")) == []


def test_figures_are_visible(browser, loaded, width):
    """They are as wide as the column, and a photograph of each is not all of one colour."""
    browser.look(width=width, dark=True)
    plots = browser.ask(PLOTS)
    assert bool(plots) == (loaded[0] in PATHS)
    for plot in plots:
        assert plot["width"] > 300 and plot["height"] > 120
        pixels = matplotlib.image.imread(io.BytesIO(browser.photograph(plot)))
        assert pixels[..., :3].std() > 0.05, "an empty picture"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(browser, loaded, width, dark):
    """Contrast, the order of headings, names of regions, all else that axe-core knows."""
    browser.look(width=width, dark=dark)
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)"
    )
    browser.ask(THIN)
    assert browser.ask(VIOLATIONS + (OF_COLOUR if dark else EVERY)) == []


def test_all_that_can_be_used_is_reached_by_the_keyboard(browser, loaded, width):
    """Nothing is taken out of the order, and what scrolls can be focused."""
    browser.look(width=width, dark=False)
    assert browser.ask(UNREACHED) == []
    browser.press("Tab")
    assert browser.ask("document.activeElement.className") == "skip"


def test_on_paper_there_is_text_and_nothing_to_press(browser, loaded):
    """Answers and hints are printed, though nobody has unfolded them."""
    browser.look(width=800, dark=False, media="print")
    assert browser.ask("document.documentElement.scrollWidth") <= 800
    shown = "[...document.querySelectorAll('nav, input')].filter(e => e.checkVisibility()).length"
    assert browser.ask(shown) == 0
    fold = "document.querySelectorAll('details').forEach(e => { e.open = OPEN })"
    browser.ask(fold.replace("OPEN", "false"))
    lost = """[...document.querySelectorAll('details > :not(summary)')]
      .filter(e => !e.checkVisibility()).map(e => e.outerHTML.slice(0, 120))"""
    assert browser.ask(lost) == []
    browser.ask(fold.replace("OPEN", "true"))


def test_the_search_finds(browser, out):
    """A word of a page, a term and a symptom; Escape closes; the keys lead to a result."""
    browser.show(out / "index.html", width=390, dark=True)
    found = """(async word => { const box = document.querySelector('.search input');
      box.focus(); box.value = word; await search();
      return [...document.querySelectorAll('.search li a')].map(a => a.getAttribute('href')); })"""
    hump = browser.ask(f"{found}('exclamation marks')")
    assert any(to.startswith("14_") for to in hump)
    assert browser.ask(f"{found}('Bradley')") and browser.ask(f"{found}('0.693')")
    assert browser.ask(f"{found}('zzzzqx')") == []
    browser.ask(f"{found}('entropy')")
    browser.press("Tab")
    assert browser.ask("document.activeElement.matches('.search li a')")
    browser.press("Escape")
    assert browser.ask("document.querySelector('.search ol').hidden")
    assert browser.complaints == []


def test_these_checks_can_fail(browser, axe, tmp_path):
    """A page with every one of the faults is found out."""
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><html><head><link rel=stylesheet href='http://localhost:9/a.css'></head>"
        "<body><main><h1>One</h1><h3 style='color:#ddd'>Pale</h3>"
        "<p style='width:2000px'>wide, $x$</p><pre><span class='k'>if</span> "
        "<span class='k'>or</span> <span class='k' style='color:#ddd'>not</span></pre></main>"
        "<script>console.error('ouch')</script></body></html>"
    )
    browser.show(page, width=390, dark=False)
    assert browser.complaints and "http://localhost:9/a.css" in browser.requests
    assert browser.ask("document.documentElement.scrollWidth") > 390 and "$" in browser.ask(PROSE)
    browser.ask(f"{axe};0")
    violations = {line.split(":")[0] for line in browser.ask(VIOLATIONS + EVERY)}
    assert {"color-contrast", "html-has-lang", "document-title", "heading-order"} <= violations
    browser.ask(THIN)
    assert browser.ask("document.querySelectorAll('pre span').length") == 2
    (of_colour,) = browser.ask(VIOLATIONS + OF_COLOUR)
    assert of_colour.startswith("color-contrast: 2 times")
