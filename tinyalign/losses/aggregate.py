"""What is averaged by what: three ways to turn per-token losses into one number.

They agree, up to a constant, only when all completions have one length.
"""

import autograd.numpy as np

from tinyalign.losses.numerics import (
    any_true_on_host,
    masked,
    masked_mean,
    require_axes,
    require_in,
)


def token_mean(x, mask):
    """Mean over all tokens of the batch: Σ mask·x / Σ mask. A long completion counts for more.

    x        (N, T) one number per token; padding may hold anything, NaN included
    mask     (N, T) 1 on completion tokens, 0 on padding
    returns  scalar, in the unit of x
    raises   ValueError if the shapes differ, the mask is not 0/1, or no token is selected

    Every token weighs 1/Σ|o|, so micro-batches must be combined by token counts, not averaged.
    Source: Yu et al. 2025 (DAPO), arXiv:2503.14476.
    Differs: nothing.
    """
    total = np.sum(masked(x, mask))
    count = np.sum(mask > 0)
    if any_true_on_host(count == 0):
        raise ValueError("mask selects no token, so the token mean is undefined")
    return total / count.astype(total.dtype)  # an integer count would widen float32 to float64


def sequence_mean(x, mask):
    """Mean over the tokens of each completion, then over completions: (1/N) Σ_i (1/|o_i|) Σ_t x.

    x        (N, T) one number per token; padding may hold anything, NaN included
    mask     (N, T) 1 on completion tokens, 0 on padding
    returns  scalar, in the unit of x
    raises   ValueError if the shapes differ, the mask is not 0/1, or a row of it is empty

    A token weighs 1/(N·|o_i|): less in a long completion than in a short one.
    Source: Shao et al. 2024 (GRPO), arXiv:2402.03300, eq. 3.
    Differs: nothing.
    """
    require_axes("NT", x=x)
    return np.mean(masked_mean(x, mask))  # (N, T) -> (N,) -> scalar


def fixed_length_mean(x, mask, *, length):
    """Sum over tokens divided by N times one fixed length: (1/(N·L)) Σ_i Σ_t mask·x.

    x        (N, T) one number per token; padding may hold anything, NaN included
    mask     (N, T) 1 on completion tokens, 0 on padding
    length   number > 0, tokens; the generation limit L, the same for every batch
    returns  scalar, in the unit of x; 0 for a row without tokens
    raises   ValueError if the shapes differ, the mask is not 0/1, or length ≤ 0

    Every token weighs 1/(N·L) whatever the length of its completion.
    Source: Liu et al. 2025 (Dr.GRPO), arXiv:2503.20783.
    Differs: nothing. Dividing by the padded width T instead would make padding matter.
    """
    require_axes("NT", x=x)
    require_in("(0, inf)", length=length)
    return np.sum(masked(x, mask)) / (np.shape(x)[0] * length)
