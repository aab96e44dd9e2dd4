"""Wrong log-probabilities, returns, shaped rewards and averages over tokens."""

import numpy as np

from tinyalign.laws.museum.exhibit import Exhibit


def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=-1, keepdims=True)


def pick(logp, ids):
    return np.take_along_axis(logp, ids[..., None], axis=-1)[..., 0]


def shifted(logits, ids):
    return pick(log_softmax(logits[:, :-1]), ids[:, 1:])


def completion(ids, prompt_length, length):
    place = np.arange(1, ids.shape[1])
    return (place >= prompt_length[:, None]) & (place < length[:, None])


def token_logp_shifted_logits(logits, ids):
    return pick(log_softmax(logits[:, 1:]), ids[:, 1:])


def token_logp_scores_itself(logits, ids):
    return pick(log_softmax(logits[:, :-1]), ids[:, :-1])


def token_logp_raw_logits(logits, ids):
    return pick(logits[:, :-1], ids[:, 1:])


def token_logp_naive_softmax(logits, ids):
    p = np.exp(logits[:, :-1])
    return np.log(pick(p / np.sum(p, axis=-1, keepdims=True), ids[:, 1:]))


def token_logp_temperature_left_in(logits, ids):
    return shifted(logits / 0.7, ids)


def sequence_unshifted(logits, ids, prompt_length, length):
    logp = pick(log_softmax(logits[:, 1:]), ids[:, 1:])
    return np.sum(logp * completion(ids, prompt_length, length), axis=1)


def sequence_mask_one_late(logits, ids, prompt_length, length):
    return np.sum(shifted(logits, ids) * completion(ids, prompt_length + 1, length), axis=1)


def sequence_mask_of_the_token_before(logits, ids, prompt_length, length):
    return np.sum(shifted(logits, ids) * completion(ids, prompt_length + 1, length + 1), axis=1)


def sequence_ignored_labels_are_token_zero(logits, ids, prompt_length, length):
    counts = completion(ids, prompt_length, length)
    labels = np.concatenate([ids[:, :1], np.where(counts, ids[:, 1:], 0)], axis=1)
    return np.sum(shifted(logits, labels), axis=1)


def sequence_last_token_dropped(logits, ids, prompt_length, length):
    return np.sum(shifted(logits, ids) * completion(ids, prompt_length, length - 1), axis=1)


def sequence_prompt_not_masked(logits, ids, prompt_length, length):
    return np.sum(shifted(logits, ids) * completion(ids, 0 * prompt_length, length), axis=1)


def sequence_mean_for_sum(logits, ids, prompt_length, length):
    mask = completion(ids, prompt_length, length)
    return np.sum(shifted(logits, ids) * mask, axis=1) / np.maximum(np.sum(mask, axis=1), 1)


def sequence_counts_padding(logits, ids, prompt_length, length):
    width = 0 * length + ids.shape[1]
    return np.sum(shifted(logits, ids) * completion(ids, prompt_length, width), axis=1)


def sequence_mask_inverted(logits, ids, prompt_length, length):
    return np.sum(shifted(logits, ids) * ~completion(ids, prompt_length, length), axis=1)


def sequence_one_prompt_length_for_all(logits, ids, prompt_length, length):
    mask = completion(ids, 0 * prompt_length + prompt_length[0], length)
    return np.sum(shifted(logits, ids) * mask, axis=1)


def sequence_pad_id_masks_the_end(logits, ids, prompt_length, length):
    mask = completion(ids, prompt_length, length) & (ids[:, 1:] != 0)  # id 0 is EOS and PAD
    return np.sum(shifted(logits, ids) * mask, axis=1)


def sft_divides_by_everything(logp, mask):
    return -np.sum(logp * mask) / mask.size


def sft_divides_by_rows_too(logp, mask):
    return -np.sum(logp * mask) / np.sum(mask) / len(mask)


def sft_forgets_the_mask(logp, mask):
    return -np.mean(logp)


def sft_mean_of_means(logp, mask):
    return -np.mean(np.sum(logp * mask, axis=1) / np.sum(mask, axis=1))


def sft_sums(logp, mask):
    return -np.sum(logp * mask)


def sft_sign(logp, mask):
    return np.sum(logp * mask) / np.sum(mask)


def token_mean_is_a_sequence_mean(x, mask):
    return np.mean(np.sum(x * mask, axis=1) / np.sum(mask, axis=1))


def token_mean_over_the_width(x, mask):
    return np.sum(x * mask) / mask.size


def token_mean_of_micro_batches(x, mask):
    parts = [np.sum(x[i::2] * mask[i::2]) / np.sum(mask[i::2]) for i in range(min(2, len(x)))]
    return np.mean(parts)


def token_mean_nan_in_padding(x, mask):
    return np.sum(x * mask + 0 * np.log(mask)) / np.sum(mask)


def token_mean_masks_by_product(x, mask):
    return np.sum(x * mask) / np.sum(mask)


def sequence_mean_is_a_token_mean(x, mask):
    return np.sum(x * mask) / np.sum(mask)


