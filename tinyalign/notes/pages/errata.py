"""The errata: their table, the tests behind it, and links between rows and the pages."""

import ast
import json
import re

from tinyalign.errors import InputError
from tinyalign.notes.pages import markup
from tinyalign.notes.pages.markup import ROOT, escape

LEAD = "Statements of the notes, and what the papers, the derivation or the code say instead."
ABOUT_CONVENTIONS = (
    "These statements are right under one way to count or to speak, and not under another. Each "
    "row names the convention."
)
ABOUT_TESTS = (
    "Each test would fail if the notes were right; for a convention it shows both readings. "
    "<code>sent</code>, <code>fetched</code> and <code>here</code> carry arrays to a GPU and back "
    "where the tests run on one."
)
TESTS = ROOT / "tests" / "notes" / "test_errata.py"
# Prose links a phrase to its row: [the clip bounds one step](errata.html#row-23).
LINK = re.compile(r'<a href="errata\.html#row-(\d+)">')
# Docstrings, which a page shows as code, cite rows: "errata rows 3, 5 and 7".
CITATION = re.compile(r"\berrata\s+rows?\s+(\d+)((?:(?:,|\s+and|\s+to)\s+\d+)*)")
CODE = re.compile(r"(<pre\b.*?</pre>)", flags=re.DOTALL)


def read(folder):
    """The rows of errata.json in a folder of walkthroughs; none where there is no such file."""
    file = folder / "errata.json"
    return json.loads(file.read_text(encoding="utf8")) if file.is_file() else []


def link_mentions(body, rows):
    """A page in which mentions of errata are links; the first mention of each is an anchor."""
    if not rows:
        return body
    known, anchored = {str(row["row"]) for row in rows}, set()

    def opening_tag(number):
        anchor = "" if number in anchored else f' id="errata-{number}"'
        anchored.add(number)
        return f'<a href="errata.html#row-{number}"{anchor}>'

    def link_in_prose(match):
        if match[1] not in known:
            raise InputError(f"there is no errata row {match[1]}")
        return opening_tag(match[1])

    def links_in_code(match):
        if not set(re.findall(r"\d+", match[0])) <= known:
            return match[0]
        # The first number is linked with the words before it, the others alone.
        first, others = match.groups()
        others_linked = re.sub(r"\d+", lambda n: f"{opening_tag(n[0])}{n[0]}</a>", others)
        return f"{opening_tag(first)}{match[0].removesuffix(others)}</a>{others_linked}"

    # Splitting by a group keeps the code: prose stands at even places, code at odd ones.
    parts = CODE.split(body)
    parts[::2] = [LINK.sub(link_in_prose, part) for part in parts[::2]]
    parts[1::2] = [CITATION.sub(links_in_code, part) for part in parts[1::2]]
    return "".join(parts)


def table(paths):
    """All rows as HTML: a table of errors and one of conventions; None where there are no rows."""
    rows = read(paths[0].parent)
    if not rows:
        return None
    errors = [row for row in rows if "convention" not in row]
    conventions = [row for row in rows if "convention" in row]
    html = rows_as_table(f"{len(errors)} errata", errors, paths)
    if not conventions:
        return html
    caption = f"{len(conventions)} rows that depend on a convention"
    return f"{html}<p>{ABOUT_CONVENTIONS}</p>\n{rows_as_table(caption, conventions, paths)}"


def rows_as_table(caption, rows, paths):
    """Some rows as a table of HTML."""
    pages, sources = {path.stem: path for path in paths}, tests()
    # The id is the address that pages link to.
    cells = [
        (
            f'<span id="row-{row["row"]}"><span class="phone">no. </span>{row["row"]}</span>',
            f"note {row['note']}, line {', '.join(map(str, row['lines']))}",
            "<br>".join(map(quotation, row["quotes"])),
            truth(row),
            evidence(row, pages, sources),
        )
        for row in rows
    ]
    names = ("no.", "where", "the notes", "the truth", "evidence")
    return markup.table(caption, names, cells, kind="errata")


def truth(row):
    """What is true instead; or what both readings say, and the convention that parts them."""
    words = markup.inline(row["truth"])
    if "convention" not in row:
        return words
    return f"{words}<br><em>Depends on a convention: {markup.inline(row['convention'])}.</em>"


def quotation(quote):
    """A quotation as HTML; of its Markdown only bold text is converted."""
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", f"“{escape(quote)}”")


def evidence(row, pages, sources):
    """Links to the page and to the test that show a row, or the reason for having no test."""
    page, test, why = row["walkthrough"], row["test"], row["why_not"]
    parts = []
    if page in pages:
        anchor = f"#errata-{row['row']}" if row["row"] in mentions(pages[page]) else ""
        name = f"page {page[:2]}" if page[:2].isdigit() else page.partition("_")[0]
        parts.append(f'<a href="{page}.html{anchor}">{escape(name)}</a>')
    if test:
        # Without the repository's tests there is nothing to link to.
        linked = f'<a href="errata.html#{escape(test)}">its test</a>'
        parts.append(linked if test in sources else "a test in the repository")
    return "<br>".join([*parts, escape(why)] if why else parts)


def mentions(path):
    """Numbers of the rows that the prose of a walkthrough links to."""
    links = re.findall(r"\]\(errata\.html#row-(\d+)\)", path.read_text(encoding="utf8"))
    return set(map(int, links))


def tests():
    """{test of a row: (docstring, line, source)}; empty where the tests are not installed."""
    if not TESTS.is_file():
        return {}
    text = TESTS.read_text(encoding="utf8")
    lines = text.splitlines()
    sources = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_row_"):
            # A decorator stands above the line that the syntax tree gives.
            start = min(part.lineno for part in (node, *node.decorator_list))
            code = "\n".join(lines[start - 1 : node.end_lineno])
            sources[node.name] = ast.get_docstring(node), start, code
    return sources


def page(paths):
    """The body of the page of errata: the table, then the tests; None where there are no rows."""
    table_html = table(paths)
    if table_html is None:
        return None
    # Each test is an anchor: the table above links to it by its name.
    wanted = {row["test"] for row in read(paths[0].parent)}
    figures = "".join(
        f'<figure class="source" id="{name}"><figcaption><span>{escape(sentence)}</span> '
        f"<small>{TESTS.relative_to(ROOT).as_posix()}, line {line}</small></figcaption>\n"
        f"{markup.code_block(code)}</figure>\n"
        for name, (sentence, line, code) in tests().items()
        if name in wanted
    )
    heading = f"<h2>The tests</h2>\n<p>{ABOUT_TESTS}</p>\n" if figures else ""
    return f"<h1>Where the notes are wrong</h1>\n<p>{LEAD}</p>\n{table_html}{heading}{figures}"
