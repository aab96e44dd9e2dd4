"""Every walkthrough runs, keeps its promises, and its exercises tell right from wrong."""

import ast
import importlib
import inspect
import itertools
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import jupytext
import pytest
from hypothesis import settings
from matplotlib.figure import Figure
from walkthrough_solutions import SOLUTIONS

from tinyalign.engine.backend import using
from tinyalign.notes.claims import ledger
from tinyalign.notes.pages import markup, site
from tinyalign.notes.pages.cells import pieces

ROOT = Path(__file__).parents[2]
NOTES = ROOT.parent / "shared" / "notes"  # beside the repository, where somebody has put them
PAGES = sorted((ROOT / "walkthroughs").glob("*.py"))
QUICK = ("00", "14")  # seconds each; the others run with -m slow
LINES = {"000": 32, "001": 114, "002": 82, "003": 68, "004": 878}  # of the five notes
HEADER = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""


def key(page):
    return page.stem[:2]


def cells(page):
    """(kind, text) of every cell, kind "markdown" or "code"."""
    body = page.read_text(encoding="utf8").removeprefix(HEADER)
    parts = re.split(r"^# %%(.*)\n", body, flags=re.MULTILINE)
    kinds = ["markdown" if "[markdown]" in mark else "code" for mark in parts[1::2]]
    return list(zip(kinds, parts[2::2], strict=True))


def prose(page):
    """The Markdown of a page, without the comment signs."""
    texts = [text for kind, text in cells(page) if kind == "markdown"]
    return "\n".join(re.sub(r"^# ?", "", text, flags=re.MULTILINE) for text in texts)


def page_param(page):
    return pytest.param(page, marks=[] if key(page) in QUICK else pytest.mark.slow, id=page.stem)


def output_of(html):
    """All that the cells of a built page have printed."""
    return unescape("\n".join(re.findall(r"<samp>(.*?)</samp>", html, flags=re.DOTALL)))


@pytest.mark.parametrize("page", [page_param(page) for page in PAGES])
def test_a_page_runs_and_its_exercises_tell_right_from_wrong(page):
    """It ends in asserts of its claims; stubs are "not yet"; right passes and wrong does not.

    What it makes is left where `tinyalign read` and the browser's tests look for pages.
    """
    names, out = {}, site.cache()
    with using("numpy"):  # what a page shows is NumPy
        site.build_page(page, out, names)
    said = output_of((out / f"{page.stem}.html").read_text(encoding="utf8"))
    assert said.rstrip().endswith("all claims of this page hold")
    exercises = [name for name in names if name.startswith("my_")]
    assert 2 <= len(exercises) <= 3 and set(exercises) == set(SOLUTIONS[key(page)])
    profile = settings.get_current_profile_name()
    settings.load_profile("lesson")
    try:
        for name in exercises:
            assert f"{name}: not yet written" in said
            check, (right, wrong) = names[f"check_{name}"], SOLUTIONS[key(page)][name]
            check(right)
            with pytest.raises(AssertionError):
                check(wrong)
    finally:
        settings.load_profile(profile)
    assert isinstance(names["figure"], Figure)


def test_a_page_runs_as_a_script(tmp_path):
    """From any folder, and it leaves nothing there."""
    command = [sys.executable, str(PAGES[14])]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("all claims of this page hold\n") and not done.stderr
    assert not list(tmp_path.iterdir())