def sequence_mean_divides_by_the_width(x, mask):
    return np.mean(np.mean(x * mask, axis=1))


def sequence_mean_empty_row_is_nan(x, mask):
    with np.errstate(all="ignore"):
        return np.mean(np.sum(x * mask, axis=1) / np.sum(mask, axis=1))


def fixed_length_uses_the_padded_width(x, mask, *, length):
    return np.sum(x * mask) / mask.size


def fixed_length_without_rows(x, mask, *, length):
    return np.sum(x * mask) / length


def fixed_length_uses_the_longest(x, mask, *, length):
    return np.sum(x * mask) / (len(x) * np.max(np.sum(mask, axis=1)))


E = Exhibit
LOGP, SUM, SFT = "token_logp", "sequence_logp", "cross_entropy"
EXHIBITS = [
    E(token_logp_shifted_logits, LOGP, "logits and ids both shifted: no shift at all"),
    E(token_logp_scores_itself, LOGP, "the token is scored with the logits that follow it"),
    E(token_logp_raw_logits, LOGP, "raw logits, never normalised"),
    E(token_logp_naive_softmax, LOGP, "softmax without subtracting the maximum: nan"),
    E(token_logp_temperature_left_in, LOGP, "scored at the sampling temperature",
      "note 004 line 147; huggingface/trl #3029; OpenRLHF/OpenRLHF #857"),
    E(sequence_unshifted, SUM, "logits not shifted", "note 004 line 263 (right there by accident)"),
    E(sequence_mask_one_late, SUM, "the mask starts one token late: the first token is dropped",
      "note 004 line 267; volcengine/verl #3287; jingyaogong/minimind #621"),
    E(sequence_mask_of_the_token_before, SUM, "the mask is not shifted: a token counts if the one "
      "before it does"),
    E(sequence_ignored_labels_are_token_zero, SUM, "labels of -100 become token 0, and are scored"),
    E(sequence_last_token_dropped, SUM, "the last token of the answer is dropped",
      "huggingface/trl #2332"),
    E(sequence_prompt_not_masked, SUM, "the prompt is scored too", "OpenRLHF/OpenRLHF #235"),
    E(sequence_mean_for_sum, SUM, "a mean per token where the sum is meant",
      "rasbt/LLMs-from-scratch ch07/04"),
    E(sequence_counts_padding, SUM, "padding is scored", "0xallam DPO #4"),
    E(sequence_mask_inverted, SUM, "the mask is inverted", "QwenAudio/CosyVoice #1449"),
    E(sequence_one_prompt_length_for_all, SUM, "the first row's prompt length serves all rows"),
    E(sequence_pad_id_masks_the_end, SUM, "EOS is masked because it has the id of PAD",
      "huggingface/trl #1623, #3091, #3200"),
    E(sft_divides_by_everything, SFT, "divided by B·T, padding included"),
    E(sft_divides_by_rows_too, SFT, "divided by the rows after the tokens"),
    E(sft_forgets_the_mask, SFT, "the mask is forgotten"),
    E(sft_mean_of_means, SFT, "a mean of per-sequence means", "huggingface/trl #2615"),
    E(sft_sums, SFT, "summed, not averaged"),
    E(sft_sign, SFT, "the minus is missing"),
    E(token_mean_is_a_sequence_mean, "token_mean", "a mean of per-sequence means",
      "huggingface/trl #2615, #2881"),
    E(token_mean_over_the_width, "token_mean", "divided by B·T, padding included"),
    E(token_mean_of_micro_batches, "token_mean", "a token mean per micro-batch, then averaged",
      "huggingface/trl #2615; volcengine/verl #5619; modelscope/ms-swift #10117"),
    E(token_mean_nan_in_padding, "token_mean", "masked by multiplication: 0 · inf is nan",
      "volcengine/verl #782, #2377"),
    E(token_mean_masks_by_product, "token_mean", "NaN in the padding stays NaN: 0 · NaN is NaN",
      "volcengine/verl (its masked_sum replaces them)", conventions={"padding": "nan"}),
    E(sequence_mean_is_a_token_mean, "sequence_mean", "a mean over all tokens",
      "volcengine/verl #931, #1233 (two modes with one code)"),
    E(sequence_mean_divides_by_the_width, "sequence_mean", "divided by the padded width",
      "GanjinZero/RRHF #37, #51"),
    E(sequence_mean_empty_row_is_nan, "sequence_mean", "an empty row divides 0 by 0",
      "huggingface/trl #3398", conventions={"empty_rows": "some"}),
    E(fixed_length_uses_the_padded_width, "fixed_length_mean", "the padded width for the limit",
      "volcengine/verl #3741, PR #5366"),
    E(fixed_length_without_rows, "fixed_length_mean", "not divided by the number of rows",
      "volcengine/verl PR #5366 (seq-mean-token-sum-norm)"),
    E(fixed_length_uses_the_longest, "fixed_length_mean", "the longest completion for the limit"),
]  # fmt: skip
