"""report.html of a comparison: tables, words and pictures in one file that needs nothing else."""

import html
import re

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1a1a1a; --rule: #d0d0d0; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14161a; --text: #e6e6e6; --rule: #3a3d44; }
  svg { filter: invert(0.92) hue-rotate(180deg); }
}
body { background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif;
  margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
.words { text-align: left; }
svg { max-width: 100%; height: auto; }
figure { margin: 1.5rem 0; }
"""


def written(title, parts):
    """The page as a string.

    title  of the page
    parts  (heading, list of pieces of HTML) after one another
    """
    body = "".join(
        f"<section><h2>{html.escape(heading)}</h2>{''.join(pieces)}</section>\n"
        for heading, pieces in parts
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{html.escape(title)}</h1>\n{body}</main></body>\n</html>\n"
    )


def words(lines):
    """A paragraph for each line of text."""
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def table(columns, cells, left):
    """A table; `left` are the names of columns that hold words."""
    sides = [' class="words"' if name in left else "" for name in columns]

    def line(tag, texts):
        inner = "".join(
            f"<{tag}{side}>{html.escape(text)}</{tag}>"
            for side, text in zip(sides, texts, strict=True)
        )
        return f"<tr>{inner}</tr>"

    body = "".join(line("td", texts) for texts in cells)
    head = f"<thead>{line('th', columns)}</thead>"
    return f'<div class="wide" tabindex="0"><table>{head}<tbody>{body}</tbody></table></div>'


def picture(svg, name, caption):
    """An SVG file's text as a figure of the page; its ids get `name` in front, so none comes twice.

    Where the reader's screen is dark the style turns the picture's light and dark round.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(caption)}" ', 1)
    return f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>"
