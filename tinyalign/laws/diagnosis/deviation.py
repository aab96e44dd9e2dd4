"""How a function's values depart from the right ones, as one sentence that says what to change."""

from contextlib import suppress

import numpy as np

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.catalogue.general import MASKED
from tinyalign.laws.diagnosis.clamped import held_from_zero
from tinyalign.laws.diagnosis.detachment import wrong_slope
from tinyalign.laws.diagnosis.examples import (
    CLOSE,
    right_alone,
    where_wrong,
    writes_to_inputs,
    wrong_axis,
)
from tinyalign.laws.diagnosis.one_reason import sentence_of_reason
from tinyalign.laws.diagnosis.their_name import their_name
from tinyalign.laws.diagnosis.wrong_arrays import ignored_array, swapped_arrays
from tinyalign.laws.forms.wrapper import readable_parameters
from tinyalign.laws.harness.spec import rows
from tinyalign.laws.outcomes import OutOfDomain
from tinyalign.laws.reading.probes import (
    comparisons,
    fitted_probes,
    right_value,
    value_at,
    value_in_domain,
)
from tinyalign.laws.reading.whitened_inside import wrong_for_standardised


def describe(subject, broken):
    """One sentence, the first that fits; "" where none does."""
    same = wrong_for_standardised(subject) or sentence_of_reason(subject, broken)
    if same or subject.spec.name not in FORMULAS:
        return same
    for sentence in (
        writes_to_inputs, wrong_axis, wrong_slope, swapped_arrays, ignored_array, ignored_number,
        cut_off, factor, constant, outside_counts, padding_enters, right_alone, where_wrong,
        held_from_zero,
    ):  # fmt: skip
        said = sentence(subject, broken)
        if said:
            return said
    return ""


def ignored_number(subject, broken):
    """A parameter that is taken and changes nothing, where the method says that it does."""
    for number, theirs in subject.caller.parameters.items():
        # a little, and far: a floor of 1e-8 shows once it is high
        moved = [
            _moves(subject, x, p, number, by)
            for x, p in fitted_probes(subject)
            for by in ((0.01, 100.0) if number == "eps" else (0.01,))
        ]
        # (its own value moves, the right value moves)
        if any(right for _, right in moved) and not any(own for own, _ in moved):
            said = f"{theirs} is taken and changes nothing:"
            if theirs == number:
                return f"{said} the method's value depends on it."
            return f"{said} it has to enter as {number} does."
    return ""


def _moves(subject, x, p, number, by):
    """(whether its value depends on the number, whether the right one does)."""
    if not isinstance(p[number], float):
        return False, False
    other = subject.apply_fixed_numbers(p | {number: p[number] * 1.4 + by})
    one, two = value_at(subject, x, p), value_at(subject, x, other)
    if one is None or two is None or number not in subject.caller.parameters:
        return True, False
    rounding = {"rtol": 1e-9, "atol": 0.0}  # what changes a result a little has an effect
    right = np.allclose(right_value(subject, x, p), right_value(subject, x, other), **rounding)
    return not np.allclose(one, two, **rounding), not right


def _finite(subject):
    """(what it gives, what is right) of all probes together, as two flat arrays."""
    pairs = [
        (np.ravel(got), np.ravel(np.broadcast_to(want, np.shape(got))))
        for _, _, got, want in comparisons(subject)
        if got is not None and np.all(np.isfinite(want))
    ]
    if len(pairs) < 4:
        return np.zeros(0), np.zeros(0)
    return np.concatenate([g for g, _ in pairs]), np.concatenate([w for _, w in pairs])


def cut_off(subject, broken):
    """Values that are right up to a bound and constant beyond it."""
    got, want = _finite(subject)
    if not len(got):
        return ""
    tolerance = {"rtol": 1e-3, "atol": 1e-5}
    for bound, beyond, side in ((np.max(got), want > np.max(got), "above"),
                                (np.min(got), want < np.min(got), "below")):  # fmt: skip
        off = ~np.isclose(got, want, **tolerance)
        # where it is wrong it stands at the bound
        if np.sum(off) >= 2 and np.all(off <= beyond) and np.allclose(got[off], bound, rtol=1e-6):
            worst = np.argmax(np.abs(want - got))
            is_estimate = subject.spec.kind == "KL estimator"
            return _cut_off_sentence(bound, side, got[worst], want[worst], is_estimate)
    return ""


