"""How a function reduces its batch, by what it gives: one bug must not hide the others."""

from dataclasses import dataclass

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.conventions import REDUCTION
from tinyalign.laws.catalogue.general import BATCH
from tinyalign.laws.harness.judge import NEARLY
from tinyalign.laws.harness.law import use_precision, use_slack
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import probes

NEITHER = "one number, neither a mean nor a sum of its examples"


@dataclass(frozen=True)
class Reduced:
    """What the function does to the batch: what was declared of it, what it is judged as."""

    conventions: dict  # with which to judge
    sentence: str = ""
    declared: dict | None = None  # with which the law of the batch is broken, if it is


def read_reduction(fn, spec, conventions, **how):
    """A mean or a sum is read as such where nothing was declared, and judged; it is no bug."""
    if REDUCTION not in spec.conventions:
        return Reduced(conventions)
    label = Subject(fn, spec, conventions, **how).label
    declared = conventions.get("reduction", "none")
    shown, fits = infer_reduction(fn, spec, conventions, **how)
    if shown == declared and fits:
        return Reduced(conventions)
    if shown != "none":
        _require_one_number(spec, label)
    judged = {**conventions, "reduction": shown}
    if fits and "reduction" not in conventions:
        said = f"{label} returns {REDUCTION.choices[shown]}: judged with reduction={shown}."
        return Reduced(judged, said)
    if shown == declared:
        return Reduced(conventions)
    return Reduced(judged, _misfit(label, shown, fits, conventions), conventions)


def _misfit(label, shown, fits, conventions):
    """The sentence for what is not as declared, or neither a mean nor a sum."""
    declared = conventions.get("reduction")
    where = f", where {REDUCTION.choices[declared]} was declared" if declared else ""
    what = REDUCTION.choices[shown] if fits else NEITHER
    return (
        f"{label} returns {what}{where}; the laws after the first are "
        f"judged as if reduction={shown} were declared."
    )


def _require_one_number(spec, label):
    """CannotCall where an example has several numbers, which a mean over all does not tell."""
    several = [cell for x, _ in probes(spec.name) for cell in spec.cells(x)]
    if any(np.prod(spec.shape(*cell)) > 1 for cell in several):
        raise CannotCall(
            f"{label} returns one number for the batch, and {spec.name} is judged by a number for "
            f"each token: return those, or name the loss of whole completions with --as."
        )


def infer_reduction(fn, spec, conventions, **how):
    """(reduction under which to judge, whether the data fit it); the declared one if they fit none.

    One number that is neither mean nor sum is judged as a mean: then single examples still speak.
    """
    declared = conventions.get("reduction", "none")
    # the same function under each of the reductions
    twins = {
        choice: Subject(fn, spec, {**conventions, "reduction": choice}, **how)
        for choice in REDUCTION.choices
    }
    # the declared reduction first, so that it wins where several fit
    for choice in sorted(twins, key=lambda c: c != declared):
        if is_pile_of_examples(twins[choice]):
            return choice, True
    # one number of some kind, such as a maximum
    if is_pile_of_examples(twins["mean"], _one_number):
        return "mean", False
    return declared, False


def is_pile_of_examples(subject, check=BATCH.check):
    """Whether the law of the batch holds, with the reduction that the subject has."""
    spec = subject.spec
    # a batch of one example is its own mean and sum: it decides nothing
    several = [(x, p) for x, p in probes(spec.name) if len(spec.cells(x)) > 1][-6:]
    return all(_works(check, subject, x, p) for x, p in several)


def _works(check, subject, x, p):
    try:
        # an epsilon in the mean's denominator is no other reduction
        with use_precision(subject.dtype), use_slack(NEARLY):
            check(subject, subject.apply_fixed_arrays(x), subject.apply_fixed_numbers(p))
    except (Broken, NotApplicable, OutOfDomain):
        return False
    return True


def _one_number(loss, x, p):
    loss.own_value(*x, **p)
