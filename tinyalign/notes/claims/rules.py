"""What a measure and a rule are, and how figures of several seeds are compared."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinyalign.report import intervals


class Measure(NamedTuple):
    """How figures are obtained."""

    run: Callable  # () -> a dict that JSON can hold
    setting: str  # in words: task, model, seeds
    exact: bool = True  # no sampling and no clock: measured again, the figures are the same


class Rule(NamedTuple):
    """How figures decide a claim. The verdict is `holds`; nobody types one in."""

    reads: tuple[str, ...]  # names of the measures
    weigh: Callable  # (their figures, one dict each) -> the dict that is judged and told
    holds: Callable  # that dict -> whether the claim holds here
    told: str  # a sentence with places for that dict's entries


ALIKE = "; cannot be told apart"


def as_they_are(figures):
    """For a rule that judges one measure's figures directly."""
    return figures


def paired(first, second, level=intervals.LEVEL):
    """Two lists, one number a seed in the same order, as means and the interval of their gap.

    returns  first, second: means; gap: their difference; low, high: its interval of that level;
             apart: words to add where the interval does not tell the two apart
    """
    if len(first) != len(second):
        raise ValueError(f"want as many seeds on both sides, got {len(first)} and {len(second)}")
    low, high = intervals.difference(dict(enumerate(first)), dict(enumerate(second)), level)
    return {
        "first": float(np.mean(first)),
        "second": float(np.mean(second)),
        "gap": float(np.mean(first) - np.mean(second)),
        "low": low,
        "high": high,
        "apart": "" if low > 0 or high < 0 else ALIKE,
    }


def between(first, second):
    """weigh: two of a measure's lists."""
    return lambda figures: paired(figures[first], figures[second])


def more(weighed):
    """The first is more than the second, and the interval says so."""
    return weighed["low"] > 0


def less(weighed):
    """The first is less than the second, and the interval says so."""
    return weighed["high"] < 0


GAP = (
    "{first:.3f} against {second:.3f}: difference {gap:+.3f} (95 %: {low:+.3f} to {high:+.3f})"
    "{apart}"
)
