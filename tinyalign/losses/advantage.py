"""How much better than expected: rewards in, advantages out. Plain arrays, no gradients.

Four baselines compare the G completions of one prompt (rows of a (P, G) array); GAE compares
with a critic; the last functions put the KL penalty into the reward.
"""

import autograd.numpy as np

from tinyalign.losses.divergence import k1
from tinyalign.losses.numerics import (
    any_true_on_host,
    masked,
    require_axes,
    require_in,
    require_same_shape,
    stop_gradient,
)


def gae(reward, value, mask, *, gamma=1.0, lam=0.95):
    """Generalised Advantage Estimation: A_t = δ_t + γλ·A_{t+1}, δ_t = r_t + γ·V_{t+1} − V_t.

    reward   (N, T) per token, any unit; see `kl_shaped_reward`
    value    (N, T) critic's estimate before each token, the same unit
    mask     (N, T) 1 on completion tokens; where it is 0 the episode has ended
    gamma    number in [0, 1], discount per token
    lam      number in [0, 1]; 0 trusts the critic one step ahead, 1 uses the whole return
    returns  advantage (N, T), returns (N, T) = advantage + value; both 0 on padding, both constants
    raises   ValueError if the shapes differ, the mask is not 0/1, or a number is out of range

    V and A are 0 after the last token: completions end, they are not cut off.
    Source: Schulman et al. 2015, arXiv:1506.02438.
    Differs: a masked token ends the episode, so nothing crosses it.
    Community notes: 001, line 19 prints the case λ = 0.
    See walkthroughs/errata.json, errata rows 11, 22, 24.
    """
    require_axes("NT", reward=reward)
    require_in("[0, 1]", gamma=gamma, lam=lam)
    reward, value = masked(stop_gradient(reward), mask), masked(stop_gradient(value), mask)
    next_value = np.zeros_like(value)  # V = 0 after the last token
    next_value[:, :-1] = value[:, 1:]
    advantage = masked(reward + gamma * next_value - value, mask)  # δ_t, (N, T)
    # Summed from the right: A_t = δ_t + γλ·A_{t+1}, where the next token belongs to the completion.
    for t in reversed(range(np.shape(advantage)[1] - 1)):
        advantage[:, t] += gamma * lam * np.where(mask[:, t] > 0, advantage[:, t + 1], 0.0)
    return advantage, advantage + value


def group_center(reward):
    """Mean baseline (Dr.GRPO): A_i = r_i − mean of the group.

    reward   (P, G) one row per prompt, any unit
    returns  (P, G) same unit; rows sum to 0; exactly 0 where all rewards are equal
    raises   ValueError if the array is not (P, G)

    Expected gradient: (G−1)/G of the true one, because r_i is in its own baseline.
    Source: Liu et al. 2025, arXiv:2503.20783.
    Differs: nothing.
    Community notes: 001, line 49 prints this as GRPO's advantage.
    See walkthroughs/errata.json, errata rows 13, 14.
    """
    relative = _rewards_above_first(reward)
    return relative - np.mean(relative, axis=1, keepdims=True)


def group_standardize(reward, *, eps=1e-4, ddof=1):
    """GRPO's advantage: A_i = (r_i − mean)/(std + ε) within each group.

    reward   (P, G) one row per prompt; the unit cancels
    eps      number ≥ 0, unit of the reward; keeps a nearly equal group small
    ddof     0 or 1; the variance divides by G − ddof
    returns  (P, G) no unit; rows sum to 0; exactly 0 where all rewards are equal, for eps = 0 too
    raises   ValueError if the array is not (P, G), G ≤ ddof, or a number is out of range

    Source: Shao et al. 2024, arXiv:2402.03300, sec. 4.1.2.
    Differs: the paper gives neither eps nor ddof; these are TRL's.
    Community notes: 004, lines 88–91 standardise ranks instead, see `group_rank`.
    See walkthroughs/errata.json, errata row 31.
    """
    centered = group_center(reward)
    require_in("[0, inf)", eps=eps)
    require_in("[0, 1]", ddof=ddof)
    size = np.shape(reward)[1]
    require_in(f"({ddof}, inf)", group_size=size)
    std = np.sqrt(np.sum(np.square(centered), axis=1, keepdims=True) / (size - ddof))  # (P, 1)
    return centered / np.where(std > 0, std + eps, 1.0)  # all equal: 0/1, not 0/0


def group_rank(reward):
    """Rank advantage: (midrank − mean rank)/population std of the ranks, within each group.

    reward   (P, G) one row per prompt; only its order matters
    returns  (P, G) no unit; rows sum to 0; equal rewards get equal advantages, all equal gives 0
    raises   ValueError if the array is not (P, G)

    Source: the community note 004, line 88; no paper.
    Differs: ties share their average rank; the note's argsort ranks them by position.
    Community notes: 004, line 216 breaks ties by position; line 726 fears a NaN that ranks cannot
    give. See walkthroughs/errata.json, errata rows 31, 37, 66.
    """
    reward = _group_rewards(reward)
    beaten = np.sign(reward[:, :, None] - reward[:, None, :])  # (P, G, G) i against j
    centered = np.sum(beaten, axis=2) / 2  # midrank − mean rank: wins minus losses, halved
    std = np.sqrt(np.mean(np.square(centered), axis=1, keepdims=True))  # (P, 1)
    return centered / np.where(std > 0, std, 1.0)


