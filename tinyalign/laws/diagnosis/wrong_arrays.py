"""An array that a function takes and does not use, or takes for another one."""

from itertools import combinations

import numpy as np

from tinyalign.laws.catalogue.conventions import DIRECTION
from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.reading.probes import ENOUGH, fitted_probes, right_value, same, value_at


def ignored_array(subject, broken):
    """Those that change nothing, where the method's value depends on them."""
    names = subject.spec.arrays
    found = [i for i, n in enumerate(names) if n not in subject.caller.substitutes]
    idle = " and ".join(their_name(subject, names[i]) for i in found if is_idle(subject, i))
    if not idle:
        return ""
    several = " and " in idle
    said = "are taken and change nothing" if several else "is taken and changes nothing"
    return f"{idle} {said}: the method's value depends on {'them' if several else 'it'}."


def is_idle(subject, i):
    """Whether no value moves with the i-th array, where the method's values do."""
    moved = [(x, _moved(x, i), p) for x, p in fitted_probes(subject) if _is_free(x[i])]
    # a change of an array may change nothing by right, past a clip
    due = [not same(right_value(subject, x, p), right_value(subject, y, p)) for x, y, p in moved]
    return sum(due) >= ENOUGH and all(
        same(value_at(subject, x, p), value_at(subject, y, p)) for x, y, p in moved
    )


def swapped_arrays(subject, broken):
    """Right values wherever two arrays change places. A KL's direction is read, and said there."""
    if DIRECTION in subject.spec.conventions:
        return ""
    names = subject.spec.arrays
    for i, j in combinations(range(len(names)), 2):
        pairs = [(x, p) for x, p in fitted_probes(subject) if np.shape(x[i]) == np.shape(x[j])]
        telling = [(x, p) for x, p in pairs if _tells(subject, x, _swapped(x, i, j), p)]
        if len(telling) >= ENOUGH and all(
            same(value_at(subject, _swapped(x, i, j), p), right_value(subject, x, p))
            for x, p in pairs
        ):
            both = f"{their_name(subject, names[i])} and {their_name(subject, names[j])}"
            return f"It is right with {both} exchanged: swap the two."
    return ""


def _tells(subject, x, other, p):
    want, swapped = right_value(subject, x, p), right_value(subject, other, p)
    return np.all(np.isfinite(want)) and not same(want, swapped)


def _swapped(x, i, j):
    moved = list(x)
    moved[i], moved[j] = x[j], x[i]
    return tuple(moved)


def _moved(x, i):
    return (*x[:i], x[i] * 0.9 - 0.05, *x[i + 1 :])


def _is_free(array):
    """Whether it holds numbers that may be others: no mask, no index."""
    return np.asarray(array).dtype.kind == "f" and not np.all(np.isin(array, (0.0, 1.0)))
