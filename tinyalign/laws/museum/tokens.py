"""Wrong surrogates, value losses, entropies."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def reinforce_sign(logp, advantage):
    return advantage * logp


def reinforce_advantage_of_the_batch(logp, advantage):
    return -np.mean(advantage) * logp


def reinforce_probability(logp, advantage):
    return -advantage * np.exp(logp)


def note_004_item(logp, advantage):
    from autograd.tracer import getval  # loss.item(): the number without its gradient

    return -advantage * getval(logp)


def note_004_train_step_ratio(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp / 4 - old)  # a mean per token against a sum over the response
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.minimum(ratio * advantage, clipped * advantage)


def ppo_max(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    return -np.maximum(ratio * advantage, np.clip(ratio, 1 - clip_low, 1 + clip_high) * advantage)


def ppo_forgets_the_mask(logp, old, advantage, mask, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.sum(np.minimum(ratio * advantage, clipped * advantage)) / np.sum(mask)


def ppo_counts_the_padding(logp, old, advantage, mask, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.mean(np.minimum(ratio * advantage, clipped * advantage) * mask)


def ppo_max_where_bad(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    one = ratio * advantage
    two = np.clip(ratio, 1 - clip_low, 1 + clip_high) * advantage
    return -np.where(advantage < 0, np.maximum(one, two), np.minimum(one, two))


def ppo_without_clip(logp, old, advantage, *, clip_low, clip_high):
    return -np.exp(logp - old) * advantage


def ppo_only_the_clipped_term(logp, old, advantage, *, clip_low, clip_high):
    return -np.clip(np.exp(logp - old), 1 - clip_low, 1 + clip_high) * advantage


def ppo_clips_without_the_advantage(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    return -np.minimum(ratio * advantage, np.clip(ratio, 1 - clip_low, 1 + clip_high))


def ppo_linear_ratio(logp, old, advantage, *, clip_low, clip_high):
    ratio = 1 + logp - old
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.minimum(ratio * advantage, clipped * advantage)


def ppo_advantage_rescaled_between(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    one = ratio * advantage
    advantage = advantage / 2  # normalised between the two terms
    return -np.minimum(one, np.clip(ratio, 1 - clip_low, 1 + clip_high) * advantage)


def ppo_ratio_inverted(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(old - logp)
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.minimum(ratio * advantage, clipped * advantage)


def ppo_old_is_current(logp, old, advantage, *, clip_low, clip_high):
    return -advantage * np.ones_like(logp)  # ratio = exp(logp - logp), a constant


def ppo_clips_the_log_ratio(logp, old, advantage, *, clip_low, clip_high):
    log_ratio = logp - old
    clipped = np.exp(np.clip(log_ratio, -clip_low, clip_high))
    return -np.minimum(np.exp(log_ratio) * advantage, clipped * advantage)


def ppo_clips_swapped(logp, old, advantage, *, clip_low, clip_high):
    ratio = np.exp(logp - old)
    clipped = np.clip(ratio, 1 - clip_high, 1 + clip_low)
    return -np.minimum(ratio * advantage, clipped * advantage)


def cispo_caps_at_clip_high(logp, old, advantage, *, clip_high):
    return -np.minimum(np.exp(logp - old), clip_high) * advantage * logp


def cispo_drops_tokens(logp, old, advantage, *, clip_high):
    ratio = np.exp(logp - old)
    return -np.where(ratio <= 1 + clip_high, ratio, 0) * advantage * logp


def cispo_without_cap(logp, old, advantage, *, clip_high):
    return -np.exp(logp - old) * advantage * logp


def cispo_differentiates_the_weight(logp, old, advantage, *, clip_high):
    import autograd.numpy as anp  # the weight must be a constant; here it is not

    return -anp.minimum(anp.exp(logp - old), 1 + clip_high) * advantage * logp


def gspo_sums_the_log_ratio(logp, old, advantage, mask, *, clip_low, clip_high):
    s = np.exp(np.sum((logp - old) * mask, axis=1))
    return -np.minimum(s * advantage, np.clip(s, 1 - clip_low, 1 + clip_high) * advantage)


def gspo_divides_by_the_width(logp, old, advantage, mask, *, clip_low, clip_high):
    s = np.exp(np.mean((logp - old) * mask, axis=1))
    return -np.minimum(s * advantage, np.clip(s, 1 - clip_low, 1 + clip_high) * advantage)


def gspo_forgets_the_mask(logp, old, advantage, mask, *, clip_low, clip_high):
    s = np.exp(np.sum(logp - old, axis=1) / np.sum(mask, axis=1))
    return -np.minimum(s * advantage, np.clip(s, 1 - clip_low, 1 + clip_high) * advantage)


def gspo_mean_of_ratios(logp, old, advantage, mask, *, clip_low, clip_high):
    s = np.sum(np.exp(logp - old) * mask, axis=1) / np.sum(mask, axis=1)
    return -np.minimum(s * advantage, np.clip(s, 1 - clip_low, 1 + clip_high) * advantage)


def gspo_not_clipped(logp, old, advantage, mask, *, clip_low, clip_high):
    return -np.exp(np.sum((logp - old) * mask, axis=1) / np.sum(mask, axis=1)) * advantage


def value_clip_uses_min(value, old, returns, *, clip):
    held = old + np.clip(value - old, -clip, clip)
    return 0.5 * np.minimum((value - returns) ** 2, (held - returns) ** 2)


def value_without_half(value, old, returns, *, clip):
    held = old + np.clip(value - old, -clip, clip)
    return np.maximum((value - returns) ** 2, (held - returns) ** 2)


def value_clip_forgets_old(value, old, returns, *, clip):
    held = np.clip(value - old, -clip, clip)
    return 0.5 * np.maximum((value - returns) ** 2, (held - returns) ** 2)


def value_without_clip(value, old, returns, *, clip):
    return 0.5 * (value - returns) ** 2


def entropy_sign(logits):
    p = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    p = p / np.sum(p, axis=-1, keepdims=True)
    return np.sum(p * np.log(p + 1e-300), axis=-1)


def entropy_of_logits(logits):
    return -np.sum(logits * np.exp(np.minimum(logits, 500)), axis=-1)


def entropy_in_bits(logits):
    p = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    p = p / np.sum(p, axis=-1, keepdims=True)
    return -np.sum(p * np.log2(p + 1e-300), axis=-1)


def entropy_divided_by_the_vocabulary(logits):
    p = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    p = p / np.sum(p, axis=-1, keepdims=True)
    return -np.mean(p * np.log(p + 1e-300), axis=-1)


E = Exhibit
EXHIBITS = [
    E(reinforce_sign, "reinforce", "the minus is missing: it unlearns"),
    E(reinforce_advantage_of_the_batch, "reinforce", "one advantage for the whole batch"),
    E(reinforce_probability, "reinforce", "the probability where its logarithm is meant"),
    E(note_004_item, "reinforce", ".item() cuts the gradient", "note 004 line 329"),
    E(note_004_train_step_ratio, "clipped_surrogate", "a mean log-prob over a summed one",
      "note 004 line 329"),
    E(ppo_max, "clipped_surrogate", "max instead of min: optimistic"),
    E(ppo_forgets_the_mask, "clipped_surrogate", "padding is added up too",
      conventions={"reduction": "mean"}),
    E(ppo_counts_the_padding, "clipped_surrogate", "padding counts in the denominator of the mean",
      conventions={"reduction": "mean"}),
    E(ppo_max_where_bad, "clipped_surrogate", "max instead of min where the advantage is negative",
      "rasbt/reasoning-from-scratch ch07"),
    E(ppo_without_clip, "clipped_surrogate", "no clip"),
    E(ppo_only_the_clipped_term, "clipped_surrogate",
      "only the clipped term: bad tokens never return"),
    E(ppo_clips_without_the_advantage, "clipped_surrogate",
      "the clipped branch forgets the advantage"),
    E(ppo_linear_ratio, "clipped_surrogate", "1 + Δlogp in place of exp(Δlogp)"),
    E(ppo_advantage_rescaled_between, "clipped_surrogate",
      "advantage rescaled between the two terms",
      "pytorch/rl #1033"),
    E(ppo_ratio_inverted, "clipped_surrogate", "old over new"),
    E(ppo_old_is_current, "clipped_surrogate", "old log-probs are the current ones, as a constant",
      "huggingface/trl #2703"),
    E(ppo_clips_the_log_ratio, "clipped_surrogate", "the log-ratio is clipped, not the ratio"),
    E(ppo_clips_swapped, "clipped_surrogate", "clip_low and clip_high swapped"),
    E(cispo_caps_at_clip_high, "truncated_importance", "capped at clip_high, not 1 + clip_high",
      "NovaSky-AI/SkyRL #1928"),
    E(cispo_drops_tokens, "truncated_importance", "tokens past the cap are dropped, as PPO does"),
    E(cispo_without_cap, "truncated_importance", "no cap"),
    E(cispo_differentiates_the_weight, "truncated_importance", "the weight is differentiated"),
    E(gspo_sums_the_log_ratio, "sequence_clipped_surrogate", "the log-ratio summed, not averaged"),
    E(gspo_divides_by_the_width, "sequence_clipped_surrogate", "divided by the padded width"),
    E(gspo_forgets_the_mask, "sequence_clipped_surrogate", "padding enters the ratio"),
    E(gspo_mean_of_ratios, "sequence_clipped_surrogate", "arithmetic mean of the token ratios"),
    E(gspo_not_clipped, "sequence_clipped_surrogate", "no clip"),
    E(value_clip_uses_min, "value_loss", "min instead of max: optimistic"),
    E(value_without_half, "value_loss", "the ½ is missing", "volcengine/verl #2016"),
    E(value_clip_forgets_old, "value_loss", "the old value is not added back after the clip",
      "labmlai/annotated_deep_learning_paper_implementations ppo (the printed formula)"),
    E(value_without_clip, "value_loss", "no clip"),
    E(entropy_sign, "entropy", "minus the entropy"),
    E(entropy_of_logits, "entropy", "logits used as log-probabilities"),
    E(entropy_in_bits, "entropy", "log2: bits, not nats"),
    E(entropy_divided_by_the_vocabulary, "entropy", "averaged over the vocabulary",
      "McGill-NLP/nano-aha-moment script (divided twice)"),
]  # fmt: skip
