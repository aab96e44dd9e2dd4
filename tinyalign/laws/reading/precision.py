"""In which precision a function computes, by what it gives, and whether it gives the same twice."""

import numpy as np

from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.outcomes import Broken, NotApplicable
from tinyalign.laws.reading.probes import fitted_probes

SINGLE = {"dtype": "float32", "single": True}


def infer_precision(fn, spec, conventions, how):
    """(how to judge it, a sentence or "")."""
    if how.get("dtype", "float64") == "float32":
        return how, ""
    subject = Subject(fn, spec, conventions, **how)
    answers = [raw_answer(subject, x, p) for x, p in fitted_probes(subject)]
    if all(isinstance(a, Broken) for a in answers):
        twin = Subject(fn, spec, conventions, **how | SINGLE)
        others = [raw_answer(twin, x, p) for x, p in fitted_probes(twin)]
        if not any(isinstance(a, Broken) for a in others):
            return how | SINGLE, (
                f"{subject.label} takes float32 only (in float64 it {answers[0]}): judged in it."
            )
        return how, ""
    if _answers_in_single(answers) or _rounds_to_single(subject):
        return how | SINGLE, f"{subject.label} computes in float32: judged by float32's rounding."
    return how, ""


def raw_answer(subject, x, p):
    """Its answer as a flat array of its own dtype; what it raises in place of one."""
    try:
        value = subject.caller.answer(x, p, subject.dtype)
        value = np.asarray(subject.framework.receive(value))
    except Broken as error:
        return error
    except (NotApplicable, TypeError, ValueError, AttributeError):
        return None
    return value.ravel() if value.dtype.kind == "f" else None


def _answers_in_single(answers):
    """float64 went in, float32 came out."""
    kinds = {a.dtype for a in answers if isinstance(a, np.ndarray)}
    return kinds == {np.dtype("float32")}


def _rounds_to_single(subject):
    """Whether it is blind to a billionth of some array, and not to a thousandth of it."""
    for index in range(len(subject.spec.arrays)):
        blind = [
            _differ(subject, x, p, index, 1e-9)
            for x, p in fitted_probes(subject)
            if _differ(subject, x, p, index, 1e-3, seen=1e-6)
        ]
        # a billionth crosses the border between two float32 numbers once in sixty times
        if len(blind) >= 3 and sum(blind) <= 0.34 * len(blind):
            return True
    return False


def _differ(subject, x, p, index, step, seen=0.0):
    """Whether it gives something else, by more than `seen`, for an array that moved by `step`."""
    moved = np.asarray(x[index])
    # zeros and ones are masks and labels
    if moved.dtype.kind != "f" or np.all(np.isin(moved, (0.0, 1.0))):
        return False
    # each entry by another share: a common scale may cancel, but for float64's rounding
    share = step * (1.5 + np.cos(np.arange(moved.size))).reshape(moved.shape)
    other = (*x[:index], moved * (1 + share), *x[index + 1 :])
    one, two = raw_answer(subject, x, p), raw_answer(subject, other, p)
    if not isinstance(one, np.ndarray) or not isinstance(two, np.ndarray):
        return False
    return not np.allclose(one, two, rtol=seen, atol=0.0, equal_nan=True)


def two_answers(subject):
    """(an input, its two answers) where it gives different ones for the same input, or None."""
    for x, p in fitted_probes(subject):
        one, two = raw_answer(subject, x, p), raw_answer(subject, x, p)
        both = isinstance(one, np.ndarray) and isinstance(two, np.ndarray)
        if both and not np.array_equal(one, two, equal_nan=True):
            return (x, p), (one, two)
    return None
