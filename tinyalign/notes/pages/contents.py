"""The index page: all pages, three paths through them, methods, errata, kill matrix."""

import re

from tinyalign import methods
from tinyalign.notes.pages import errata, markup
from tinyalign.notes.pages.cells import title
from tinyalign.notes.pages.markup import ROOT, escape

# Reading paths, by the numbers in the pages' names.
PATHS = (
    ("One evening", ("00", "01", "05", "08", "13", "16")),
    ("The DPO family", ("03", "05", "08", "09", "10", "11", "12")),
    ("The RL family", ("04", "05", "07", "13", "14", "15")),
)
INTRODUCTION = (
    "Methods of LLM alignment from scratch, small enough to read, each checked against its known "
    "answer. On the left of every page stands what is claimed, on the right the code that shows "
    "it, what it printed when this page was built, and the library's own source."
)


def index(paths):
    """The body of the index page, and (address, text) of the links to its sections."""
    errata_table = errata.table(paths)
    errata_lead = f'{errata.LEAD} <a href="errata.html">They have a page of their own.</a>'
    titles = {path.stem: title(path) for path in paths}
    reading = "".join(reading_path(name, numbers, titles) for name, numbers in PATHS)
    # Anchor, text of the link, heading, HTML; a section without HTML is left out.
    sections = (
        ("curriculum", "Pages", "The pages", link_list(titles, "curriculum")),
        ("paths", "Paths", "Three ways through them", reading),
        ("methods", "Methods", "The methods", methods_table()),
        (
            "errata",
            "Errata",
            "Where the notes are wrong",
            errata_table and collapsible(errata_lead, errata_table),
        ),
        ("kills", "Kill matrix", "Which law catches which wrong loss", kill_matrix()),
    )
    opening = f'<h1>tinyalign, page by page</h1>\n<p class="lead">{INTRODUCTION}</p>\n'
    present = [section for section in sections if section[-1]]
    parts = [f'<h2 id="{name}">{heading}</h2>\n{body}' for name, _, heading, body in present]
    return opening + "".join(parts), [(f"#{name}", short) for name, short, _, _ in present]


def collapsible(sentence, table):
    """A sentence, and a long table that the reader can unfold."""
    return f"<p>{sentence}</p>\n<details>\n<summary>Show all of it</summary>\n{table}</details>\n"


def link_list(titles, kind):
    """A list of links to pages, {stem: title}; `kind` is its CSS class."""
    items = [f'<li><a href="{stem}.html">{escape(text)}</a></li>' for stem, text in titles.items()]
    return f'<ul class="{kind}">\n' + "\n".join(items) + "\n</ul>\n"


def reading_path(name, numbers, titles):
    """The name of a path and links to its pages, as far as they exist."""
    chosen = {stem: text for stem, text in titles.items() if stem[:2] in numbers}
    return f"<h3>{name}</h3>\n{link_list(chosen, 'path')}" if chosen else ""


def methods_table():
    """A table of all methods: data, networks in memory, paper."""
    # Methods that learn from the same data stand together.
    rows = [
        (
            f"<code>{row.name}</code>",
            escape(row.title),
            row.learns_from,
            ", ".join(methods.holds(row)),
            escape(methods.author_and_year(row.paper)),
        )
        for row in methods.by_feedback()
    ]
    lead = "<p><code>tinyalign show METHOD</code> prints a formula, a paper and the source.</p>\n"
    return lead + markup.table(
        "All methods", ("method", "in full", "learns from", "holds", "paper"), rows
    )


def kill_matrix():
    """The kill matrix as HTML, a table for each loss; None where its file is missing."""
    file = ROOT / "docs" / "kill_matrix.md"
    if not file.is_file():
        return None
    # The file has a title, a paragraph, and a section for each loss.
    opening, *families = re.split(r"^## ", file.read_text(encoding="utf8"), flags=re.MULTILINE)
    lead = markup.inline(" ".join(opening.splitlines()[1:]).strip())
    return collapsible(lead, "".join(markup.markdown(f"### {family}") for family in families))
