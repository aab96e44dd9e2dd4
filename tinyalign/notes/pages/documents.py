"""The documents of the repository, comparisons and verdicts, as pages beside the walkthroughs."""

import functools
import re

from tinyalign.notes.pages import markup
from tinyalign.notes.pages.markup import ROOT

FOLDER = ROOT / "docs"
NAMES = ("compare_addition", "compare_bandit", "claims", "speed", "metrics", "exam", "peers")
LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', flags=re.DOTALL)
IMAGE = re.compile(r'<img src="([\w.-]+)"')


def files():
    """The documents that are there: a wheel has none."""
    return [file for name in NAMES if (file := FOLDER / f"{name}.md").is_file()]


def beside(paths):
    """The documents that belong to some walkthroughs: those of the repository, and no others."""
    return files() if paths[0].parent == ROOT / "walkthroughs" else []


def address(file):
    """The name of a document's page."""
    return f"docs_{file.stem}.html"


def title(file):
    """The first heading of a document."""
    return re.search(r"^# (.+)$", file.read_text(encoding="utf8"), flags=re.MULTILINE)[1]


@functools.cache
def body(file):
    """A document as HTML; a link to what is no page here is text."""
    text = re.sub(r"<!--.*?-->\n?", "", file.read_text(encoding="utf8"), flags=re.DOTALL)
    pages = {other.name: address(other) for other in files()}

    def link(match):
        to, _, place = match[1].partition("#")
        if to in pages and not place:
            return f'<a href="{pages[to]}">{match[2]}</a>'
        return match[2]

    return IMAGE.sub(r'<img class="drawn" src="\1"', LINK.sub(link, markup.markdown(text)))


def images(file):
    """The pictures of a document: files beside it."""
    return [FOLDER / name for name in IMAGE.findall(markup.markdown(file.read_text("utf8")))]
