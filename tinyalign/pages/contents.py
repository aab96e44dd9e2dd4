"""The index page: curriculum, paths through it, methods, errata, kill matrix."""

import json
import re

from tinyalign import methods, show
from tinyalign.pages import markup
from tinyalign.pages.cells import title
from tinyalign.pages.markup import ROOT, escape

# Which pages belong together, by the number in their names.
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
ERRATA = "Statements of the notes, and what the papers, the derivation or the code say instead."


def index(paths):
    """The body of the index page, and links to its sections."""
    wrong = errata(paths)
    linked = f'{ERRATA} <a href="errata.html">They have a page of their own.</a>'
    titles = {path.stem: title(path) for path in paths}
    reading = "".join(reading_path(name, numbers, titles) for name, numbers in PATHS)
    sections = (
        ("curriculum", "Pages", "The pages", listed(titles, "curriculum")),
        ("paths", "Paths", "Three ways through them", reading),
        ("methods", "Methods", "The methods", methods_table()),
        ("errata", "Errata", "Where the notes are wrong", wrong and folded(linked, wrong)),
        ("kills", "Kill matrix", "Which law catches which wrong loss", kill_matrix()),
    )
    opening = f'<h1>tinyalign, page by page</h1>\n<p class="lead">{INTRODUCTION}</p>\n'
    found = [section for section in sections if section[-1]]
    parts = [f'<h2 id="{name}">{heading}</h2>\n{body}' for name, _, heading, body in found]
    return opening + "".join(parts), [(f"#{name}", short) for name, short, _, _ in found]


def folded(said, table):
    """A sentence, and a table that is long enough to be opened only when wanted."""
    return f"<p>{said}</p>\n<details>\n<summary>Show all of it</summary>\n{table}</details>\n"


def listed(titles, kind):
    """Links to pages."""
    items = [f'<li><a href="{stem}.html">{escape(text)}</a></li>' for stem, text in titles.items()]
    return f'<ul class="{kind}">\n' + "\n".join(items) + "\n</ul>\n"


def reading_path(name, numbers, titles):
    """A path's name and its pages, those that there are."""
    found = {stem: text for stem, text in titles.items() if stem[:2] in numbers}
    return f"<h3>{name}</h3>\n{listed(found, 'path')}" if found else ""


def table(caption, names, rows):
    """Rows of HTML under the names of their columns; the first cell names its row."""
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    lines = [
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    ]
    return (
        f'<div class="wide" tabindex="0"><table>\n<caption>{caption}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody></table></div>\n"
    )


def methods_table():
    """Every method: what it learns from, what it holds in memory, its paper."""
    kinds = list(show.FEEDBACK)
    rows = [
        (
            f"<code>{row.name}</code>",
            escape(row.title),
            row.learns_from,
            ", ".join(methods.holds(row)),
            escape(show.short(row.paper)),
        )
        for row in sorted(methods.METHODS, key=lambda row: kinds.index(row.learns_from))
    ]
    said = "<p><code>tinyalign show METHOD</code> prints a formula, a paper and the source.</p>\n"
    return said + table("All methods", ("method", "in full", "learns from", "holds", "paper"), rows)


def errata(paths):
    """The errata as a table; None where their file is missing."""
    file = paths[0].parent / "errata.json"
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf8"))
    stems = {path.stem for path in paths}
    rows = [
        (
            f'<span id="row-{row["row"]}">{row["row"]}</span>',
            f"note {row['note']}, line {', '.join(map(str, row['lines']))}",
            "<br>".join(f"“{escape(quote)}”" for quote in row["quotes"]),
            markup.inline(row["truth"]),
            shown_by(row, stems),
        )
        for row in found
    ]
    return table(
        f"{len(rows)} errata", ("row", "where", "the notes", "the truth", "shown by"), rows
    )


def errata_page(paths):
    """The body of the page of errata; None where their file is missing."""
    found = errata(paths)
    return found and f"<h1>Where the notes are wrong</h1>\n<p>{ERRATA}</p>\n{found}"


def shown_by(row, stems):
    """The page and the test that show a row, or why there is none."""
    page, test = row.get("walkthrough"), row.get("test")
    linked = f'<a href="{page}.html">page {page[:2]}</a>' if page in stems else ""
    tested = f"<code>{escape(test)}</code>" if test else escape(row.get("why_not") or "")
    return "<br>".join(part for part in (linked, tested) if part)


def kill_matrix():
    """The kill matrix, a table for each loss; None where its file is missing."""
    file = ROOT / "docs" / "kill_matrix.md"
    if not file.is_file():
        return None
    opening, *families = re.split(r"^## ", file.read_text(encoding="utf8"), flags=re.MULTILINE)
    said = markup.inline(" ".join(opening.splitlines()[1:]).strip())
    return folded(said, "".join(markup.markdown(f"### {family}") for family in families))
