"""Run the cells of a walkthrough in order, and capture their output and figures."""

import ast
import contextlib
import io
import re
import tempfile
import traceback
import warnings
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.notes.pages.markup import escape
from tinyalign.report.plots import COLOURS, save

# Colours of a figure -> colours of the page, which are others in the dark.
THEME = {colour.lower(): f"var(--c{k})" for k, colour in enumerate(COLOURS[:6])}
THEME |= {"#ffffff": "var(--back)", "#000000": "var(--text)", "#b0b0b0": "var(--line)"}
THEME |= dict.fromkeys(("#333333", "#4d4d4d", "#666666", "#808080"), "var(--muted)")
THEME |= dict.fromkeys(("#cccccc", "#bfbfbf", "#b3b3b3", "#d9d9d9", "#ebebeb"), "var(--line)")
WIDE = 7  # inches; wider figures scroll on a phone


def cell(path, piece, names):
    """Run a cell of a file in the namespace `names`: what it printed, and its last line's value."""
    # Blank lines in front, so that tracebacks and inspect find the lines of the file.
    code = "\n" * (piece.line - 1) + piece.text
    printed, value = io.StringIO(), None
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            warnings.simplefilter("error")
            tree = ast.parse(code, str(path))
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, str(path), "exec"), names)
            if last:
                value = eval(compile(ast.Expression(last.value), str(path), "eval"), names)
    except Exception as error:  # any error of a cell is reported with its line
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        line = lines[-1] if lines else getattr(error, "lineno", None) or piece.line
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise InputError(f"{path.name}, line {line}: {what}") from error
    return printed.getvalue(), value


def figure(piece, names):
    """The figure in the cells' variable `figure`, as HTML."""
    from matplotlib.figure import Figure

    candidate = names.get("figure")
    if not isinstance(candidate, Figure):
        raise InputError("no cell above leaves a Figure in the variable `figure`")
    return svg(candidate, f"line{piece.line}")


def svg(figure, name):
    """A figure as inline SVG, with a description for screen readers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figure.svg"
        save(figure, file)
        text = file.read_text(encoding="utf8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    # matplotlib uses the same ids in every figure; on one page they must differ.
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", text)
    text = re.sub("#[0-9a-f]{6}", lambda colour: THEME.get(colour[0], colour[0]), text)
    alt = escape(alt_text(figure))
    # Several panels side by side would be too small to read on a phone: there they scroll.
    inches = figure.get_figwidth()
    style = f' style="min-width: {72 * inches:.0f}px"' if inches > WIDE else ""
    text = text.replace("<svg", f'<svg role="img" aria-label="{alt}"{style}', 1)
    return f'<figure class="plot" tabindex="0">{text.strip()}</figure>\n'


def alt_text(figure):
    """Titles, axes and legends of a figure in words."""
    parts = []
    for axes in figure.axes:
        x, y = axes.get_xlabel(), axes.get_ylabel()
        across = f"{y} against {x}" if x and y else x or y
        legend = axes.get_legend()
        lines = ", ".join(text.get_text() for text in legend.get_texts()) if legend else ""
        parts += [axes.get_title(), across, lines]
    words = ". ".join(" ".join(part.replace("$", "").split()) for part in parts if part.strip())
    return f"Plot: {words or 'no labels'}."
