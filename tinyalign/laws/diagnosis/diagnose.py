"""What the bug probably is: the exhibit of the museum that gives the same wrong answers.

Only probes count on which the function differs from what the method gives: where it is right every
exhibit that is right there too would look like it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.catalogue.general import off_the_kinks
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.curate import recorded
from tinyalign.laws.harness.law import use_precision
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.museum import EXHIBITS
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes, right_value, same, value_at

ALIKE = 0.9  # of the telling probes; below it the museum holds nothing like it
TELLING = 2  # probes; fewer are chance
WEIGHTED = ("dft",)  # its slope is that of the value with the weight held fixed
_of_exhibits = {}  # (exhibit, what the probes depend on) -> its answers


@dataclass(frozen=True)
class Match:
    exhibit: object
    laws: float  # overlap of the sets of broken laws, 0 to 1
    values: float  # share of the telling probes on which both give the same
    telling: int  # probes on which the function is not right

    @property
    def score(self):
        return (self.laws + 2 * self.values) / 3

    @property
    def is_alike(self):
        """Whether it may be said: the same wrong answers, or the same laws where all are right."""
        if self.telling:
            # one probe is enough where all the broken laws are the same too
            return self.values >= ALIKE and (self.telling >= TELLING or self.laws == 1)
        return self.values == 1 and self.laws > ALIKE


def nearest_exhibits(subject, broken):
    """The exhibits of the method under the same conventions, most alike first."""
    table = recorded()
    candidates = [e for e in EXHIBITS if e.method == subject.spec.name and e.name in table]
    candidates = [e for e in candidates if _declared_alike(e, subject)]
    mine = answers(subject)
    matches = []
    right = right_answers(subject)
    for exhibit in candidates:
        values, telling = likeness(mine, exhibit_answers(exhibit, subject), right, subject.dtype)
        laws = overlap(set(broken), set(table[exhibit.name]))
        matches.append(Match(exhibit, laws, values, telling))
    return sorted(matches, key=lambda match: -match.score)


def _declared_alike(exhibit, subject):
    """Whether what makes the exhibit wrong, such as use=loss, is declared of the function too."""
    return all(subject.conventions.get(k) == v for k, v in exhibit.conventions.items())


def overlap(one, other):
    """Jaccard's index of two sets of laws: 1 where they are the same, 0 where they are disjoint."""
    return len(one & other) / max(1, len(one | other))


def likeness(mine, theirs, right, dtype):
    """(share of the telling probes on which both are the same, how many probes are telling)."""
    tolerance = 1e-4 if dtype == "float64" else 1e-2
    probes = []  # (both are the same, mine is wrong) where one of the two is wrong
    # where it gives no number, such as 0/0, it is like none and unlike none
    ours = [(m, t, r) for m, t, r in zip(mine, theirs, right, strict=True) if m is not None]
    for m, t, r in ours or zip(mine, theirs, right, strict=True):
        wrong, also_wrong = not same(m, r, tolerance), not same(t, r, tolerance)
        # neither tells: both are right, or there is no slope to compare
        if (wrong or also_wrong) and not (m is None and t is None and r is None):
            probes.append((same(m, t, tolerance) or (m is None and t is None), wrong))
    telling = sum(wrong for _, wrong in probes)
    return (sum(alike for alike, _ in probes) / len(probes) if probes else 1.0), telling


def answers(subject, judged=None):
    """Value and slope on each probe, one after the other; None where there is none."""
    found = []
    for x, p in fitted_probes(judged or subject):
        p = subject.apply_fixed_numbers(p)
        found += [value_at(subject, x, p), slope_at(subject, x, p)]
    return found


def exhibit_answers(exhibit, judged):
    """The same of an exhibit, on the probes as they fit the function that is judged."""
    probes = [(*(np.asarray(a).tobytes() for a in x), repr(p)) for x, p in fitted_probes(judged)]
    key = (exhibit.name, judged.dtype, tuple(probes), tuple(judged.caller.substitutes))
    if key not in _of_exhibits:
        _of_exhibits[key] = answers(subject_of(exhibit), judged)
    return _of_exhibits[key]


def right_answers(subject):
    if subject.spec.name not in FORMULAS:
        return [None] * 2 * len(fitted_probes(subject))
    twin = formula_subject(subject.spec)
    found = []
    for x, p in fitted_probes(subject):
        # no formula says that a weight is a constant
        slope = None if subject.spec.name in WEIGHTED else slope_at(twin, x, p)
        found += [right_value(subject, x, p), slope]
    return found


@cache
def _formula_subject(name):
    return Subject(FORMULAS[name], BY_NAME[name])


def formula_subject(spec):
    return _formula_subject(spec.name)


def slope_at(subject, x, p):
    """The slope of the sum in the first array; for advantages and the like none."""
    weighted = subject.spec.name in WEIGHTED
    if not (subject.spec.is_loss or subject.spec.moving or weighted) or subject.single:
        return None
    # a weight has none, whether it is detached inside or by the caller
    if 0 in subject.spec.constants:
        return None
    try:
        with np.errstate(all="ignore"), use_precision(subject.dtype):
            # at a tie one autodiff takes one side's slope, another the mean of both
            return subject.grad(off_the_kinks(x, subject.spec), 0, **p)
    except (Broken, NotApplicable, OutOfDomain):
        return None


@cache
def subject_of(exhibit):
    return Subject(exhibit.fn, spec_of(exhibit), exhibit.conventions, dtype=exhibit.dtype)


def spec_of(exhibit):
    return BY_NAME[exhibit.method]


def looks_like(subject, broken):
    """The sentence with the exhibit that it looks like, or ""."""
    alike = [match for match in nearest_exhibits(subject, broken) if match.is_alike]
    if not alike:
        return ""
    top = alike[0].exhibit
    return f"Looks like: {top.story}. {top.origin} (tinyalign museum {top.name})"
