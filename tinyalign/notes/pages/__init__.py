"""The walkthroughs as static pages: notes on the left, code, output and figures on the right.

    cells    a percent-format script in pieces: cells, headings, directives
    markup   Markdown, mathematics, highlighted code, live source: text to HTML
    running  cells run in order, their output and figures caught
    layout   pieces put side by side, and the frame around every page
    contents the index page, read off the table of methods, the errata and the kill matrix
    errata   their table, the tests behind it, links to and from every page that mentions a row
    site     files in a folder: `build_pages`; the commands `write` and `read`

The libraries for Markdown, highlighting and MathML are the extra `pages`. Only the layout is ours.
"""

from tinyalign.notes.pages.site import build_pages, read, write

__all__ = ["build_pages", "read", "write"]
