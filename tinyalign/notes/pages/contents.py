"""The index page: all pages, paths through them, symptoms, terms, methods, errata, kill matrix."""

import re

from tinyalign import methods
from tinyalign.notes.course import PATHS
from tinyalign.notes.glossary import TERMS
from tinyalign.notes.pages import documents, errata, front, markup
from tinyalign.notes.pages.cells import title
from tinyalign.notes.pages.markup import ROOT, escape
from tinyalign.notes.pages.sections import term_anchor
from tinyalign.notes.symptoms import SYMPTOMS


def index(paths):
    """The body of the index page, and (address, text) of the links to its sections."""
    errata_table = errata.table(paths)
    errata_lead = f'{errata.LEAD} <a href="errata.html">They have a page of their own.</a>'
    titles = {path.stem: title(path) for path in paths}
    stems = {stem[:2]: stem for stem in titles}
    reading = "".join(reading_path(*path, titles) for path in PATHS)
    # Anchor, text of the link, heading, HTML; a section without HTML is left out.
    sections = (
        ("curriculum", "Pages", "The pages", front.cards(paths)),
        ("paths", "Paths", "Three ways through them", reading),
        ("symptoms", "Symptoms", "What do you see?", symptoms(stems)),
        ("terms", "Terms", "Terms in one sentence", glossary(stems)),
        ("methods", "Methods", "The methods", methods_table()),
        ("results", "Results", "What was measured", results(paths)),
        (
            "errata",
            "Errata",
            "Where the notes are wrong",
            errata_table and collapsible(errata_lead, errata_table),
        ),
        ("kills", "Kill matrix", "Which law catches which wrong loss", kill_matrix()),
    )
    present = [section for section in sections if section[-1]]
    parts = [f'<h2 id="{name}">{heading}</h2>\n{body}' for name, _, heading, body in present]
    return front.opening() + "".join(parts), [(f"#{name}", short) for name, short, _, _ in present]


def collapsible(sentence, table):
    """A sentence, and a long table that the reader can unfold."""
    return f"<p>{sentence}</p>\n<details>\n<summary>Show all of it</summary>\n{table}</details>\n"


def link_list(titles, kind):
    """A list of links to pages, {stem: title}; `kind` is its CSS class."""
    items = [f'<li><a href="{stem}.html">{escape(text)}</a></li>' for stem, text in titles.items()]
    return f'<ul class="{kind}">\n' + "\n".join(items) + "\n</ul>\n"


def symptoms(stems):
    """A list of what somebody may see on a screen, what it means, and where to read on."""
    items = [
        f"<dt>{escape(symptom.says)}</dt>\n<dd>{escape(symptom.means)} "
        f"Page {front.page_link(symptom.page, stems)}.</dd>"
        for symptom in SYMPTOMS.values()
    ]
    lead = (
        "<p><code>tinyalign explain metrics.jsonl</code> looks for those that a log can show.</p>\n"
    )
    return f"{lead}<dl>\n" + "\n".join(items) + "\n</dl>\n"


def glossary(stems):
    """A list of terms, a sentence for each, and the page that teaches it."""
    items = [
        f'<dt id="{term_anchor(term)}">{escape(term)}</dt>\n'
        f"<dd>{escape(sentence)} Page {front.page_link(page, stems)}.</dd>"
        for term, (sentence, page) in TERMS.items()
    ]
    return "<dl>\n" + "\n".join(items) + "\n</dl>\n"


def reading_path(name, reader, numbers, titles):
    """The name of a path, for whom it is, and links to its pages in order, as far as they exist."""
    stems = {stem[:2]: stem for stem in titles}
    chosen = {stems[n]: titles[stems[n]] for n in numbers if n in stems}
    return f"<h3>{name}</h3>\n<p>{reader}</p>\n{link_list(chosen, 'path')}" if chosen else ""


def results(paths):
    """A list of the documents: comparisons, verdicts, speed; no words where there are none."""
    titles = {documents.address(file): documents.title(file) for file in documents.beside(paths)}
    items = [f'<li><a href="{to}">{escape(text)}</a></li>' for to, text in titles.items()]
    return items and '<ul class="curriculum">\n' + "\n".join(items) + "\n</ul>\n"


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
