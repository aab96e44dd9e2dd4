"""Pieces of a walkthrough side by side, and the frame around every page."""

from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.notes.dials.dial import Dial
from tinyalign.notes.pages import dial_block, errata, markup, running, sections, source
from tinyalign.notes.pages.cells import pieces

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<script src="dials.js" defer></script>
<script src="search.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header><nav aria-label="Pages">{links}
<search class="search" hidden><input type="search" aria-label="Search all pages" \
placeholder="Search ( / )"><p class="unseen" role="status"></p><ol hidden></ol></search></nav>
</header>
<main id="main">
{body}</main>
<footer><nav aria-label="Before and after">{foot}</nav></footer>
</body>
</html>
"""


class SideBySide(NamedTuple):
    """One row of a page: parts of HTML on the left and on the right."""

    left: list
    right: list


def frame(title, body, links, foot=""):
    """A complete page; `links` is a sequence of (address, text), `foot` is HTML below the text."""
    linked = [f'<a href="{markup.escape(to)}">{markup.escape(text)}</a>' for to, text in links]
    body, found = sections.with_anchors(body)
    return PAGE.format(
        title=markup.escape(title),
        body=sections.rail(found) + sections.with_references(body),
        links="\n".join(linked),
        foot=foot or "\n".join(linked),
    )


def body(path, names):
    """Run a walkthrough and lay it out as HTML; the dict `names` receives all that it defines."""
    names |= {"__name__": "__main__", "__file__": str(path)}
    rows, last_run = (
        [SideBySide([], [])],
        None,
    )  # last_run: the row of the last cell that was executed
    for piece in pieces(path):
        if piece.kind in ("text", "notes") and starts_row(piece, rows[-1], last_run):
            rows.append(SideBySide([], []))
        if piece.kind == "code":
            last_run = rows[-1]
        add_piece(path, piece, rows[-1], last_run, names)
    html = sections.with_terms("".join(map(side_by_side, rows)))
    try:
        return errata.link_mentions(html, errata.read(path.parent))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


def starts_row(piece, row, last_run):
    """Whether prose starts a new row: a heading, or text after the code that a row shows."""
    after_source = row.right and any("<p>" in part for part in row.left)
    return piece.text.startswith(("# ", "## ")) or row is last_run or after_source


def add_piece(path, piece, row, last_run, names):
    """Add a piece to its row: prose left, all else right, a figure beside the cell that drew it."""
    if piece.kind == "code":
        printed, value = running.cell(path, piece, names)
        # The code stands above what it has printed.
        row.right.append(markup.code_block(piece.text.strip("\n")))
        if isinstance(value, Dial):
            row.right.append(dial_block.html(value, f"dial-{piece.line}"))
        elif printed.strip():
            row.right.append(markup.output_block(printed))
        return
    try:
        if piece.kind == "text":
            row.left.append(markup.markdown(piece.text))
        elif piece.kind == "notes":
            row.left.append(markup.notes_block(piece.text))
        elif piece.kind == "source":
            row.right.append(source.source_block(piece.text))
        else:
            (last_run or row).right.append(running.figure(piece, names))
    except InputError as error:
        raise InputError(f"{path.name}, line {piece.line}: {error}") from error


def side_by_side(row):
    """A row as HTML."""
    left, right = "".join(row.left), "".join(row.right)
    if not left and not right:
        return ""
    prose = f'<div class="prose">\n{left}</div>\n' if left else ""
    evidence = f'<div class="evidence">\n{right}</div>\n' if right else ""
    kind = "row" if evidence else "row alone"
    return f'<div class="{kind}">\n{prose}{evidence}</div>\n'
