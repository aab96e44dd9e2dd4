"""What is averaged by what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import close, ragged, slope

from tinyalign import losses as L

numbers = st.floats(-100, 100)


def fixed(x, mask):
    return L.fixed_length_mean(x, mask, length=10)


AGGREGATES = [L.token_mean, L.sequence_mean, fixed]
each = pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda f: f.__name__)


def lengths_mask(*lengths, width=None):
    return (np.arange(width or max(lengths)) < np.array(lengths)[:, None]).astype(float)


@given(ragged(numbers))
def test_the_three_means_are_what_they_say(batch):
    """All tokens; tokens then completions; a constant length."""
    mask, x = batch
    keep = mask > 0
    close(L.token_mean(x, mask), x[keep].mean())
    rows = zip(x, keep, strict=True)
    close(L.sequence_mean(x, mask), np.mean([row[k].mean() for row, k in rows]))
    close(fixed(x, mask), x[keep].sum() / (10 * len(x)))


def test_token_weights_show_who_counts():
    """Lengths 1, 4, 4, limit 10: the token of the first row weighs 1/3, 1/9 and 1/30."""
    mask = lengths_mask(1, 4, 4)
    x = np.ones_like(mask)
    for aggregate, expected in ((L.sequence_mean, 3), (L.token_mean, 9), (fixed, 30)):
        close(slope(aggregate, x, mask)[0, 0], 1 / expected)
    weight = slope(L.sequence_mean, np.ones((2, 6)), lengths_mask(6, 2))
    close(weight[1, 0] / weight[0, 0], 3)
    weight = slope(fixed, np.ones((2, 6)), lengths_mask(6, 2))
    close(weight[1, 0], weight[0, 0])


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 100))
def test_with_equal_lengths_the_means_agree(n, t, seed):
    """sequence_mean = token_mean = fixed_length_mean·L/T."""
    x, mask = np.random.default_rng(seed).normal(size=(n, t)), np.ones((n, t))
    close(L.sequence_mean(x, mask), L.token_mean(x, mask))
    close(fixed(x, mask) * 10 / t, L.token_mean(x, mask))


@each
@given(batch=ragged(numbers), garbage=st.sampled_from([np.nan, np.inf, -np.inf, 1e3]))
def test_padding_columns_change_nothing(aggregate, batch, garbage):
    """Three more columns, whatever they hold; the gradient there is 0."""
    mask, x = batch
    wider = np.concatenate([np.where(mask > 0, x, garbage), np.full((len(x), 3), garbage)], axis=1)
    padded = np.concatenate([mask, np.zeros((len(x), 3))], axis=1)
    close(aggregate(wider, padded), aggregate(x, mask))
    gradient = slope(aggregate, wider, padded)
    assert (gradient[padded == 0] == 0).all()
    close(gradient[:, : x.shape[1]], slope(aggregate, x, mask))


@given(st.integers(0, 100))
def test_micro_batches_average_for_per_sequence_means_only(seed):
    """Mean over equal micro-batches = full batch, except for the token mean, which needs counts."""
    mask = lengths_mask(6, 2, 3, 1)
    x = np.random.default_rng(seed).normal(size=mask.shape) + 1
    for aggregate in (L.sequence_mean, fixed):
        parts = [aggregate(x[i : i + 2], mask[i : i + 2]) for i in (0, 2)]
        close(np.mean(parts), aggregate(x, mask))
    parts = np.array([L.token_mean(x[i : i + 2], mask[i : i + 2]) for i in (0, 2)])
    close(np.sum(parts * [8, 4]) / 12, L.token_mean(x, mask))
    assert abs(parts.mean() - L.token_mean(x, mask)) > 1e-6


def test_splitting_a_sequence_matters_to_the_sequence_mean_only():
    """Two rows of 3 tokens instead of one of 6: the same token mean, another sequence mean."""
    x = np.array([[1.0, 2, 3, 4, 5, 6], [9, 9, 0, 0, 0, 0]])
    whole = lengths_mask(6, 2)
    split_x = np.array([[1.0, 2, 3], [4, 5, 6], [9, 9, 0]])
    split = lengths_mask(3, 3, 2)
    close(L.token_mean(split_x, split), L.token_mean(x, whole))
    assert abs(L.sequence_mean(split_x, split) - L.sequence_mean(x, whole)) > 0.1


def test_an_empty_row_is_an_error_only_where_a_mean_would_divide_by_it():
    """0 in a sum; ValueError for a mean over its tokens; never 0/0."""
    x, mask = np.ones((2, 3)), np.array([[1.0, 1, 0], [0, 0, 0]])
    close(L.token_mean(x, mask), 1.0)
    close(fixed(x, mask), 2 / 20)
    with pytest.raises(ValueError, match=r"rows \[1\]"):
        L.sequence_mean(x, mask)
    for empty in (L.token_mean, L.sequence_mean, L.cross_entropy):
        with pytest.raises(ValueError, match="no token"):
            empty(x, 0 * mask)
    assert fixed(x, 0 * mask) == 0


@each
def test_masks_may_be_booleans_or_integers(aggregate):
    """The same value, and float32 stays float32."""
    mask = lengths_mask(3, 1)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for kind in (bool, int, np.float32):
        mean = aggregate(x, mask.astype(kind))
        assert mean.dtype == np.float32
        close(mean, aggregate(x.astype(float), mask), rtol=1e-6)
        assert slope(aggregate, x, mask.astype(kind)).dtype == np.float32
