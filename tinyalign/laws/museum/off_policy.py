"""Wrong decoupled PPO, importance weights between engines, and clamps of the KL."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def ppo(ratio, advantage, clip_low, clip_high):
    return -np.minimum(ratio * advantage, np.clip(ratio, 1 - clip_low, 1 + clip_high) * advantage)


def decoupled_weight_inverted(logp, proximal, old, advantage, *, clip_low, clip_high):
    return np.exp(old - proximal) * ppo(np.exp(logp - proximal), advantage, clip_low, clip_high)


def decoupled_weight_forgotten(logp, proximal, old, advantage, *, clip_low, clip_high):
    return ppo(np.exp(logp - proximal), advantage, clip_low, clip_high)


def decoupled_clips_around_the_old(logp, proximal, old, advantage, *, clip_low, clip_high):
    return ppo(np.exp(logp - old), advantage, clip_low, clip_high)


def decoupled_weights_twice(logp, proximal, old, advantage, *, clip_low, clip_high):
    return np.exp(proximal - old) * ppo(np.exp(logp - old), advantage, clip_low, clip_high)


def decoupled_without_clip(logp, proximal, old, advantage, *, clip_low, clip_high):
    return -np.exp(logp - old) * advantage


def decoupled_with_a_bonus(logp, proximal, old, advantage, *, clip_low, clip_high):
    loss = ppo(np.exp(logp - proximal), advantage, clip_low, clip_high)
    return np.exp(proximal - old) * loss + 0.01 * logp


def rollout_weight_inverted(old_logp, rollout_logp, *, cap):
    return np.minimum(np.exp(rollout_logp - old_logp), cap)


def rollout_weight_not_capped(old_logp, rollout_logp, *, cap):
    return np.exp(old_logp - rollout_logp)


def rollout_weight_drops_past_the_cap(old_logp, rollout_logp, *, cap):
    ratio = np.exp(old_logp - rollout_logp)
    return ratio * (ratio <= cap)


def rollout_weight_is_a_log_ratio(old_logp, rollout_logp, *, cap):
    return np.clip(old_logp - rollout_logp, 0.0, cap)


def rollout_weight_reads_one_engine(old_logp, rollout_logp, *, cap):
    return np.minimum(np.exp(old_logp), cap)


def rollout_mask_clips(old_logp, rollout_logp, *, low, high):
    return np.clip(np.exp(old_logp - rollout_logp), low, high)


def rollout_mask_drops_the_weight(old_logp, rollout_logp, *, low, high):
    ratio = np.exp(old_logp - rollout_logp)
    return 1.0 * ((ratio >= low) & (ratio <= high))


def rollout_mask_upside_down(old_logp, rollout_logp, *, low, high):
    ratio = np.exp(rollout_logp - old_logp)
    return ratio * (ratio >= low) * (ratio <= high)


def rollout_mask_forgets_low(old_logp, rollout_logp, *, low, high):
    ratio = np.exp(old_logp - rollout_logp)
    return ratio * (ratio <= high)


def rollout_mask_lets_high_pass(old_logp, rollout_logp, *, low, high):
    ratio = np.exp(old_logp - rollout_logp)
    return ratio * (ratio >= low)


def rollout_mask_of_probabilities(old_logp, rollout_logp, *, low, high):
    # the band around the difference of the probabilities, not around their ratio
    moved = 1 + np.exp(old_logp) - np.exp(rollout_logp)
    return np.exp(old_logp - rollout_logp) * (moved >= low) * (moved <= high)


def rollout_mask_is_a_log_ratio(old_logp, rollout_logp, *, low, high):
    ratio = np.exp(old_logp - rollout_logp)
    return (old_logp - rollout_logp) * (ratio >= low) * (ratio <= high)


def k3_not_clamped(logp, ref, *, log_ratio_limit, limit):
    return np.expm1(ref - logp) - (ref - logp)


def k3_clamped_upside_down(logp, ref, *, log_ratio_limit, limit):
    gap = np.clip(logp - ref, -log_ratio_limit, log_ratio_limit)
    return np.minimum(np.expm1(gap) - gap, limit)


def k3_clamped_inside_only(logp, ref, *, log_ratio_limit, limit):
    gap = np.clip(ref - logp, -log_ratio_limit, log_ratio_limit)
    return np.expm1(gap) - gap


def k3_clamped_outside_only(logp, ref, *, log_ratio_limit, limit):
    return np.minimum(np.expm1(ref - logp) - (ref - logp), limit)


def k3_clamped_without_minus_one(logp, ref, *, log_ratio_limit, limit):
    gap = np.clip(ref - logp, -log_ratio_limit, log_ratio_limit)
    return np.minimum(np.exp(gap) - gap, limit)


E = Exhibit
DECOUPLED, CAPPED, BAND = "decoupled_surrogate", "truncated_rollout_weight", "masked_rollout_weight"
EXHIBITS = [
    E(decoupled_weight_inverted, DECOUPLED, "old over proximal"),
    E(decoupled_weight_forgotten, DECOUPLED, "the weight is missing: stale tokens count whole"),
    E(decoupled_clips_around_the_old, DECOUPLED, "PPO: clipped around the policy that sampled"),
    E(decoupled_weights_twice, DECOUPLED, "weighted, and the ratio taken to the old policy too"),
    E(decoupled_without_clip, DECOUPLED, "no clip"),
    E(decoupled_with_a_bonus, DECOUPLED, "an entropy bonus left in the surrogate"),
    E(rollout_weight_inverted, CAPPED, "rollout over trainer"),
    E(rollout_weight_not_capped, CAPPED, "no cap"),
    E(rollout_weight_drops_past_the_cap, CAPPED, "tokens past the cap are dropped"),
    E(rollout_weight_is_a_log_ratio, CAPPED, "the log-ratio where the ratio is meant"),
    E(rollout_weight_reads_one_engine, CAPPED, "a probability where a ratio is meant"),
    E(rollout_mask_clips, BAND, "clipped to the band, not dropped outside it"),
    E(rollout_mask_drops_the_weight, BAND, "the mask without the weight"),
    E(rollout_mask_upside_down, BAND, "rollout over trainer"),
    E(rollout_mask_forgets_low, BAND, "no lower end"),
    E(rollout_mask_lets_high_pass, BAND, "no upper end: the weight has no bound"),
    E(rollout_mask_is_a_log_ratio, BAND, "the log-ratio where the ratio is meant"),
    E(rollout_mask_of_probabilities, BAND, "the band around a difference of probabilities"),
    E(k3_not_clamped, "clamped_k3", "no clamp"),
    E(k3_clamped_upside_down, "clamped_k3", "the ratio upside down"),
    E(k3_clamped_inside_only, "clamped_k3", "the log-ratio is clamped, the value is not"),
    E(k3_clamped_outside_only, "clamped_k3", "the value is clamped, the log-ratio is not"),
    E(k3_clamped_without_minus_one, "clamped_k3", "the -1 is missing: 1 at equality"),
]  # fmt: skip
