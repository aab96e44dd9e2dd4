"""Laws that all fail for one reason have one sentence: a NaN, an exception, a shape."""

import re
from itertools import combinations

import numpy as np

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import comparisons, fitted_probes, right_value, same

MOST = 0.8  # of the broken laws, where there are two or more
SHAPE = re.compile(r"gives an array of shape \(\d+, \d+\), want an array of shape \(\d+,\)")


def one_reason(broken):
    """What most of the broken laws say: "nan", "raises", "type", "shape", or None."""
    kinds = [_kind(v.message) for v in broken]
    for kind in ("nan", "raises", "type", "shape"):
        if len(broken) > 1 and kinds.count(kind) >= MOST * len(broken):
            return kind
    return None


def _kind(message):
    if re.search(r"\bnan\b", message):
        return "nan"
    if message.startswith("raises"):
        return "raises"
    if message.startswith("gives a ") and message.endswith(", want numbers"):
        return "type"
    return "shape" if SHAPE.match(message) else None


def sentence_of_reason(subject, broken):
    """The one sentence for all of them, and how many they are; "" where there is none."""
    reason = one_reason(broken)
    if reason is None:
        return ""
    same = [v for v in broken if _kind(v.message) == reason]
    count = len(same) if len(same) == len(broken) else f"{len(same)} of {len(broken)}"
    if reason == "nan":
        said = where_nan(subject)
        if not said:  # a few inputs, among many on which it is wrong in another way
            return ""
    elif reason in ("raises", "type"):
        said = f"It {same[0].message}"
    else:
        said = (
            "It gives a table (B, B) for B examples: a (B,) and a (B, 1) array were broadcast, so "
            "squeeze one of them"
        )
    return f"{said}: {count} laws fail for this one reason."


def where_nan(subject):
    """NaN wherever two arrays agree or one is 0, if that is where it comes from; "" if nowhere."""
    names = subject.spec.arrays
    probes = fitted_probes(subject)
    ordinary = [(x, p) for x, p in probes if _is_ordinary(x)] or probes
    if sum(_is_nan(subject, x, p) for x, p in ordinary) >= len(ordinary) / 2:
        return "NaN"
    equal = [pair for pair in combinations(range(len(names)), 2) if _is_nan_at(subject, pair)]
    if equal:
        where = " or ".join(f"{names[i]} = {names[j]}" for i, j in equal)
        reference = all(names[j] == f"ref_{names[i]}" for i, j in equal)
        return f"NaN wherever {f'policy = reference ({where})' if reference else where}"
    pairs = _policy_and_reference(names)
    if pairs and all(_is_nan(subject, _at_reference(x, pairs), p) for x, p in probes):
        return "NaN wherever policy = reference"
    for i, name in enumerate(names):
        if all(_is_nan(subject, (*x[:i], 1000.0 * x[i], *x[i + 1 :]), p) for x, p in ordinary):
            return f"NaN where {name} is large: an exponential overflows (take the maximum out)"
        if all(_is_nan(subject, (*x[:i], 0 * x[i], *x[i + 1 :]), p) for x, p in probes):
            return f"NaN wherever {name} = 0"
    return "NaN" if _is_right_elsewhere(subject) else ""


def _is_right_elsewhere(subject):
    """Whether it gives the right value on every probe on which it gives one."""
    given = [(got, want) for _, _, got, want in comparisons(subject) if got is not None]
    return all(same(got, want) for got, want in given if np.all(np.isfinite(want)))


def _is_nan_at(subject, pair):
    """Whether it is NaN wherever these two arrays agree."""
    i, j = pair
    same = [(x, p) for x, p in fitted_probes(subject) if np.shape(x[i]) == np.shape(x[j])]
    return bool(same) and all(_is_nan(subject, (*x[:j], x[i], *x[j + 1 :]), p) for x, p in same)


def _is_ordinary(arrays):
    """Whether no number is 0 and no two arrays agree anywhere."""
    alike = [(a, b) for a, b in combinations(arrays, 2) if np.shape(a) == np.shape(b)]
    return all(np.all(a != 0) for a in arrays) and all(np.all(a != b) for a, b in alike)


def _policy_and_reference(names):
    return [(i, names.index(f"ref_{n}")) for i, n in enumerate(names) if f"ref_{n}" in names]


def _at_reference(x, pairs):
    moved = list(x)
    for policy, reference in pairs:
        moved[reference] = x[policy]
    return tuple(moved)


def _is_nan(subject, x, p):
    try:
        with np.errstate(all="ignore"):
            subject(*x, **p)
    except Broken as reason:
        # where the method gives none either there is nothing to say
        known = subject.spec.name in FORMULAS
        defined = not known or np.all(np.isfinite(right_value(subject, x, p)))
        return bool(str(reason) == "gives nan" and defined)
    except (NotApplicable, OutOfDomain):
        return False
    return False
