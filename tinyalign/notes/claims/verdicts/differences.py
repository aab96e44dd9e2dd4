"""Differences between two sides over several seeds, and the verdicts that follow from them."""

from typing import NamedTuple

import numpy as np

from tinyalign.notes.claims.verdicts.finding import (
    CONTRADICTED,
    SUPPORTED,
    UNCLEAR,
    UNDECIDED,
    Finding,
    Interval,
)
from tinyalign.report import intervals

SMALL = "smaller than what would matter"
TWENTIETH = 0.05  # of rewards, shares and probabilities, which are at most 1


class SeedDifference(NamedTuple):
    """Two means over the same seeds, and the confidence interval of their difference."""

    first: float  # mean over the seeds
    second: float
    gap: float  # first minus second
    low: float  # ends of the interval of the gap
    high: float

    @property
    def interval(self):
        """The Interval of the gap, as it is printed."""
        return Interval(self.low, self.high)

    @property
    def above(self):
        """Whether the first is more than the second and the interval leaves out 0."""
        return self.low > 0

    @property
    def below(self):
        """Whether the first is less than the second and the interval leaves out 0."""
        return self.high < 0


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


def judge_more(gap, what, matters=TWENTIETH, unit="", digits=".3f"):
    """The Finding on the claim that the first side is more.

    what     the two sides and the quantity, in words: the beginning of the sentence
    matters  the smallest gap that would matter
    unit     of the gap, for people
    """
    verdict = UNDECIDED
    if gap.above and gap.gap >= matters:
        verdict = SUPPORTED
    elif gap.below and gap.gap <= -matters:
        verdict = CONTRADICTED
    finding = difference_finding(verdict, gap, what, f"{matters:.2g}{unit}", digits)
    if verdict == UNDECIDED and leaves_out(gap, matters):
        return finding._replace(doubt=no_matter(gap, finding.matters))
    return finding


def leaves_out(gap, matters=TWENTIETH):
    """Whether the interval leaves out every difference that would matter, in both directions."""
    return -matters < gap.low and gap.high < matters


def no_matter(gap, matters):
    """Why a difference that cannot matter decides nothing, in words."""
    if gap.above or gap.below:
        return f"a difference is shown, but one of {matters} or more is excluded"
    return (
        "the interval contains 0: no better, and no worse, is shown; a difference of "
        f"{matters} or more is excluded"
    )


def judge_less(gap, what, matters=TWENTIETH, unit="", digits=".3f"):
    """The Finding on the claim that the first side is less; arguments as in judge_more."""
    finding = judge_more(gap, what, matters, unit, digits)
    opposite = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED, UNDECIDED: UNDECIDED}
    return finding._replace(verdict=opposite[finding.verdict])


def judge_as_good(gap, what, matters=TWENTIETH):
    """The Finding on the claim that the first side is as good, but for less than what matters."""
    verdict = UNDECIDED
    if gap.low > -matters:
        verdict = SUPPORTED
    elif gap.high < -matters:
        verdict = CONTRADICTED
    finding = difference_finding(verdict, gap, what, f"{matters:.2g}", ".3f")
    # The gap may well be one that would matter: then only its interval leaves the matter open.
    return finding._replace(doubt=UNCLEAR) if finding.doubt and gap.gap <= -matters else finding


def difference_finding(verdict, gap, what, matters, digits):
    """A Finding whose sentence has both means and their difference."""
    sentence = (
        f"{what}: {gap.first:{digits}} against {gap.second:{digits}}, "
        f"difference {gap.gap:+{digits}}"
    )
    interval = Interval(gap.low, gap.high, digits=f"+{digits}")
    if verdict != UNDECIDED:
        return Finding(verdict, sentence, matters, interval)
    clear = gap.above or gap.below
    return Finding(verdict, sentence, matters, interval, SMALL if clear else UNCLEAR)
