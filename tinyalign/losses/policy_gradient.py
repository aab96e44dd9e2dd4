"""Policy-gradient losses: log-probabilities of sampled tokens and their advantages in.

Everything is to be minimised. Nothing here masks or averages: see `aggregate`.
"""

import autograd.numpy as np

from tinyalign.losses.aggregate import masked_mean
from tinyalign.losses.numerics import (
    log_softmax,
    masked,
    require_axes,
    require_in,
    require_same_shape,
    stop_gradient,
)
from tinyalign.losses.ratio import clipped_loss, constant_advantage, exp_ratio


def reinforce(logp, advantage):
    """REINFORCE: −A·log π. Its value means nothing, its gradient is the policy gradient.

    logp       (N, T) per token, or (N,) per sequence: policy, nats, ≤ 0
    advantage  the same shape, (N, 1), or one number; a constant to the gradient
    returns    the shape of logp; sum it over the tokens of a completion, then average
    raises     ValueError if the shapes do not fit

    Optimum with KL in the reward: π ∝ π_ref·e^{r/β}, `optimum.optimal_policy`.
    Source: Williams 1992; Ahmadian et al. 2024 (RLOO), arXiv:2402.14740.
    Differs: nothing.
    Community notes: 001, line 60 calls this, with a group baseline, GRPO's loss.
    See walkthroughs/errata.json, errata row 15.
    """
    return -constant_advantage(logp, advantage) * logp


def clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2):
    """PPO's clipped surrogate: −min(ρ·A, clip(ρ, 1 − ε_low, 1 + ε_high)·A), ρ = π/π_old.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0; a constant to the gradient
    advantage  (N, T), (N, 1), or one number; a constant to the gradient
    clip_low   number ≥ 0, ε_low
    clip_high  number ≥ 0, ε_high; inf takes the upper clip away
    returns    (N, T) in the unit of the advantage; never below the unclipped −ρ·A, in which a
               log-ratio above 80 (float64: 700) counts as that, so that ρ is finite
    raises     ValueError if the shapes do not fit or a clip is negative

    Optimum: that of the objective whose advantages it is given, because the slope at ρ = 1 is
    REINFORCE's. PPO, KL in the reward: π ∝ π_ref·e^{r/β}. GRPO, centred, k3 in the loss:
    π = β·π_ref/(λ − r·(G−1)/G), for answers of one token. Of several, each token pays for its own
    KL alone, and the end is `tinyalign.exam.tree.fixed_point`. Without a KL, or with standardised
    advantages: no closed form.
    Source: Schulman et al. 2017, arXiv:1707.06347; two widths: Yu et al. 2025, arXiv:2503.14476.
    Differs: the sign, because the paper maximises.
    Community notes: 001, line 8 (sign); 003, line 18 (purpose); 004, line 99 (ratio).
    See walkthroughs/errata.json, errata rows 10, 23, 32.
    """
    require_same_shape(logp=logp, old_logp=old_logp)
    advantage = constant_advantage(logp, advantage)
    return clipped_loss(exp_ratio(logp - stop_gradient(old_logp)), advantage, clip_low, clip_high)


def sequence_clipped_surrogate(logp, old_logp, advantage, mask, *, clip_low=3e-4, clip_high=4e-4):
    """Group Sequence Policy Optimization: −min(s·A, clip(s)·A), s = e^{mean_t(log π − log π_old)}.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0; a constant to the gradient
    advantage  (N, 1) or (N,), one per completion; a constant to the gradient
    mask       (N, T) 1 on completion tokens, 0 on padding
    clip_low   number ≥ 0; small, because a mean log-ratio is small
    clip_high  number ≥ 0
    returns    (N,) in the unit of the advantage; a completion is clipped whole or not at all
    raises     ValueError if the shapes do not fit, a clip is negative, or a mask row is empty

    Optimum: as `clipped_surrogate`, which it is for completions of one token.
    Source: Zheng et al. 2025, arXiv:2507.18071.
    Differs: the sign, because the paper maximises.
    """
    require_axes("NT", logp=logp)
    require_same_shape(logp=logp, old_logp=old_logp)
    size = np.shape(logp)[0]
    if np.shape(advantage) not in ((size,), (size, 1)):
        raise ValueError(f"advantage must have shape {(size, 1)}, got {np.shape(advantage)}")
    log_ratio = masked(logp, mask) - stop_gradient(masked(old_logp, mask))  # (N, T)
    ratio = exp_ratio(masked_mean(log_ratio, mask))  # (N,): the geometric mean over tokens
    return clipped_loss(ratio, np.reshape(stop_gradient(advantage), (size,)), clip_low, clip_high)


