"""Wrong GAE, shaped rewards, whitening, overlong penalties and closed forms."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def walk(reward, value, mask, gamma, lam, bootstrap=0.0, next_mask=True):
    """The recursion with two dials that the exhibits turn wrongly."""
    advantage, later = np.zeros_like(reward), np.zeros(len(reward))
    for t in reversed(range(reward.shape[1])):
        last = t + 1 == reward.shape[1]
        ahead = bootstrap * value[:, t] if last else value[:, t + 1]
        alive = 1.0 if last or not next_mask else mask[:, t + 1]
        delta = reward[:, t] + gamma * ahead * alive - value[:, t]
        later = (delta + gamma * lam * later * alive) * (mask[:, t] if next_mask else 1.0)
        advantage[:, t] = later
    return advantage


def gae_leaks_padding(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, next_mask=False) * mask
    return advantage, advantage + value * mask


def gae_bootstraps_the_end(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, bootstrap=1.0)
    return advantage, advantage + value * mask


def gae_returns_without_value(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam)
    return advantage, advantage


def gae_returns_after_whitening(reward, value, mask, *, gamma, lam):
    raw = walk(reward, value, mask, gamma, lam)
    mean = np.sum(raw * mask) / np.sum(mask)
    advantage = (raw - mean) * mask
    return raw, advantage + value * mask


def gae_forgets_lambda(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, value, mask, gamma, 1.0)
    return advantage, advantage + value * mask


def gae_forgets_gamma_in_the_trace(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam / gamma if gamma > 0 else lam)
    return advantage, advantage + value * mask


def gae_adds_the_value(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, -value, mask, gamma, lam)
    return advantage, advantage + value * mask


def gae_one_step_whatever_lambda(reward, value, mask, *, gamma, lam):
    advantage = walk(reward, value, mask, gamma, 0.0)
    return advantage, advantage + value * mask


def gae_carries_over_a_gap(reward, value, mask, *, gamma, lam):
    advantage = np.zeros_like(reward)
    later, ahead = np.zeros(len(reward)), np.zeros(len(reward))
    for t in reversed(range(reward.shape[1])):
        here = reward[:, t] + gamma * ahead - value[:, t] + gamma * lam * later
        ahead = np.where(mask[:, t] > 0, value[:, t], ahead)
        later = np.where(mask[:, t] > 0, here, later)
        advantage[:, t] = later * mask[:, t]
    return advantage, advantage + value * mask


def shaped_kl_of_the_next_token(score, logp, ref, mask, *, beta):
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    first = mask * (np.cumsum(mask, axis=1) == 1)
    ratio = (logp - ref) * mask
    early = np.concatenate([ratio[:, 1:], np.zeros((len(ratio), 1))], axis=1) * mask
    own = np.sum(ratio * first, axis=1, keepdims=True) * first  # nobody before it to pay for it
    return -beta * (early + own) + score[:, None] * last


def shaped_score_on_the_last_column(score, logp, ref, mask, *, beta):
    reward = -beta * (logp - ref) * mask
    reward[:, -1] += score
    return reward


def shaped_score_on_every_token(score, logp, ref, mask, *, beta):
    return (-beta * (logp - ref) + score[:, None]) * mask


def shaped_kl_sign(score, logp, ref, mask, *, beta):
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    return beta * (logp - ref) * mask + score[:, None] * last


def shaped_kl_averaged(score, logp, ref, mask, *, beta):
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    kl = (logp - ref) * mask / np.sum(mask, axis=1, keepdims=True)
    return -beta * kl + score[:, None] * last


def shaped_kl_over_padding(score, logp, ref, mask, *, beta):
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    return -beta * (logp - ref) + score[:, None] * last


def shaped_score_on_the_first(score, logp, ref, mask, *, beta):
    reward = -beta * (logp - ref) * mask
    reward[:, 0] += score
    return reward


def whiten_over_padding(x, mask, *, shift_mean):
    centred = (x - np.mean(x)) / np.sqrt(np.var(x, ddof=1) + 1e-8)
    return (centred if shift_mean else centred + np.mean(x)) * mask


def whiten_per_row(x, mask, *, shift_mean):
    count = np.maximum(np.sum(mask, axis=1, keepdims=True), 1)
    mean = np.sum(x * mask, axis=1, keepdims=True) / count
    var = np.sum((x - mean) ** 2 * mask, axis=1, keepdims=True) / count
    return ((x - mean) / np.sqrt(var + 1e-8) + (0 if shift_mean else mean)) * mask


def whiten_shift_mean_inverted(x, mask, *, shift_mean):
    n = np.sum(mask)
    mean = np.sum(x * mask) / n
    scaled = (x - mean) / np.sqrt(np.sum((x - mean) ** 2 * mask) / (n - 1) + 1e-8)
    return (scaled + mean if shift_mean else scaled) * mask


def whiten_divides_by_the_variance(x, mask, *, shift_mean):
    n = np.sum(mask)
    mean = np.sum(x * mask) / n
    scaled = (x - mean) / (np.sum((x - mean) ** 2 * mask) / (n - 1) + 1e-8)
    return (scaled if shift_mean else scaled + mean) * mask


def overlong_not_floored(length, *, max_length, buffer):
    return np.minimum(0, (max_length - buffer - length) / buffer)


def overlong_sign(length, *, max_length, buffer):
    return np.clip((length - max_length + buffer) / buffer, 0, 1)


def overlong_starts_at_the_limit(length, *, max_length, buffer):
    return np.clip((max_length - length) / buffer, -1, 0)


def overlong_step(length, *, max_length, buffer):
    return -1.0 * (length > max_length - buffer / 2)


def optimum_beta_multiplies(ref_probs, reward, *, beta):
    p = ref_probs * np.exp(np.clip(beta * reward, None, 700))
    return p / np.sum(p, axis=-1, keepdims=True)


def optimum_forgets_the_reference(ref_probs, reward, *, beta):
    p = np.exp((reward - np.max(reward, axis=-1, keepdims=True)) / beta)
    return p / np.sum(p, axis=-1, keepdims=True)


def optimum_overflows(ref_probs, reward, *, beta):
    p = ref_probs * np.exp(reward / beta)
    return p / np.sum(p, axis=-1, keepdims=True)


def best_of_n_is_a_tilt(ref_probs, reward, n):
    p = ref_probs * np.exp(np.log(n) * (reward - np.max(reward, axis=-1, keepdims=True)))
    return p / np.sum(p, axis=-1, keepdims=True)


def best_of_n_ties_go_to_the_first(ref_probs, reward, n):
    place = np.arange(reward.shape[-1])
    better = reward[:, None, :] > reward[:, :, None]
    earlier = (reward[:, None, :] == reward[:, :, None]) & (place[None, :] < place[:, None])
    above = np.sum(ref_probs[:, None, :] * (better | earlier), axis=-1)
    return (1 - above) ** n - np.maximum(0, 1 - above - ref_probs) ** n


def objective_adds_the_kl(probs, ref_probs, reward, *, beta):
    return np.sum(probs * (reward + beta * np.log(probs / ref_probs)), axis=-1)


def objective_reverse_kl(probs, ref_probs, reward, *, beta):
    return np.sum(probs * reward - beta * ref_probs * np.log(ref_probs / probs), axis=-1)


E = Exhibit
SHAPED, OPTIMUM = "kl_shaped_reward", "optimal_policy"
EXHIBITS = [
    E(gae_leaks_padding, "gae", "the critic's values in the padding leak in",
      "alibaba/ROLL #447; volcengine/verl #1758"),
    E(gae_bootstraps_the_end, "gae", "bootstraps V after the end", "huggingface/trl #1536"),
    E(gae_returns_without_value, "gae", "returns without the value",
      "natolambert/rlhf-book PR #216"),
    E(gae_returns_after_whitening, "gae", "returns are built from whitened advantages",
      "ash80/RLHF_in_notebooks"),
    E(gae_forgets_lambda, "gae", "λ is accepted and ignored"),
    E(gae_forgets_gamma_in_the_trace, "gae", "the trace decays with λ, not γλ"),
    E(gae_adds_the_value, "gae", "the sign of the value"),
    E(gae_one_step_whatever_lambda, "gae", "λ is ignored: a wrong critic biases it"),
    E(gae_carries_over_a_gap, "gae", "an advantage flows back over a gap into another episode",
      "volcengine/verl compute_gae_advantage_return (right there: its gaps are tool output)",
      {"packed": "yes"}),
    E(shaped_kl_of_the_next_token, SHAPED, "off by one: a token pays for its successor's KL"),
    E(shaped_score_on_the_last_column, SHAPED, "the score lands on the last column, which is PAD",
      "huggingface/trl #3750, #5338; EleutherAI/gpt-neox #1285"),
    E(shaped_score_on_every_token, SHAPED, "every token gets the score"),
    E(shaped_kl_sign, SHAPED, "the KL is a bonus", "nebuly-ai/optimate #298"),
    E(shaped_kl_averaged, SHAPED, "the KL is averaged per token", "huggingface/trl #2575"),
    E(shaped_kl_over_padding, SHAPED, "padding pays KL too"),
    E(shaped_score_on_the_first, SHAPED, "the score lands on the first token"),
    E(whiten_over_padding, "whiten", "padding enters the statistics"),
    E(whiten_per_row, "whiten", "statistics per row, not over the batch"),
    E(whiten_shift_mean_inverted, "whiten", "shift_mean the wrong way round",
      "ash80/RLHF_in_notebooks"),
    E(whiten_divides_by_the_variance, "whiten", "divided by the variance"),
    E(overlong_not_floored, "overlong_penalty", "no floor at -1"),
    E(overlong_sign, "overlong_penalty", "a bonus for length"),
    E(overlong_starts_at_the_limit, "overlong_penalty", "starts at the limit, not a buffer before"),
    E(overlong_step, "overlong_penalty", "a step instead of a slope"),
    E(optimum_beta_multiplies, OPTIMUM, "β multiplies the reward instead of dividing"),
    E(optimum_forgets_the_reference, OPTIMUM, "the reference is forgotten"),
    E(optimum_overflows, OPTIMUM, "exp(r/β) without subtracting the maximum: nan"),
    E(best_of_n_is_a_tilt, "best_of_n", "a tilted reference in place of the best of n"),
    E(best_of_n_ties_go_to_the_first, "best_of_n", "ties go to the first in the list"),
    E(objective_adds_the_kl, "rlhf_objective", "the KL is a bonus"),
    E(objective_reverse_kl, "rlhf_objective", "KL(reference ‖ policy)"),
]  # fmt: skip
