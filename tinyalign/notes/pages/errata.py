"""The errata: their table, the tests behind it, and links between rows and the pages."""

import ast
import json
import re

from tinyalign.errors import InputError
from tinyalign.notes.pages import markup
from tinyalign.notes.pages.markup import ROOT, escape

LEAD = "Statements of the notes, and what the papers, the derivation or the code say instead."
TESTED = (
    "Each would fail if the notes were right. <code>sent</code>, <code>fetched</code> and "
    "<code>here</code> carry arrays to a GPU and back where the tests run on one."
)
TESTS = ROOT / "tests" / "test_errata.py"
# "errata rows 3, 5 and 7"; prose that has said "errata" once goes on with "row 12".
MENTION = re.compile(r"\b(errata\s+)?rows?\s+(\d+)((?:(?:,|\s+and|\s+to)\s+\d+)*)")
# What stands apart in a page: code and output, pictures, tags.
APART = re.compile(r"(<pre\b.*?</pre>|<svg\b.*?</svg>|<[^>]+>)", flags=re.DOTALL)


def read(folder):
    """The rows of errata.json in a folder of walkthroughs; none where there is no such file."""
    file = folder / "errata.json"
    return json.loads(file.read_text(encoding="utf8")) if file.is_file() else []


def linked(body, rows):
    """A page whose mentions of errata lead to their rows; the first of each is an anchor."""
    known, seen = {str(row["row"]) for row in rows}, set()

    def link(number, text):
        anchor = "" if number in seen else f' id="errata-{number}"'
        seen.add(number)
        return f'<a href="errata.html#row-{number}"{anchor}>{text}</a>'

    def mention(found, prose):
        errata, first, others = found.groups()
        missing = {first, *re.findall(r"\d+", others)} - known
        if prose and missing:
            raise InputError(f"there is no errata row {', '.join(sorted(missing))}")
        if missing or not (errata or prose):
            return found[0]  # in code a row may be one of anything
        links = re.sub(r"\d+", lambda number: link(number[0], number[0]), others)
        return link(first, found[0].removesuffix(others)) + links

    parts = APART.split(body) if rows else [body]
    for at, part in enumerate(parts):
        prose = at % 2 == 0
        if rows and (prose or part.startswith("<pre")):
            parts[at] = MENTION.sub(lambda found, prose=prose: mention(found, prose), part)
    return "".join(parts)


def table(paths):
    """All rows; None where there are none."""
    rows = read(paths[0].parent)
    if not rows:
        return None
    pages, sources = {path.stem: path for path in paths}, tests()
    cells = [
        (
            f'<span id="row-{row["row"]}"><span class="phone">row </span>{row["row"]}</span>',
            f"note {row['note']}, line {', '.join(map(str, row['lines']))}",
            "<br>".join(map(quoted, row["quotes"])),
            markup.inline(row["truth"]),
            shown_by(row, pages, sources),
        )
        for row in rows
    ]
    names = ("row", "where", "the notes", "the truth", "shown by")
    return markup.table(f"{len(rows)} errata", names, cells, kind="errata")


def quoted(quote):
    """A quotation; of its Markdown only the stars are understood."""
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", f"“{escape(quote)}”")


def shown_by(row, pages, sources):
    """Links to the place in a page and to the test that show a row, or why there is no test."""
    page, test, why = row["walkthrough"], row["test"], row["why_not"]
    parts = []
    if page in pages:
        place = f"#errata-{row['row']}" if row["row"] in mentions(pages[page]) else ""
        name = f"page {page[:2]}" if page[:2].isdigit() else page.partition("_")[0]
        parts.append(f'<a href="{page}.html{place}">{escape(name)}</a>')
    if test:
        shown = f"<code>{escape(test)}</code>"
        there = f'<a href="errata.html#{escape(test)}">{shown}</a>'
        parts.append(there if test in sources else shown)
    return "<br>".join([*parts, escape(why)] if why else parts)


def mentions(path):
    """The rows that the prose of a walkthrough speaks about, or its code as errata."""
    found = set()
    text = path.read_text(encoding="utf8")
    prose = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    for cell in re.split(r"^%% ?", prose, flags=re.MULTILINE)[1:]:
        for errata, first, others in MENTION.findall(cell):
            if errata or cell.startswith("[markdown]"):
                found |= {int(number) for number in [first, *re.findall(r"\d+", others)]}
    return found


def tests():
    """The source of each test of a row, and its line; none where the tests are not installed."""
    if not TESTS.is_file():
        return {}
    text = TESTS.read_text(encoding="utf8")
    lines = text.splitlines()
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_row_"):
            start = min(part.lineno for part in (node, *node.decorator_list))
            found[node.name] = start, "\n".join(lines[start - 1 : node.end_lineno])
    return found


def page(paths):
    """The body of the page of errata: the table, then the tests; None where there are no rows."""
    found = table(paths)
    if found is None:
        return None
    wanted = {row["test"] for row in read(paths[0].parent)}
    shown = "".join(
        f'<figure class="source" id="{name}"><figcaption><span>{name}</span> '
        f"<small>tests/{TESTS.name}, line {line}</small></figcaption>\n"
        f"{markup.code_block(code)}</figure>\n"
        for name, (line, code) in tests().items()
        if name in wanted
    )
    heading = f"<h2>The tests</h2>\n<p>{TESTED}</p>\n" if shown else ""
    return f"<h1>Where the notes are wrong</h1>\n<p>{LEAD}</p>\n{found}{heading}{shown}"
