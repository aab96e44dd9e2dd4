"""Sums and means along the tokens of a row, parts of a token mean, and DFT's weighted mean.

x is (values (N, T), mask (N, T)).
"""

import numpy as np

from tinyalign.laws.catalogue.aggregate import (
    EMPTY,
    LINEAR,
    PADDING,
    TWICE,
    WIDER,
    constant_comes_out,
)
from tinyalign.laws.catalogue.domain import floats
from tinyalign.laws.catalogue.general import autodiff_slope, example_laws, whole_laws
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law
from tinyalign.laws.harness.spec import rows


def row_weights_are(formula):
    """The weight of each token in the answer for its row."""

    def check(loss, x, p):
        want = formula(x[1])
        assert_slope_close(loss.grad(x, 0, **p), want)
        assert_close(loss(*x, **p), np.sum(x[0] * want, axis=1))

    return check


def ones_give_the_count(loss, x, p):
    """ones add up to the number of tokens"""
    assert_close(loss(np.ones_like(x[0]), x[1], **p), np.sum(x[1], axis=1))


SUM = example_laws(
    law(ones_give_the_count, "MS1"),
    PADDING,
    WIDER,
    LINEAR,
    law(row_weights_are(lambda mask: mask), "MS2", "token_weights", "every token weighs 1"),
)
MEAN = example_laws(
    law(
        constant_comes_out(1.0), "S1", "constant_comes_out", "a constant comes out as itself",
        scale=floats(-4.0, 4.0),
    ),
    PADDING,
    WIDER,
    LINEAR,
    law(
        row_weights_are(lambda mask: mask / np.sum(mask, axis=1, keepdims=True)),
        "MM2", "token_weights", "a token weighs 1/|o| in the mean of its row",
    ),
)  # fmt: skip


def parts_add_up(loss, x, p):
    """the parts of all micro-batches, one row each, add up to the answer for the whole batch"""
    assert_close(np.sum([loss(*row, **p) for row in rows(x)]), loss(*x, **p))


def whole_batch_is_the_token_mean(loss, x, p):
    """with the batch's own count it is the token mean"""
    count = np.sum(x[1])
    assert_close(loss(*x, **p | {"tokens": count}), np.sum(x[0] * x[1]) / count)


def sum_over_all_tokens(loss, x, p):
    """Σ mask · x / tokens, however many of them are in this micro-batch"""
    assert_close(loss(*x, **p), np.sum(x[0] * x[1]) / p["tokens"])


MICRO = whole_laws(
    law(whole_batch_is_the_token_mean, "MB1"),
    PADDING,
    WIDER,
    EMPTY,
    LINEAR,
    law(parts_add_up, "MB2"),
    law(sum_over_all_tokens, "MB3"),
)

# DFT: the values are log-probabilities


def padding_is_not_weighted(loss, x, p):
    """what stands in the padding changes nothing, nor do more columns of it"""
    logp, mask = x
    # below 0, as log-probabilities are: e to a garbage of 1000 is no number
    assert_close(loss(np.where(mask > 0, logp, -1.0), mask, **p), loss(*x, **p))
    more = np.zeros((len(mask), 3))
    wide = np.concatenate([logp, more - 1.0], axis=1), np.concatenate([mask, more], axis=1)
    assert_close(loss(*wide, **p), loss(*x, **p))


def certain_tokens_cost_nothing(loss, x, p):
    """tokens of probability 1 cost 0"""
    assert_close(loss(np.zeros_like(x[0]), x[1], **p), 0.0)


def weighted_by_their_probability(loss, x, p):
    """-Σ mask · e^logp · logp / Σ mask"""
    want = -np.sum(np.exp(x[0]) * x[0] * x[1]) / np.sum(x[1])
    assert_close(loss(*x, **p), want)


def slope_is_minus_the_probability(loss, x, p):
    """by autodiff a token's slope is -e^logp/Σ|o|: the weight is a constant"""
    # central differences would move the weight too: only autodiff can tell
    want = -np.exp(x[0]) * x[1] / np.sum(x[1])
    assert_slope_close(autodiff_slope(loss, x, 0, p), want)


DFT = whole_laws(
    law(certain_tokens_cost_nothing, "DF1"),
    law(padding_is_not_weighted, "S2"),
    EMPTY,
    TWICE,
    law(slope_is_minus_the_probability, "DF2"),
    law(weighted_by_their_probability, "DF3"),
)
