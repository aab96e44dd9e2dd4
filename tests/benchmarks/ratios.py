"""Ratios of times, and lines of tables, with a mark where a ratio misses what was wanted."""

import math

import numpy as np


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


def line(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def head(*names):
    return [line(*names), line(*["---"] * len(names))]


def judged(value, target, *, at_least=False):
    """A ratio in two digits, or as many as show it, with a mark where it misses its target."""
    missed = value < target if at_least else value > target
    digits = 3 if missed and round(value, 2) == target else 2
    return f"{value:.{digits}f}{' ✗' if missed else ''}"


def shown(value):
    """A ratio in two digits; a dash where it was not measured."""
    return "–" if math.isnan(value) else f"{value:.2f}"


def ratios_of(part, ratio):
    """A ratio of the times of each row: its median over the runs."""
    rows = zip(*part.get("runs", [part["rows"]]), strict=True)
    return [float(np.median([ratio(row["ms"]) for row in same])) for same in rows]


def in_each_run(part, mean):
    """The mean of each run, where there were several."""
    means = ", ".join(f"{mean(rows):.2f}" for rows in part.get("runs", []))
    return f" In each run: {means}." if means else ""


def fastest(ms, start):
    """The milliseconds of the fastest variant whose name begins so; not a number: there is none."""
    return min((taken for name, taken in ms.items() if name.startswith(start)), default=math.nan)


def quotient(above, below):
    """The ratio of one variant's time to another's, each the fastest whose name begins so."""
    return lambda ms: fastest(ms, above) / fastest(ms, below)
