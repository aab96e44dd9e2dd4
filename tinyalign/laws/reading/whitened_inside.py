"""Losses that standardise the advantages of a batch themselves, which the laws move one by one."""

from contextlib import suppress

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.harness.law import use_precision
from tinyalign.laws.harness.spec import put_together
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes

REDUCTIONS = ("none", "mean", "sum", "mean_of_sums")
ENOUGH = 4  # probes on which the values are those of standardised advantages


def refuse_whitening(subject):
    """CannotCall where its values are right for standardised advantages: no law asks for those."""
    spec = subject.spec
    if "advantage" not in spec.arrays or spec.name not in FORMULAS:
        return
    place = spec.arrays.index("advantage")
    fitting = [_ways(subject, x, p, place) for x, p in fitted_probes(subject)]
    fitting = [ways for ways in fitting if ways is not None]
    if len(fitting) >= ENOUGH and set.intersection(*fitting):
        raise CannotCall(
            f"{subject.label} standardises the advantages of its batch inside, and is right for "
            f"those: the laws of {spec.name} move one advantage at a time. Have it judged without "
            f"that line, and the line by itself as whiten."
        )


def wrong_for_standardised(subject):
    """A sentence where it standardises the advantages inside and is wrong all the same, or ""."""
    spec = subject.spec
    if "advantage" not in spec.arrays or spec.name not in FORMULAS:
        return ""
    place = spec.arrays.index("advantage")
    found = [_is_blind(subject, x, p, place) for x, p in fitted_probes(subject)]
    found = [blind for blind in found if blind is not None]
    if len(found) < ENOUGH or not all(found):
        return ""
    return (
        f"{subject.label} standardises the advantages of its batch inside, and its values are not "
        f"those of {spec.name} with standardised advantages."
    )


def _is_blind(subject, x, p, place):
    """Whether scale and zero of the advantages change nothing, and their sign does."""
    advantage = x[place]
    if np.size(advantage) < 3 or np.std(advantage) < 1e-2:
        return None
    answers = []
    for moved in (advantage, 2.0 * advantage + 1.0, -advantage):
        with suppress(NotApplicable, OutOfDomain, Broken, ValueError):
            answers.append(_own(subject, (*x[:place], moved, *x[place + 1 :]), p))
    if len(answers) < 3 or not np.all(np.isfinite(answers)):
        return None
    one, other, turned = answers
    return bool(np.allclose(one, other, rtol=1e-5, atol=1e-7) and not np.allclose(one, turned))


def _own(subject, x, p):
    with np.errstate(all="ignore"), use_precision(subject.dtype):
        return subject.caller.as_floats(subject.caller.answer(x, p, subject.dtype), "float64")


def _ways(subject, x, p, place):
    """The (ddof, reduction) under which the value is right; None where nothing can be said."""
    spread = np.std(x[place])
    if np.size(x[place]) < 3 or spread < 1e-2 or np.shape(x[place]) != np.shape(x[0]):
        return None
    with suppress(NotApplicable, OutOfDomain, Broken):
        got = _own(subject, x, p)
        return {way for way in _all_ways() if _is_right(subject, x, p, place, got, *way)}
    return None


def _all_ways():
    return [(ddof, reduction) for ddof in (0, 1) for reduction in REDUCTIONS]


def _is_right(subject, x, p, place, got, ddof, reduction):
    advantage = x[place]
    standard = (advantage - np.mean(advantage)) / np.std(advantage, ddof=ddof)
    want = FORMULAS[subject.spec.name](*x[:place], standard, *x[place + 1 :], **p)
    want = want if reduction == "none" else put_together(want, reduction)
    return np.shape(got) == np.shape(want) and np.allclose(got, want, rtol=1e-4, atol=1e-4)
