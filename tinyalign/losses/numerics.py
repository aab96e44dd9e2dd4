"""Stable scalar maths, masked sums and argument checks shared by every loss.

Nothing here knows about language models. Scalars are Python floats (`math.log`, not `np.log`),
because a NumPy float64 scalar would turn a float32 array and its gradient into float64.
"""

import math

import autograd.numpy as np
from autograd.tracer import getval

import tinyalign.engine.vjps  # noqa: F401  (gradients of float32 arrays stay float32)

LOG_HALF = -math.log(2.0)
# Log-probability at which the odds are capped; the inverse of 1e-30 still fits float32.
NEAREST_TO_CERTAIN = -1e-30


def log_sigmoid(x):
    """log σ(x) = −log(1 + e⁻ˣ), elementwise; finite for every finite x."""
    return -np.logaddexp(0.0, -x)


def sigmoid(x):
    """σ(x) = 1/(1 + e⁻ˣ), elementwise; keeps its relative precision far into the left tail."""
    return np.exp(log_sigmoid(x))


def log_softmax(logits):
    """Log-probabilities over the last axis: (..., V) → (..., V), nats."""
    shifted = logits - np.max(logits, axis=-1, keepdims=True)  # so that exp cannot overflow
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def softmax(logits):
    """Probabilities over the last axis: (..., V) → (..., V), each row sums to 1."""
    return np.exp(log_softmax(logits))


def log1mexp(a):
    """log(1 − eᵃ) for a log-probability a ≤ 0, elementwise; the log-probability of "not this".

    Differs: a above −1e-30 counts as −1e-30, so that a = 0 gives −69, not −∞.
    """
    a = np.where(a > NEAREST_TO_CERTAIN, NEAREST_TO_CERTAIN, a)
    near = a > LOG_HALF
    # Each branch sees only the arguments for which it is accurate. An infinite slope in the branch
    # that is thrown away would still reach the gradient, as 0 · ∞.
    near_zero = np.log(-np.expm1(np.where(near, a, LOG_HALF)))
    far_below = np.log1p(-np.exp(np.where(near, LOG_HALF, a)))
    return np.where(near, near_zero, far_below)


def log_odds(a):
    """log(eᵃ/(1 − eᵃ)) of a log-probability a ≤ 0, elementwise; at most 69 (see `log1mexp`)."""
    return a - log1mexp(a)


def stop_gradient(x):
    """The value of x as a constant: no gradient flows back through it."""
    return getval(x)


def masked(x, mask):
    """x where mask is 1 and exactly 0 where it is 0, whatever stands there, NaN included.

    raises  ValueError if the shapes differ or the mask holds anything but 0 and 1
    """
    require_same_shape(x=x, mask=mask)
    require_binary(mask=mask)
    return np.where(mask > 0, x, 0.0)  # not x · mask: NaN · 0 is NaN


def any_true_on_host(problem):
    """Whether any entry is true. A GPU is not asked: the answer is then False."""
    # Reading the answer off a GPU would make the host wait until all its work is done.
    return not hasattr(problem, "get") and bool(np.any(problem))


def require_same_shape(**arrays):
    """Raise ValueError unless every array has one common shape.

    Left to itself NumPy broadcasts (B,) against (B, 1) into (B, B) and trains on the result.
    """
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"want arrays of one shape, got {shapes}")


def require_axes(axes, **arrays):
    """Raise ValueError unless every array has one axis per letter: "PG" wants two, (P, G)."""
    for name, array in arrays.items():
        if np.ndim(array) != len(axes):
            want = "(" + ", ".join(axes) + ("," if len(axes) == 1 else "") + ")"
            raise ValueError(f"{name} must have shape {want}, got {np.shape(array)}")


def require_in(interval, **numbers):
    """Raise ValueError unless every number lies in the interval, written as in "(0, inf)"."""
    low, high = (float(end) for end in interval[1:-1].split(","))  # "(0, inf)" -> 0.0, inf
    for name, value in numbers.items():
        above = value >= low if interval[0] == "[" else value > low
        below = value <= high if interval[-1] == "]" else value < high
        if not (above and below):  # a NaN is neither
            raise ValueError(f"{name} must be in {interval}, got {value}")


def require_binary(**arrays):
    """Raise ValueError unless every array holds only 0 and 1 (or False and True)."""
    for name, array in arrays.items():
        if any_true_on_host((array != 0) & (array != 1)):
            raise ValueError(f"{name} must hold only 0 and 1")


def require_scalar_or_same_shape(like, **numbers):
    """Raise ValueError unless each is one number, or an array with the shape of `like`."""
    for name, value in numbers.items():
        if np.shape(value) not in ((), np.shape(like)):
            raise ValueError(
                f"{name} must be one number or have shape {np.shape(like)}, got {np.shape(value)}"
            )


def where_counted(mask, logits, teacher_logits):
    """Both logits, and 0 in place of each where the mask is 0: there the two agree."""
    require_same_shape(logits=logits, teacher_logits=teacher_logits)
    if mask is None:
        return logits, teacher_logits
    require_same_shape(mask=mask, tokens=logits[..., 0])
    require_binary(mask=mask)
    # A NaN in the branch that is thrown away has the slope 0, and never meets a softmax.
    return tuple(np.where(mask[..., None] > 0, z, 0.0) for z in (logits, teacher_logits))
