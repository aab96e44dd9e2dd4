"""Log-probabilities of tokens and of completions. logits[t] predicts ids[t + 1]."""

from itertools import product

import numpy as np

from tinyalign.laws.domain import log_softmax
from tinyalign.laws.general import example_laws
from tinyalign.laws.law import law, same, same_slope

# token_logp: x is (logits (B, T, V), ids (B, T)); the answer is (B, T-1)


def delta_logits_are_certain(loss, x, p):
    """logits that point at the next token give log-prob 0"""
    logits, ids = x
    certain = 0 * logits
    rows, times = np.indices((len(ids), ids.shape[1] - 1))
    certain[rows, times, ids[:, 1:]] = 1000.0
    same(loss(certain, ids, **p), 0.0)


def last_logits_are_unused(loss, x, p):
    """the logits after the last token predict nothing here"""
    logits, ids = x
    moved = logits.copy()
    moved[:, -1] += np.arange(logits.shape[2])
    same(loss(moved, ids, **p), loss(*x, **p))


def logit_level_is_free(loss, x, p):
    """adding a constant to all logits of a place changes nothing"""
    logits, ids = x
    same(loss(logits + 1000.0, ids, **p), loss(*x, **p))


def uniform_costs_log_v(loss, x, p):
    """equal logits: -log V per token"""
    logits, ids = x
    same(loss(0 * logits, ids, **p), -np.log(logits.shape[2]))


def outcomes_sum_to_one(loss, x, p):
    """at each place the probabilities of all V next tokens add to 1"""
    logits, ids = x
    total = 0.0
    for v in range(logits.shape[2]):
        total = total + np.exp(loss(logits, np.full_like(ids, v), **p))
    same(total, 1.0)


def log_ratio_is_logit_gap(loss, x, p):
    """two tokens' log-probs differ by the difference of their logits: temperature 1"""
    logits, ids = x
    zero, one = (loss(logits, np.full_like(ids, v), **p) for v in (0, 1))
    same(one - zero, logits[:, :-1, 1] - logits[:, :-1, 0])


TOKEN_LOGP = example_laws(
    law("S1", uniform_costs_log_v),
    law("P1", logit_level_is_free),
    law("P3b", last_logits_are_unused),
    law("P3", delta_logits_are_certain),
    law("P1b", outcomes_sum_to_one),
    law("C.X4", log_ratio_is_logit_gap),
)

# sequence_logp: x is (logits, ids, prompt_length (B,), length (B,)); the answer is (B,)


def expected(x):
    logits, ids, prompt, length = x
    logp = np.take_along_axis(log_softmax(logits[:, :-1]), ids[:, 1:, None], 2)[..., 0]
    place = np.arange(1, ids.shape[1])
    return logp * ((place >= prompt[:, None]) & (place < length[:, None]))


def sequence_uniform(loss, x, p):
    """equal logits: -log V for each completion token"""
    logits, ids, prompt, length = x
    want = -(length - prompt) * np.log(logits.shape[2])
    same(loss(0 * logits, ids, prompt, length, **p), want)


def completions_sum_to_one(loss, x, p):
    """over all completions of one length the probabilities add to 1"""
    table = x[0][0, 0][:2]  # a two-token language: the next logits depend on the current token
    table = np.stack([table, table[::-1] * 0.5 + 1.0])
    ids = np.array([[0, 1, *tail] for tail in product(range(2), repeat=2)])
    count = np.full(len(ids), 2)
    same(np.sum(np.exp(loss(table[ids], ids, count, count + 2, **p))), 1.0)


def chain_rule(loss, x, p):
    """log p(y1 y2) = log p(y1) + log p(y2 after y1)"""
    logits, ids, prompt, length = x
    middle = (prompt + length) // 2
    if np.all((middle > prompt) & (middle < length)):
        first, second = (
            loss(logits, ids, prompt, middle, **p),
            loss(logits, ids, middle, length, **p),
        )
        same(loss(*x, **p), first + second)


def padding_is_nothing(loss, x, p):
    """what stands after the last real token changes nothing, nor does a wider batch"""
    logits, ids, prompt, length = x
    pad = np.arange(ids.shape[1]) >= length[:, None]
    other_ids = np.where(pad, 0, ids)
    other_logits = np.where(pad[:, :, None], np.arange(logits.shape[2]) * 3.0, logits)
    same(loss(other_logits, other_ids, prompt, length, **p), loss(*x, **p))
    wide_logits = np.concatenate([logits, logits[:, :1]], axis=1)
    wide_ids = np.concatenate([ids, ids[:, :1]], axis=1)
    same(loss(wide_logits, wide_ids, prompt, length, **p), loss(*x, **p))


def prompt_is_given(loss, x, p):
    """the logits that predict prompt tokens change nothing"""
    logits, ids, prompt, length = x
    inside = np.arange(ids.shape[1]) < prompt[:, None] - 1
    moved = logits + inside[:, :, None] * np.arange(logits.shape[2]) * 2.0
    same(loss(moved, ids, prompt, length, **p), loss(*x, **p))


def every_completion_token_counts(loss, x, p):
    """each completion token, the last (EOS) included, has slope 1 - its probability in its logit"""
    logits, ids, prompt, length = x
    place = np.arange(ids.shape[1] - 1)
    scored = (place + 1 >= prompt[:, None]) & (place + 1 < length[:, None])
    chance = np.exp(log_softmax(logits[:, :-1]))
    want = np.zeros_like(logits)
    want[:, :-1] = (np.eye(logits.shape[2])[ids[:, 1:]] - chance) * scored[:, :, None]
    same_slope(loss.slope(x, 0, **p), want)


def sum_of_scored_tokens(loss, x, p):
    """the sum over completion tokens of log softmax(logits[t])[ids[t + 1]]"""
    same(loss(*x, **p), np.sum(expected(x), axis=1))


SEQUENCE_LOGP = example_laws(
    law("S1", sequence_uniform),
    law("C.S4", padding_is_nothing),
    law("C.S3b", prompt_is_given),
    law("C.S2", chain_rule),
    law("C.S1", completions_sum_to_one),
    law("P3", sum_of_scored_tokens),
    law("C.S3", every_completion_token_counts),
)
