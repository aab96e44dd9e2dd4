"""Rewards and advantages shaped on the way: KL per token, whitening, a penalty on length."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats
from tinyalign.laws.catalogue.enumeration import SEQUENCE_KL
from tinyalign.laws.catalogue.general import whole_laws
from tinyalign.laws.catalogue.layouts import masked_deviation
from tinyalign.laws.catalogue.returns import rows_are_separate, with_garbage
from tinyalign.laws.harness.law import assert_at_least, assert_at_most, assert_close, law, rounding

# shaped rewards: x is (score (N,), logp, ref_logp, mask)


def shaping_ignores_padding(loss, x, p):
    """what stands in the padding changes nothing, and no reward lands there"""
    score, logp, ref, mask = x
    got = loss(score, with_garbage(logp, mask, -7.0), with_garbage(ref, mask, -9.0), mask, **p)
    assert_close(got * mask, loss(*x, **p) * mask)
    assert_close(loss(*x, **p) * (1 - mask), 0.0)


def score_alone_at_reference(loss, x, p):
    """where policy and reference agree, the last real token gets the score and all others get 0"""
    score, logp, _, mask = x
    # the real token with no real token after it
    last = mask * (np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 1)
    assert_close(loss(score, logp, logp, mask, **p), score[:, None] * last)


def sums_to_score_minus_kl(loss, x, p):
    """a row adds up to its score minus beta times its summed log-ratio"""
    score, logp, ref, mask = x
    # (N,): log-ratio of whole completions
    drift = np.sum((logp - ref) * mask, axis=1)
    assert_close(np.sum(loss(*x, **p), axis=1), score - p["beta"] * drift)


def each_token_pays_its_log_ratio(loss, x, p):
    """without a score every real token gets -beta · (logp - ref)"""
    score, logp, ref, mask = x
    # what stands in the padding is another law's
    got = loss(0 * score, logp, ref, mask, **p) * mask
    assert_close(got, -p["beta"] * (logp - ref) * mask)


SHAPED = whole_laws(
    law(rows_are_separate, "R5"),
    law(shaping_ignores_padding, "R11"),
    law(score_alone_at_reference, "G5b"),
    law(sums_to_score_minus_kl, "G5"),
    SEQUENCE_KL,
    law(each_token_pays_its_log_ratio, "G5c"),
)

# whitening: x is (values, mask)


def masked_moments(x, mask, ddof=1):
    # one mean and one variance over all real tokens
    mean, deviation = masked_deviation(x, mask, ddof)
    return mean, deviation**2


def whiten_ignores_padding(loss, x, p):
    """what stands in the padding changes nothing; padded places come out 0"""
    values, mask = x
    # a million in the padding would dominate both moments
    assert_close(
        loss(with_garbage(values, mask, 1e6), mask, **p),
        loss(with_garbage(values, mask, 0.0), mask, **p),
    )
    assert_close(loss(*x, **p) * (1 - mask), 0.0)


def mean_is_zero(loss, x, p):
    """the mean over the mask is 0"""
    got = loss(*x, **p | {"shift_mean": True})
    # multiplied out: a deviation near 0 would magnify what an epsilon in a count moves
    variance = masked_moments(*x, p["ddof"])[1] if np.sum(x[1]) > 1 else 1.0
    total = np.sum(got * x[1]) * np.sqrt(variance + p["eps"])
    assert_close(total, 0.0, tolerance=rounding(1e-6, 2e-2))


def shift_and_scale_cancel(loss, x, p, c):
    """other units and another zero of the values change nothing"""
    values, mask = x
    spread = masked_moments(values, mask)[1]
    # a small epsilon must not show
    if spread > 1e-2:
        p = p | {"shift_mean": True}
        assert_close(
            loss(50.0 * values + c, mask, **p), loss(50.0 * values, mask, **p), tolerance=1e-4
        )


def shift_mean_off_adds_the_mean_back(loss, x, p):
    """shift_mean=False differs only by adding the mean back"""
    mean = masked_moments(*x)[0]
    shifted = loss(*x, **p | {"shift_mean": True})
    got = loss(*x, **p | {"shift_mean": False})
    assert_close(got, (shifted + mean) * x[1], tolerance=rounding(1e-6, 1e-2))


def whiten_formula(loss, x, p):
    """(x - mean)/√(variance + eps) over the mask, the variance with the declared ddof"""
    mean, variance = masked_moments(*x, p["ddof"])
    got = loss(*x, **p | {"shift_mean": True})
    deviation = np.sqrt(variance + p["eps"])
    # multiplied out where it is small: dividing by it would magnify rounding
    unit = 1.0 if deviation > 1e-2 else deviation
    want = (x[0] - mean) * x[1] / deviation
    assert_close(got * unit, want * unit, tolerance=rounding(1e-7, 1e-2))


WHITEN = whole_laws(
    law(whiten_ignores_padding, "PP7b"),
    law(mean_is_zero, "PP7a"),
    law(shift_and_scale_cancel, "PP7d", c=floats(-20.0, 20.0)),
    law(shift_mean_off_adds_the_mean_back, "PP7c"),
    law(whiten_formula, "PP7"),
)

# overlong penalty: x is (lengths (N,),)


def free_when_short_full_when_long(loss, x, p):
    """nothing up to max_length - buffer, -1 from max_length on"""
    knee = p["max_length"] - p["buffer"]
    # at both corners, just past the second, and far past it
    lengths = np.array([0.0, knee, p["max_length"], p["max_length"] + 1, 10 * p["max_length"]])
    assert_close(loss(lengths, **p), [0.0, 0.0, -1.0, -1.0, -1.0])


def penalty_grows_with_length(loss, x, p):
    """never above 0, never below -1, and it falls with length"""
    here, longer = loss(*x, **p), loss(x[0] + 1.0, **p)
    assert_at_most(here, 0.0)
    assert_at_least(here, -1.0)
    assert_at_most(longer, here)


def straight_line_in_between(loss, x, p):
    """in between it falls in a straight line"""
    inside = p["max_length"] - p["buffer"] * np.array([0.9, 0.6, 0.4, 0.1])  # few draws fall here
    lengths = np.concatenate([x[0], inside])
    along = (p["max_length"] - p["buffer"] - lengths) / p["buffer"]
    assert_close(loss(lengths, **p), np.clip(along, -1.0, 0.0))


OVERLONG = whole_laws(
    law(penalty_grows_with_length, "R14b"),
    law(free_when_short_full_when_long, "R14"),
    law(straight_line_in_between, "R14c"),
)
