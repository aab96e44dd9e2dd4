"""Losses that standardise the advantages of a batch themselves, which the laws move one by one."""

from contextlib import suppress

import numpy as np

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.check.probes import fitted_probes
from tinyalign.laws.harness.law import Broken, NotApplicable, OutOfDomain, use_precision
from tinyalign.laws.harness.signature import CannotCall
from tinyalign.laws.harness.spec import put_together

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


def _ways(subject, x, p, place):
    """The (ddof, reduction) under which the value is right; None where nothing can be said."""
    spread = np.std(x[place])
    if np.size(x[place]) < 3 or spread < 1e-2 or np.shape(x[place]) != np.shape(x[0]):
        return None
    with suppress(NotApplicable, OutOfDomain, Broken):
        with np.errstate(all="ignore"), use_precision(subject.dtype):
            got = subject.caller.as_floats(subject.caller.answer(x, p, subject.dtype), "float64")
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
