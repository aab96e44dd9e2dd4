"""Who is better than whom: t tails against the tables, Holm against a hand, and false finds."""

import csv
import io
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign import report
from tinyalign.report import differences, intervals

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def rows_of(scores):
    """Results from {method: accuracy of each seed}."""
    return [
        report.MethodResult(method, "pairs", "pairs", accuracy=value, seed=seed, problems=500)
        for method, values in scores.items()
        for seed, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    "t, freedom, p",
    [
        (12.706, 1, 0.05), (63.657, 1, 0.01), (2.776, 4, 0.05), (4.604, 4, 0.01), (8.610, 4, 0.001),
        (2.262, 9, 0.05), (4.781, 9, 0.001), (1.833, 9, 0.10), (1.984, 100, 0.05), (0, 7, 1.0),
    ],
)  # fmt: skip
def test_student_tails_are_those_of_the_tables(t, freedom, p):
    """Two-sided, from the tables in the back of every textbook, which print three digits of t."""
    assert intervals.student_tail(t, freedom) == pytest.approx(p, rel=2e-3)
    assert intervals.student_tail(-t, freedom) == intervals.student_tail(t, freedom)


@given(st.floats(0, 60))
def test_tails_with_closed_forms(t):
    """One degree of freedom is Cauchy's, two have 1 − t/√(2 + t²); far out digits stay right."""
    cauchy = 1 - 2 * np.arctan(t) / np.pi
    np.testing.assert_allclose(intervals.student_tail(t, 1), cauchy, rtol=1e-9, atol=1e-15)
    # 1 − t/√(2 + t²), written without the difference of two numbers that are nearly equal
    root = np.sqrt(2 + t * t)
    np.testing.assert_allclose(intervals.student_tail(t, 2), 2 / (root * (root + t)), rtol=1e-6)
    assert intervals.student_tail(np.inf, 5) == 0


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99, 0.9998])
@pytest.mark.parametrize("freedom", [4, 9, 29])
def test_tail_and_quantile_are_inverse(level, freedom):
    t = intervals.student_quantile(level, freedom)
    assert intervals.student_tail(t, freedom) == pytest.approx(1 - level, rel=1e-4)


def test_a_paired_test_by_hand():
    """Differences 1 … 5: mean 3, standard error √(2.5/5), t = 4.243 with 4 degrees: p 0.0132."""
    second = {0: 0.3, 1: 7.0, 2: -1.0, 3: 2.0, 4: 0.0}
    first = {seed: value + seed + 1 for seed, value in second.items()} | {9: 1.0}
    mean, error, freedom, p = intervals.paired_test(first, second)
    np.testing.assert_allclose([mean, error, p], [3, np.sqrt(0.5), 0.0132], rtol=3e-3)
    assert freedom == 4
    assert intervals.paired_test(first, {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}) is None
    assert intervals.paired_test(second, second)[-1] == 1


def test_holm_by_hand():
    """Times 4, 3, 2, 1 from the smallest on, never below the one before: Holm 1979, section 2."""
    found = intervals.holm([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(intervals.holm([0.4, 0.9, 0.5]), [1, 1, 1])
    assert len(intervals.holm([])) == 0


@given(probabilities)
def test_holm_lies_between_each_test_alone_and_bonferroni(p_values):
    adjusted = intervals.holm(p_values)
    assert np.all(adjusted >= p_values) and np.all(adjusted <= 1)
    assert np.all(adjusted <= np.minimum(1, len(p_values) * np.array(p_values)) + 1e-12)
    for (a, x), (b, y) in itertools.combinations(zip(p_values, adjusted, strict=True), 2):
        assert (a - b) * (x - y) >= 0  # the order stays


@given(probabilities, st.randoms())
def test_holm_does_not_mind_the_order(p_values, random):
    order = random.sample(range(len(p_values)), len(p_values))
    shuffled = intervals.holm([p_values[i] for i in order])
    np.testing.assert_array_equal(shuffled, intervals.holm(p_values)[order])


def test_equal_methods_yield_a_false_find_in_at_most_one_table_of_twenty():
    """Four methods and a start that differ by luck alone: ten tests a table, five seeds.

    Without the correction it is about one table in four.
    """
    rng, trials = np.random.default_rng(5), 400
    told, told_alone = 0, 0
    for _ in range(trials):
        luck = rng.normal(size=5)
        scores = {name: luck + rng.normal(size=5) for name in ("start", "a", "b", "c", "d")}
        tests = differences.differences(rows_of(scores))
        assert len(tests) == 10
        told += any(test.verdict for test in tests)
        told_alone += any(test.p < 0.05 for test in tests)
    assert told / trials <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / trials)
    assert told_alone / trials > 0.15


def test_what_is_not_told_apart_has_an_interval_around_0():
    rng = np.random.default_rng(3)
    scores = {name: rng.normal(shift, 1, size=8) for shift, name in enumerate("abcdef")}
    tests = differences.differences(rows_of({"start": rng.normal(size=8)} | scores))
    assert len(tests) == 21 and {0, -1} <= {test.verdict for test in tests}
    for test in tests:
        assert test.low <= test.mean <= test.high
        assert test.verdict or test.low <= 0 <= test.high


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_equal_methods_are_never_told_apart(values):
    tests = differences.differences(rows_of({"start": values, "a": values, "b": values}))
    assert [test.verdict for test in tests] == [0, 0, 0]


SCORES = {
    "start": [0.40, 0.42, 0.41, 0.43, 0.40],
    "low": [0.20, 0.23, 0.21, 0.22, 0.21],
    "good": [0.80, 0.83, 0.80, 0.84, 0.81],
    "best": [0.81, 0.82, 0.82, 0.83, 0.82],
}


def test_the_best_group_and_both_directions_of_a_test():
    rows = rows_of(SCORES)
    tests = differences.differences(rows)
    assert differences.best_method(rows, tests) == "best"
    assert differences.best_group(rows, tests) == ["good", "best"]
    forth, back = differences.against(tests, "low")["good"], differences.against(tests, "good")
    assert forth.mean == -back["low"].mean and forth.low == -back["low"].high
    assert (forth.verdict, back["low"].verdict) == (1, -1)
    start = differences.against(tests, "start")
    assert {name: test.verdict for name, test in start.items()} == {"low": -1, "good": 1, "best": 1}


def test_a_method_with_too_few_seeds_is_not_tested():
    rows = rows_of(SCORES | {"short": SCORES["best"][:4], "none": [np.nan] * 5})
    tests = differences.differences(rows)
    assert {name for test in tests for name in test[:2]} == set(SCORES)


def test_the_table_of_differences_and_the_file_of_all():
    rows = rows_of(SCORES)
    tests = differences.differences(rows)
    columns, cells = differences.difference_table(rows, tests)
    assert columns == (
        "method", "minus the start", "against the start", "minus best", "against best",
    )  # fmt: skip
    assert [line[0] for line in cells] == ["low", "good", "best"]
    assert cells[0][1].startswith("-19.8 [") and cells[0][2] == "worse (p < 0.001)"
    assert cells[1][4].startswith("not told apart (p ") and cells[2][3:] == ("–", "–")
    text = differences.differences_csv({"From rewards": tests})
    lines = list(csv.reader(io.StringIO(text)))
    assert len(lines) == 1 + 6 and {len(line) for line in lines} == {8}
    assert lines[1][:3] == ["From rewards", "low", "good"]
