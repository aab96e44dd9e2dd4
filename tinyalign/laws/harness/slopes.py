"""Derivatives of the function under test: by its own autodiff, or by finite differences."""

import copy

import numpy as np

from tinyalign.laws.harness.errors import describe_error
from tinyalign.laws.harness.limits import TookTooLong, time_limit
from tinyalign.laws.harness.undo import undo_conventions
from tinyalign.laws.outcomes import Broken, NotApplicable


def own_grad(subject, arrays, index, numbers, whole=False):
    """d(sum of the values)/d(arrays[index]) by the function's autodiff; None where it has none.

    whole  of one call for the batch, and not of one call for each example
    """
    _refuse_constants(subject)
    subject(*arrays, **numbers)  # a value that is wrong in itself is reported as such

    def call(*theirs):
        theirs, changed, restore_convention = undo_conventions(subject, theirs, numbers)
        return restore_convention(subject.caller(theirs, changed))

    pieces = [arrays] if whole or subject.reduction == "none" else subject.spec.cells(arrays)
    try:
        with time_limit():
            grads = [subject.framework.grad(call, piece, index, subject.dtype) for piece in pieces]
    except (NotApplicable, TookTooLong, KeyboardInterrupt):
        raise
    except BaseException as error:  # theirs: the value came out, its slope does not
        grads, said = None, describe_error(error)
    # not inside the except: Hypothesis takes failures with other causes for other failures
    if grads is None:
        raise Broken(f"raises where it is differentiated: {said}")
    return None if grads[0] is None else _join(grads, np.shape(arrays[index]))


def _join(grads, shape):
    """The gradients of single examples as one array; in a number shared by all they add up."""
    if not shape:
        return sum(grads)
    return np.reshape(np.concatenate([np.ravel(g) for g in grads]), shape)


def finite_differences(subject, arrays, index, numbers, width):
    """The same by central differences, one coordinate at a time; always in float64."""
    _refuse_constants(subject)
    arrays = [np.asarray(a) for a in arrays]
    if subject.single:
        raise NotApplicable(
            "computes in float32 and without autodiff: differences are all rounding"
        )
    # float32 would round the small difference of two large sums away
    subject = subject if subject.dtype == "float64" else _in_float64(subject)
    grad = np.zeros(arrays[index].shape)
    for coordinate in np.ndindex(grad.shape):
        ends = []
        for step in (width, -width):
            moved = arrays[index].astype(float)
            moved[coordinate] += step
            ends.append(np.sum(subject(*arrays[:index], moved, *arrays[index + 1 :], **numbers)))
        grad[coordinate] = (ends[0] - ends[1]) / (2 * width)
    return grad


def _refuse_constants(subject):
    if subject.constant:
        raise NotApplicable("no gradient passes through it, on purpose")


def _in_float64(subject):
    twin = copy.copy(subject)
    twin.dtype = "float64"
    return twin
