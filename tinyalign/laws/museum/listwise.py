"""Wrong RRHF, InfoNCA, NCA and rejection sampling."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def softplus(x):
    return np.logaddexp(0, x)


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def gaps(logp, reward):
    """p_i - p_j and r_i - r_j for every ordered pair."""
    return logp[:, :, None] - logp[:, None, :], reward[:, :, None] - reward[:, None, :]


def rrhf_note_004(logp, reward, nll, *, weight):
    k, total = logp.shape[1], np.zeros(len(logp))
    for i in range(k):
        for j in range(k):
            better = reward[:, i] > reward[:, j]
            total += np.where(better, softplus(-(logp[:, i] - logp[:, j])), 0)
    return total / (k * (k - 1))


def rrhf_order_reversed(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)
    return np.sum(np.maximum(0, gap) * (r > 0), axis=(1, 2)) + weight * nll


def rrhf_counts_ties(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)
    return np.sum(np.maximum(0, gap) * (r <= 0), axis=(1, 2)) + weight * nll


def rrhf_averages_pairs(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)
    k = logp.shape[1]
    return np.sum(np.maximum(0, gap) * (r < 0), axis=(1, 2)) / (k * (k - 1)) + weight * nll


def rrhf_first_candidate_only(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)  # aval = ...[0]: free whenever the best answer comes first
    return np.sum(np.maximum(0, -gap[:, 0]) * (r[:, 0] > 0), axis=1) + weight * nll


def rrhf_weighs_by_reward_gap(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)
    return np.sum(np.maximum(0, gap) * np.maximum(0, -r), axis=(1, 2)) + weight * nll


def rrhf_hinge_with_a_margin(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)
    return np.sum(np.maximum(0, gap + 1) * (r < 0), axis=(1, 2)) + weight * nll


def rrhf_forgets_the_best(logp, reward, nll, *, weight):
    gap, r = gaps(logp, reward)
    return np.sum(np.maximum(0, gap) * (r < 0), axis=(1, 2))


def infonca_alpha_multiplies(ratio, reward, *, beta, alpha):
    target = np.exp(log_softmax(reward * alpha))
    return -np.sum(target * log_softmax(beta * ratio), axis=1)


def infonca_target_from_the_policy(ratio, reward, *, beta, alpha):
    target = np.exp(log_softmax(beta * ratio))
    return -np.sum(target * log_softmax(reward / alpha), axis=1)


def infonca_bonus_for_the_first(ratio, reward, *, beta, alpha):
    reward = reward.copy()
    reward[:, 0] += 0.01
    return -np.sum(np.exp(log_softmax(reward / alpha)) * log_softmax(beta * ratio), axis=1)


def infonca_reverse_kl(ratio, reward, *, beta, alpha):
    log_p, log_q = log_softmax(beta * ratio), log_softmax(reward / alpha)
    return np.sum(np.exp(log_p) * (log_p - log_q), axis=1)


def infonca_softmax_over_the_batch(ratio, reward, *, beta, alpha):
    target = np.exp(log_softmax(reward / alpha))
    scores = beta * ratio - np.logaddexp.reduce(beta * ratio, axis=0, keepdims=True)
    return -np.sum(target * scores, axis=1)


def nca_noise_summed(ratio, reward, *, beta, alpha):
    target, score = np.exp(log_softmax(reward / alpha)), beta * ratio
    return np.sum(target * softplus(-score) + softplus(score), axis=1)


def nca_noise_sign(ratio, reward, *, beta, alpha):
    target, score = np.exp(log_softmax(reward / alpha)), beta * ratio
    return np.sum(target * softplus(-score), axis=1) + np.mean(softplus(-score), axis=1)


def nca_without_noise(ratio, reward, *, beta, alpha):
    target, score = np.exp(log_softmax(reward / alpha)), beta * ratio
    return np.sum(target * softplus(-score), axis=1) + np.log(2)


def nca_alpha_multiplies(ratio, reward, *, beta, alpha):
    target, score = np.exp(log_softmax(reward * alpha)), beta * ratio
    return np.sum(target * softplus(-score), axis=1) + np.mean(softplus(score), axis=1)


def rejection_by_sigmoid(reward, *, beta, rng, max_reward=None):
    return rng.random(reward.shape) < 1 / (1 + np.exp(-reward / beta))


def rejection_max_over_the_batch(reward, *, beta, rng, max_reward=None):
    top = np.max(reward) if max_reward is None else max_reward
    return rng.random(reward.shape) < np.exp((reward - top) / beta)


def rejection_beta_multiplies(reward, *, beta, rng, max_reward=None):
    top = np.max(reward, axis=-1, keepdims=True) if max_reward is None else max_reward
    return rng.random(reward.shape) < np.exp((reward - top) * beta)


def rejection_mean_for_max(reward, *, beta, rng, max_reward=None):
    top = np.mean(reward, axis=-1, keepdims=True) if max_reward is None else max_reward
    return rng.random(reward.shape) < np.exp((reward - top) / beta)


E = Exhibit
EXHIBITS = [
    E(rrhf_note_004, "rrhf", "log-sigmoid for hinge, divided by K(K-1), no likelihood term",
      "note 004 lines 432-435"),
    E(rrhf_order_reversed, "rrhf", "the order is reversed"),
    E(rrhf_counts_ties, "rrhf", "tied answers are pulled together"),
    E(rrhf_averages_pairs, "rrhf", "the sum over pairs is averaged"),
    E(rrhf_first_candidate_only, "rrhf", "only the first candidate's row is used",
      "GanjinZero/RRHF #29, #48"),
    E(rrhf_weighs_by_reward_gap, "rrhf", "pairs are weighed by the reward gap"),
    E(rrhf_hinge_with_a_margin, "rrhf", "a margin of 1 in the hinge"),
    E(rrhf_forgets_the_best, "rrhf", "the likelihood of the best answer is missing"),
    E(infonca_alpha_multiplies, "infonca", "α multiplies the rewards instead of dividing"),
    E(infonca_target_from_the_policy, "infonca", "target and model trade places"),
    E(infonca_bonus_for_the_first, "infonca", "+0.01 on the first candidate's reward",
      "thu-ml/Noise-Contrastive-Alignment reward_trainer.py"),
    E(infonca_reverse_kl, "infonca", "the reverse KL: this is EXO"),
    E(infonca_softmax_over_the_batch, "infonca", "softmax over the batch, not the candidates"),
    E(nca_noise_summed, "nca", "the noise term is summed over the candidates, not averaged"),
    E(nca_noise_sign, "nca", "the noise term pushes up what it should push down"),
    E(nca_without_noise, "nca", "no noise term: nothing holds the level of the likelihood"),
    E(nca_alpha_multiplies, "nca", "α multiplies the rewards instead of dividing"),
    E(rejection_by_sigmoid, "rejection_sample", "accepts with probability σ(r/β)"),
    E(rejection_max_over_the_batch, "rejection_sample", "r_max over all prompts together"),
    E(rejection_beta_multiplies, "rejection_sample", "β multiplies instead of dividing"),
    E(rejection_mean_for_max, "rejection_sample", "the mean reward in place of the maximum"),
]  # fmt: skip