def leave_one_out(reward):
    """REINFORCE leave-one-out (RLOO): A_i = r_i − mean of the other G − 1 rewards.

    reward   (P, G) one row per prompt, any unit
    returns  (P, G) same unit; rows sum to 0; G/(G−1) times `group_center`
    raises   ValueError if the array is not (P, G) or G < 2

    Expected gradient: exactly the true one.
    Source: Kool et al. 2019; Ahmadian et al. 2024, arXiv:2402.14740.
    Differs: nothing.
    Community notes: 004, line 857 finds no signal at G = 2, where this is ±(r₁ − r₂).
    See walkthroughs/errata.json, errata row 71.
    """
    relative = _rewards_above_first(reward)
    size = np.shape(reward)[1]
    require_in("[2, inf)", group_size=size)
    others = (np.sum(relative, axis=1, keepdims=True) - relative) / (size - 1)  # mean of the others
    return relative - others


def whiten(x, mask, *, shift_mean=True):
    """Masked whitening: (x − mean)/√(variance + 1e-8) over all selected tokens of the batch.

    x           (N, T) usually advantages, any unit
    mask        (N, T) 1 on completion tokens, 0 on padding
    shift_mean  False keeps the mean: only the scale changes
    returns     (N, T) mean 0 (or as it was) and sample variance 1 over the mask; 0 on padding
    raises      ValueError if the shapes differ, the mask is not 0/1 or selects fewer than 2 tokens

    Source: Ziegler et al. 2019, arXiv:1909.08593.
    Differs: the variance divides by n − 1, as in TRL; the authors' code divides by n.
    """
    x = masked(x, mask)
    count = np.sum(mask > 0).astype(x.dtype)  # an integer would widen float32 to float64
    if any_true_on_host(count < 2):
        raise ValueError(f"mask must select at least 2 tokens to have a variance, got {count}")
    mean = np.sum(x) / count
    centered = masked(x - mean, mask)  # masked again: padding now holds −mean
    whitened = centered / np.sqrt(np.sum(np.square(centered)) / (count - 1) + 1e-8)
    return whitened if shift_mean else masked(whitened + mean, mask)


def kl_shaped_reward(score, logp, ref_logp, mask, *, beta):
    """Per-token reward of RLHF: −β·(log π − log π_ref), plus the score on the last real token.

    score     (N,) reward of each whole completion, any unit
    logp      (N, T) policy that drew the tokens, nats, ≤ 0
    ref_logp  (N, T) frozen reference, nats, ≤ 0
    mask      (N, T) 1 on completion tokens, its EOS included; 0 on padding
    beta      number ≥ 0, unit of the score per nat
    returns   (N, T) unit of the score, a constant; rows sum to score − β·Σ(log π − log π_ref);
              padding gets 0, so a row without tokens gets no score either
    raises    ValueError if the shapes do not fit, the mask is not 0/1, or beta < 0

    Source: Ziegler et al. 2019, arXiv:1909.08593.
    Differs: nothing; TRL puts the score one place later when there is padding.
    """
    require_axes("N", score=score)
    require_axes("NT", logp=logp)
    require_same_shape(score=score, logp_of_one_token=logp[:, 0])
    require_in("[0, inf)", beta=beta)
    logp, ref_logp = masked(stop_gradient(logp), mask), masked(stop_gradient(ref_logp), mask)
    remaining = np.cumsum(mask[:, ::-1], axis=1)[:, ::-1]  # tokens from here to the end, (N, T)
    last = (mask > 0) & (remaining == 1)
    return -beta * k1(logp, ref_logp) + np.where(last, stop_gradient(score)[:, None], 0.0)


def adaptive_beta(beta, kl, *, target, n, horizon):
    """Ziegler's KL controller: β·(1 + clip(KL/target − 1, ±0.2)·n/horizon).

    beta     number > 0, current KL coefficient
    kl       number, measured KL of whole completions, nats
    target   number > 0, nats
    n        number ≥ 0, completions since the last update
    horizon  number > 0, completions; larger reacts more slowly
    returns  the next β: larger if KL is above target, by at most 20 % · n/horizon
    raises   ValueError if a number is out of range

    Source: Ziegler et al. 2019, arXiv:1909.08593.
    Differs: nothing.
    """
    require_in("(0, inf)", beta=beta, target=target, horizon=horizon)
    require_in("[0, inf)", n=n)
    error = np.clip(kl / target - 1, -0.2, 0.2)
    return beta * (1 + error * n / horizon)


def _group_rewards(reward):
    """Rewards as floats (exact match may give bool or integers), after checking for (P, G)."""
    require_axes("PG", reward=reward)
    return 1.0 * reward


def _rewards_above_first(reward):
    """Rewards measured from the first of each group, so that equal rewards give exactly 0."""
    reward = _group_rewards(reward)
    return reward - reward[:, :1]
