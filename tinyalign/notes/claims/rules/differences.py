"""Differences between two sides over several seeds, and the sentences that report them."""

from typing import NamedTuple

import numpy as np

from tinyalign.report import intervals

UNCLEAR = "; cannot be told apart"


class SeedDifference(NamedTuple):
    """Two means over the same seeds, and the confidence interval of their difference."""

    first: float  # mean over the seeds
    second: float
    gap: float  # first minus second
    low: float  # ends of the interval of the gap
    high: float

    @property
    def above(self):
        """Whether the first is more than the second and the interval leaves out 0."""
        return self.low > 0

    @property
    def below(self):
        """Whether the first is less than the second and the interval leaves out 0."""
        return self.high < 0

    @property
    def doubt(self):
        """Words to add to a sentence where the interval contains 0."""
        return "" if self.above or self.below else UNCLEAR


def paired_difference(first, second, level=intervals.LEVEL):
    """Compare two lists that have one number a seed, in the same order of seeds.

    level    confidence of the interval, 0 … 1
    returns  SeedDifference
    raises   ValueError where the lists have different lengths
    """
    if len(first) != len(second):
        raise ValueError(f"want as many seeds on both sides, got {len(first)} and {len(second)}")
    low, high = intervals.difference(dict(enumerate(first)), dict(enumerate(second)), level)
    first, second = np.mean(first), np.mean(second)
    return SeedDifference(float(first), float(second), float(first - second), low, high)


def difference(figures, first, second):
    """Compare two lists of a measure by their names."""
    return paired_difference(figures[first], figures[second])


def sentence(difference, digits=".3f"):
    """Both means, their difference and its 95 % interval in words; `digits` formats a number."""
    first, second = format(difference.first, digits), format(difference.second, digits)
    return f"{first} against {second}: {interval_words(difference, digits)}"


def sentence_with_names(difference, names, digits):
    """The same with the names of the two sides."""
    first, second = format(difference.first, digits), format(difference.second, digits)
    return f"{names[0]} {first}, {names[1]} {second}: {interval_words(difference, digits)}"


def interval_words(difference, digits):
    """A difference with its 95 % interval, and the doubt that it leaves."""
    gap, low, high = (format(value, f"+{digits}") for value in difference[2:])
    return f"difference {gap} (95 %: {low} to {high}){difference.doubt}"
