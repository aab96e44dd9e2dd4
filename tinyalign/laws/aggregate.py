"""What is averaged by what. x is (values (N, T), mask (N, T)); the answer is one number."""

import numpy as np

from tinyalign.laws.domain import floats
from tinyalign.laws.general import whole_laws
from tinyalign.laws.law import Broken, law, same, same_slope
from tinyalign.laws.method import rows


def padding_is_nothing(loss, x, p):
    """what stands in the padding changes nothing"""
    values, mask = x
    same(loss(np.where(mask > 0, values, 99.0), mask, **p), loss(*x, **p))


def wider_padding_is_nothing(loss, x, p):
    """three more columns of padding change nothing"""
    values, mask = x
    more = np.zeros((len(mask), 3))
    wide = (np.concatenate([values, more + 1e3], axis=1), np.concatenate([mask, more], axis=1))
    same(loss(*wide, **p), loss(*x, **p))


def no_nan_from_an_empty_row(loss, x, p):
    """a row without tokens gives an error or a number, never NaN"""
    values, mask = x
    extra = np.concatenate([values, values[:1]]), np.concatenate([mask, 0 * mask[:1]])
    try:
        finite = np.all(np.isfinite(loss(*extra, **p)))
    except Broken as reason:
        finite = "raises" in str(reason)
    if not finite:
        raise Broken("gives nan for a row without tokens")


def linear(loss, x, p, scale):
    """values times s give s times the answer"""
    same(loss(scale * x[0], x[1], **p), scale * loss(*x, **p))


def constant_comes_out(sign):
    def check(loss, x, p, scale):
        same(loss(np.full_like(x[0], scale), x[1], **p), sign * scale)

    return check


def weights_are(formula, sign=1.0):
    """The weight of each token: the slope of the answer in its value."""

    def check(loss, x, p):
        want = sign * formula(x[1], **p)
        same_slope(loss.slope(x, 0, **p), want)
        same(loss(*x, **p), np.sum(x[0] * want))

    return check


def token_weight(mask):
    return mask / np.sum(mask)


def sequence_weight(mask):
    return mask / np.sum(mask, axis=1, keepdims=True) / len(mask)


def fixed_weight(mask, *, length):
    return mask / (len(mask) * length)


def batch_repeats(loss, x, p):
    """the same batch twice gives the same answer"""
    twice = (np.concatenate([a, a]) for a in x)
    same(loss(*twice, **p), loss(*x, **p))


def splitting_is_free(loss, x, p):
    """one sequence cut into two rows gives the same answer: only tokens count"""
    values, mask = x
    cut = np.arange(mask.shape[1]) < 1
    twice, parts = np.concatenate([values, values]), np.concatenate([mask * cut, mask * ~cut])
    kept = np.sum(parts, axis=1) > 0  # a row that was one token long leaves nothing over
    same(loss(twice[kept], parts[kept], **p), loss(*x, **p))


def rows_average(loss, x, p):
    """the mean over micro-batches of one row each is the answer for the whole batch"""
    parts = [loss(*row, **p) for row in rows(x)]
    same(loss(*x, **p), np.mean(parts))


def rows_combine_by_tokens(loss, x, p):
    """micro-batches combine by their token counts, not by a plain mean"""
    counts = np.sum(x[1], axis=1)
    parts = [loss(*row, **p) for row in rows(x)]
    same(loss(*x, **p), np.sum(parts * counts) / np.sum(counts))


def longer_counts_more(loss, x, p, scale):
    """a constant c gives c · tokens / (rows · length)"""
    want = scale * np.sum(x[1]) / (len(x[1]) * p["length"])
    same(loss(np.full_like(x[0], scale), x[1], **p), want)


PADDING, WIDER = law("S2", padding_is_nothing), law("R11", wider_padding_is_nothing)
EMPTY, TWICE = law("C.L3", no_nan_from_an_empty_row), law("C.D4", batch_repeats)
LINEAR = law("L-scale", linear, scale=floats(-4.0, 4.0))
COMMON = (PADDING, WIDER, EMPTY, TWICE, LINEAR)


def constant(sign, sentence):
    return law("S1", constant_comes_out(sign), sentence=sentence, scale=floats(-4.0, 4.0))


TOKEN_MEAN = whole_laws(
    constant(1.0, "a constant comes out as itself"),
    *COMMON,
    law("DA1", splitting_is_free),
    law("S4", rows_combine_by_tokens),
    law("R10", weights_are(token_weight), sentence="every token weighs 1/Σ|o|"),
)
SEQUENCE_MEAN = whole_laws(
    constant(1.0, "a constant comes out as itself"),
    *COMMON,
    law("DG4", rows_average),
    law("R10", weights_are(sequence_weight), sentence="a token weighs 1/(N·|o|)"),
)
FIXED_LENGTH = whole_laws(
    law("DG3", longer_counts_more, scale=floats(-4.0, 4.0)),
    *COMMON,
    law("DG4", rows_average),
    law("R10", weights_are(fixed_weight), sentence="every token weighs 1/(N·length)"),
)
CROSS_ENTROPY = whole_laws(
    constant(-1.0, "log-probs all c cost -c; a uniform policy costs log V"),
    *COMMON,
    law("DA1", splitting_is_free),
    law("S4", rows_combine_by_tokens),
    law("S3", weights_are(token_weight, -1.0), sentence="-Σ mask·logp / Σ mask"),
)
