"""report.html of a comparison: tables, sentences and figures in one file without any links."""

import html
import re

# Follows the reader's light or dark setting; a wide table scrolls inside its own box.
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


def page(title, parts):
    """The page as a string.

    title  of the page, as text
    parts  [(heading, [HTML of each piece])], the sections in order
    """
    # Headings are text and are escaped; pieces come from the functions below and are not.
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


def paragraphs(lines):
    """A paragraph for each line of text."""
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def table(columns, cells, left):
    """A table of strings; `left` names the columns that hold words."""
    # Numbers stand on the right, where their digits line up; words stand on the left.
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


def figure(svg, name, caption):
    """A captioned figure of the page, from the text of an SVG file.

    name  a prefix for the SVG's ids: all figures share the page, so no id may come twice
    """
    # Drop the XML declaration, which may stand only at the beginning of a file.
    svg = svg[svg.index("<svg") :]
    # Ids are defined once and used in two ways: as url(#…) and as href="#…".
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(caption)}" ', 1)
    return f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>"
