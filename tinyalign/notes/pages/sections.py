"""Anchors of the sections of a page, the list of them, and links to papers, issues and terms."""

import re

from tinyalign.notes.glossary import TERMS
from tinyalign.notes.pages.markup import escape

HEADING = re.compile(r"<h2>(.*?)</h2>", flags=re.DOTALL)
# What is no prose: a tag with all that stands in it, or a tag alone.
OTHER = re.compile(
    r"(<(a|math|svg|script|h1|pre|code)\b.*?</\2>|<[^>]+>)",
    flags=re.DOTALL,
)
PAPER = re.compile(r"(?:arXiv:)?\b(\d{4}\.\d{5})\b")
# In code a number alone is a number.
PAPER_IN_CODE = re.compile(r"arXiv:(\d{4}\.\d{5})\b(?![^<]*</a>)")
PARAGRAPH = re.compile(r"<p>(.*?)</p>", flags=re.DOTALL)
# huggingface/trl #204, #242
WORDS = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, TERMS), key=len, reverse=True)) + r")\b",
    flags=re.IGNORECASE,
)
ISSUES = re.compile(r"\b([\w.-]+/[\w.-]+)((?: PR)? #\d+(?:(?:,| and) #\d+)*)")


def with_anchors(body):
    """A body whose sections have an anchor each, and [(anchor, heading in plain text)]."""
    sections = []

    def anchored(match):
        text = re.sub(r"<[^>]+>", "", match[1])
        slug = re.sub(r"\W+", "-", text.lower()).strip("-") or "part"
        taken = {name for name, _ in sections}
        # A second section of one name gets a number.
        names = [f"s-{slug}", *(f"s-{slug}-{k}" for k in range(2, 100))]
        name = next(name for name in names if name not in taken)
        sections.append((name, text))
        return f'<h2 id="{name}">{match[1]}</h2>'

    return HEADING.sub(anchored, body), sections


def rail(sections):
    """Links to the sections of a page, in a row that stays in sight."""
    if len(sections) < 2:
        return ""
    links = "".join(f'<li><a href="#{name}">{text}</a></li>' for name, text in sections)
    return f'<nav class="rail" aria-label="On this page" tabindex="0"><ul>{links}</ul></nav>\n'


def with_references(body):
    """A body in which numbers of arXiv and of issues on GitHub are links."""

    def linked(text):
        return ISSUES.sub(issue_links, PAPER.sub(paper_link, text))

    return PAPER_IN_CODE.sub(paper_link, in_prose(linked, body))


def in_prose(change, body):
    """A body in which `change` is applied to the text outside of links, code and formulas."""
    # Splitting gives text, what is no prose, the name of its tag, text, and so on.
    parts = OTHER.split(body)
    return "".join(
        change(part) if place % 3 == 0 else part
        for place, part in enumerate(parts)
        if place % 3 < 2
    )


def with_terms(body):
    """A body in which the first mention of each term is a link that tells what the term means."""
    left = dict(TERMS)

    def link(match):
        name = next((term for term in left if term.lower() == match[0].lower()), None)
        if name is None:
            return match[0]
        sentence, _ = left.pop(name)
        to = f"index.html#{term_anchor(name)}"
        return f'<a class="term" href="{to}" title="{escape(sentence)}">{match[0]}</a>'

    def paragraph(match):
        return f"<p>{in_prose(lambda text: WORDS.sub(link, text), match[1])}</p>"

    return PARAGRAPH.sub(paragraph, body)


def term_anchor(term):
    """The anchor of a term on the index page."""
    return "term-" + re.sub(r"\W+", "-", term.lower()).strip("-")


def paper_link(match):
    """A link to a paper on arXiv."""
    return outward(f"https://arxiv.org/abs/{match[1]}", match[0])


def issue_links(match):
    """Links to some issues of one repository; the first link has the name of the repository."""
    first, *others = re.split(r"(#\d+)", match[2])
    link = f"https://github.com/{match[1]}/issues/{others[0][1:]}"
    rest = [
        outward(f"https://github.com/{match[1]}/issues/{part[1:]}", part)
        if part.startswith("#")
        else part
        for part in others[1:]
    ]
    return outward(link, f"{match[1]}{first}{others[0]}") + "".join(rest)


def outward(address, text):
    """A link out of the pages; the other site does not learn where the reader came from."""
    return f'<a href="{escape(address)}" rel="noreferrer">{text}</a>'
