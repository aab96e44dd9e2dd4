"""Which methods the function of a target may be, by its source: for `check` without --as."""

import re
from itertools import combinations
from pathlib import Path

from tinyalign.laws.catalogue.lookup import LOSS_OF
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.source.finding import functions
from tinyalign.laws.source.guess import MEMBERS, guesses


def candidates(target):
    """{method that FILE.py:FUNCTION may be: whether a name says so}, the likeliest first.

    Its arguments tell first, with its name; then its name alone. {} where neither does.
    """
    path, _, name = target.rpartition(":")
    alone = dict.fromkeys(named_in(name), True)
    if not path.endswith(".py") or not Path(path).is_file():
        return alone
    found = [f for f in functions(Path(path).resolve()) if is_target(f, name)]
    return {m: g.named for f in found for g in guesses(f) for m in g.methods} | alone


def is_target(found, name):
    """Whether it is the function, or the method that a class of this name is called by."""
    owner, _, method = found.name.rpartition(".")
    return found.name == name or (owner == name and method in MEMBERS)


def named_in(name):
    """The method that a name names, in a list: the one of most words, such as value_loss."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)  # OddsRatioLoss
    words = re.split(r"[_.]+", spaced.lower())
    spans = [words[i:j] for i, j in combinations(range(len(words) + 1), 2)]
    known = [s for s in map("_".join, spans) if s in BY_NAME or s in LOSS_OF]
    return sorted(known, key=len, reverse=True)[:1]
