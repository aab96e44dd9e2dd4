"""Which of two methods is steadier: whose runs fail less often, and whose seeds lie nearer."""

from typing import NamedTuple

import numpy as np

from tinyalign.notes.claims.measures.digits import RATES
from tinyalign.notes.claims.verdicts.differences import SeedDifference, paired_difference
from tinyalign.notes.claims.verdicts.finding import (
    CONTRADICTED,
    SUPPORTED,
    UNCLEAR,
    UNDECIDED,
    Finding,
    Interval,
)

SURE = 0.99  # two things are asked of every two methods, and runs at high rates are chaotic
MATTERS = "any clear one, at all rates and at the best, whichever seed is left out"
# The rates are multiples of each recipe's own, and no search made the recipes' rates alike.
ONLY_OVER_RATES = "cannot be told apart where each method has its best learning rate"
ONE_SEED = "but without one of the seeds this is not clear"
FINEST = 1e-3  # distances below it are rounding, and a logarithm has to be taken


class Steadiness(NamedTuple):
    """Two methods side by side."""

    failed: SeedDifference  # shares of runs that end below their start
    spread: tuple[float, float, float]  # ratio of distances to the median, and its interval
    gains: tuple[float, float]  # mean reward gained since the start, of both
    swing: float  # mean distance of the first method's seeds from their median
    direction: int  # -1: the first is clearly steadier; 1: clearly less steady; 0: cannot be told


def steadiness(first, second):
    """Compare the figures of two methods; a Steadiness.

    No single run may decide: a direction counts only if it stays the same whichever seed is
    left out.
    """
    failed, spread = failed_difference(first, second), spread_ratio(first, second)
    direction = clear_direction(failed, spread)
    for seed in range(len(first["start"]) if direction else 0):
        fewer = [without_seed(seed, figures) for figures in (first, second)]
        if clear_direction(failed_difference(*fewer), spread_ratio(*fewer)) != direction:
            direction = 0
            break
    gains = mean_gain(first), mean_gain(second)
    return Steadiness(failed, spread, gains, float(np.mean(swings(first))), direction)


def failed_difference(first, second):
    """Shares of failed runs of two methods, with the interval of their difference."""
    return paired_difference(failure_shares(first), failure_shares(second), SURE)


def spread_ratio(first, second):
    """How many times as far one method's seeds are from their median as the other's.

    Logarithms are compared, so that one run in chaos moves the ratio and its interval by little.
    returns  ratio, and the two ends of its interval
    """
    logs = [np.log(np.maximum(swings(figures), FINEST)).tolist() for figures in (first, second)]
    gap = paired_difference(*logs, SURE)
    return tuple(float(np.exp(value)) for value in (gap.gap, gap.low, gap.high))


def clear_direction(failed, spread):
    """−1 where clearly fewer runs fail, or none clearly more and seeds are clearly nearer; 1, 0."""
    _, low, high = spread
    steadier = failed.below or (high < 1 and not failed.above)
    less_steady = failed.above or (low > 1 and not failed.below)
    return int(less_steady) - int(steadier)


def judge_steadier(first, second, names):
    """The Finding on the claim that the first of two methods is steadier.

    A verdict needs the same direction over all learning rates and at each method's best one.
    names  of both, in words: "TPO, DPO"
    """
    pair, best = compare_both_ways(first, second)
    direction = pair.direction if pair.direction == best.direction else 0
    return Finding(
        {-1: SUPPORTED, 0: UNDECIDED, 1: CONTRADICTED}[direction],
        f"{names}: {steadiness_sentence(pair)}; at the best rate of each {failures(best, 'do')}, "
        f"and seeds are {ratio_words(best, 'as far')}",
        MATTERS,
        deciding_interval(best if pair.direction and not direction else pair),
        "" if direction else ONLY_OVER_RATES if pair.direction else UNCLEAR,
    )


def compare_both_ways(first, second):
    """Two methods over all learning rates, and each at its best one: two of Steadiness."""
    best = [only_best_rate(figures) for figures in (first, second)]
    return steadiness(first, second), steadiness(*best)


def deciding_interval(pair):
    """The Interval that decides which method is steadier; that of the distances in doubt."""
    failed = failure_interval(pair)
    return failed if pair.direction and not failed.covers_none else spread_interval(pair)


def failure_interval(pair):
    """The Interval of the difference between two shares of runs that end below their start."""
    return Interval(pair.failed.low, pair.failed.high, level=SURE, digits="+.0%")


def spread_interval(pair):
    """The Interval of the ratio between two methods' distances from the median."""
    return Interval(*pair.spread[1:], none=1.0, level=SURE, digits=".2f")


def steadiness_sentence(pair):
    """Failed runs, distances from the median and gains of two methods in words."""
    ends = failures(pair, "end below their start")
    return (
        f"at 1, 10 and 30 times the recipe's learning rate {ends}, mean gains are "
        f"{pair.gains[0]:+.2f} and {pair.gains[1]:+.2f}, and seeds are "
        f"{ratio_words(pair, 'as far from their median')}"
    )


def failures(pair, verb):
    """The shares of runs of two methods that end below their start, and the interval, in words."""
    shares = f"{pair.failed.first:.0%} against {pair.failed.second:.0%} of the runs {verb}"
    if not (pair.failed.first or pair.failed.second):  # nothing to estimate
        return shares
    return f"{shares} ({interval_of(pair, failure_interval(pair))})"


def ratio_words(pair, far):
    """How many times as far one method's seeds are from their median as the other's, in words."""
    return f"{pair.spread[0]:.2f} times {far} ({interval_of(pair, spread_interval(pair))})"


def interval_of(pair, interval):
    """An interval in words; with ONE_SEED where it is clear, but not whichever seed is left out."""
    hangs = not interval.covers_none and not pair.direction
    return f"{interval}, {ONE_SEED}" if hangs else str(interval)


def reward_table(figures):
    """Rewards at the end of the runs, (rates, seeds)."""
    return np.array([figures[str(rate)] for rate in RATES if str(rate) in figures])


def best_rewards(figures):
    """Rewards of the seeds at the learning rate with the best mean."""
    return max(reward_table(figures).tolist(), key=np.mean)


def only_best_rate(figures):
    """The figures at the learning rate with the best mean alone."""
    best = max(RATES, key=lambda rate: np.mean(figures[str(rate)]))
    return {"start": figures["start"], str(best): figures[str(best)]}


def failure_shares(figures):
    """Share of each seed's runs, over the learning rates, that end below their start."""
    return np.mean(reward_table(figures) < np.array(figures["start"]), axis=0).tolist()


def swings(figures):
    """How far each seed's reward is from its learning rate's median, mean over the rates."""
    rewards = reward_table(figures)
    return np.mean(np.abs(rewards - np.median(rewards, axis=1, keepdims=True)), axis=0)


def mean_gain(figures):
    """Reward gained since the start, mean over seeds and learning rates."""
    return float(np.mean(reward_table(figures) - np.array(figures["start"])))


def without_seed(seed, figures):
    """The figures of all seeds but one."""
    lists = {key: figures[key] for key in ("start", *map(str, RATES)) if key in figures}
    return {key: [*values[:seed], *values[seed + 1 :]] for key, values in lists.items()}
