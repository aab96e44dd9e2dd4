"""A few ordinary inputs, the same every time, and what a function gives for them."""

from contextlib import suppress
from functools import cache

import numpy as np

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.harness.draws import SHARED, inputs_of
from tinyalign.laws.harness.judge import NEARLY, as_dtype
from tinyalign.laws.harness.law import use_precision
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain

EXACT = 1e-8  # relative: closer than any epsilon that a library adds
KEPT = 12  # of the inputs drawn, the least whole ones
FREE_PADDING = ("gae",)  # methods whose laws leave open what stands in the padding
ENOUGH = 4  # probes on which two functions must be comparable before they are called the same


@cache
def probes(name):
    """The same few ordinary inputs every time."""
    found = inputs_of(BY_NAME[name], SHARED)
    # it starts with the simplest inputs, on which everything agrees, and likes whole numbers
    telling = _different(sorted(found, key=_roughness, reverse=True))
    return [*telling[:KEPT], *found[-KEPT // 4 :]]


def _different(probes_found):
    """At most two with the same numbers, and none twice: it likes to vary one thing at a time."""
    seen, kept = {}, []
    for arrays, numbers in probes_found:
        key, cells = repr(numbers), tuple(np.asarray(a).tobytes() for a in arrays)
        if len(seen.setdefault(key, set())) < (2 if numbers else KEPT) and cells not in seen[key]:
            seen[key].add(cells)
            kept.append((arrays, numbers))
    return kept


def _roughness(probe):
    """How many different numbers that are not whole it has, up to a dozen."""
    arrays, numbers = probe
    cells = np.concatenate([np.ravel(np.asarray(a, dtype=float)) for a in arrays])
    own = [v for v in numbers.values() if isinstance(v, float)]
    rough = [v for v in (*np.unique(cells), *own) if np.isfinite(v) and abs(v - round(v)) > 1e-3]
    # of the numbers that are not arrays each counts as much as a row
    return min(len(rough), 12) + 3 * sum(v in rough for v in own)


def fitted_probes(subject):
    """The probes of its method, with what the function holds fixed."""
    fixed = [(subject.apply_fixed_arrays(x), p) for x, p in probes(subject.spec.name)]
    # the numbers rounded as the arrays: 1 - clip_low in float32 is another number
    return [
        (tuple(as_dtype(a, subject.dtype) for a in x), subject.apply_fixed_numbers(p))
        for x, p in fixed
    ]


def value_at(subject, x, p):
    """What it gives; None where it gives no numbers of the right shape."""
    try:
        return value_in_domain(subject, x, p)
    except OutOfDomain:
        return None


def value_in_domain(subject, x, p):
    """The same; OutOfDomain where it has no form for these inputs."""
    try:
        with np.errstate(all="ignore"), use_precision(subject.dtype):
            value = subject(*x, **p)
            # what it leaves in the padding is its own affair
            return np.where(x[-1] > 0, value, 0.0) if subject.spec.name in FREE_PADDING else value
    except (Broken, NotApplicable, ValueError):  # shapes that only a wrong reading has
        return None


def answers_everywhere(subject):
    """Whether it gives numbers of the right shape on every probe for which it has a form."""
    answers = []
    for x, p in fitted_probes(subject):
        with suppress(OutOfDomain):
            answers.append(value_in_domain(subject, x, p))
    return len(answers) >= ENOUGH and all(a is not None for a in answers)


def right_value(subject, x, p):
    """What the method gives there."""
    with np.errstate(all="ignore"):
        return FORMULAS[subject.spec.name](*x, **p)


def comparisons(subject):
    """(x, p, what it gives or None, what is right) for each probe."""
    if subject.spec.name not in FORMULAS:
        return []
    return [
        (x, p, value_at(subject, x, p), right_value(subject, x, p))
        for x, p in fitted_probes(subject)
    ]


def same(one, other, tolerance=NEARLY):
    return (
        one is not None
        and other is not None
        and np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    )


def is_right(subject, tolerance=NEARLY):
    """Whether it gives the right value on every probe; most that do not fail at the first."""
    if subject.spec.name not in FORMULAS:
        return False
    tolerance, compared = tolerance if subject.dtype == "float64" else 1e-3, 0
    for x, p in fitted_probes(subject):
        # the cheap side first: a reading may be nonsense for the formula too
        want = right_value(subject, x, p)
        if not np.all(np.isfinite(want)):
            continue
        with suppress(OutOfDomain):
            if not _first_is_right(subject, x, p, tolerance):
                return False
            if not same(value_in_domain(subject, x, p), want, tolerance):
                return False
            compared += 1
    return compared >= ENOUGH


def is_plainly_other(subject):
    """Whether some value is another than the method's, by more than an epsilon or float32 moves."""
    tolerance = 1e-3 if subject.dtype == "float64" and not subject.single else 1e-2
    return any(
        got is not None and np.all(np.isfinite(want)) and not same(got, want, tolerance)
        for _, _, got, want in comparisons(subject)
    )


def _first_is_right(subject, x, p, tolerance):
    """One call in place of one for each example, where the function reduces its batch."""
    if subject.reduction == "none":
        return True
    first = subject.spec.cells(x)[0]
    return same(value_in_domain(subject, first, p), right_value(subject, first, p), tolerance)
