"""Advantages over completions with gaps: several turns, tool output in between, a cut at the end.

Plain arrays, no gradients, as in `advantage`.
"""

import autograd.numpy as np

from tinyalign.losses.numerics import (
    masked,
    require_axes,
    require_in,
    require_scalar_or_same_shape,
    stop_gradient,
)


def gae_over_turns(reward, value, mask, *, last_value=0.0, gamma=1.0, lam=0.95):
    """GAE across gaps: δ_t = r_t + γ·V' − V_t, A_t = δ_t + γλ·A', ' the policy's next own token.

    reward      (N, T) per token, any unit; what stands in a gap is not read
    value       (N, T) critic's estimate before each token, the same unit
    mask        (N, T) 1 on the policy's own tokens, 0 on padding and on what others wrote
    last_value  number or (N,), V after the last own token: 0 where the episode ended, the critic's
                estimate where it was cut off (bootstrap)
    gamma       number in [0, 1], discount per own token
    lam         number in [0, 1]
    returns     advantage (N, T), returns (N, T) = advantage + value; both 0 where the mask is 0
    raises      ValueError if the shapes do not fit, the mask is not 0/1, or a number is out of
                range

    `gae` for rows of one turn that ended.
    Source: Schulman et al. 2015, arXiv:1506.02438; over gaps as verl and NeMo-RL.
    Differs: `gae` here, and open-instruct, let a masked token end the episode.
    """
    require_axes("NT", reward=reward)
    require_scalar_or_same_shape(reward[:, 0], last_value=last_value)
    require_in("[0, 1]", gamma=gamma, lam=lam)
    reward, value = masked(stop_gradient(reward), mask), masked(stop_gradient(value), mask)
    later, ahead = np.zeros_like(reward[:, 0]), np.zeros_like(reward[:, 0]) + last_value  # (N,)
    advantage = np.zeros_like(reward)
    for t in reversed(range(np.shape(reward)[1])):
        own = mask[:, t] > 0
        later = np.where(own, reward[:, t] + gamma * (ahead + lam * later) - value[:, t], later)
        ahead = np.where(own, value[:, t], ahead)
        advantage[:, t] = np.where(own, later, 0.0)
    return advantage, advantage + value
