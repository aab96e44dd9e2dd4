"""What is averaged by what. x is (values (N, T), mask (N, T)); the answer is one number."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats
from tinyalign.laws.catalogue.general import whole_laws
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law
from tinyalign.laws.harness.spec import rows
from tinyalign.laws.outcomes import Broken


def padding_changes_nothing(loss, x, p):
    """what stands in the padding changes nothing"""
    values, mask = x
    assert_close(loss(np.where(mask > 0, values, 99.0), mask, **p), loss(*x, **p))


def wider_padding_changes_nothing(loss, x, p):
    """three more columns of padding change nothing"""
    values, mask = x
    # (N, 3) for both arrays
    more = np.zeros((len(mask), 3))
    wide = (np.concatenate([values, more + 1e3], axis=1), np.concatenate([mask, more], axis=1))
    assert_close(loss(*wide, **p), loss(*x, **p))


def no_nan_from_an_empty_row(loss, x, p):
    """a row without tokens gives an error or a number, never NaN"""
    values, mask = x
    extra = np.concatenate([values, values[:1]]), np.concatenate([mask, 0 * mask[:1]])
    # an error is an answer too: only a silent NaN is not
    try:
        finite = np.all(np.isfinite(loss(*extra, **p)))
    except Broken as reason:
        finite = "raises" in str(reason)
    if not finite:
        raise Broken("gives nan for a row without tokens")


def linear_in_the_values(loss, x, p, scale):
    """values times s give s times the answer"""
    assert_close(loss(scale * x[0], x[1], **p), scale * loss(*x, **p))


def constant_comes_out(sign):
    def check(loss, x, p, scale):
        assert_close(loss(np.full_like(x[0], scale), x[1], **p), sign * scale)

    return check


def weights_are(formula, sign=1.0):
    """The weight of each token: the slope of the answer in its value."""

    def check(loss, x, p):
        want = sign * formula(x[1], **p)
        # the answer is linear in the values, so its slope is the weights (N, T)
        assert_slope_close(loss.grad(x, 0, **p), want)
        assert_close(loss(*x, **p), np.sum(x[0] * want))

    return check


def token_weight(mask):
    return mask / np.sum(mask)


def sequence_weight(mask):
    # a mean in each row, then a mean over rows
    return mask / np.sum(mask, axis=1, keepdims=True) / len(mask)


def fixed_weight(mask, *, length):
    # padding counts in the denominator: N · length, whatever the mask
    return mask / (len(mask) * length)


def repeated_batch_changes_nothing(loss, x, p):
    """the same batch twice gives the same answer"""
    twice = (np.concatenate([a, a]) for a in x)
    assert_close(loss(*twice, **p), loss(*x, **p))


def splitting_a_sequence_changes_nothing(loss, x, p):
    """one sequence cut into two rows gives the same answer: only tokens count"""
    values, mask = x
    # the first token in one row, the others in another
    cut = np.arange(mask.shape[1]) < 1
    twice, parts = np.concatenate([values, values]), np.concatenate([mask * cut, mask * ~cut])
    kept = np.sum(parts, axis=1) > 0  # a row that was one token long leaves nothing over
    assert_close(loss(twice[kept], parts[kept], **p), loss(*x, **p))


def micro_batches_average(loss, x, p):
    """the mean over micro-batches of one row each is the answer for the whole batch"""
    # as gradient accumulation does, one row at a time
    parts = [loss(*row, **p) for row in rows(x)]
    assert_close(loss(*x, **p), np.mean(parts))


def micro_batches_combine_by_tokens(loss, x, p):
    """micro-batches combine by their token counts, not by a plain mean"""
    # a micro-batch without tokens has no mean
    counts = [np.sum(row[1]) for row in rows(x) if np.any(row[1])]
    parts = [loss(*row, **p) for row in rows(x) if np.any(row[1])]
    assert_close(loss(*x, **p), np.dot(parts, counts) / np.sum(counts))


def constant_counts_by_tokens(loss, x, p, scale):
    """a constant c gives c · tokens / (rows · length)"""
    # a fixed length divides, so short rows pull the constant towards 0
    want = scale * np.sum(x[1]) / (len(x[1]) * p["length"])
    assert_close(loss(np.full_like(x[0], scale), x[1], **p), want)


PADDING, WIDER = law(padding_changes_nothing, "S2"), law(wider_padding_changes_nothing, "R11")
EMPTY, TWICE = law(no_nan_from_an_empty_row, "C.L3"), law(repeated_batch_changes_nothing, "C.D4")
# scales below 0 too: a mean of absolute values is not linear
LINEAR = law(linear_in_the_values, "L-scale", scale=floats(-4.0, 4.0))
# what every aggregation obeys, whatever it divides by
COMMON = (PADDING, WIDER, EMPTY, TWICE, LINEAR)


def constant(sign, sentence):
    return law(
        constant_comes_out(sign), "S1", "constant_comes_out", sentence, scale=floats(-4.0, 4.0)
    )


TOKEN_MEAN = whole_laws(
    constant(1.0, "a constant comes out as itself"),
    *COMMON,
    law(splitting_a_sequence_changes_nothing, "DA1"),
    law(micro_batches_combine_by_tokens, "S4"),
    law(weights_are(token_weight), "R10", "token_weights", "every token weighs 1/Σ|o|"),
)
SEQUENCE_MEAN = whole_laws(
    constant(1.0, "a constant comes out as itself"),
    *(each for each in COMMON if each is not EMPTY),
    # undefined there, unless somebody says that such rows come
    law(no_nan_from_an_empty_row, "C.L3", when={"empty_rows": "some"}),
    law(micro_batches_average, "DG4"),
    law(weights_are(sequence_weight), "R10", "token_weights", "a token weighs 1/(N·|o|)"),
)
FIXED_LENGTH = whole_laws(
    law(constant_counts_by_tokens, "DG3", scale=floats(-4.0, 4.0)),
    *COMMON,
    law(micro_batches_average, "DG4"),
    law(weights_are(fixed_weight), "R10", "token_weights", "every token weighs 1/(N·length)"),
)
CROSS_ENTROPY = whole_laws(
    constant(-1.0, "log-probs all c cost -c; a uniform policy costs log V"),
    *COMMON,
    law(splitting_a_sequence_changes_nothing, "DA1"),
    law(micro_batches_combine_by_tokens, "S4"),
    law(weights_are(token_weight, -1.0), "S3", "mean_over_all_tokens", "-Σ mask·logp / Σ mask"),
)
