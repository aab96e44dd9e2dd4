"""Wrong surrogates with other trust regions than PPO's clip."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def log_sigmoid(x):
    return -np.logaddexp(0.0, -x)


def sigmoid(x):
    return np.exp(log_sigmoid(x))


def ppo(ratio, advantage, clip_low, clip_high):
    return -np.minimum(ratio * advantage, np.clip(ratio, 1 - clip_low, 1 + clip_high) * advantage)


def dual_clip_forgotten(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    return ppo(np.exp(logp - old), advantage, clip_low, clip_high)


def dual_clip_is_a_floor(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    loss = ppo(np.exp(logp - old), advantage, clip_low, clip_high)
    return np.where(advantage < 0, np.maximum(loss, -clip_dual * advantage), loss)


def dual_clip_for_good_tokens_too(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    loss = ppo(np.exp(logp - old), advantage, clip_low, clip_high)
    return np.minimum(loss, -clip_dual * advantage)


def dual_clip_without_the_upper_clip(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    ratio = np.exp(logp - old)
    loss = -np.minimum(ratio * advantage, np.maximum(ratio, 1 - clip_low) * advantage)
    return np.where(advantage < 0, np.minimum(loss, -clip_dual * advantage), loss)


def dual_clip_sign(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    loss = ppo(np.exp(logp - old), advantage, clip_low, clip_high)
    return np.where(advantage < 0, np.minimum(loss, clip_dual * advantage), loss)


def dual_clip_bounds_bad_tokens_above(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    held = np.clip(np.exp(logp - old), 1 - clip_low, 1 + clip_high)
    loss = -held * advantage
    return np.where(advantage < 0, np.minimum(loss, -clip_dual * advantage), loss)


def dual_clip_with_a_bonus(logp, old, advantage, *, clip_low, clip_high, clip_dual):
    loss = ppo(np.exp(logp - old), advantage, clip_low, clip_high)
    return np.where(advantage < 0, np.minimum(loss, -clip_dual * advantage), loss) + 0.01 * logp


def clipped_importance_with_a_bonus(logp, old, advantage, *, clip_low, clip_high):
    weight = np.clip(np.exp(logp - old), 1 - clip_low, 1 + clip_high)
    return -weight * advantage * logp + 0.01 * logp


def sapo_with_a_bonus(logp, old, advantage, *, tau_positive, tau_negative):
    tau = np.where(advantage > 0, tau_positive, tau_negative)
    return -4 / tau * sigmoid(tau * (np.exp(logp - old) - 1)) * advantage + 0.01 * logp


def dppo_with_a_bonus(logp, old, advantage, *, delta):
    moved = np.exp(logp) - np.exp(old)
    left = np.where(advantage > 0, moved > delta, moved < -delta)
    return np.where(left, 0.0, -np.exp(logp - old) * advantage) + 0.01 * logp


def clipped_importance_lower_end_forgotten(logp, old, advantage, *, clip_low, clip_high):
    return -np.minimum(np.exp(logp - old), 1 + clip_high) * advantage * logp


def clipped_importance_ends_at_the_widths(logp, old, advantage, *, clip_low, clip_high):
    return -np.clip(np.exp(logp - old), clip_low, clip_high) * advantage * logp


def clipped_importance_drops_tokens(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    inside = (ratio >= 1 - clip_low) & (ratio <= 1 + clip_high)
    return -ratio * inside * advantage * logp


def clipped_importance_differentiates_the_weight(logp, old, advantage, *, clip_low, clip_high):
    import autograd.numpy as anp  # the weight must be a constant; here it is not

    return -anp.clip(anp.exp(logp - old), 1 - clip_low, 1 + clip_high) * advantage * logp


def sapo_without_its_factor(logp, old, advantage, *, tau_positive, tau_negative):
    tau = np.where(advantage > 0, tau_positive, tau_negative)
    return -sigmoid(tau * (np.exp(logp - old) - 1)) * advantage


def sapo_temperatures_swapped(logp, old, advantage, *, tau_positive, tau_negative):
    tau = np.where(advantage > 0, tau_negative, tau_positive)
    return -4 / tau * sigmoid(tau * (np.exp(logp - old) - 1)) * advantage


def sapo_one_temperature(logp, old, advantage, *, tau_positive, tau_negative):
    return -4 / tau_positive * sigmoid(tau_positive * (np.exp(logp - old) - 1)) * advantage


def sapo_gates_the_log_ratio(logp, old, advantage, *, tau_positive, tau_negative):
    tau = np.where(advantage > 0, tau_positive, tau_negative)
    return -4 / tau * sigmoid(tau * (logp - old)) * advantage


def sapo_ratio_inverted(logp, old, advantage, *, tau_positive, tau_negative):
    tau = np.where(advantage > 0, tau_positive, tau_negative)
    return -4 / tau * sigmoid(tau * (np.exp(old - logp) - 1)) * advantage


def sapo_weights_the_ratio(logp, old, advantage, *, tau_positive, tau_negative):
    tau, ratio = np.where(advantage > 0, tau_positive, tau_negative), np.exp(logp - old)
    return -4 / tau * sigmoid(tau * (ratio - 1)) * ratio * advantage


def dppo_masks_whatever_the_advantage(logp, old, advantage, *, delta):
    moved = np.abs(np.exp(logp) - np.exp(old))
    return np.where(moved > delta, 0.0, -np.exp(logp - old) * advantage)


def dppo_masks_the_way_back(logp, old, advantage, *, delta):
    moved = np.exp(logp) - np.exp(old)
    left = np.where(advantage > 0, moved < -delta, moved > delta)
    return np.where(left, 0.0, -np.exp(logp - old) * advantage)


def dppo_masks_the_ratio(logp, old, advantage, *, delta):
    ratio = np.exp(logp - old)
    left = np.where(advantage > 0, ratio > 1 + delta, ratio < 1 - delta)
    return np.where(left, 0.0, -ratio * advantage)


def dppo_without_the_ratio(logp, old, advantage, *, delta):
    moved = np.exp(logp) - np.exp(old)
    left = np.where(advantage > 0, moved > delta, moved < -delta)
    return np.where(left, 0.0, -advantage * logp)


def dppo_never_masks(logp, old, advantage, *, delta):
    return -np.exp(logp - old) * advantage


def gspo_token_by_token_ratios(logp, old, advantage, mask, *, clip_low, clip_high):
    return ppo(np.exp(logp - old), advantage, clip_low, clip_high) * mask


def gspo_token_sums_the_log_ratio(logp, old, advantage, mask, *, clip_low, clip_high):
    s = np.exp(np.sum((logp - old) * mask, axis=1, keepdims=True))
    return ppo(s, advantage, clip_low, clip_high) * mask


def gspo_token_forgets_the_mask(logp, old, advantage, mask, *, clip_low, clip_high):
    s = np.exp(np.mean(logp - old, axis=1, keepdims=True))
    return ppo(s, advantage, clip_low, clip_high) * mask


def gspo_token_averages_the_advantage(logp, old, advantage, mask, *, clip_low, clip_high):
    drift, count = (
        np.sum(a * mask, axis=1, keepdims=True) for a in (logp - old, np.ones_like(old))
    )
    mean = np.sum(advantage * mask, axis=1, keepdims=True) / count
    return ppo(np.exp(drift / count), mean, clip_low, clip_high) * mask


def gspo_token_whole_slope(logp, old, advantage, mask, *, clip_low, clip_high):
    import autograd.numpy as anp  # the shared part must be a constant; here it is not

    drift = anp.sum((logp - old) * mask, axis=1) / np.sum(mask, axis=1)
    s = anp.exp(drift)[:, None]
    held = anp.clip(s, 1 - clip_low, 1 + clip_high)
    return -anp.minimum(s * advantage, held * advantage) * mask


E = Exhibit
DUAL, IMPORTANCE, TOKEN = "dual_clipped_surrogate", "clipped_importance", "gspo_token"
EXHIBITS = [
    E(dual_clip_forgotten, DUAL, "the dual clip is not there"),
    E(dual_clip_is_a_floor, DUAL, "max instead of min: the cap is a floor"),
    E(dual_clip_for_good_tokens_too, DUAL, "good tokens get the bound too"),
    E(dual_clip_without_the_upper_clip, DUAL, "the upper clip went when the dual one came"),
    E(dual_clip_sign, DUAL, "the sign of the bound"),
    E(dual_clip_bounds_bad_tokens_above, DUAL, "clip_high bounds bad tokens too"),
    E(dual_clip_with_a_bonus, DUAL, "an entropy bonus left in the surrogate"),
    E(clipped_importance_with_a_bonus, IMPORTANCE, "an entropy bonus left in the surrogate"),
    E(sapo_with_a_bonus, "sapo", "an entropy bonus left in the surrogate"),
    E(dppo_with_a_bonus, "dppo", "an entropy bonus left in the surrogate"),
    E(clipped_importance_lower_end_forgotten, IMPORTANCE, "only the cap, no lower end"),
    E(clipped_importance_ends_at_the_widths, IMPORTANCE, "clipped to the widths, not 1 ± them"),
    E(clipped_importance_drops_tokens, IMPORTANCE, "tokens outside are dropped, as PPO does"),
    E(clipped_importance_differentiates_the_weight, IMPORTANCE, "the weight is differentiated"),
    E(sapo_without_its_factor, "sapo", "4/τ is missing: τ scales the step"),
    E(sapo_temperatures_swapped, "sapo", "the two temperatures swapped"),
    E(sapo_one_temperature, "sapo", "one temperature for good and bad tokens"),
    E(sapo_gates_the_log_ratio, "sapo", "the gate reads the log-ratio, not ρ - 1"),
    E(sapo_ratio_inverted, "sapo", "old over new"),
    E(sapo_weights_the_ratio, "sapo", "the ratio times the gate"),
    E(dppo_masks_whatever_the_advantage, "dppo", "masked whichever way the advantage pulls"),
    E(dppo_masks_the_way_back, "dppo", "masks tokens that come back, not those that leave"),
    E(dppo_masks_the_ratio, "dppo", "PPO's mask: δ around the ratio, not around the probability"),
    E(dppo_without_the_ratio, "dppo", "log π in place of the ratio"),
    E(dppo_never_masks, "dppo", "no mask"),
    E(gspo_token_by_token_ratios, TOKEN, "a ratio for every token: PPO"),
    E(gspo_token_sums_the_log_ratio, TOKEN, "the log-ratio summed, not averaged"),
    E(gspo_token_forgets_the_mask, TOKEN, "padding enters the ratio"),
    E(gspo_token_averages_the_advantage, TOKEN, "one advantage a completion, the mean"),
    E(gspo_token_whole_slope, TOKEN, "the shared ratio is differentiated: tokens mix"),
]  # fmt: skip
