"""Wrong KL estimators, controllers and advantages."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def k1_reference_minus_policy(logp, ref):
    return ref - logp


def k1_clamped_at_zero(logp, ref):
    return np.maximum(0, logp - ref)


def k1_minus_the_ratio(logp, ref):
    return -np.exp(logp - ref)


def k1_of_probabilities(logp, ref):
    return np.exp(logp) - np.exp(ref)


def k1_as_a_loss(logp, ref):
    return logp - ref


def k2_without_half(logp, ref):
    return (logp - ref) ** 2


def k2_absolute(logp, ref):
    return np.abs(logp - ref)


def k3_ratio_upside_down(logp, ref):
    gap = logp - ref
    return np.exp(gap) - gap - 1


def k3_without_minus_one(logp, ref):
    gap = ref - logp
    return np.exp(gap) - gap


def k3_sign_of_the_gap(logp, ref):
    gap = ref - logp
    return np.exp(gap) + gap - 1


def k3_gap_clamped(logp, ref):
    gap = np.clip(ref - logp, -1, 1)
    return np.exp(gap) - gap - 1


def k3_in_the_reward(logp, ref):
    gap = ref - logp
    return np.expm1(gap) - gap


def exact_kl_reversed(logits, ref_logits):
    p = np.exp(logits) / np.sum(np.exp(logits), axis=-1, keepdims=True)
    q = np.exp(ref_logits) / np.sum(np.exp(ref_logits), axis=-1, keepdims=True)
    return np.sum(q * (np.log(q) - np.log(p)), axis=-1)


def exact_kl_of_raw_logits(logits, ref_logits):
    p = np.exp(logits) / np.sum(np.exp(logits), axis=-1, keepdims=True)
    return np.sum(p * (logits - ref_logits), axis=-1)


def exact_kl_mean_over_the_vocabulary(logits, ref_logits):
    p = np.exp(logits) / np.sum(np.exp(logits), axis=-1, keepdims=True)
    q = np.exp(ref_logits) / np.sum(np.exp(ref_logits), axis=-1, keepdims=True)
    return np.mean(p * (np.log(p) - np.log(q)), axis=-1)


def exact_kl_overflows(logits, ref_logits):
    p = np.exp(logits + 700) / np.sum(np.exp(logits + 700), axis=-1, keepdims=True)
    q = np.exp(ref_logits + 700) / np.sum(np.exp(ref_logits + 700), axis=-1, keepdims=True)
    return np.sum(p * np.log(p / q), axis=-1)


def adaptive_beta_inverted(beta, kl, *, target, n, horizon):
    error = np.clip(1 - kl / target, -0.2, 0.2)
    return beta * (1 + error * n / horizon)


def adaptive_beta_not_clipped(beta, kl, *, target, n, horizon):
    return beta * (1 + (kl / target - 1) * n / horizon)


def adaptive_beta_clips_the_product(beta, kl, *, target, n, horizon):
    return beta * (1 + np.clip((kl / target - 1) * n / horizon, -0.2, 0.2))


def group_normalised_over_the_batch(reward, *, eps, ddof):
    return (reward - np.mean(reward)) / (np.std(reward, ddof=ddof) + eps)


def group_normalised_along_the_wrong_axis(reward, *, eps, ddof):
    centred = reward - np.mean(reward, axis=0)
    return centred / (np.std(reward, axis=0) + eps)


def group_without_baseline(reward, *, eps, ddof):
    return reward / (np.std(reward, axis=1, ddof=ddof, keepdims=True) + eps)


def group_without_eps(reward, *, eps, ddof):
    centred = reward - np.mean(reward, axis=1, keepdims=True)
    return centred / np.std(reward, axis=1, ddof=ddof, keepdims=True)


def group_ddof_fixed_to_zero(reward, *, eps, ddof):
    centred = reward - np.mean(reward, axis=1, keepdims=True)
    return centred / (np.std(reward, axis=1, keepdims=True) + eps)


def group_divides_by_the_variance(reward, *, eps, ddof):
    centred = reward - np.mean(reward, axis=1, keepdims=True)
    return centred / (np.var(reward, axis=1, ddof=ddof, keepdims=True) + eps)


def group_normalised_twice(reward, *, eps, ddof):
    centred = reward - np.mean(reward, axis=1, keepdims=True)
    once = centred / (np.std(reward, axis=1, ddof=ddof, keepdims=True) + eps)
    return (once - np.mean(once)) / (np.std(once) + eps)


def center_still_divides_by_std(reward):
    centred = reward - np.mean(reward, axis=1, keepdims=True)
    return centred / (np.std(reward, axis=1, ddof=1, keepdims=True) + 1e-4)


def center_of_the_batch(reward):
    return reward - np.mean(reward)


def center_zero_scores_are_missing(reward):
    seen = reward != 0
    count = np.maximum(1, np.sum(seen, axis=1, keepdims=True))
    return np.where(seen, reward - np.sum(reward, axis=1, keepdims=True) / count, 0)


def center_no_baseline(reward):
    return reward * 1.0


def rank_by_argsort(reward):
    rank = np.argsort(np.argsort(reward, axis=1), axis=1)
    return (rank - np.mean(rank, axis=1, keepdims=True)) / (np.std(rank, axis=1)[:, None] + 1e-8)


def rank_best_is_lowest(reward):
    above = np.sum(np.sign(reward[:, None, :] - reward[:, :, None]), axis=2) / 2
    spread = np.std(above, axis=1, keepdims=True)
    return above / np.where(spread > 0, spread, 1)


def rank_not_standardised(reward):
    return np.sum(np.sign(reward[:, :, None] - reward[:, None, :]), axis=2) / 2


def rank_ties_take_the_lowest(reward):
    rank = np.sum(reward[:, :, None] > reward[:, None, :], axis=2) * 1.0
    centred = rank - np.mean(rank, axis=1, keepdims=True)
    spread = np.std(rank, axis=1, keepdims=True)
    return centred / np.where(spread > 0, spread, 1)


def leave_one_out_includes_itself(reward):
    return reward - np.mean(reward, axis=1, keepdims=True)


def leave_one_out_divides_by_k(reward):
    others = np.sum(reward, axis=1, keepdims=True) - reward
    return reward - others / reward.shape[1]


def leave_one_out_transposed(reward):
    k = reward.shape[0]
    others = (np.sum(reward, axis=0, keepdims=True) - reward) / max(1, k - 1)
    return reward - others


def leave_one_out_standardised(reward):
    others = (np.sum(reward, axis=1, keepdims=True) - reward) / (reward.shape[1] - 1)
    advantage = reward - others
    return advantage / (np.std(advantage, axis=1, keepdims=True) + 1e-8)


E = Exhibit
EXHIBITS = [
    E(k1_reference_minus_policy, "k1", "sign flipped: reference minus policy",
      "natolambert/rlhf-book loss.py; nebuly-ai/optimate #298"),
    E(k1_clamped_at_zero, "k1", "clamped at 0 per sample: no longer unbiased",
      "tatsu-lab/alpaca_farm #67"),
    E(k1_minus_the_ratio, "k1", "minus the ratio, logged as KL", "OpenRLHF/OpenRLHF feeb0283"),
    E(k1_of_probabilities, "k1", "a difference of probabilities"),
    E(k1_as_a_loss, "k1", "k1 as a loss term: its expected slope is 0",
      "note 004 line 344; allenai/open-instruct #534; huggingface/trl #2277", {"use": "loss"}),
    E(k2_without_half, "k2", "the ½ is missing"),
    E(k2_absolute, "k2", "the absolute log-ratio"),
    E(k3_ratio_upside_down, "k3", "the ratio upside down: ≥ 0, 0 at equality, and not the KL",
      "hpcaitech/ColossalAI #3696; ml-explore/mlx-examples #1233; natolambert/rlhf-book loss.py"),
    E(k3_without_minus_one, "k3", "the -1 is missing: 1 at equality"),
    E(k3_sign_of_the_gap, "k3", "the log-ratio is added, not subtracted"),
    E(k3_gap_clamped, "k3", "the log-ratio clamped to ±1 for stability: biased",
      "volcengine/verl core_algos.py (the log-ratio to ±20, k3 to 10)"),
    E(k3_in_the_reward, "k3", "k3 as part of the reward: a biased slope",
      "huggingface/trl #4967, #6503", {"use": "reward"}),
    E(exact_kl_reversed, "exact_kl", "KL(reference ‖ policy)"),
    E(exact_kl_of_raw_logits, "exact_kl", "logits where log-probabilities are meant"),
    E(exact_kl_mean_over_the_vocabulary, "exact_kl", "averaged over the vocabulary, not summed"),
    E(exact_kl_overflows, "exact_kl", "exp without subtracting the maximum: inf/inf"),
    E(adaptive_beta_inverted, "adaptive_beta", "too much KL lowers β"),
    E(adaptive_beta_not_clipped, "adaptive_beta", "no clip: one bad batch and β explodes"),
    E(adaptive_beta_clips_the_product, "adaptive_beta", "clips after multiplying by n/horizon"),
    E(group_normalised_over_the_batch, "group_standardize",
      "the batch's statistics, not the group's",
      "huggingface/trl #3992; XU-YIJIE/grpo-flat #2"),
    E(group_normalised_along_the_wrong_axis, "group_standardize", "normalised along the wrong axis",
      "OpenRLHF/OpenRLHF #1250"),
    E(group_without_baseline, "group_standardize", "no baseline: every advantage has one sign"),
    E(group_without_eps, "group_standardize", "no eps: NaN where all rewards are equal",
      "openai/spinningup ppo.py; huggingface/trl #5773; volcengine/verl #5619"),
    E(group_ddof_fixed_to_zero, "group_standardize", "population std, whatever ddof says"),
    E(group_divides_by_the_variance, "group_standardize", "divided by the variance, not the std"),
    E(group_normalised_twice, "group_standardize", "group, then batch normalisation again",
      "axon-rl/gem #113"),
    E(center_still_divides_by_std, "group_center", "Dr.GRPO that still divides by the std"),
    E(center_of_the_batch, "group_center", "the batch's mean, not the group's"),
    E(center_zero_scores_are_missing, "group_center", "a score of 0.0 is treated as missing",
      "OpenRLHF/OpenRLHF #1219"),
    E(center_no_baseline, "group_center", "no baseline at all"),
    E(rank_by_argsort, "group_rank", "ranks by argsort of argsort: ties broken by position",
      "note 004 line 216"),
    E(rank_best_is_lowest, "group_rank", "rank 1 is the best: the worst answer is rewarded"),
    E(rank_not_standardised, "group_rank", "centred but not divided by the std"),
    E(rank_ties_take_the_lowest, "group_rank", "ties take their lowest rank, not the average"),
    E(leave_one_out_includes_itself, "leave_one_out", "the own sample stays in the baseline"),
    E(leave_one_out_divides_by_k, "leave_one_out", "others summed, then divided by K, not K-1"),
    E(leave_one_out_transposed, "leave_one_out", "groups read along the wrong axis"),
    E(leave_one_out_standardised, "leave_one_out", "divided by the std: silently GRPO"),
]  # fmt: skip
