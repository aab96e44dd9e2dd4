"""A walkthrough in pieces: its cells, and the headings and directives inside its prose."""

import re
from itertools import groupby
from typing import NamedTuple

from tinyalign.errors import InputError

DIRECTIVE = re.compile(r"\{(\w+) ?(.*)\}\s*")
NOTES = re.compile(r"(\d{3}) (\d+)-(\d+)")


class Piece(NamedTuple):
    """Code, or a part of the prose."""

    kind: str  # code, text, notes, source or figure
    line: int  # of the file, where it starts
    text: str  # for a directive, what stands behind its name


def cells(path):
    """The cells of a percent-format script: Pieces of kind "code" or "text"."""
    found, kind, start, lines = [], None, 0, []
    for number, line in enumerate([*path.read_text(encoding="utf8").splitlines(), "# %%"], 1):
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        if kind and any(map(str.strip, lines)):
            found.append(Piece(kind, start, "\n".join(lines).rstrip()))
        kind, start, lines = "text" if "[markdown]" in line else "code", number + 1, []
    if not found:
        raise InputError(f"{path.name} has no cells: a cell starts with a line '# %%'")
    return found


def pieces(path):
    """A walkthrough in order; the prose is cut at its headings and directives."""
    for cell in cells(path):
        if cell.kind == "code":
            yield cell
            continue
        lines = list(prose_lines(path, cell))
        for (kind, _), group in groupby(lines, key=lambda line: line[0]):
            group = [piece for _, piece in group]
            text = "\n".join(piece.text for piece in group)
            if text.strip():
                yield Piece(kind, group[0].line, text)


def prose_lines(path, cell):
    """((kind, part), Piece) of every line of prose; lines that belong together share (kind, part).

    A heading of the first two levels starts a part; so does each {source …} and {figure}. Notes
    in a row are one part, and the blank lines around directives belong to nobody.
    """
    part, fenced = 0, False
    for number, line in enumerate(cell.text.splitlines(), cell.line):
        text = re.sub(r"^# ?", "", line)
        fenced ^= text.startswith("```")
        directive = None if fenced else DIRECTIVE.fullmatch(text)
        if directive:
            kind, argument = checked(path, number, *directive.groups())
            part += kind != "notes"
            yield (kind, part), Piece(kind, number, argument or kind)
            part += kind != "notes"
        else:
            part += bool(re.match(r"##? ", text)) and not fenced
            yield ("text", part), Piece("text", number, text)


def checked(path, line, kind, argument):
    """A directive that exists, with an argument of the right form."""
    where = f"{path.name}, line {line}"
    if kind not in ("source", "notes", "figure"):
        raise InputError(f"{where}: {{{kind}}} is no directive; there are source, notes and figure")
    if kind == "notes" and not NOTES.fullmatch(argument):
        raise InputError(f"{where}: want {{notes FILE FIRST-LAST}}, for example {{notes 004 1-9}}")
    if bool(argument) == (kind == "figure"):
        raise InputError(f"{where}: {{source …}} and {{notes …}} say what to show, {{figure}} not")
    return kind, argument


def title(path):
    """The first heading of a walkthrough."""
    for cell in cells(path):
        heading = re.search(r"^# # (.+)$", cell.text, flags=re.MULTILINE)
        if cell.kind == "text" and heading:
            return heading[1].strip()
    raise InputError(f"{path.name} has no title: its first cell wants a line '# # Title'")
