"""What a comparison is made of: a row for each finished run, and what several rows come to."""

from typing import NamedTuple

import numpy as np

ENOUGH_PROBLEMS = 100  # held-out ones, for accuracy to be what methods are compared by
SCORES = ("accuracy", "reward")  # what a learning curve tells
GOAL = 0.9  # of the held-out problems: what "to 90 %" asks for


class Row(NamedTuple):
    """One finished run in a comparison. Rows of one method are its seeds and are summed up."""

    method: str  # e.g. "grpo"
    needs: str  # what it learns from, e.g. "pairs", "rewards"
    family: str  # how: gives the colour
    accuracy: float  # on held-out prompts, 0 … 1; NaN where it was not measured
    reward: float  # mean on held-out prompts
    kl: float  # nats per completion to the reference
    samples: int  # completions drawn from a policy while training
    models: str  # e.g. "policy, ref"
    bytes: int  # of those models' weights and optimizer state
    seconds: float
    curve: tuple = ()  # (samples, share of the training, *SCORES), in order
    seed: int = 0
    entropy: float = np.nan  # nats per token
    online: bool = True  # whether it draws its samples while it trains
    stages: int = 1  # warm start included
    problems: int = 0  # held-out ones that accuracy was measured on
    pair_accuracy: float = np.nan  # of a reward model
    diverged: str = ""  # why it has no result


def by_method(rows):
    """{method: its rows}, in the order of the comparison."""
    if not rows:
        raise ValueError("nothing to compare: want at least one row")
    return {row.method: [r for r in rows if r.method == row.method] for row in rows}


def judged_by(rows):
    """What methods are compared by: accuracy, or reward where accuracy moves in leaps."""
    return "accuracy" if max(row.problems for row in rows) >= ENOUGH_PROBLEMS else "reward"


def failures(rows):
    """[(method, seed)] of runs that broke off, or ended below the start of their seed."""
    name = judged_by(rows)
    start = {row.seed: getattr(row, name) for row in rows if row.method == "start"}
    return [
        (row.method, row.seed)
        for row in rows
        if row.diverged or getattr(row, name) < start.get(row.seed, np.nan)
    ]


def reached(row):
    """Samples at the first look at which GOAL was met, or NaN; offline ones were drawn before."""
    if had_it(row):
        return np.nan
    at = [samples for samples, _, accuracy, _ in row.curve if accuracy >= GOAL]
    if not at:
        return np.nan
    return at[0] if row.online or at[0] == 0 else row.samples


def had_it(row):
    """Whether the start that a curve begins with has met GOAL already."""
    return bool(row.curve) and row.curve[0][1] == 0 and row.curve[0][2] >= GOAL
