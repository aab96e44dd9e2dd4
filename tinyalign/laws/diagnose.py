"""What the bug probably is: compare broken laws and a few values with the museum's exhibits."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyalign.laws.curate import recorded
from tinyalign.laws.judge import BROKEN, HOLDS, UNJUDGED, judge, laws_for, repeatable
from tinyalign.laws.law import Broken, NotApplicable
from tinyalign.laws.limits import TookTooLong
from tinyalign.laws.methods import BY_NAME, METHODS
from tinyalign.laws.museum import EXHIBITS
from tinyalign.laws.signature import CannotCall
from tinyalign.laws.subject import Subject

GUESSES = {"ddof": (1, 0), "eps": (1e-4, 1e-5, 1e-6, 1e-8)}  # numbers that libraries fix inside
ALIKE = 0.5  # of 1; below it the report says that the museum holds nothing like it


@dataclass(frozen=True)
class Likeness:
    exhibit: object
    score: float
    laws: float  # overlap of the sets of broken laws, 0 to 1
    values: float  # share of probes where both functions give the same value


def likenesses(subject, broken):
    """The exhibits of the method, most alike first."""
    places = [
        (subject.settled_arrays(x), subject.settled(p)) for x, p in probes(subject.method.name)
    ]
    mine, table = values_at(places, subject), recorded()
    found = []
    for exhibit in EXHIBITS:
        if exhibit.method != subject.method.name or exhibit.name not in table:
            continue
        laws = overlap(set(broken), set(table[exhibit.name]))
        values = agreement(mine, values_at(places, exhibited(exhibit)))
        found.append(Likeness(exhibit, (laws + values) / 2, laws, values))
    return sorted(found, key=lambda likeness: -likeness.score)


def overlap(one, other):
    return len(one & other) / max(1, len(one | other))


def agreement(mine, theirs):
    """Share of the probes with equal values; probes where neither gives one say nothing."""
    pairs = [(m, t) for m, t in zip(mine, theirs, strict=True) if m is not None or t is not None]
    alike = [
        m is not None and t is not None and np.allclose(m, t, rtol=1e-4, atol=1e-6, equal_nan=True)
        for m, t in pairs
    ]
    return sum(alike) / max(1, len(alike))


@cache
def exhibited(exhibit):
    return Subject(exhibit.fn, method_of(exhibit), exhibit.conventions, dtype=exhibit.dtype)


def method_of(exhibit):
    return BY_NAME[exhibit.method]


def values_at(places, subject):
    values = []
    for x, p in places:
        try:
            with np.errstate(all="ignore"):
                values.append(subject(*x, **subject.settled(p)))
        except (Broken, NotApplicable, TookTooLong):
            values.append(None)
    return values


@cache
def probes(name):
    """The same few ordinary inputs every time."""
    method = BY_NAME[name]
    found = []

    @repeatable(40, shrink=False)
    @given(method.draw, st.fixed_dictionaries(method.numbers))
    def collect(x, p):
        found.append((x, p))

    collect()
    return found[-16:]  # Hypothesis starts with the simplest inputs, on which everything agrees


def other_readings(fn, method, conventions, **how):
    """Conventions, or other methods with the same arguments, under which every law would hold."""
    for candidate, declared in _candidates(method, conventions):
        if holds_throughout(fn, candidate, declared, **how):
            yield candidate, declared


def _candidates(method, conventions):
    """Every choice of conventions for this method first, then for its look-alikes."""
    alike = [m for m in METHODS if m.arrays == method.arrays and m is not method]
    for candidate in [method, *alike]:
        varied = [c for c in candidate.conventions if c.undo is not None or c.name == "reduction"]
        guessed = [n for n in GUESSES if n in candidate.numbers and candidate is method]
        names = [c.name for c in varied] + guessed
        values = [list(c.choices) for c in varied] + [GUESSES[n] for n in guessed]
        for choice in product(*values):
            declared = {**_known(conventions, candidate), **dict(zip(names, choice, strict=True))}
            if (candidate, declared) != (method, {**method.default_conventions, **conventions}):
                yield candidate, declared


def _known(conventions, method):
    known = {c.name for c in method.conventions} | set(method.numbers)
    return {k: v for k, v in conventions.items() if k in known}


def holds_throughout(fn, method, conventions, **how):
    """All laws hold that apply, and some do; tried with a few examples first, because most
    candidates fail at once."""
    try:
        subject = Subject(fn, method, conventions, **how)
    except CannotCall:
        return False
    applied = False
    for examples in (4, 40):
        for law in laws_for(method):
            status = judge(law, subject, repeatable(examples, shrink=False)).status
            if status in (BROKEN, UNJUDGED):
                return False
            applied |= status == HOLDS
    return applied
