"""Anchors of the sections of a page, the list of them, and links to papers and issues."""

import re

from tinyalign.notes.pages.markup import escape

HEADING = re.compile(r"<h2>(.*?)</h2>", flags=re.DOTALL)
# What is no prose: a tag with all that stands in it, or a tag alone.
OTHER = re.compile(
    r"(<(?:a|math|svg|script|h1|title)\b.*?</(?:a|math|svg|script|h1|title)>|<[^>]+>)",
    flags=re.DOTALL,
)
PAPER = re.compile(r"(?:arXiv:)?\b(\d{4}\.\d{5})\b")
# huggingface/trl #204, #242
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
    parts = OTHER.split(body)
    parts[::2] = [ISSUES.sub(issue_links, PAPER.sub(paper_link, part)) for part in parts[::2]]
    return "".join(parts)


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
