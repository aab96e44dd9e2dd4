"""What every surrogate does with ρ = π/π_old and an advantage: keep ρ finite, A constant, clip."""

import autograd.numpy as np

from tinyalign.losses.numerics import require_in, stop_gradient


def exp_ratio(log_ratio):
    """e^{log_ratio}, elementwise, and finite: a log-ratio above 80 (float64: 700) counts as that.

    An infinite ratio would make NaN of a slope of 0, as 0 · ∞, where a clip takes the slope away.
    """
    highest = (
        80.0 if getattr(log_ratio, "dtype", None) == np.float32 else 700.0
    )  # a product fits too
    return np.exp(np.where(log_ratio > highest, highest, log_ratio))


def constant_advantage(logp, advantage):
    """The advantage as a constant, after checking that it fits: no (N,) against (N, T)."""
    shape = np.shape(logp)
    if np.shape(advantage) not in ((), shape, (*shape[:-1], 1)):
        raise ValueError(f"advantage must have shape {shape} or (N, 1), got {np.shape(advantage)}")
    return stop_gradient(advantage)


def clipped_loss(ratio, advantage, clip_low, clip_high):
    """−min(ρ·A, clip(ρ)·A): no reward for moving a ratio further than the clip."""
    require_in("[0, inf]", clip_low=clip_low, clip_high=clip_high)
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    # The smaller of both: a clip may take a gain away, it never hides a loss.
    return -np.minimum(ratio * advantage, clipped * advantage)
