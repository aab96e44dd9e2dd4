"""The closed forms of methods that work token by token, in groups, or over time."""

import numpy as np

from tinyalign.laws.catalogue.domain import log_softmax
from tinyalign.laws.catalogue.policy_gradient import dual_bound
from tinyalign.laws.catalogue.sequence import scored_logp
from tinyalign.laws.catalogue.shaping import masked_moments


def clipped(ratio, advantage, clip_low, clip_high):
    held = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.minimum(ratio * advantage, held * advantage)


def clipped_surrogate(logp, old, advantage, clip_low, clip_high, clip_dual):
    loss = clipped(np.exp(logp - old), advantage, clip_low, clip_high)
    return np.minimum(loss, dual_bound(advantage, clip_dual))


def sequence_clipped_surrogate(logp, old, advantage, mask, clip_low, clip_high):
    drift = np.sum((logp - old) * mask, axis=1) / np.sum(mask, axis=1)
    return clipped(np.exp(drift), advantage, clip_low, clip_high)


def truncated_importance(logp, old, advantage, clip_high, clip_low):
    return -np.clip(np.exp(logp - old), 1 - clip_low, 1 + clip_high) * advantage * logp


def value_loss(value, old, returns, clip):
    held = old + np.clip(value - old, -clip, clip)
    return 0.5 * np.maximum((value - returns) ** 2, (held - returns) ** 2)


def exact_kl(logits, ref_logits):
    logp = log_softmax(logits)
    return np.sum(np.exp(logp) * (logp - log_softmax(ref_logits)), axis=-1)


def entropy(logits):
    logp = log_softmax(logits)
    return -np.sum(np.exp(logp) * logp, axis=-1)


def centred(reward):
    return reward - np.mean(reward, axis=1, keepdims=True)


def group_standardize(reward, eps, ddof):
    return centred(reward) / (np.std(reward, axis=1, ddof=ddof, keepdims=True) + eps)


def group_rank(reward):
    # (P, G): how many of the group are worse, less how many are better
    rank = np.sum(np.sign(reward[:, :, None] - reward[:, None, :]), axis=2)
    spread = np.std(rank, axis=1, keepdims=True)
    return rank / np.where(spread > 0, spread, 1.0)


def leave_one_out(reward):
    k = reward.shape[1]
    return centred(reward) * k / (k - 1)


def gae(reward, value, mask, gamma, lam):
    advantage, last, following = np.zeros_like(value), 0.0, 0.0
    for t in reversed(range(value.shape[1])):
        real = mask[:, t] > 0
        error = reward[:, t] + gamma * following - value[:, t]
        last = np.where(real, error + gamma * lam * last, 0.0)
        following = np.where(real, value[:, t], 0.0)
        advantage[:, t] = last
    return np.stack([advantage, (advantage + value) * mask])


def kl_shaped_reward(score, logp, ref, mask, beta):
    # the real token with no real token after it
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    return -beta * (logp - ref) * mask + score[:, None] * last


def whiten(x, mask, shift_mean, eps, ddof):
    mean, variance = masked_moments(x, mask, ddof)
    return ((x - mean) / np.sqrt(variance + eps) + (0.0 if shift_mean else mean)) * mask


def overlong_penalty(length, max_length, buffer):
    return np.clip((max_length - buffer - length) / buffer, -1.0, 0.0)


def token_mean(x, mask):
    return np.sum(x * mask) / np.sum(mask)


def sequence_mean(x, mask):
    return np.mean(np.sum(x * mask, axis=1) / np.sum(mask, axis=1))


def fixed_length_mean(x, mask, length):
    return np.sum(x * mask) / (len(x) * length)


def token_logp(logits, ids):
    return np.take_along_axis(log_softmax(logits[:, :-1]), ids[:, 1:, None], 2)[..., 0]


OVER_TOKENS = {
    "k1": lambda logp, ref: logp - ref,
    "k2": lambda logp, ref: 0.5 * (logp - ref) ** 2,
    "k3": lambda logp, ref: np.expm1(ref - logp) - (ref - logp),
    "reinforce": lambda logp, advantage: -advantage * logp,
    "clipped_surrogate": clipped_surrogate,
    "sequence_clipped_surrogate": sequence_clipped_surrogate,
    "truncated_importance": truncated_importance,
    "value_loss": value_loss,
    "exact_kl": exact_kl,
    "entropy": entropy,
    "group_center": centred,
    "group_standardize": group_standardize,
    "group_rank": group_rank,
    "leave_one_out": leave_one_out,
    "gae": gae,
    "kl_shaped_reward": kl_shaped_reward,
    "whiten": whiten,
    "overlong_penalty": overlong_penalty,
    "cross_entropy": lambda logp, mask: -token_mean(logp, mask),
    "token_mean": token_mean,
    "sequence_mean": sequence_mean,
    "fixed_length_mean": fixed_length_mean,
    "token_logp": token_logp,
    "sequence_logp": lambda *x: np.sum(scored_logp(x), axis=1),
}
