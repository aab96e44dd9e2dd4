"""Split a walkthrough into cells, and its prose into headings, text and directives."""

import re
from itertools import groupby
from typing import NamedTuple

from tinyalign.errors import InputError

# A line of prose in braces, such as {figure}.
DIRECTIVE = re.compile(r"\{(\w+) ?(.*)\}\s*")
# A note and its lines: {notes 004 467-478}.
NOTES = re.compile(r"(\d{3}) (\d+)-(\d+)")


class Piece(NamedTuple):
    """A code cell, or a part of the prose."""

    kind: str  # code, text, notes, source or figure
    line: int  # of the file, where it starts
    text: str  # for a directive, its argument


def cells(path):
    """The cells of a percent-format script: Pieces of kind "code" or "text"."""
    cells_in_file, kind, start, lines = [], None, 0, []
    # A mark after the last line ends the last cell.
    for number, line in enumerate([*path.read_text(encoding="utf8").splitlines(), "# %%"], 1):
        if not line.startswith("# %%"):
            lines.append(line)
            continue
        if kind and any(map(str.strip, lines)):
            cells_in_file.append(Piece(kind, start, "\n".join(lines).rstrip()))
        kind, start, lines = "text" if "[markdown]" in line else "code", number + 1, []
    if not cells_in_file:
        raise InputError(f"{path.name} has no cells: a cell starts with a line '# %%'")
    return cells_in_file


def pieces(path):
    """The Pieces of a walkthrough in order; prose is split at headings and directives."""
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
    """((kind, part), Piece) for each line of prose; lines with one (kind, part) belong together.

    A heading of the first two levels starts a part, and so does each {source …} and {figure}.
    Consecutive {notes …} are one part.
    """
    part, fenced = 0, False
    for number, line in enumerate(cell.text.splitlines(), cell.line):
        text = re.sub(r"^# ?", "", line)
        # Inside a fence of three backticks braces and number signs are code.
        fenced ^= text.startswith("```")
        directive = None if fenced else DIRECTIVE.fullmatch(text)
        if directive:
            kind, argument = parse_directive(path, number, *directive.groups())
            # The number changes before and after, so that a directive shares its part with no text.
            part += kind != "notes"
            yield (kind, part), Piece(kind, number, argument or kind)
            part += kind != "notes"
        else:
            part += bool(re.match(r"##? ", text)) and not fenced
            yield ("text", part), Piece("text", number, text)


def parse_directive(path, line, kind, argument):
    """Kind and argument of a directive; InputError for an unknown one or a malformed argument."""
    where = f"{path.name}, line {line}"
    if kind not in ("source", "notes", "figure"):
        raise InputError(f"{where}: {{{kind}}} is no directive; there are source, notes and figure")
    if kind == "notes" and not NOTES.fullmatch(argument):
        raise InputError(f"{where}: want {{notes FILE FIRST-LAST}}, for example {{notes 004 1-9}}")
    if bool(argument) == (kind == "figure"):
        raise InputError(f"{where}: {{source …}} and {{notes …}} say what to show, {{figure}} not")
    return kind, argument


def title(path):
    """The text of a walkthrough's first heading."""
    for cell in cells(path):
        heading = re.search(r"^# # (.+)$", cell.text, flags=re.MULTILINE)
        if cell.kind == "text" and heading:
            return heading[1].strip()
    raise InputError(f"{path.name} has no title: its first cell wants a line '# # Title'")


def question(path):
    """The first paragraph under the heading "The question"; no words where there is none."""
    for cell in cells(path):
        found = re.search(r"^# ## The question\n#\n((?:# .+\n?)+)", cell.text, flags=re.MULTILINE)
        if cell.kind == "text" and found:
            return re.sub(r"[*`]|\n?^# ", " ", found[1], flags=re.MULTILINE).strip()
    return ""