def test_every_page_is_there():
    built = range(32)
    assert [key(page) for page in PAGES] == [*(f"{i:02d}" for i in built), "ca"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_a_notebook(page):
    """jupytext's header with a kernel, cells in the percent format, one title, no output."""
    source = page.read_text(encoding="utf8")
    assert source.startswith(HEADER)
    kinds, texts = zip(*cells(page), strict=True)
    assert kinds[0] == "markdown" and texts[0].startswith("# # ")
    for kind, text in zip(kinds, texts, strict=True):
        if kind == "markdown":
            assert all(line == "" or line.startswith("#") for line in text.splitlines())
        else:
            ast.parse(text)
    marks = re.findall(r"^# %%.*\n", source, flags=re.MULTILINE)
    assert HEADER + "".join(map("".join, zip(marks, texts, strict=True))) == source
    assert prose(page).count("\n# ") + prose(page).startswith("# ") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_jupytext_reads_and_writes_a_page_unchanged(page):
    notebook = jupytext.read(page)
    assert notebook.metadata.kernelspec.name == "python3"
    again = jupytext.reads(jupytext.writes(notebook, fmt="ipynb"), fmt="ipynb")
    kinds = [(cell.cell_type, cell.source) for cell in notebook.cells]
    assert [(cell.cell_type, cell.source) for cell in again.cells] == kinds
    back = jupytext.reads(jupytext.writes(again, fmt="py:percent"), fmt="py:percent")
    assert [(cell.cell_type, cell.source) for cell in back.cells] == kinds
    ours = [kind for kind, _ in cells(page)]
    assert [kind for kind, _ in kinds] == ours
    written = jupytext.writes(notebook, fmt="py:percent")
    assert re.sub(r"^# .*jupytext_version.*\n", "", written, flags=re.MULTILINE) == (
        page.read_text(encoding="utf8")
    )


def object_named(name):
    """The object that a {source …} directive names."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_directives_point_at_something(page):
    """Sources can be read, note lines exist, and a figure follows a cell that ends in one."""
    text = prose(page)
    for name in re.findall(r"^\{source (.*)\}$", text, flags=re.MULTILINE):
        assert inspect.getsource(object_named(name)).startswith(("def ", "class "))
    cited = re.findall(r"^\{notes (\d{3}) (\d+)-(\d+)\}$", text, flags=re.MULTILINE)
    assert cited, "which lines of the notes does the page speak about?"
    assert all(1 <= int(a) <= int(b) <= LINES[note] for note, a, b in cited)
    assert len(re.findall(r"^\{.*\}$", text, flags=re.MULTILINE)) == (
        len(cited) + text.count("\n{source ") + text.count("{figure}")
    )
    listed = cells(page)
    for before, after in itertools.pairwise(listed):
        if after[0] == "markdown" and "# {figure}" in after[1]:
            assert before[0] == "code" and before[1].rstrip().endswith("\nfigure")
    assert "{figure}" in text


PLAN = """## The question
## The idea
## The formula
## Predict
## Run
## What it shows
## What goes wrong in practice
## Exercises
## What you may have read
## Further reading""".splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_parts(page):
    """One plan for every page: from the question to the papers, with errata folded at the end."""
    text = prose(page)
    assert [line for line in text.splitlines() if line in PLAN] == PLAN
    assert "**The dial:**" in text and "## The same line in TRL" in text
    assert "](errata.html#row-" in text, "an erratum that the page shows"
    for code in (r"[Tt]oy law", r"\brows? \d", r"[Nn]ote 00\d", r"\blaws? [A-Z]{1,2}\d?\b"):
        assert not re.search(code, text), "a code that only this repository knows"
    assert "{source " in text
    predict, read, papers = text_under(text, PLAN[3], PLAN[8], PLAN[9])
    assert "<details><summary>" in predict and "<details><summary>" in read
    assert "errata.html" not in text.split(PLAN[7])[0], "errata before the exercises"
    assert re.search(r"arXiv:\d{4}\.\d{5}", papers)
    before, weird = text.split(PLAN[6])
    weird = weird.split("\n## ")[0]
    assert re.search(r" #\d+", weird), "threads in which people ask that"
    assert not re.search(r"\b(simply|obviously|just)\b", before)


def text_under(text, *headings):
    """What stands under each of these headings."""
    return [text.split(f"\n{heading}\n")[1].split("\n## ")[0] for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_all_mathematics_of_a_page_is_read_as_such(page):
    """No dollar or backslash is left: a line that begins with a minus would end a formula."""
    html = "".join(markup.markdown(piece.text) for piece in pieces(page) if piece.kind == "text")
    left = re.sub(r"<(code|pre)\b.*?</\1>|<[^>]+>", "", html, flags=re.DOTALL)
    assert not set("$\\") & set(left)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_needs_little(page):
    """numpy, autograd, hypothesis, matplotlib, tinyalign, toy_envs and the standard library."""
    allowed = {"numpy", "autograd", "hypothesis", "tinyalign", "toy_envs", "matplotlib"}
    standard = "collections dataclasses functools itertools json math pathlib tempfile time"
    allowed |= set(standard.split())
    for node in ast.walk(ast.parse(page.read_text(encoding="utf8"))):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert all(name.split(".")[0] in allowed for name in modules), modules


def words(text):
    return re.findall(r"\w+", text.lower())


def runs_of(count, text):
    """Every run of so many words."""
    tokens = words(text)
    return {tuple(tokens[i : i + count]) for i in range(len(tokens) - count + 1)}


def readable_texts():
    """Name and text of what is to be read: pages, documents, the library; errata without quotes."""
    rows = json.loads((ROOT / "walkthroughs" / "errata.json").read_text(encoding="utf8"))
    yield "errata.json", "\n".join(f"{row['truth']} {row['why_not']}" for row in rows)
    for page in PAGES:
        yield page.name, prose(page)
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *PAGES]
    for path in [*paths, *(ROOT / "tinyalign").rglob("*.py"), *(ROOT / "toy_envs").rglob("*.py")]:
        if path.parent.name != "museum":  # its exhibits are loops out of the notes, and say so
            yield path.relative_to(ROOT).as_posix(), without_quotes(path)
    for claim in ledger.claims():
        yield claim.id, f"{claim.reading} {claim.why}"


def without_quotes(path):
    """A file's text; of the ledger, whose claims are quotes of the notes, what stands beside."""
    if path.parent.name == "verdicts":
        return ""
    text = path.read_text(encoding="utf8")
    return re.sub(r"`[^`]*`", "", text) if path.name == "claims.md" else text


@pytest.mark.skipif(not NOTES.exists(), reason="the notes are not beside this repository")
def test_no_sentence_of_the_notes_is_copied():
    """Ten words in a row that stand in a note stand nowhere here but in the errata's quotes."""
    notes = [path.read_text(encoding="utf8", errors="replace") for path in NOTES.glob("00*.txt")]
    assert len(notes) == 5
    theirs = set().union(*(runs_of(10, note) for note in notes))
    assert runs_of(10, "so " + notes[0]) & theirs, "a copy would be found"
    copied = {name: runs_of(10, text) & theirs for name, text in readable_texts()}
    assert not any(copied.values()), {name: runs for name, runs in copied.items() if runs}
