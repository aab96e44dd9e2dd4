"""Compare somebody's answers with the right ones, and say in words how they differ."""

import inspect

import numpy as np

from tinyalign.notes.exercises.exercise import NotYet

FEW = 6  # numbers that a message shows whole
CLOSE = 1e-6  # relative or absolute, the answers of two formulas


def require_same(solution, right, inputs, mistakes=None, *, wanted=None, tolerance=CLOSE, what=""):
    """NotYet unless the solution answers every input as it should.

    right     a function with the parameters of the exercise
    inputs    a list of dicts, parameter -> value, the simplest first
    mistakes  sentence -> a function that makes this mistake
    wanted    what gives the right answers, by another way; None: `right`
    what      is answered, for example "slope"; "": the value of the function
    """
    require_parameters(solution, right)
    found = [answer(solution, right, each) for each in inputs]
    want = [answer(wanted or right, right, each) for each in inputs]
    for each, one, other in zip(inputs, found, want, strict=True):
        if not same(one, other, tolerance):
            said = difference(one, other, what)
            meant = diagnosis(found, right, inputs, mistakes or {})
            raise NotYet(f"for {named(each)} the function {said}.{meant}")


def require_parameters(solution, right):
    """NotYet unless a call that fits the right function fits the solution too."""
    try:
        theirs = inspect.signature(solution).parameters
    except (TypeError, ValueError):
        return
    ours = inspect.signature(right).parameters
    keywords = [name for name, p in ours.items() if p.kind is p.KEYWORD_ONLY]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in theirs.values())
    missing = [name for name in keywords if name not in theirs and not takes_any]
    if missing:
        raise NotYet(
            f"the function lacks the parameter {missing[0]}, want {tuple(ours)} as in the exercise."
        )


def answer(solution, right, values):
    """What the solution gives for an input: an array, or what it returns where that is none."""
    copies = {name: np.copy(v) if isinstance(v, np.ndarray) else v for name, v in values.items()}
    bound = inspect.signature(right).bind(**copies)
    with np.errstate(all="ignore"):
        result = solution(*bound.args, **bound.kwargs)
    try:
        return np.asarray(result, dtype=float) if result is not None else None
    except (TypeError, ValueError):
        return result


def same(one, other, tolerance=CLOSE):
    """Whether two answers are arrays of one shape with the same numbers."""
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=tolerance, atol=tolerance)
    )


def diagnosis(found, right, inputs, mistakes):
    """The sentence of the mistake that gives the same wrong answers, or ""."""
    wanted = [answer(right, right, each) for each in inputs]
    wrong = [i for i in range(len(inputs)) if not same(found[i], wanted[i])]
    for sentence, mistaken in mistakes.items():
        try:
            theirs = [answer(mistaken, right, each) for each in inputs]
        except (ArithmeticError, IndexError, ValueError):
            continue
        alike = [same_with_nan(a, b) for a, b in zip(found, theirs, strict=True)]
        # Where only the mistake's formula overflows, it says nothing.
        unlike = [i for i, equal in enumerate(alike) if not equal and is_finite(theirs[i])]
        if not unlike and any(alike[i] for i in wrong):
            return f" {sentence}"
    return ""


def is_finite(value):
    """Whether an answer is an array of numbers, none infinite or NaN."""
    return isinstance(value, np.ndarray) and bool(np.all(np.isfinite(value)))


def same_with_nan(one, other):
    """As `same`, and infinite numbers and NaN are equal to themselves."""
    if not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return False
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    )


def difference(one, other, what=""):
    """What was found and what was wanted, in words: "gives 1, want 2"."""
    gives = f"has the {what}" if what else "gives"
    if one is None:
        return "returns nothing: does it end in `return`?"
    if not isinstance(one, np.ndarray):
        return f"{gives} {short(one)}, want {short(other)}"
    if one.shape != other.shape:
        return f"{gives} {form(one)}, want {form(other)}"
    if one.size <= FEW:
        return f"{gives} {short(one)}, want {short(other)}"
    wrong = ~np.isclose(one, other, rtol=CLOSE, atol=CLOSE)
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{gives} {short(one[place])} at place {place}, want {short(other[place])}"


def form(array):
    """One number as such, or the shape of an array."""
    return f"one number, {short(array)}" if array.ndim == 0 else f"an array of shape {array.shape}"


def named(values):
    """An input in words: "logits = [0.1, 0.2], reward = [1, 0]"."""
    shown = []
    for name, value in values.items():
        large = isinstance(value, np.ndarray) and value.size > 2 * FEW
        text = f"an array of shape {value.shape}" if large else short(value)
        shown.append(f"{name} = {text}")
    return ", ".join(shown)


def short(value):
    """A value as a person would write it: four digits, on one line."""
    if isinstance(value, str):
        return repr(value)
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return " ".join(repr(value).split())[:80]
    if array.ndim == 0:
        return f"{float(array):.4g}"
    text = np.array2string(array, formatter={"float_kind": lambda x: f"{x:.4g}"}, separator=", ")
    return " ".join(text.split())
