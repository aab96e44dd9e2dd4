"""Pieces side by side, and the frame around every page."""

from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.notes.pages import errata, markup, running
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
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header><nav aria-label="Pages">{links}</nav></header>
<main id="main">
{body}</main>
<footer><nav aria-label="Pages, again">{links}</nav></footer>
</body>
</html>
"""


class Row(NamedTuple):
    """What stands side by side: HTML on the left, HTML on the right."""

    left: list
    right: list


def frame(title, body, links):
    """A whole page; links is (address, text) after (address, text)."""
    linked = [f'<a href="{markup.escape(to)}">{markup.escape(text)}</a>' for to, text in links]
    return PAGE.format(title=markup.escape(title), body=body, links="\n".join(linked))


def body(path, names):
    """A walkthrough, run and laid out; what it defines is left in the dict `names`."""
    names |= {"__name__": "__main__", "__file__": str(path)}
    rows, ran = [Row([], [])], None  # ran: the row of the last cell that ran
    for piece in pieces(path):
        if piece.kind in ("text", "notes") and begins(piece, rows[-1], ran):
            rows.append(Row([], []))
        if piece.kind == "code":
            ran = rows[-1]
        put(path, piece, rows[-1], ran, names)
    try:
        return errata.linked("".join(map(side_by_side, rows)), errata.read(path.parent))
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


def begins(piece, row, ran):
    """Whether prose begins a row: a heading, or words that come after what the row shows."""
    after_source = row.right and any("<p>" in part for part in row.left)
    return piece.text.startswith(("# ", "## ")) or row is ran or after_source


def put(path, piece, row, ran, names):
    """A piece into its row: prose left, all else right, a figure beside the cell that drew it."""
    if piece.kind == "code":
        printed = running.cell(path, piece, names)
        row.right.append(markup.code_block(piece.text.strip("\n")))
        if printed.strip():
            row.right.append(markup.output_block(printed))
        return
    try:
        if piece.kind == "text":
            row.left.append(markup.markdown(piece.text))
        elif piece.kind == "notes":
            row.left.append(markup.notes_block(piece.text))
        elif piece.kind == "source":
            row.right.append(markup.source_block(piece.text))
        else:
            (ran or row).right.append(running.figure(piece, names))
    except InputError as error:
        raise InputError(f"{path.name}, line {piece.line}: {error}") from error


def side_by_side(row):
    """A row as HTML."""
    left, right = "".join(row.left), "".join(row.right)
    if not left and not right:
        return ""
    told = f'<div class="told">\n{left}</div>\n' if left else ""
    shown = f'<div class="shown">\n{right}</div>\n' if right else ""
    kind = "row" if shown else "row alone"
    return f'<div class="{kind}">\n{told}{shown}</div>\n'
