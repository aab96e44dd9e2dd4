"""What is averaged by what: three ways to turn per-token losses into one number, and their parts.

The three agree, up to a constant, only when all completions have one length.
"""

import autograd.numpy as np

from tinyalign.losses.numerics import (
    any_true_on_host,
    masked,
    require_axes,
    require_in,
)


def masked_sum(x, mask, *, axis=-1):
    """Sum of x where the mask is 1, along one axis: (N, T) → (N,), or with axis=0 → (T,).

    x        (N, T) one number per token; padding may hold anything, NaN included
    mask     (N, T) 1 on completion tokens, 0 on padding
    axis     what is added up: -1 the tokens of a completion, None everything
    returns  the other axis, in the unit of x; 0 where nothing is selected
    raises   ValueError if the shapes differ or the mask is not 0/1

    Source: used by every library; no paper.
    Differs: nothing.
    """
    return np.sum(masked(x, mask), axis=axis)


def masked_mean(x, mask, *, axis=-1):
    """Mean of x where the mask is 1, along one axis: (N, T) → (N,), or with axis=0 → (T,).

    x        (N, T) one number per token; padding may hold anything, NaN included
    mask     (N, T) 1 on completion tokens, 0 on padding
    axis     what is averaged: -1 the tokens of a completion, None everything
    returns  the other axis, in the unit of x
    raises   ValueError if the shapes differ, the mask is not 0/1, or a mean would be over nothing
             (on a GPU: NaN, see `any_true_on_host`)

    Source: used by every library; no paper.
    Differs: NeMo-RL, AReaL, tunix and SkyRL give 0 where nothing is selected.
    """
    total = masked_sum(x, mask, axis=axis)
    count = np.sum(mask > 0, axis=axis)
    if any_true_on_host(count == 0):
        empty = [place for place, n in enumerate(count.reshape(-1).tolist()) if n == 0]
        of = {None: "mask", 0: f"mask columns {empty}"}.get(axis, f"mask rows {empty}")
        raise ValueError(f"{of}: no token is selected, so the mean is undefined")
    return total / count.astype(total.dtype)  # an integer count would widen float32 to float64


def micro_batch_mean(x, mask, *, tokens):
    """This micro-batch's part of a token mean over many: Σ mask·x / tokens of the whole batch.

    x        (N, T) one number per token; padding may hold anything, NaN included
    mask     (N, T) 1 on completion tokens, 0 on padding; a row, or all, may be empty
    tokens   number > 0; completion tokens of all micro-batches and of all devices together
    returns  scalar, in the unit of x; these add up to `token_mean` of the whole batch
    raises   ValueError if the shapes differ, the mask is not 0/1, or tokens ≤ 0

    Gradients that are added up over micro-batches are then those of the whole batch; means of
    means would give a token of a small micro-batch more weight.
    Source: transformers' fix of gradient accumulation, 2024, huggingface.co/blog/
    gradient_accumulation; as OpenRLHF, NeMo-RL and SkyRL do with a count over all devices.
    Differs: devices add the parts up; under a mean over devices, multiply by their number.
    """
    require_in("(0, inf)", tokens=tokens)
    return np.sum(masked(x, mask)) / tokens


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
