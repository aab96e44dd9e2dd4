"""More baselines: groups of any size, several rewards, and a mean that also sets the scale.

Plain arrays, no gradients, as in `advantage`, whose functions want (P, G): as many completions of
every prompt. Here a prompt may have one, or three, in any order.
"""

import autograd.numpy as np

from tinyalign.losses.advantage import group_center, group_standardize
from tinyalign.losses.numerics import (
    any_true_on_host,
    require_axes,
    require_in,
    require_same_shape,
)


def center_by_prompt(reward, prompt):
    """Mean baseline for groups of any size: A_i = r_i − mean of the rewards of i's prompt.

    reward   (N,) one a completion, in any order, any unit
    prompt   (N,) whole numbers; completions of one prompt have the same
    returns  (N,) same unit; 0 for a prompt with one completion, and where all rewards are equal
    raises   ValueError if the arrays are not (N,)

    Source: Liu et al. 2025 (Dr.GRPO), arXiv:2503.20783.
    Differs: nothing; `group_center` where every prompt has as many completions.
    """
    relative, same, count = _by_prompt(reward, prompt)
    return relative - same @ relative / count


def standardize_by_prompt(reward, prompt, *, eps=1e-4, ddof=1):
    """GRPO's advantage for groups of any size: A_i = (r_i − mean)/(std + ε) within i's prompt.

    reward   (N,) one a completion, in any order; the unit cancels
    prompt   (N,) whole numbers; completions of one prompt have the same
    eps      number ≥ 0, unit of the reward
    ddof     0 or 1; the variance divides by the prompt's count − ddof
    returns  (N,) no unit; 0 for a prompt with one completion, and where all rewards are equal
    raises   ValueError if the arrays are not (N,) or a number is out of range

    Source: Shao et al. 2024, arXiv:2402.03300, sec. 4.1.2.
    Differs: a completion alone gets 0, as in tunix, SkyRL and NeMo-RL; verl and AReaL give it r.
    """
    require_in("[0, inf)", eps=eps)
    require_in("[0, 1]", ddof=ddof)
    relative, same, count = _by_prompt(reward, prompt)
    centered = relative - same @ relative / count
    std = np.sqrt(same @ np.square(centered) / np.maximum(count - ddof, 1))  # (N,) of its prompt
    return centered / np.where(std > 0, std + eps, 1.0)  # all equal: 0/1, not 0/0


def leave_one_out_by_prompt(reward, prompt):
    """RLOO's advantage for groups of any size: A_i = r_i − mean of the other rewards of i's prompt.

    reward   (N,) one a completion, in any order, any unit
    prompt   (N,) whole numbers; completions of one prompt have the same
    returns  (N,) same unit; 0 for a prompt with one completion, which has no others
    raises   ValueError if the arrays are not (N,)

    Source: Ahmadian et al. 2024, arXiv:2402.14740.
    Differs: a completion alone gets 0; verl gives it r.
    """
    relative, same, count = _by_prompt(reward, prompt)
    return (relative - same @ relative / count) * count / np.maximum(count - 1, 1)


def group_maxrl(reward):
    """Maximum-likelihood RL (MaxRL): A_i = (r_i − mean)/mean within each group.

    reward   (P, G) one row per prompt, ≥ 0; 1 for a success and 0 else in the paper
    returns  (P, G) no unit; rows sum to 0; exactly 0 where all rewards are equal, all 0 included
    raises   ValueError if the array is not (P, G) or a reward is negative

    A success counts for more where successes are rare. For rewards of 0 and 1 the expected gradient
    is that of Σ_{k<G} −(1 − p)^k/k, p the chance of success: log p, cut off after G − 1 terms.
    Source: Tajwar et al. 2026, arXiv:2602.02710.
    Differs: nothing; the authors' code adds 1e-6 to the mean.
    """
    if any_true_on_host(reward < 0):
        raise ValueError("reward must be ≥ 0: MaxRL divides by its mean")
    centered = group_center(reward)
    mean = np.mean(1.0 * reward, axis=1, keepdims=True)  # (P, 1)
    return centered / np.where(mean > 0, mean, 1.0)  # no success: 0/1


def group_gdpo(reward, weight, *, eps=1e-4):
    """GDPO: every reward standardised within its group by itself, weighted, summed, standardised.

    reward   (P, G, R) R rewards of each completion
    weight   (R,) what each counts
    eps      number ≥ 0; added to every standard deviation
    returns  (P, G) no unit, mean 0 over the whole batch
    raises   ValueError if the shapes do not fit, G < 2, or eps < 0

    GRPO adds the rewards up first: (1, 0) and (0, 1) then get the same advantage, whatever they
    say, and a reward with a large spread drowns the others.
    Source: Liu et al. 2026, arXiv:2601.05242.
    Differs: nothing, with TRL's eps (`multi_objective_aggregation="normalize_then_sum"`); verl's
    last step standardises over tokens, so that long completions count for more in it.
    """
    require_axes("PGR", reward=reward)
    require_axes("R", weight=weight)
    require_same_shape(rewards_of_one=reward[0, 0], weight=weight)
    each = [group_standardize(reward[:, :, k], eps=eps) for k in range(len(weight))]
    total = sum(weight[k] * part for k, part in enumerate(each))  # (P, G)
    # The whole batch is one group now.
    return group_standardize(total.reshape(1, -1), eps=eps).reshape(total.shape)


def _by_prompt(reward, prompt):
    """Rewards above the first of their prompt (N,), who shares a prompt (N, N), how many (N,)."""
    require_axes("N", reward=reward)
    require_same_shape(reward=reward, prompt=prompt)
    reward = 1.0 * reward
    same = prompt[:, None] == prompt  # (N, N)
    # Measured from the first, so that equal rewards give exactly 0.
    relative = reward - reward[np.argmax(same, axis=1)]
    same = same.astype(reward.dtype)
    return relative, same, np.sum(same, axis=1)
