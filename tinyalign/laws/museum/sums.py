"""Wrong GAE over turns, sums and means along an axis, parts of a token mean, DFT."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def walk(reward, value, mask, gamma, lam, last_value, ends=False, paid=False, ticks=False):
    """The recursion with three dials that the exhibits turn wrongly."""
    advantage = np.zeros_like(reward)
    for i in range(len(reward)):
        later, ahead = 0.0, last_value
        for t in reversed(range(reward.shape[1])):
            if mask[i, t]:
                later = reward[i, t] + gamma * (ahead + lam * later) - value[i, t]
                ahead, advantage[i, t] = value[i, t], later
            else:
                if ends:  # a gap is taken for the end of the episode
                    later, ahead = 0.0, last_value
                if paid:  # what the tool was paid goes to the policy
                    ahead += reward[i, t]
                if ticks:  # time passes in the gap
                    later, ahead = gamma * lam * later, gamma * ahead
    return advantage


def turns_end_at_a_gap(reward, value, mask, *, last_value, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, last_value, ends=True)
    return advantage, advantage + value * mask


def turns_read_the_gap(reward, value, mask, *, last_value, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, last_value, paid=True)
    return advantage, advantage + value * mask


def turns_discount_the_gap(reward, value, mask, *, last_value, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, last_value, ticks=True)
    return advantage, advantage + value * mask


def turns_forget_the_bootstrap(reward, value, mask, *, last_value, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, 0.0)
    return advantage, advantage + value * mask


def turns_return_the_advantage(reward, value, mask, *, last_value, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, last_value)
    return advantage, advantage


def turns_share_the_last_row(reward, value, mask, *, last_value, gamma, lam):
    advantage = walk(reward, value, mask, gamma, lam, last_value)
    return advantage - (np.mean(advantage) - advantage[:1].mean()), advantage + value * mask


def masked_sum_of_everything(x, mask):
    return np.sum(x, axis=1)


def masked_sum_is_a_mean(x, mask):
    return np.sum(x * mask, axis=1) / np.sum(mask, axis=1)


def masked_sum_of_sizes(x, mask):
    return np.sum(np.abs(x) * mask, axis=1)


def masked_mean_over_the_width(x, mask):
    return np.mean(x * mask, axis=1)


def masked_mean_of_everything(x, mask):
    return np.mean(x, axis=1)


def masked_mean_of_sizes(x, mask):
    return np.sum(np.abs(x) * mask, axis=1) / np.sum(mask, axis=1)


def micro_batch_own_count(x, mask, *, tokens):
    return np.sum(x * mask) / np.sum(mask)


def micro_batch_mean_of_rows(x, mask, *, tokens):
    return np.mean(np.sum(x * mask, axis=1)) / tokens


def micro_batch_forgets_the_mask(x, mask, *, tokens):
    return np.sum(x) / tokens


def micro_batch_of_sizes(x, mask, *, tokens):
    return np.sum(np.abs(x) * mask) / tokens


def micro_batch_nan_when_empty(x, mask, *, tokens):
    rows = np.sum(x * mask, axis=1) / np.sum(mask, axis=1)
    return np.sum(rows * np.sum(mask, axis=1)) / tokens


def dft_differentiates_the_weight(logp, mask):
    import autograd.numpy as anp  # the weight must be a constant; here it is not

    return -anp.sum(anp.exp(logp) * logp * mask) / np.sum(mask)


def dft_is_cross_entropy(logp, mask):
    return -np.sum(logp * mask) / np.sum(mask)


def dft_of_probabilities(logp, mask):
    return -np.sum(np.exp(logp) * mask) / np.sum(mask)


def dft_over_the_width(logp, mask):
    return -np.mean(np.exp(logp) * logp * mask)


def dft_forgets_the_mask(logp, mask):
    return -np.sum(np.exp(logp) * logp) / np.sum(mask)


def dft_is_a_sum(logp, mask):
    return -np.sum(np.exp(logp) * logp * mask)


def dft_mean_of_rows(logp, mask):
    return -np.mean(np.sum(np.exp(logp) * logp * mask, axis=1) / np.sum(mask, axis=1))


def dft_divides_by_the_weights(logp, mask):
    weight = np.exp(logp) * mask
    return -np.sum(weight * logp) / np.sum(weight)


E = Exhibit
TURNS, MICRO = "gae_over_turns", "micro_batch_mean"
EXHIBITS = [
    E(turns_end_at_a_gap, TURNS, "a gap ends the episode"),
    E(turns_read_the_gap, TURNS, "a reward inside a gap is counted"),
    E(turns_discount_the_gap, TURNS, "time passes in a gap"),
    E(turns_forget_the_bootstrap, TURNS, "the value after a cut end is not read"),
    E(turns_return_the_advantage, TURNS, "returns without the value"),
    E(turns_share_the_last_row, TURNS, "rows mixed"),
    E(masked_sum_of_everything, "masked_sum", "padding is added"),
    E(masked_sum_is_a_mean, "masked_sum", "divided by the count"),
    E(masked_sum_of_sizes, "masked_sum", "absolute values"),
    E(masked_mean_over_the_width, "masked_mean", "divided by the padded width"),
    E(masked_mean_of_everything, "masked_mean", "padding is averaged"),
    E(masked_mean_of_sizes, "masked_mean", "absolute values"),
    E(micro_batch_own_count, MICRO, "a mean of the micro-batch: means of means",
      "transformers gradient accumulation, before October 2024"),
    E(micro_batch_mean_of_rows, MICRO, "divided by the rows too"),
    E(micro_batch_forgets_the_mask, MICRO, "padding is added"),
    E(micro_batch_of_sizes, MICRO, "absolute values"),
    E(micro_batch_nan_when_empty, MICRO, "0/0 for a row without tokens"),
    E(dft_differentiates_the_weight, "dft", "the weight is differentiated"),
    E(dft_is_cross_entropy, "dft", "the weight is missing"),
    E(dft_of_probabilities, "dft", "the probability where its product with the log is meant"),
    E(dft_over_the_width, "dft", "divided by the padded width"),
    E(dft_forgets_the_mask, "dft", "padding is trained"),
    E(dft_is_a_sum, "dft", "a sum over the batch"),
    E(dft_mean_of_rows, "dft", "a mean of row means: 0/0 for a row without tokens"),
    E(dft_divides_by_the_weights, "dft", "divided by the weights: likely tokens count whole again"),
]  # fmt: skip
