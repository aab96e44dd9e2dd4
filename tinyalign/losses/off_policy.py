"""When the tokens were not drawn by the policy that the ratio is measured from.

A fast engine samples with slightly other probabilities than the trainer computes (π_rollout
against π_old), and an asynchronous one samples with an older policy than the last (π_old against
a proximal π). The weights here multiply a token loss; they are constants to its gradient.
"""

import autograd.numpy as np

from tinyalign.losses.numerics import require_in, require_same_shape, stop_gradient
from tinyalign.losses.policy_gradient import clipped_surrogate
from tinyalign.losses.ratio import constant_advantage, exp_ratio


def truncated_rollout_weight(old_logp, rollout_logp, *, cap=2.0):
    """Truncated importance sampling (TIS): min(π_old/π_rollout, C), a weight for each token.

    old_logp      (N, T) the sampling policy as the trainer computes it, nats, ≤ 0
    rollout_logp  (N, T) the same as the rollout engine reported it, nats, ≤ 0
    cap           number > 0, C
    returns       (N, T) no unit, in [0, C]; a constant; 1 where the two agree and C ≥ 1
    raises        ValueError if the shapes differ or cap ≤ 0

    Multiply a token loss by it before averaging. Capped, it is biased where the ratio exceeds C,
    with a variance that is bounded.
    Source: Yao et al. 2025, fengyao.notion.site/off-policy-rl, "Your efficient RL framework
    secretly brings you off-policy RL training".
    Differs: nothing; TRL's `vllm_importance_sampling_cap` is C.
    """
    require_same_shape(old_logp=old_logp, rollout_logp=rollout_logp)
    require_in("(0, inf]", cap=cap)
    return np.minimum(exp_ratio(stop_gradient(old_logp) - stop_gradient(rollout_logp)), cap)


def masked_rollout_weight(old_logp, rollout_logp, *, low=0.5, high=5.0):
    """Masked importance sampling (MIS, IcePop): π_old/π_rollout if in [low, high], else 0.

    old_logp      (N, T) the sampling policy as the trainer computes it, nats, ≤ 0
    rollout_logp  (N, T) the same as the rollout engine reported it, nats, ≤ 0
    low, high     numbers, 0 ≤ low ≤ 1 ≤ high; a token whose ratio is outside does not count
    returns       (N, T) no unit, 0 or in [low, high]; a constant; 1 where the two agree
    raises        ValueError if the shapes differ or a number is out of range

    Multiply a token loss by it before averaging; the average still divides by all tokens.
    Source: Ling Team 2025 (IcePop), arXiv:2510.18855.
    Differs: nothing; a mean over the tokens that are left would need the mask changed instead.
    """
    require_same_shape(old_logp=old_logp, rollout_logp=rollout_logp)
    require_in("[0, 1]", low=low)
    require_in("[1, inf]", high=high)
    ratio = exp_ratio(stop_gradient(old_logp) - stop_gradient(rollout_logp))
    return np.where((ratio >= low) & (ratio <= high), ratio, 0.0)


def decoupled_surrogate(logp, proximal_logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2):
    """Decoupled PPO: (π_prox/π_old)·`clipped_surrogate`, whose ratio is ρ = π/π_prox.

    logp           (N, T) policy, nats, ≤ 0
    proximal_logp  (N, T) a recent policy near which this step stays, nats, ≤ 0; a constant
    old_logp       (N, T) the policy that drew the tokens, perhaps long ago, nats, ≤ 0; a constant
    advantage      (N, T), (N, 1), or one number; a constant to the gradient
    clip_low       number ≥ 0, ε_low
    clip_high      number ≥ 0, ε_high; inf takes the upper clip away
    returns        (N, T) in the unit of the advantage; PPO where π_prox = π_old
    raises         ValueError if the shapes do not fit or a clip is negative

    Where the tokens came from and near what the step stays are two things: stale samples are
    corrected by the weight, and clipping starts from the present.
    Optimum: as `clipped_surrogate`.
    Source: Hilton et al. 2021, arXiv:2110.00641; for language models Fu et al. 2025 (AReaL),
    arXiv:2505.24298.
    Differs: the sign, because the papers maximise; AReaL can also cap or mask the weight, as
    `truncated_rollout_weight` and `masked_rollout_weight` do.
    """
    require_same_shape(logp=logp, proximal_logp=proximal_logp, old_logp=old_logp)
    clips = {"clip_low": clip_low, "clip_high": clip_high}
    weight = exp_ratio(stop_gradient(proximal_logp) - stop_gradient(old_logp))
    # Into the advantage, not onto the loss: a token that now is impossible counts 0, not 0 · ∞.
    weighted = weight * constant_advantage(logp, advantage)
    return clipped_surrogate(logp, proximal_logp, weighted, **clips)
