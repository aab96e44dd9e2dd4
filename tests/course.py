"""A short course of two walkthroughs, its pages, and what every page has to be like."""

import itertools
import re
from html.parser import HTMLParser

from tinyalign.notes import pages
from tinyalign.notes.pages import site

HEADER = "# ---\n# jupyter: {}\n# ---\n\n"
FIRST = r"""# %% [markdown]
# # 00 · Less < more & "quotes"
#
# A policy $\pi(y)$, a <b>tag</b> and
#
# $$J = \beta \log \frac{a}{b}$$
#
# | a | b |
# |---|---|
# | 1 | $x$ |
#
# ## What the notes say
#
# {notes 004 467-478}
# {notes 001 3-3}
#
# ## The loss
#
# {source tinyalign.losses.preference.dpo}
#
# It is short.

# %%
from tinyalign.notes.lesson import picture

print("1 < 2 & 3")
figure, axes = picture()
axes.plot([1, 2], label="a line")
axes.set(xlabel="step", ylabel="loss", title="A fall")
axes.legend()
figure

# %% [markdown]
# {figure}
#
# After the figure.

# %%
print("second cell")
"""
SECOND = "# %% [markdown]\n# # 01 · The other\n\n# %%\nassert 1 + 1 == 2\n"


def course_in(folder):
    """A folder with two short walkthroughs."""
    course = folder / "course"
    course.mkdir()
    (course / "00_first.py").write_text(HEADER + FIRST, encoding="utf8")
    (course / "01_second.py").write_text(HEADER + SECOND, encoding="utf8")
    return course


def build_course(course, name="pages", **settings):
    return pages.build_pages(course.parent / name, folder=course, **settings)


def text_of(out, stem="00_first"):
    return (out / f"{stem}.html").read_text(encoding="utf8")


SCRIPTS = {"dials.js", "search.js", "application/json"}
OUTWARD = ("https://arxiv.org/abs/", "https://github.com/")


class Reader(HTMLParser):
    """Tags, headings and links of a page; every tag closed in order."""

    EMPTY = ("meta", "link", "br", "hr", "img", "path", "use", "mspace", "input")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def check_page(path):
    """Well formed, alone in the world, in order, with links that lead somewhere."""
    text = path.read_text(encoding="utf8")
    page = Reader(text)
    assert text.startswith('<!doctype html>\n<html lang="en">') and 'name="viewport"' in text
    assert {"header", "nav", "main", "footer", "h1", "title"} <= {tag for tag, _ in page.tags}
    assert len(page.ids) == len(set(page.ids))
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert {script.get("src", script.get("type")) for script in scripts} <= SCRIPTS
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for tag, attributes in page.tags:
        for name in ("href", "src", "data"):
            address = attributes.get(name) or ""
            if tag == "a" and address.startswith(OUTWARD):
                continue
            assert "//" not in address, (path, tag, address)
            if address.startswith("#"):
                assert address[1:] in page.ids, (path, address)
            elif address and not address.startswith("data:"):
                name, _, place = address.partition("#")
                assert (path.parent / name).is_file(), (path, address)
                there = (path.parent / name).read_text(encoding="utf8")
                assert not place or site.UNBUILT in there or f'id="{place}"' in there, address
        if tag == "svg" and attributes.get("aria-hidden") != "true":
            assert attributes["role"] == "img" and attributes["aria-label"].startswith("Plot: ")
    return text
