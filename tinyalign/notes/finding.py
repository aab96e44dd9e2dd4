"""What a reader means by a word: the walkthrough, or the claims, that are about it."""

import re

from tinyalign.errors import InputError, folded, nearest
from tinyalign.methods import METHODS, find
from tinyalign.notes.claims.verdicts import THEMES
from tinyalign.notes.pages.site import walkthroughs

LETTERS = r"(?<![a-z0-9]){}(?![a-z0-9])"  # a whole word, in a name of words joined by _


def page_about(word, paths=None):
    """(the walkthrough that a word stands for, others that it fits): paths of files.

    word    a number, a name, a method, or a term, in any case; letters may be exchanged
    raises  InputError where no walkthrough names the word
    """
    paths = paths or walkthroughs()
    name = folded(word)
    if name.isdecimal():
        name = name.zfill(2)
    for fits in (named, begun_with, containing, mentioning):
        if found := fits(name, paths):
            return found[0], found[1:]
    words = {part: None for path in paths for part in path.stem.split("_") if len(part) > 2}
    words |= {row.name: None for row in METHODS}
    meant = nearest(name, words.keys() - {name})
    if meant and name not in words:
        return page_about(meant, paths)
    more = f"`tinyalign show {name}` prints its source; " if find(name) else ""
    raise InputError(
        f"no walkthrough is about {word!r}: {more}`tinyalign read` takes a number from 00 to "
        f"{max(p.stem[:2] for p in paths if p.stem[:2].isdecimal())}, or a word of a title"
    )


def named(name, paths):
    """Paths with exactly this name or number."""
    return [path for path in paths if name in (path.stem, path.stem[:2])]


def begun_with(name, paths):
    """Paths whose title begins with a word, or its plural, or whose name does."""
    begins = (f"{name}_", f"{name}s_")
    return [p for p in paths if p.stem.startswith(name) or title_words(p).startswith(begins)]


def containing(name, paths):
    """Paths whose name holds a word whole; else those that hold it as a part of one."""
    whole = [p for p in paths if re.search(LETTERS.format(re.escape(name)), p.stem)]
    return whole or [path for path in paths if len(name) > 2 and name in path.stem]


def mentioning(name, paths):
    """Paths whose text names a word at least twice, the most frequent first."""
    pattern = LETTERS.format(re.escape(name).replace("_", "[ _.-]?"))
    counts = {p: len(re.findall(pattern, p.read_text("utf8").casefold())) for p in paths}
    return sorted((p for p in paths if counts[p] > 1), key=lambda path: -counts[path])


def title_words(path):
    """The name of a walkthrough without its number: "dpo_is_the_same_optimum_"."""
    return re.sub(r"^\d\d_", "", path.stem) + "_"


def claim_ids(words):
    """The ids of the claims that words stand for: ids, methods, themes; () for none or "all".

    raises  InputError for a word that no claim is about
    """
    if "all" in words:
        return ()
    ids = {}
    for word in words:
        found = claims_about(word)
        if not found:
            near = nearest(word, [*claims_by_text(), *THEMES, *(row.name for row in METHODS)])
            meant = f"did you mean {near}? " if near else ""
            raise InputError(f"there is no claim about {word!r}: {meant}`tinyalign claims` tells")
        ids |= dict.fromkeys(found)
    return tuple(ids)


def claims_about(word):
    """Ids of claims: the one with this id, those of the theme, or those that speak of the word."""
    name = word.strip().casefold()
    texts = claims_by_text()
    if name in texts:
        return [name]
    if name in THEMES:
        return [claim.id for claim in THEMES[name]]
    pattern = LETTERS.format(re.escape(folded(name)).replace("_", "[ _.-]?"))
    return [each for each, text in texts.items() if re.search(pattern, text)]


def claims_by_text():
    """{id: what a claim speaks of, in small letters}."""
    everything = [claim for group in THEMES.values() for claim in group]
    return {c.id: f"{c.id} {c.heading} {c.reading}".casefold() for c in everything}
