"""The closed forms of the functions that most readers never need."""

import numpy as np

from tinyalign.laws.catalogue.domain import log_sigmoid, log_softmax, sigmoid
from tinyalign.laws.catalogue.formulas_over_tokens import (
    OVER_TOKENS,
    clipped,
    clipped_surrogate,
    group_standardize,
)


def dpo(w, lose, rw, rl, beta):
    return -log_sigmoid(beta * (w - rw - lose + rl))


def f_dpo_js(w, lose, rw, rl, beta):
    return -log_sigmoid(beta * (log_sigmoid(w - rw) - log_sigmoid(lose - rl)))


def f_dpo_alpha(w, lose, rw, rl, beta, alpha):
    gap = (np.exp(-alpha * (lose - rl)) - np.exp(-alpha * (w - rw))) / alpha
    return -log_sigmoid(beta * gap)


def wpo(w, lose, ref_w, ref_lose, chosen_log_weight, rejected_log_weight, beta):
    weight = np.exp(np.minimum(chosen_log_weight + rejected_log_weight, 0.0))
    return weight * dpo(w, lose, ref_w, ref_lose, beta)


def wpo_log_weight(logp, logits, mask):
    own = np.log(np.sum(np.exp(2 * log_softmax(logits)), axis=-1))
    return np.sum((logp - own) * mask, axis=1) / np.sum(mask, axis=1)


def smoothed(z, flip):
    return -(1 - flip) * log_sigmoid(z) - flip * log_sigmoid(-z)


def clamped_k3(logp, ref, log_ratio_limit, limit):
    gap = np.clip(ref - logp, -log_ratio_limit, log_ratio_limit)
    return np.minimum(np.expm1(gap) - gap, limit)


def clipped_importance(logp, old, advantage, clip_low, clip_high):
    return -np.clip(np.exp(logp - old), 1 - clip_low, 1 + clip_high) * advantage * logp


def gspo_token(logp, old, advantage, mask, clip_low, clip_high):
    drift = np.sum((logp - old) * mask, axis=1, keepdims=True) / np.sum(mask, axis=1, keepdims=True)
    return clipped(np.exp(drift), advantage, clip_low, clip_high) * mask


def sapo(logp, old, advantage, tau_positive, tau_negative):
    tau = np.where(advantage > 0, tau_positive, tau_negative)
    return -4 / tau * sigmoid(tau * (np.exp(logp - old) - 1)) * advantage


def dppo(logp, old, advantage, delta):
    moved = np.exp(logp) - np.exp(old)
    left = np.where(advantage > 0, moved > delta, moved < -delta)
    return np.where(left, 0.0, -np.exp(logp - old) * advantage)


def decoupled_surrogate(logp, proximal, old, advantage, clip_low, clip_high):
    weight = np.exp(proximal - old)
    return weight * clipped(np.exp(logp - proximal), advantage, clip_low, clip_high)


def truncated_rollout_weight(old_logp, rollout_logp, cap):
    return np.minimum(np.exp(old_logp - rollout_logp), cap)


def masked_rollout_weight(old_logp, rollout_logp, low, high):
    ratio = np.exp(old_logp - rollout_logp)
    return ratio * (ratio >= low) * (ratio <= high)


def of_prompts(function):
    """A function of one prompt's rewards, prompt by prompt."""

    def advantage(reward, prompt, **p):
        out = np.zeros_like(reward)
        for name in np.unique(prompt):
            out[prompt == name] = function(reward[prompt == name][None], **p)[0]
        return out

    return advantage


def group_maxrl(reward):
    mean = np.mean(reward, axis=1, keepdims=True)
    return (reward - mean) / np.where(mean > 0, mean, 1.0)


def gdpo(reward, weight, eps):
    each = [w * group_standardize(reward[..., k], eps, 1) for k, w in enumerate(weight)]
    total = np.sum(each, axis=0)
    return (total - np.mean(total)) / (np.std(total, ddof=1) + eps)


def gae_over_turns(reward, value, mask, last_value, gamma, lam):
    advantage, later, ahead = np.zeros_like(value), np.zeros(len(value)), last_value
    for t in reversed(range(value.shape[1])):
        own = mask[:, t] > 0
        later = np.where(own, reward[:, t] + gamma * (ahead + lam * later) - value[:, t], later)
        ahead = np.where(own, value[:, t], ahead)
        advantage[:, t] = later * own
    return np.stack([advantage, (advantage + value) * mask])


def generalized_js(logits, teacher_logits, beta):
    log_p, log_q = log_softmax(logits), log_softmax(teacher_logits)
    log_m = np.log(beta * np.exp(log_q) + (1 - beta) * np.exp(log_p))
    each = beta * np.exp(log_q) * (log_q - log_m) + (1 - beta) * np.exp(log_p) * (log_p - log_m)
    return np.sum(each, axis=-1)


OF_VARIANTS = {
    "f_dpo_js": f_dpo_js,
    "f_dpo_alpha": f_dpo_alpha,
    "wpo": wpo,
    "wpo_log_weight": wpo_log_weight,
    "conservative_simpo": lambda w, lose, beta, gamma, flip: smoothed(
        beta * (w - lose) - gamma, flip
    ),
    "conservative_cpo": lambda w, lose, nll, beta, alpha, flip: (
        smoothed(beta * (w - lose), flip) + alpha * nll
    ),
    "clamped_k3": clamped_k3,
    "forward_kl": lambda logits, teacher: OVER_TOKENS["exact_kl"](teacher, logits),
    "reverse_kl": OVER_TOKENS["exact_kl"],
    "generalized_js": generalized_js,
    "dual_clipped_surrogate": clipped_surrogate,
    "clipped_importance": clipped_importance,
    "gspo_token": gspo_token,
    "sapo": sapo,
    "dppo": dppo,
    "decoupled_surrogate": decoupled_surrogate,
    "truncated_rollout_weight": truncated_rollout_weight,
    "masked_rollout_weight": masked_rollout_weight,
    "center_by_prompt": of_prompts(OVER_TOKENS["group_center"]),
    "standardize_by_prompt": of_prompts(group_standardize),
    "leave_one_out_by_prompt": of_prompts(OVER_TOKENS["leave_one_out"]),
    "group_maxrl": group_maxrl,
    "group_gdpo": gdpo,
    "gae_over_turns": gae_over_turns,
    "masked_sum": lambda x, mask: np.sum(x * mask, axis=1),
    "masked_mean": lambda x, mask: np.sum(x * mask, axis=1) / np.sum(mask, axis=1),
    "micro_batch_mean": lambda x, mask, tokens: np.sum(x * mask) / tokens,
    "dft": lambda logp, mask: -np.sum(np.exp(logp) * logp * mask) / np.sum(mask),
}
