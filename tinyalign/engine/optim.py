"""Optimizers as pure functions: (params, gradients, state) -> (params, state)."""

import math
from typing import Any, NamedTuple

from tinyalign.engine.backend import xp
from tinyalign.engine.tree import leaves, ravel, rebuild, unravel


class AdamState(NamedTuple):
    """What Adam remembers: two vectors as long as all parameters together, and the step count."""

    mean: Any
    square: Any
    step: int


def adam_init(params):
    """Adam's state before the first step."""
    zero = xp.zeros_like(ravel(params))
    return AdamState(zero, zero, 0)


def adam(params, gradients, state, *, learning_rate, b1=0.9, b2=0.99, eps=1e-8):
    """One step of Adam: θ ← θ − lr · m̂ / (√v̂ + eps), m and v running means of g and g².

    params, gradients  trees of one shape
    state              AdamState
    learning_rate      > 0
    b1, b2             decay of the two running means, in [0, 1)
    returns            (params, state); the new leaves are views of one vector

    Source: Kingma and Ba 2014, arXiv:1412.6980, Algorithm 1. Differs: b2 is 0.99, not 0.999: toy
    runs last hundreds of steps, fewer than the thousand that 0.999 averages over.
    """
    # All parameters are one vector here: few large operations, written into what is there already.
    g, step = ravel(gradients), state.step + 1
    mean, square = state.mean * b1, state.square * b2
    mean += (1 - b1) * g
    g *= g  # from here on g²
    square += (1 - b2) * g
    # Both means start at 0, so early ones are too small: m̂ = m / (1 − b1ᵗ), and √v̂ = √v / c with
    # c = √(1 − b2ᵗ). Then m̂ / (√v̂ + eps) = c / (1 − b1ᵗ) · m / (√v + eps · c): two numbers do it.
    correction = math.sqrt(1 - b2**step)
    rate = float(learning_rate) * correction / (1 - b1**step)  # a float64 would widen parameters
    root = xp.sqrt(square)
    root += eps * correction
    update = mean / root
    update *= rate
    theta = ravel(params)  # a copy: the caller's parameters stay as they are
    theta -= update
    return unravel(theta, params), AdamState(mean, square, step)


def sgd(params, gradients, *, learning_rate):
    """θ ← θ − lr · g."""
    grads = leaves(gradients)
    rate = float(learning_rate)  # a NumPy float64 would widen the parameters
    return rebuild({path: w - rate * grads[path] for path, w in leaves(params).items()})


def clip_by_global_norm(gradients, max_norm):
    """Scale the whole gradient down to length max_norm where it is longer.

    returns  (gradients, norm before clipping)

    Source: Pascanu et al. 2012, arXiv:1211.5063, Algorithm 1. Differs: nothing.
    """
    vector = ravel(gradients)
    norm = xp.sqrt(vector @ vector)  # stays on the device: an `if` would have to wait for it
    # 1e-6 keeps a gradient of 0 from dividing by 0.
    vector *= xp.minimum(1.0, max_norm / (norm + 1e-6)).astype(vector.dtype)
    return unravel(vector, gradients), norm
