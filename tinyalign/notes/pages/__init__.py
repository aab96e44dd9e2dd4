"""The walkthroughs as static pages: prose on the left; code, output and figures on the right.

    cells    splits a percent-format script into cells, headings and directives
    markup   converts Markdown, mathematics, code and the library's source to HTML
    running  runs cells in order and captures their output and figures
    layout   puts pieces side by side and adds the frame of a page
    front    the top of the index page: one picture, three doors, a card for every page
    contents the index page, from the table of methods, the errata and the kill matrix
    dial_block  a dial as HTML, which dials.js turns
    sections anchors, links to papers, issues and terms
    source   a function with its docstring folded, and whole files
    search   the index that search.js reads; downloads: notebooks; documents: docs/ as pages
    errata   the table of errata, their tests, and links between rows and pages
    site     writes the files; the commands `write` and `read`

The extra `pages` installs the libraries for Markdown, highlighting and MathML.
"""

from tinyalign.notes.pages.site import build_pages, read, write

__all__ = ["build_pages", "read", "write"]
