"""The score at a KL that nine tenths of a table's runs reach, read off each run's own path."""

import math

import numpy as np

from tinyalign.report import plots
from tinyalign.report.rows import SCORES, by_method, score_name

SHARE = 0.9  # of the runs that must reach the KL


def matched_kl(rows):
    """The largest KL that nine tenths of a table's runs reach; NaN for fewer than two methods."""
    moved = [row for row in rows if has_path(row)]
    if len({row.method for row in moved}) < 2:  # one method has nothing to match
        return np.nan
    reached = [max(point[0] for point in row.path) for row in moved]
    # The k-th largest is reached by k runs. (0.9 · 30 is a little above 27.)
    return sorted(reached, reverse=True)[math.ceil(SHARE * len(reached) - 1e-9) - 1]


def has_path(row):
    """Whether a run moved from its start and was looked at on the way."""
    return row.method != "start" and len(row.path) > 1


def score_at_kl(row, kl):
    """The score of a run where it first reached this KL to the start; NaN if it never did.

    kl  nats; between two evaluations the score is interpolated
    """
    score = 1 + SCORES.index(score_name([row]))
    for before, after in zip(row.path, row.path[1:], strict=False):
        if before[0] <= kl <= after[0]:
            rise = after[0] - before[0]
            share = (kl - before[0]) / rise if rise else 0.0
            return before[score] + share * (after[score] - before[score])
    return np.nan


def scores_at_kl(rows):
    """{method: scores of its seeds at the matched KL}, NaN where a seed never reached it."""
    kl = matched_kl(rows)
    return {
        method: [score_at_kl(row, kl) for row in group if has_path(row)]
        for method, group in by_method(rows).items()
    }


def means_at_kl(rows):
    """{method: mean score at the matched KL} of the methods whose every run reached it."""
    return {
        method: plots.finite_mean(values)
        for method, values in scores_at_kl(rows).items()
        # A mean over some of the seeds would not compare.
        if values and np.isfinite(values).all()
    }
