"""One number for a batch, right for one row and neither mean nor sum of several: what it is."""

from itertools import combinations

import numpy as np

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.diagnosis.examples import CLOSE
from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes, right_value

LABELS = (
    "It adds the means of the two labels, so a row of the rarer label counts for more: take one "
    "mean over all rows."
)
MEAN_FIRST = "It takes the mean over the batch first and the loss of that mean: take the mean last."


def how_rows_mix(subject):
    """The sentence of the first way that explains every batch; "" where none does."""
    if subject.spec.name not in FORMULAS:
        return ""
    several = [(x, p) for x, p in fitted_probes(subject) if np.ndim(x[0]) == 1 and len(x[0]) > 1]
    found = [(x, p, _value(subject, x, p)) for x, p in several]
    found = [(x, p, got) for x, p, got in found if got is not None]
    for sentence, way in _ways(subject):
        if len(found) > 2 and all(_is_one_of(got, way(x, p)) for x, p, got in found):
            return f"Each example by itself is right. {sentence}"
    return ""


def _value(subject, x, p):
    try:
        return float(subject.own_value(*x, **p))
    except (Broken, NotApplicable, OutOfDomain, TypeError):
        return None


def _is_one_of(got, wanted):
    return any(np.isfinite(w) and np.isclose(got, w, **CLOSE) for w in wanted)


def _ways(subject):
    """(sentence, function of arrays and numbers -> the numbers that it may give)."""

    def rows(x, p):
        return np.ravel(right_value(subject, x, p))

    for place, which in ((0, "first"), (-1, "last")):
        said = f"It gives the loss of the {which} row alone: take the mean of all."
        yield said, lambda x, p, place=place: [rows(x, p)[place]]
    if "desirable" in subject.spec.arrays:
        label = subject.spec.arrays.index("desirable")
        yield LABELS, lambda x, p: _means_of_labels(rows(x, p), x[label])
        return
    yield MEAN_FIRST, lambda x, p: rows(tuple(np.mean(a, 0, keepdims=True) for a in x), p)
    for names, apart in _splits([their_name(subject, a) for a in subject.spec.arrays]):
        said = f"It takes every row of {' and '.join(names)} with every row of the other arrays"
        yield (
            f"{said}: a (B,) and a (B, 1) array were broadcast to (B, B). Squeeze one of them.",
            lambda x, p, apart=apart: _of_table(rows(_table(x, apart), p), len(x[0])),
        )


def _means_of_labels(losses, desirable):
    up, down = losses[desirable], losses[~desirable]
    both = sum(np.mean(side) for side in (up, down) if len(side))
    return [both, both / 2]


def _splits(arrays):
    """(names, places) of some of the arrays, where each table is met once."""
    places = range(1, len(arrays))
    for count in range(1, len(arrays)):
        for apart in combinations(places, count):
            yield [arrays[i] for i in apart], apart


def _table(x, apart):
    """Every row of some arrays with every row of the others, one after the other."""
    count = len(x[0])
    return tuple(
        np.repeat(a, count, 0) if i in apart else np.concatenate([a] * count)
        for i, a in enumerate(x)
    )


def _of_table(losses, count):
    return [np.mean(losses), np.sum(losses), np.sum(losses) / count]
