"""GSPO: one ratio and one number per sequence. x is (logp, old_logp, advantage (N,), mask)."""

import numpy as np

from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law


def minus_advantage_at_old_policy(loss, x, p):
    """at the old policy the value is -A"""
    assert_close(loss(x[1], x[1], x[2], x[3], **p), -x[2])


def padding_changes_nothing(loss, x, p):
    """what stands in the padding changes nothing"""
    logp, old, advantage, mask = x
    # -50 would dominate a mean that forgets the mask
    other = np.where(mask > 0, logp, -50.0)
    assert_close(loss(other, old, advantage, mask, **p), loss(*x, **p))


def repeated_tokens_change_nothing(loss, x, p):
    """every token twice changes nothing: the ratio is a mean per token"""
    logp, old, advantage, mask = x
    logp, old, mask = (np.concatenate([a, a], axis=1) for a in (logp, old, mask))
    assert_close(loss(logp, old, advantage, mask, **p), loss(*x, **p))


def token_order_is_free(loss, x, p):
    """the order of the tokens is free"""
    logp, old, advantage, mask = x
    logp, old, mask = (a[:, ::-1] for a in (logp, old, mask))
    assert_close(loss(logp, old, advantage, mask, **p), loss(*x, **p))


def sequence_ratio(x):
    # (N,): the geometric mean of a row's token ratios
    return np.exp(np.sum((x[0] - x[1]) * x[3], axis=1) / np.sum(x[3], axis=1))


def gspo_formula(loss, x, p):
    """-min(sA, clip(s)A), s = exp of the mean log-ratio"""
    s = sequence_ratio(x)
    # as PPO's, with one ratio for each sequence
    clipped = np.clip(s, 1 - p["clip_low"], 1 + p["clip_high"])
    assert_close(loss(*x, **p), -np.minimum(s * x[2], clipped * x[2]))


def equal_slopes_at_old_policy(loss, x, p):
    """at the old policy every real token has slope -A/|o|"""
    # (N, T): each token has 1/|o| of the mean
    want = -(x[2] / np.sum(x[3], axis=1))[:, None] * x[3]
    assert_slope_close(loss.grad((x[1], x[1], x[2], x[3]), 0, **p), want)


GSPO = example_laws(
    law(minus_advantage_at_old_policy, "GS0"),
    law(padding_changes_nothing, "R11"),
    law(token_order_is_free, "GS2"),
    law(repeated_tokens_change_nothing, "R12"),
    law(equal_slopes_at_old_policy, "GS4"),
    law(gspo_formula, "GS3"),
)
