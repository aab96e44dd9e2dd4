"""Convert text to HTML: Markdown with mathematics, tables, highlighted code."""

import functools
import html
import importlib
import re
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.notes.pages.cells import NOTES

ROOT = Path(__file__).parents[3]


def need(module):
    """Import a library of the extra `pages`; InputError with the way to install it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            "pages need more libraries: pip install -e '.[pages]' in a checkout, else "
            "pip install pygments markdown-it-py mdit-py-plugins latex2mathml"
        ) from error


def escape(text):
    """Text as HTML."""
    return html.escape(str(text))


@functools.cache
def parser():
    """A Markdown parser with tables and $mathematics$; HTML in the text stays text."""
    markdown = need("markdown_it").MarkdownIt("commonmark", {"html": False, "typographer": False})
    markdown.enable("table")
    dollars = need("mdit_py_plugins.dollarmath").dollarmath_plugin
    markdown.use(dollars, renderer=mathml, allow_labels=False, double_inline=True)
    markdown.options["highlight"] = lambda code, language, _: fenced(code, language)
    markdown.add_render_rule("fence", fence)
    # A table that is wider than the screen scrolls by itself, with the arrow keys too.
    markdown.add_render_rule("table_open", lambda *_: '<div class="wide" tabindex="0"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return markdown


def markdown(text):
    """Blocks of Markdown as HTML."""
    # Punctuation goes inside, where no line is broken, so that none starts with a full stop.
    return folds(re.sub(r"(</math>)</span>([.,;:!?)]+)", r"\1\2</span>", parser().render(text)))


def folds(rendered):
    """Rendered text with its folds: <details><summary>…</summary> and </details>, each a paragraph.

    All other HTML in the text stays text. Notebooks and code hosts fold the same two lines.
    """
    opened = r"<p>&lt;details&gt;&lt;summary&gt;(.*?)&lt;/summary&gt;</p>"
    closed = "<p>&lt;/details&gt;</p>"
    if len(re.findall(opened, rendered)) != rendered.count(closed):
        raise InputError(
            "a fold wants the lines <details><summary>…</summary> and </details> in one text, each "
            "between empty lines, without a heading, {source …}, {figure} or {notes …} between them"
        )
    return re.sub(opened, r"<details>\n<summary>\1</summary>", rendered).replace(
        closed, "</details>"
    )


def inline(text):
    """A line of Markdown as HTML, without a paragraph."""
    return parser().renderInline(text)


def mathml(formula, options):
    """A formula of LaTeX as MathML."""
    if not options["display_mode"]:
        return converted(formula, "inline")
    # Formulas side by side stand below each other where the column is narrow.
    parts = [converted(part, "block") for part in re.split(r"\\qquad\b", formula)]
    # Long formulas are set smaller where the column is narrow: the style sheet divides by this.
    ems = 0.82 * max(map(visible_length, parts))
    return f'<span tabindex="0" style="--ems: {ems:.0f}">{"".join(parts)}</span>'


def converted(formula, display):
    """One formula as MathML, in the line or as a block."""
    # A subscript of several letters is a word, not a product.
    words = re.sub(r"_\{([a-z]{2,})\}", r"_{\\mathrm{\1}}", formula)
    try:
        math = need("latex2mathml.converter").convert(words, display=display)
    except InputError:
        raise
    except Exception as error:  # the converter raises errors of many types
        raise InputError(f"cannot read the formula {formula!r}: {error!r}") from error
    if "\\" in math:  # a command that the converter does not know comes out as text
        raise InputError(f"cannot read all of the formula {formula!r}")
    math = math.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
    # An operator named in letters keeps its distance from what it is applied to.
    spaced = r'<mo lspace="0.17em" rspace="0.17em">\1</mo>'
    return re.sub(r"<mi>(log|exp|ln)</mi>", spaced, math)


def visible_length(math):
    """How many characters of MathML are seen."""
    text = re.sub(r"&#?\w+;", "x", math)
    return len(re.sub(r"<annotation.*?</annotation>|<[^>]+>", "", text))


def fence(renderer, tokens, at, options, env):
    """A fence: a drawing where it has the name of one, else what stands in it."""
    from tinyalign.notes.pages import drawings  # which loads the losses

    name = tokens[at].info.strip()
    if name in drawings.DRAWINGS:
        return drawings.figure(name)
    return renderer.fence(tokens, at, options, env)


def fenced(code, language):
    """What stands between fences: highlighted where they say python, otherwise a drawing."""
    if language == "python":
        return code_block(code)
    return f'<pre class="code" tabindex="0"><code>{escape(code.rstrip())}</code></pre>\n'


def code_block(code):
    """Python, highlighted."""
    pygments, lexer = need("pygments"), need("pygments.lexers").PythonLexer()
    spans = pygments.highlight(code, lexer, need("pygments.formatters").HtmlFormatter(nowrap=True))
    return f'<pre class="code" tabindex="0"><code>{spans.rstrip()}</code></pre>\n'


def output_block(text):
    """The output of a cell as HTML."""
    return f'<pre class="output" tabindex="0"><samp>{escape(text.rstrip())}</samp></pre>\n'


def table(caption, names, rows, *, kind=""):
    """Rows of HTML under the names of their columns; the first cell names its row."""
    # scope tells screen readers which cells are names of columns and rows.
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    lines = [
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    ]
    opened = f'<table class="{kind}">' if kind else "<table>"
    return (
        f'<div class="wide" tabindex="0">{opened}\n<caption>{caption}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody></table></div>\n"
    )


def notes_block(text):
    """A list of places in the notes: file and lines."""
    places = [NOTES.fullmatch(line).groups() for line in text.splitlines() if line.strip()]
    items = [
        f"note {note}, line {first}" if first == last else f"note {note}, lines {first}–{last}"
        for note, first, last in places
    ]
    return '<ul class="notes">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>\n"
