"""Undo what a function does otherwise than ours: declared conventions, arrays that it lacks."""

import numpy as np

from tinyalign.laws.harness.spec import put_together
from tinyalign.laws.outcomes import NotApplicable


def undo_conventions(subject, arrays, numbers):
    """(arrays, numbers) as the function wants them, and what leads from its answer to ours."""
    # first what was worked out inside, then the conventions, the last undone first
    restore = [
        _add_correction(substitute.correction, arrays, subject.reduction)
        for substitute in subject.caller.substitutes.values()
        if substitute.correction
    ]
    inside = len(restore)
    for convention in subject.spec.conventions:
        value = subject.conventions[convention.name]
        if convention.undo is not None and value != convention.default:
            arrays, numbers, to_ours = convention.undo[value](arrays, numbers)
            restore.insert(inside, to_ours)

    def restore_convention(value):
        for step in restore:
            value = step(value)
        return value - subject.offset

    return arrays, numbers, restore_convention


def _add_correction(correction, arrays, reduction):
    """Replace an array that the function works out for itself by ours, under its reduction."""
    extra = correction(*arrays)  # (B,)
    extra = extra if reduction == "none" else put_together(extra, reduction)
    return lambda value: value + extra


def require_fixed_values(substitutes, names, arrays):
    """NotApplicable where a law moves an array that the function holds fixed."""
    given = dict(zip(names, arrays, strict=True))
    for name, substitute in substitutes.items():
        if substitute.value is not None and np.any(given[name] != substitute.value):
            raise NotApplicable(f"{name} is fixed at {substitute.value:g}")
        if substitute.same_as and not np.array_equal(given[name], given[substitute.same_as]):
            raise NotApplicable(f"{name} is fixed at {substitute.same_as}")
