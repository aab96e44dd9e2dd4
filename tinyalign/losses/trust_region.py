"""Surrogates that hold the policy near the one that sampled in other ways than PPO's clip.

Everything is to be minimised. Nothing here masks or averages: see `aggregate`.
"""

import autograd.numpy as np

from tinyalign.losses.aggregate import masked_mean
from tinyalign.losses.numerics import (
    masked,
    require_axes,
    require_in,
    require_same_shape,
    sigmoid,
    stop_gradient,
)
from tinyalign.losses.policy_gradient import clipped_surrogate
from tinyalign.losses.ratio import clipped_loss, constant_advantage, exp_ratio


def dual_clipped_surrogate(
    logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2, clip_dual=3.0
):
    """PPO's surrogate with a dual clip: as `clipped_surrogate`, but at most −c·A where A < 0.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0; a constant to the gradient
    advantage  (N, T), (N, 1), or one number; a constant to the gradient
    clip_low   number ≥ 0, ε_low
    clip_high  number ≥ 0, ε_high
    clip_dual  number > 1, c; a bad token whose ratio is past c has no slope; inf is PPO
    returns    (N, T) in the unit of the advantage; never above `clipped_surrogate`
    raises     ValueError if the shapes do not fit or a number is out of range

    Without it a bad token that became likely costs without bound, and one step undoes many.
    Optimum: as `clipped_surrogate`; their slopes agree at ρ = 1.
    Source: Ye et al. 2019, arXiv:1912.09729.
    Differs: the sign, because the paper maximises. On by default in verl (c = 3), off in TRL.
    """
    require_in("(1, inf]", clip_dual=clip_dual)
    loss = clipped_surrogate(logp, old_logp, advantage, clip_low=clip_low, clip_high=clip_high)
    advantage = constant_advantage(logp, advantage)
    bad = np.where(advantage < 0, advantage, -1.0)  # elsewhere any: ∞ · 0 would warn
    return np.where(advantage < 0, np.minimum(loss, -clip_dual * bad), loss)


def clipped_importance(logp, old_logp, advantage, *, clip_low, clip_high):
    """CISPO with both ends: −sg(clip(ρ, 1 − ε_low, 1 + ε_high))·A·log π, ρ = π/π_old.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0
    advantage  (N, T), (N, 1), or one number; a constant to the gradient
    clip_low   number ≥ 0; the weight is at least 1 − clip_low; 1 or more is `truncated_importance`
    clip_high  number ≥ 0; the weight is at most 1 + clip_high and is not differentiated
    returns    (N, T); no token loses its gradient
    raises     ValueError if the shapes do not fit or a clip is negative

    Optimum: as `clipped_surrogate`; their slopes agree at ρ = 1.
    Source: MiniMax 2025 (MiniMax-M1), arXiv:2506.13585, eq. 5; its experiments clip above only.
    Differs: nothing; verl, NeMo-RL and SkyRL clip at both ends, TRL above only.
    """
    require_same_shape(logp=logp, old_logp=old_logp)
    require_in("[0, inf]", clip_low=clip_low, clip_high=clip_high)
    ratio = exp_ratio(stop_gradient(logp) - stop_gradient(old_logp))
    weight = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -weight * constant_advantage(logp, advantage) * logp


def gspo_token(logp, old_logp, advantage, mask, *, clip_low=3e-4, clip_high=4e-4):
    """GSPO-token: −min(s_t·A_t, clip(s_t)·A_t), s_t = sg(s)·π_t/sg(π_t), s as in GSPO.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0; a constant to the gradient
    advantage  (N, T) one per token, (N, 1), or one number; a constant to the gradient
    mask       (N, T) 1 on completion tokens, 0 on padding
    clip_low   number ≥ 0; small, because a mean log-ratio is small
    clip_high  number ≥ 0
    returns    (N, T) in the unit of the advantage; 0 on padding
    raises     ValueError if the shapes do not fit, a clip is negative, or a mask row is empty

    The value of every s_t is s, the ratio of the whole completion; its slope is the token's own.
    With one advantage a completion the mean over its tokens has GSPO's value and gradient.
    Optimum: as `clipped_surrogate`.
    Source: Zheng et al. 2025, arXiv:2507.18071, sec. 4.3.
    Differs: the sign, because the paper maximises; verl also caps log s_t at 10.
    """
    require_axes("NT", logp=logp)
    require_same_shape(logp=logp, old_logp=old_logp)
    advantage = np.where(mask > 0, constant_advantage(logp, advantage), 0.0)  # (N, T)
    constant = stop_gradient(logp)
    log_ratio = masked(constant, mask) - masked(stop_gradient(old_logp), mask)  # (N, T)
    log_s = masked_mean(log_ratio, mask)[:, None]  # (N, 1)
    ratio = exp_ratio(log_s + masked(logp, mask) - masked(constant, mask))
    return clipped_loss(ratio, advantage, clip_low, clip_high)


