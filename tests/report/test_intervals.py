"""Intervals: how often they hold a truth that is known, and what they never say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign.report import intervals

numbers = st.floats(-5, 5)


def told(first, second):
    """1 or −1 where the interval of the difference leaves 0 out, otherwise 0."""
    low, high = intervals.difference(first, second)
    return int(low > 0) - int(high < 0)


@pytest.mark.parametrize("freedom, t", [(1, 12.7062), (4, 2.7764), (9, 2.2622), (100, 1.9840)])
def test_student_quantiles_are_those_of_the_tables(freedom, t):
    np.testing.assert_allclose(intervals.student_quantile(0.95, freedom), t, rtol=1e-3)


@pytest.mark.parametrize("seeds", [5, 10, 30])
def test_the_interval_holds_the_true_mean_about_19_times_in_20(seeds):
    """On normal data; the plain percentile interval does so 83 times in 100 for five seeds."""
    rng, trials = np.random.default_rng(7), 600
    held = 0
    for _ in range(trials):
        low, high = intervals.bootstrap(rng.normal(3.0, 2.0, size=seeds))
        held += low <= 3.0 <= high
    assert 0.92 <= held / trials <= 0.98


def test_equal_methods_are_called_different_about_once_in_20():
    """Two methods that differ by seeds' luck alone, five seeds."""
    rng, trials = np.random.default_rng(11), 600
    called = 0
    for _ in range(trials):
        shared = rng.normal(size=5)
        first, second = (dict(enumerate(shared + rng.normal(size=5))) for _ in range(2))
        called += told(first, second) != 0
    assert 0.02 <= called / trials <= 0.08


@given(st.lists(numbers, min_size=1, max_size=8))
def test_a_method_is_never_better_than_itself(values):
    same = dict(enumerate(values))
    assert told(same, same) == 0


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_better_one_way_is_worse_the_other_way(pairs):
    first, second = (dict(enumerate(values)) for values in zip(*pairs, strict=True))
    assert told(first, second) == -told(second, first)


@pytest.mark.parametrize("seeds", range(5))
def test_few_seeds_never_say_better(seeds):
    """However large the difference."""
    first, second = {s: 1.0 for s in range(seeds)}, {s: 0.0 for s in range(seeds)}
    assert told(first, second) == 0
    assert np.isnan(intervals.difference(first, second)).all()


def test_seeds_are_paired():
    """A gain that every seed shows is told, however much the seeds differ among themselves."""
    luck = [0.1, 0.9, 0.4, 0.6, 0.2]
    first = {seed: value + 0.05 + 0.01 * seed for seed, value in enumerate(luck)}
    second = dict(enumerate(luck))
    assert told(first, second) == 1
    shuffled = {seed: luck[seed - 1] for seed in second}
    assert told(first, shuffled) == 0
    assert told(first, {9: 0.0, **second, 7: np.nan}) == 1  # unshared, unmeasured


@given(st.lists(numbers, min_size=2, max_size=12))
def test_the_interval_lies_around_the_mean_and_does_not_mind_what_was_not_measured(values):
    low, high = intervals.bootstrap(values)
    assert low <= np.mean(values) + 1e-9 and np.mean(values) - 1e-9 <= high
    assert intervals.bootstrap([*values, np.nan]) == (low, high)


def test_one_seed_and_none():
    assert intervals.bootstrap([0.4]) == (0.4, 0.4)
    assert np.isnan(intervals.bootstrap([])).all()


def test_wilson_is_what_the_literature_prints():
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998, table I, method 3)."""
    np.testing.assert_allclose(intervals.wilson(81 / 263, 263), (0.2553, 0.3662), atol=5e-5)
    assert intervals.wilson(1.0, 500)[1] == 1.0
    assert intervals.wilson(1.0, 500)[0] < 0.995
    assert np.isnan(intervals.wilson(np.nan, 500)).all()
    assert np.isnan(intervals.wilson(0.5, 0)).all()  # no problem, no rate