def _cut_off_sentence(bound, side, got, want, is_estimate):
    cut = f"Its values are cut off at {bound:.6g}: {side} it they stay ({got:g} where "
    if not is_estimate:
        return f"{cut}{want:g} is right). Remove that bound, or move it."
    return (
        f"{cut}{want:g} is right) and the slope is 0, so the tokens that went furthest are not "
        f"pulled back. If that is deliberate, as in verl and NeMo-RL (10), all else is right; if "
        f"not, remove the clamp."
    )


def factor(subject, broken):
    """The right values times one number."""
    got, want = _finite(subject)
    nonzero = np.abs(want) > 1e-6
    if np.sum(nonzero) < 4 or not np.allclose(got[~nonzero], want[~nonzero], **CLOSE):
        return ""
    ratio = got[nonzero] / want[nonzero]
    c = float(np.median(ratio))
    # a factor of a million is none that was left out
    if (
        np.isclose(c, 1.0, rtol=1e-3)
        or not np.allclose(ratio, c, rtol=1e-4)
        or not 1e-6 < abs(c) < 1e6
    ):
        return _absolute(got, want, subject)
    if np.isclose(c, -1.0):
        return f"It is minus {subject.spec.name}: change the sign."
    return f"It is {c:.6g} times {subject.spec.name}: multiply by {1 / c:.6g}."


def _absolute(got, want, subject):
    if np.any(want < -1e-6) and np.allclose(got, np.abs(want), **CLOSE):
        return f"It is the absolute value of {subject.spec.name}: drop the abs."
    return ""


def constant(subject, broken):
    got, want = _finite(subject)
    if not len(got):
        return ""
    c = float(np.median(got - want))
    if abs(c) < 1e-4 or not np.allclose(got - want, c, rtol=1e-4, atol=1e-5):
        return ""
    return f"It is {subject.spec.name} with {c:.6g} added: subtract it."


def outside_counts(subject, broken):
    """Right where every token counts, wrong where the mask leaves some out."""
    if [v.law.name for v in broken] != [MASKED.name]:
        return ""
    mask = subject.caller.binding.mask
    return (
        f"All is right where every token counts, and tokens outside {mask} change the result: "
        f"multiply by {mask} before adding up, and divide by its sum, not by the width."
    )


def padding_enters(subject, broken):
    """Right where zeros stand in the padding, wrong where other numbers do."""
    if subject.spec.arrays[-1] != "mask":
        return ""
    wrong = 0
    for x, p in fitted_probes(subject):
        mask = x[-1]
        emptied = [np.where(mask > 0, a, 0) if np.shape(a) == np.shape(mask) else a for a in x[:-1]]
        clean, want = (*emptied, mask), right_value(subject, x, p)
        if not np.all(np.isfinite(want)):
            continue
        with suppress(OutOfDomain):
            if not _is_close(value_in_domain(subject, clean, p), right_value(subject, clean, p)):
                return ""
            wrong += not _is_close(value_in_domain(subject, x, p), want)
    return _padding_sentence(subject) if wrong >= 3 else ""


def _padding_sentence(subject):
    name = their_name(subject, "mask")
    dones = subject.conventions.get("packed") == "yes"
    if dones and name not in (readable_parameters(subject.given) or {}):
        return (
            "What follows the end of an episode enters: a done has to stop the value and the sum."
        )
    return (
        f"What stands in the padding enters: it is right only where zeros stand there. Multiply by "
        f"{name} first."
    )


def _is_close(got, want):
    return got is not None and np.shape(got) == np.shape(want) and np.allclose(got, want, **CLOSE)


def epsilon_in_the_count(subject):
    """The epsilon added to a count of tokens or rows, where one number explains all; else None."""
    found = []
    for x, p in fitted_probes(subject) if subject.spec.name in FORMULAS else []:
        # a row by itself has one count, whatever is averaged over rows
        for row in rows(x) if _averages_tokens(subject.spec) else [x]:
            got, want = value_at(subject, row, p), right_value(subject, row, p)
            count = np.sum(row[-1]) if _averages_tokens(subject.spec) else 1
            if got is not None and np.all(np.abs(want) > 1e-3):
                found += list(np.ravel((1 - got / want) * count))
    middle = float(np.median(found)) if len(found) >= 3 else 0.0
    if middle < 1e-12 or not np.allclose(found, middle, rtol=0.3, atol=1e-10):
        return None
    return 10.0 ** round(np.log10(middle))


def _averages_tokens(spec):
    return spec.arrays[-1] == "mask" and spec.cells is None