def truncated_importance(logp, old_logp, advantage, *, clip_high):
    """CISPO, truncated importance sampling: −sg(min(ρ, 1 + ε_high))·A·log π, ρ = π/π_old.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0
    advantage  (N, T), (N, 1), or one number; a constant to the gradient
    clip_high  number ≥ 0; the weight is capped at 1 + clip_high and is not differentiated
    returns    (N, T); no token loses its gradient, unlike in `clipped_surrogate`
    raises     ValueError if the shapes do not fit or clip_high < 0

    Optimum: as `clipped_surrogate`; their slopes agree at ρ = 1.
    Source: MiniMax 2025 (MiniMax-M1), arXiv:2506.13585.
    Differs: only the upper cap; TRL caps at its epsilon_high itself, not at 1 + epsilon_high.
    """
    require_same_shape(logp=logp, old_logp=old_logp)
    require_in("[0, inf]", clip_high=clip_high)
    # The weight is a constant: the gradient flows through log π alone.
    weight = np.minimum(exp_ratio(stop_gradient(logp) - stop_gradient(old_logp)), 1 + clip_high)
    return -weight * constant_advantage(logp, advantage) * logp


def value_loss(value, old_value, returns, *, clip=0.2):
    """PPO's clipped value loss: ½·max((V − R)², (V_old + clip(V − V_old, ±ε) − R)²).

    value      (N, T) critic, unit of the reward
    old_value  (N, T) critic when the tokens were drawn; a constant to the gradient
    returns    (N, T) advantage + old value, from `gae`; a constant to the gradient
    clip       number ≥ 0, ε, unit of the reward; inf gives ½(V − R)²
    result     (N, T) unit of the reward squared, ≥ ½(V − R)²
    raises     ValueError if the shapes differ or clip < 0

    Source: the code of Ziegler et al. 2019, arXiv:1909.08593; the PPO paper has no value clip.
    Differs: nothing.
    Community notes: 003, line 28 has the critic predict rewards; it predicts returns.
    See walkthroughs/errata.json, errata row 24.
    """
    require_same_shape(value=value, old_value=old_value, returns=returns)
    require_in("[0, inf]", clip=clip)
    old_value, returns = stop_gradient(old_value), stop_gradient(returns)
    near = old_value + np.clip(value - old_value, -clip, clip)  # V, kept within ε of the old value
    return 0.5 * np.maximum(np.square(value - returns), np.square(near - returns))


def entropy(logits):
    """Shannon entropy of the next-token distribution: −Σ_v π_v·log π_v.

    logits   (..., V) unnormalised log-probabilities; −∞ where a token is impossible
    returns  (...) nats, in [0, log V]; log V for equal logits

    Source: Shannon 1948.
    Differs: nothing.
    """
    logp = log_softmax(logits)
    surprise = np.where(np.isfinite(logp), logp, 0.0)  # 0·log 0 = 0, where −∞ would give NaN
    return -np.sum(np.exp(logp) * surprise, axis=-1)


def overlong_penalty(length, *, max_length, buffer):
    """DAPO's soft overlong penalty: 0 up to L − c tokens, then linear, −1 from L tokens on.

    length      (...) completion lengths, tokens, ≥ 0
    max_length  number > 0, L, tokens
    buffer      number in (0, max_length], c, tokens: how early the penalty starts
    returns     (...) in [−1, 0], to be added to the reward
    raises      ValueError if a number is out of range

    Source: Yu et al. 2025, arXiv:2503.14476.
    Differs: nothing.
    """
    require_in("(0, inf)", max_length=max_length)
    require_in(f"(0, {max_length}]", buffer=buffer)
    return np.clip((max_length - buffer - length) / buffer, -1.0, 0.0)
