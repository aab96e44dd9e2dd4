"""Log-probabilities of tokens and of completions. logits[t] predicts ids[t + 1]."""

from itertools import product

import numpy as np

from tinyalign.laws.catalogue.domain import log_softmax
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law

# token_logp: x is (logits (B, T, V), ids (B, T)); the answer is (B, T-1)


def pointing_logits_are_certain(loss, x, p):
    """logits that point at the next token give log-prob 0"""
    logits, ids = x
    certain = 0 * logits
    rows, times = np.indices((len(ids), ids.shape[1] - 1))
    # exp(1000) overflows where the maximum is not subtracted first
    certain[rows, times, ids[:, 1:]] = 1000.0
    assert_close(loss(certain, ids, **p), 0.0)


def last_logits_are_unused(loss, x, p):
    """the logits after the last token predict nothing here"""
    logits, ids = x
    moved = logits.copy()
    # uneven, since the softmax would cancel a constant
    moved[:, -1] += np.arange(logits.shape[2])
    assert_close(loss(moved, ids, **p), loss(*x, **p))


def logit_shift_cancels(loss, x, p):
    """adding a constant to all logits of a position changes nothing"""
    logits, ids = x
    assert_close(loss(logits + 1000.0, ids, **p), loss(*x, **p))


def uniform_costs_log_v(loss, x, p):
    """equal logits: -log V per token"""
    logits, ids = x
    assert_close(loss(0 * logits, ids, **p), -np.log(logits.shape[2]))


def next_tokens_sum_to_one(loss, x, p):
    """at each position the probabilities of all V next tokens add to 1"""
    logits, ids = x
    total = 0.0
    # one call for each token of the vocabulary, at all positions together
    for v in range(logits.shape[2]):
        total = total + np.exp(loss(logits, np.full_like(ids, v), **p))
    assert_close(total, 1.0)


def log_ratio_is_logit_gap(loss, x, p):
    """two tokens' log-probs differ by the difference of their logits: temperature 1"""
    logits, ids = x
    # the normaliser cancels in the difference
    zero, one = (loss(logits, np.full_like(ids, v), **p) for v in (0, 1))
    assert_close(one - zero, logits[:, :-1, 1] - logits[:, :-1, 0])


TOKEN_LOGP = example_laws(
    law(uniform_costs_log_v, "S1"),
    law(logit_shift_cancels, "P1"),
    law(last_logits_are_unused, "P3b"),
    law(pointing_logits_are_certain, "P3"),
    law(next_tokens_sum_to_one, "P1b"),
    law(log_ratio_is_logit_gap, "C.X4"),
)

# sequence_logp: x is (logits, ids, prompt_length (B,), length (B,)); the answer is (B,)


def scored_logp(x):
    logits, ids, prompt, length = x
    # (B, T-1): logits[t] score ids[t + 1]
    logp = np.take_along_axis(log_softmax(logits[:, :-1]), ids[:, 1:, None], 2)[..., 0]
    position = np.arange(1, ids.shape[1])
    return logp * ((position >= prompt[:, None]) & (position < length[:, None]))


def uniform_costs_log_v_per_token(loss, x, p):
    """equal logits: -log V for each completion token"""
    logits, ids, prompt, length = x
    want = -(length - prompt) * np.log(logits.shape[2])
    assert_close(loss(0 * logits, ids, prompt, length, **p), want)


def completions_sum_to_one(loss, x, p):
    """over all completions of one length the probabilities add to 1"""
    table = x[0][0, 0][:2]  # a two-token language: the next logits depend on the current token
    table = np.stack([table, table[::-1] * 0.5 + 1.0])
    # one prompt of two tokens and all four completions of two
    ids = np.array([[0, 1, *tail] for tail in product(range(2), repeat=2)])
    count = np.full(len(ids), 2)
    assert_close(np.sum(np.exp(loss(table[ids], ids, count, count + 2, **p))), 1.0)


def chain_rule(loss, x, p):
    """log p(y1 y2) = log p(y1) + log p(y2 after y1)"""
    logits, ids, prompt, length = x
    middle = (prompt + length) // 2
    # only where every row has a token on either side of the cut
    if np.all((middle > prompt) & (middle < length)):
        first, second = (
            loss(logits, ids, prompt, middle, **p),
            loss(logits, ids, middle, length, **p),
        )
        assert_close(loss(*x, **p), first + second)


def padding_changes_nothing(loss, x, p):
    """what stands after the last real token changes nothing, nor does a wider batch"""
    logits, ids, prompt, length = x
    pad = np.arange(ids.shape[1]) >= length[:, None]
    # another id and other logits after the end
    other_ids = np.where(pad, 0, ids)
    other_logits = np.where(pad[:, :, None], np.arange(logits.shape[2]) * 3.0, logits)
    assert_close(loss(other_logits, other_ids, prompt, length, **p), loss(*x, **p))
    # one more column, as a longer neighbour in the batch brings
    wide_logits = np.concatenate([logits, logits[:, :1]], axis=1)
    wide_ids = np.concatenate([ids, ids[:, :1]], axis=1)
    assert_close(loss(wide_logits, wide_ids, prompt, length, **p), loss(*x, **p))


def prompt_logits_are_unused(loss, x, p):
    """the logits that predict prompt tokens change nothing"""
    logits, ids, prompt, length = x
    # the logits at prompt_length - 1 predict the first completion token
    inside = np.arange(ids.shape[1]) < prompt[:, None] - 1
    moved = logits + inside[:, :, None] * np.arange(logits.shape[2]) * 2.0
    assert_close(loss(moved, ids, prompt, length, **p), loss(*x, **p))


def every_completion_token_counts(loss, x, p):
    """each completion token, the last (EOS) included, has slope 1 - its probability in its logit"""
    logits, ids, prompt, length = x
    position = np.arange(ids.shape[1] - 1)
    scored = (position + 1 >= prompt[:, None]) & (position + 1 < length[:, None])
    chance = np.exp(log_softmax(logits[:, :-1]))
    want = np.zeros_like(logits)
    # softmax's slope in its logits, one-hot minus probability
    want[:, :-1] = (np.eye(logits.shape[2])[ids[:, 1:]] - chance) * scored[:, :, None]
    assert_slope_close(loss.grad(x, 0, **p), want)


def sum_of_scored_tokens(loss, x, p):
    """the sum over completion tokens of log softmax(logits[t])[ids[t + 1]]"""
    assert_close(loss(*x, **p), np.sum(scored_logp(x), axis=1))


SEQUENCE_LOGP = example_laws(
    law(uniform_costs_log_v_per_token, "S1"),
    law(padding_changes_nothing, "C.S4"),
    law(prompt_logits_are_unused, "C.S3b"),
    law(chain_rule, "C.S2"),
    law(completions_sum_to_one, "C.S1"),
    law(sum_of_scored_tokens, "P3"),
    law(every_completion_token_counts, "C.S3"),
)
