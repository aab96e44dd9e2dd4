"""The top of the index page: one picture, three doors, and a card for every walkthrough."""

import functools
import math
import re

from tinyalign.notes.course import PAGES, START
from tinyalign.notes.dials.axes import panel_svg
from tinyalign.notes.dials.dial import Dial
from tinyalign.notes.pages import dial_block, running
from tinyalign.notes.pages.cells import cells, title
from tinyalign.notes.pages.markup import escape

PROSE, CODE = 180, 12  # words of prose and lines of code that are read in a minute
SENTENCE = (
    "Every method of LLM alignment in NumPy: a few readable lines each, trained on a task whose "
    "answer is known, and checked against that answer."
)
TURN = (
    "Here DPO learns from comparisons of four answers. The bars named “optimum” are where the run "
    "must end, known before it began. Move the slider “step” to the right: does the policy "
    "arrive? Then take another β: which run is the first?"
)
ARRIVED = (
    "At step 160 each of the four runs is less than 0.0001 nats from its optimum. A small β puts "
    "the optimum far from the reference, and the run takes longer: at step 20 the run with β = "
    "0.25 is still 0.70 nats away, and the run with β = 2 only 0.003. Below “Try it” stand the "
    "lines of Python that give these numbers; page 08 has the loss."
)
DOORS = (
    ("#curriculum", "Learn", "Pages that ask a question, predict a number, and then run."),
    (
        "#methods",
        "Compare",
        "All methods in one table, and the results of their runs side by side.",
    ),
    ("#kills", "Check", "Laws that your own loss has to obey, and wrong losses that break them."),
)


def opening():
    """Name, sentence, picture and doors."""
    doors = "".join(
        f'<li><a href="{to}">{name}</a><span>{what}</span></li>' for to, name, what in DOORS
    )
    return (
        f'<h1>tinyalign, page by page</h1>\n<p class="lead">{SENTENCE}</p>\n'
        f'<ul class="doors">{doors}</ul>\n<p>{TURN}</p>\n{front_dial()}'
        f"<details><summary>The answer</summary>\n<p>{ARRIVED}</p>\n</details>\n"
    )


@functools.cache
def front_dial():
    """The picture of the front page: a run of DPO."""
    from tinyalign.notes.dials import dpo_run  # which loads Hypothesis, with `lesson`

    settings = {"β": (0.25, 0.5, 1.0, 2.0), "step": (0, 5, 10, 20, 40, 80, 120, 160)}
    return dial_block.html(Dial(dpo_run.frame, settings, (0.5, 0), dpo_run.TRY.strip()), "dial-0")


def cards(paths):
    """A card for every page: picture, what the reader can do afterwards, minutes, pages before."""
    stems = {path.stem[:2]: path.stem for path in paths}
    items = []
    for path in paths:
        page = PAGES.get(path.stem[:2])
        able = f"<p>After this page you can {escape(page.able)}</p>" if page else ""
        before = ", ".join(page_link(number, stems) for number in page.needs) if page else ""
        facts = f"{minutes(path)} minutes" + (f", after {before}" if before else "")
        link = f'<a href="{path.stem}.html">{escape(title(path))}</a>'
        items.append(f"<li>{thumbnail(path)}{link}{able}<small>{facts}</small></li>")
    start = f"<p>What you need to begin: {escape(START)}</p>\n"
    return start + '<ul class="cards">\n' + "\n".join(items) + "\n</ul>\n"


def thumbnail(path):
    """The first panel of a walkthrough's dial, whose cell needs no other cell to run."""
    for cell in cells(path):
        if cell.kind == "code" and re.search(r"^dial\(", cell.text, flags=re.MULTILINE):
            _, shown = running.cell(path, cell, {})
            panel, limits = shown.frames[shown.start].panels[0], shown.limits()[0]
            return panel_svg(panel, limits, "").replace('role="img" aria-label=""', HIDDEN)
    return ""


HIDDEN = 'aria-hidden="true"'  # the picture of a card says nothing that its text does not say


def minutes(path):
    """Minutes that a walkthrough takes to read, in steps of five; exercises are not counted."""
    parts = cells(path)
    words = sum(len(re.findall(r"\w+", cell.text)) for cell in parts if cell.kind == "text")
    code = "\n".join(cell.text for cell in parts if cell.kind == "code")
    lines = sum(bool(line.strip()) for line in code.splitlines())
    return max(5, 5 * math.ceil((words / PROSE + lines / CODE) / 5))


def page_link(number, stems):
    """A link to the page with this number that shows the number; the number where none has it."""
    shown = "capstone" if number == "ca" else number
    return f'<a href="{stems[number]}.html">{shown}</a>' if number in stems else shown
