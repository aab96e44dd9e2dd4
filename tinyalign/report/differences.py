"""Which methods of a table are better than which: paired tests with Holm's correction."""

from typing import NamedTuple

import numpy as np

from tinyalign.report import intervals
from tinyalign.report.rows import DIGITS, SCALE, by_method, score_name
from tinyalign.report.tables import measured_columns


class Difference(NamedTuple):
    """One test: the first method's score minus the second's, on the seeds that both finished."""

    first: str
    second: str
    mean: float  # in units of the score
    low: float  # of 95 % intervals for all tests of the table at once
    high: float
    p: float  # of Student's paired t test
    adjusted: float  # the same by Holm, for all tests of the table

    @property
    def verdict(self):
        """1 where the first is better, −1 where it is worse, 0 where they are not told apart."""
        return int(np.sign(self.mean)) if self.adjusted <= 1 - intervals.LEVEL else 0


def scores_by_seed(rows):
    """{method: {seed: score}} of the runs that were measured."""
    score, scores = score_name(rows), {}
    for method, group in by_method(rows).items():
        values = {row.seed: getattr(row, score) for row in group if not row.failure}
        measured = {seed: value for seed, value in values.items() if np.isfinite(value)}
        if measured:
            scores[method] = measured
    return scores


def differences(rows):
    """Every test of one table: each method against the start, and all pairs of methods.

    rows     of one table, the start among them
    returns  [Difference]; no test where fewer than intervals.ENOUGH seeds are shared. What is
             tested depends on the seeds that finished and never on their scores
    """
    scores = scores_by_seed(rows)
    # The start last, so that every method is the first of its difference to the start.
    names = [name for name in scores if name != "start"] + ["start"] * ("start" in scores)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return corrected({(a, b): intervals.paired_test(scores[a], scores[b]) for a, b in pairs})


def corrected(tests):
    """[Difference] of tests that are made together.

    tests  {(first, second): what intervals.paired_test returns, None for too few seeds}
    """
    tests = {pair: test for pair, test in tests.items() if test}
    # Bonferroni's intervals: each misses so seldom that 95 % of tables miss no difference. Holm
    # tells all that they tell and a little more.
    level = 1 - (1 - intervals.LEVEL) / max(1, len(tests))
    found = []
    for pair, adjusted in zip(tests, intervals.holm([t[-1] for t in tests.values()]), strict=True):
        mean, error, freedom, p = tests[pair]
        reach = intervals.student_quantile(level, freedom) * error
        found.append(Difference(*pair, mean, mean - reach, mean + reach, p, float(adjusted)))
    return found


def against(tests, opponent):
    """{method: Difference} of a method's score minus the opponent's, for all who were tested."""
    found = {}
    for test in tests:
        if test.second == opponent:
            found[test.first] = test
        elif test.first == opponent:
            found[test.second] = reverse(test)
    return found


def reverse(test):
    """The same test, asked the other way round."""
    return test._replace(
        first=test.second, second=test.first, mean=-test.mean, low=-test.high, high=-test.low
    )


def best_method(rows, tests):
    """The name of the highest mean score among the methods that were tested; None if none was."""
    scores = scores_by_seed(rows)
    tested = {name for test in tests for name in test[:2] if name != "start"}
    means = {name: np.mean(list(scores[name].values())) for name in scores if name in tested}
    return max(means, key=means.get) if means else None


def best_group(rows, tests):
    """The best method and those that are not told from it, in the order of the table."""
    best = best_method(rows, tests)
    others = against(tests, best)
    return [
        name
        for name in by_method(rows)
        if name == best or (name != "start" and name in others and not others[name].verdict)
    ]


def difference_table(rows, tests):
    """(columns, cells): each tested method's difference to the start and to the best method."""
    score, best, columns = score_name(rows), best_method(rows, tests), {}
    opponents = {"the start": against(tests, "start"), best: against(tests, best)}
    # In the order of the table; a method with too few seeds was not tested.
    names = [name for name in by_method(rows) if name != "start"]
    names = [name for name in names if any(name in own for own in opponents.values())]
    columns["method"] = names
    for opponent, own in opponents.items():
        columns[f"minus {opponent}"] = [difference_text(own.get(name), score) for name in names]
        columns[f"against {opponent}"] = [verdict_text(own.get(name)) for name in names]
    return measured_columns(columns)


def differences_csv(tests_by_table):
    """Every test as a line of comma-separated values, with a header; {table: its tests}."""
    lines = ["table,first,second,mean,low,high,p,p by Holm"]
    for table, tests in tests_by_table.items():
        for test in tests:
            # A pipeline's name holds commas.
            names = ",".join(f'"{name}"' for name in (table, test.first, test.second))
            lines.append(f"{names}," + ",".join(f"{value:.6g}" for value in test[2:]))
    return "\n".join(lines) + "\n"


def verdict_text(test):
    """better (p 0.002); a dash where nothing was tested."""
    if test is None:
        return "–"
    words = {1: "better", -1: "worse", 0: "not told apart"}
    p = "< 0.001" if test.adjusted < 0.001 else f"{test.adjusted:.3f}"
    return f"{words[test.verdict]} (p {p})"


def difference_text(test, score):
    """+12.3 [8.1, 16.5], accuracy in points; a dash where nothing was tested."""
    if test is None:
        return "–"
    digits = DIGITS[score]
    mean, low, high = (SCALE[score] * value for value in (test.mean, test.low, test.high))
    return f"{mean:+.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
