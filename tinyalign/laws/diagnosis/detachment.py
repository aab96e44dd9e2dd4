"""A right value with a wrong slope: something on the way is taken for a constant."""

import re
from contextlib import suppress

import numpy as np

from tinyalign.laws.catalogue.general import SLOPES
from tinyalign.laws.catalogue.row import REF
from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes, is_right

NO_SLOPE = re.compile(r"slope [\[\]\s,.0-]+, want")  # zeros and nothing else


def wrong_slope(subject, broken):
    """Right values with a wrong slope."""
    slopes = [v for v in broken if "slope" in v.message and "nan" not in v.message]
    if len(slopes) < len(broken) or not is_right(subject):
        return ""
    if subject.spec.is_loss and not subject.spec.moving:  # it is weighted by a constant
        return (
            "Its values are right and its slope is not: the weight has to be detached, and "
            "nothing but the weight."
        )
    # a slope that is that of its own values was not detached: another loss is meant
    known = any(v.law.name == SLOPES.name for v in slopes)
    if not known and not _cuts_its_slope(subject):
        return _at_a_kink(subject, slopes)
    where = {a for v in slopes for a in subject.spec.arrays if f"in {a} has slope" in v.message}
    names = " and ".join(their_name(subject, a) for a in subject.spec.arrays if a in where)
    said = f"Its values are right and its slope{f' in {names}' if names else ''} is not: look for "
    # some losses have a constant inside on purpose: CISPO's weight, GSPO-token's ratio
    if subject.spec.constants and not subject.spec.moving:
        return f"{said}a detach that is missing, or that stands in the wrong place."
    if all(NO_SLOPE.search(v.message) for v in slopes):
        way = "a detach, a no_grad, an item() or a stop_gradient on the way, and take it out."
        return f"{said}{way}"
    return f"{said}a part of it behind a detach or a no_grad, or an abs, a maximum or a where."


def _at_a_kink(subject, slopes):
    """Of a slope that is right but for single places, such as policy = reference."""
    if subject.spec.kind != REF or not all(map(_has_no_slope, slopes[:1])):
        return ""
    return (
        "Its values are right, and its slope is 0 at a place where it has to learn: look for an "
        "abs, a maximum or a where that has a kink there."
    )


def _has_no_slope(verdict):
    return bool(NO_SLOPE.search(verdict.message))


def _cuts_its_slope(subject):
    """Whether its slope in some array is not that of its own values."""
    return any(
        not np.allclose(*both, rtol=1e-3, atol=1e-4)
        for x, p in fitted_probes(subject)[:4]
        for i in range(len(x))
        if (both := _both_slopes(subject, x, i, p)) is not None
    )


def _both_slopes(subject, x, i, p):
    """(by its autodiff, by differences); None where it lacks one, or for what is no number."""
    if np.asarray(x[i]).dtype.kind != "f":
        return None
    with suppress(Broken, NotApplicable, OutOfDomain):
        own = subject.own_grad(x, i, **p)
        return None if own is None else (own, subject.finite_differences(x, i, **p))
    return None