def sapo(logp, old_logp, advantage, *, tau_positive=1.0, tau_negative=1.05):
    """Soft Adaptive Policy Optimization: −(4/τ)·σ(τ·(ρ − 1))·A, ρ = π/π_old.

    logp          (N, T) policy, nats, ≤ 0
    old_logp      (N, T) the policy that drew the tokens, nats, ≤ 0; a constant to the gradient
    advantage     (N, T), (N, 1), or one number; a constant to the gradient
    tau_positive  number > 0, τ where A > 0; larger forgets a far ratio sooner
    tau_negative  number > 0, τ elsewhere
    returns       (N, T) in the unit of the advantage, between −4A/τ and 0; −2A/τ at ρ = 1
    raises        ValueError if the shapes do not fit or a number is out of range

    A gate in place of a clip: the slope is −A·ρ·4p(1 − p), p = σ(τ·(ρ − 1)), which is REINFORCE's
    at ρ = 1 for every τ and falls smoothly to both sides.
    Optimum: as `clipped_surrogate`; their slopes agree at ρ = 1.
    Source: Gao et al. 2025, arXiv:2511.20347.
    Differs: the sign, because the paper maximises; verl's own default for τ where A ≤ 0 is 1.
    """
    require_same_shape(logp=logp, old_logp=old_logp)
    require_in("(0, inf)", tau_positive=tau_positive, tau_negative=tau_negative)
    advantage = constant_advantage(logp, advantage)
    ratio = exp_ratio(logp - stop_gradient(old_logp))
    tau = np.where(advantage > 0, tau_positive, np.full_like(stop_gradient(ratio), tau_negative))
    return -(4 / tau) * sigmoid(tau * (ratio - 1)) * advantage


def dppo(logp, old_logp, advantage, *, delta=0.15):
    """Divergence PPO, binary total variation: −M·ρ·A, M = 0 where π has left π_old by δ already.

    logp       (N, T) policy, nats, ≤ 0
    old_logp   (N, T) the policy that drew the tokens, nats, ≤ 0; a constant to the gradient
    advantage  (N, T), (N, 1), or one number; a constant to the gradient
    delta      number ≥ 0, δ, a probability; how far a token's own may move; 1 masks nothing
    returns    (N, T) in the unit of the advantage; 0 where M is
    raises     ValueError if the shapes do not fit or delta < 0

    M = 0 where A > 0 and π − π_old > δ, or A < 0 and π − π_old < −δ: a gap of probabilities, where
    PPO's clip is a ratio. A rare token may grow many times over, a common one not by half.
    Optimum: as `clipped_surrogate`; their slopes agree at ρ = 1.
    Source: Qi et al. 2026, arXiv:2602.04879.
    Differs: the sign, because the paper maximises. verl's `dppo_tv` has a detached ratio of at most
    20 times log π, so that its value differs and its slope is the same.
    """
    require_same_shape(logp=logp, old_logp=old_logp)
    require_in("[0, inf]", delta=delta)
    old_logp, advantage = stop_gradient(old_logp), constant_advantage(logp, advantage)
    moved = np.exp(stop_gradient(logp)) - np.exp(old_logp)  # (N, T) in [−1, 1]
    left = np.where(advantage > 0, moved > delta, moved < -delta)
    return np.where(left, 0.0, -exp_ratio(logp - old_logp) * advantage)
