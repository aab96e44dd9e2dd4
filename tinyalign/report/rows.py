"""What a comparison consists of: a record for each finished run, and how records are judged."""

from typing import NamedTuple

import numpy as np

from tinyalign.report.intervals import ENOUGH

ENOUGH_PROBLEMS = 100  # held-out ones; with fewer, accuracy moves in leaps
SCORES = ("accuracy", "reward")  # the scores in a learning curve
SCALE = {"accuracy": 100, "reward": 1}  # of a score in tables and pictures: accuracy in per cent
DIGITS = {"accuracy": 1, "reward": 3}
# The tables of a comparison. Methods of one table had the same chance; tables do not compare.
TABLES = ("demonstrations", "fixed feedback", "rewards", "test time")
FEW = 8  # methods that one table and one overview show well


class Goal(NamedTuple):
    """What the column "samples to …" asks for."""

    score: str  # of SCORES
    amount: float

    @property
    def words(self):
        """90 %, or reward 0.8."""
        share = self.score == "accuracy"
        return f"{100 * self.amount:g} %" if share else f"{self.score} {self.amount:g}"


GOAL = Goal("accuracy", 0.9)  # where a comparison names none


class MethodResult(NamedTuple):
    """One finished run in a comparison. Results of one method differ in their seed."""

    method: str  # e.g. "grpo", or "reward,ppo" for a pipeline
    learns_from: str  # e.g. "pairs", "rewards"
    family: str  # what it learns from and how: gives the colour
    # What follows keeps its default where a run failed or measured no such thing.
    accuracy: float = np.nan  # on held-out prompts, 0 … 1
    reward: float = np.nan  # mean on held-out prompts
    kl: float = np.nan  # nats per completion to the reference
    samples: float = np.nan  # completions drawn from a policy while training
    models: str = "–"  # the networks in memory, e.g. "policy, ref"
    bytes: int = 0  # of those networks' weights and optimizer state
    seconds: float = np.nan  # of training, without evaluation
    curve: tuple = ()  # (samples, share of the training, *SCORES), in order
    seed: int = 0
    entropy: float = np.nan  # nats per token
    online: bool = True  # whether it draws its samples while it trains
    stages: int = 1  # warm start included
    problems: int = 0  # held-out ones that accuracy was measured on
    pair_accuracy: float = np.nan  # of a reward model
    failure: str = ""  # why the run has no result
    goal: Goal = GOAL  # the same in all results of a comparison
    table: str = "rewards"  # of TABLES; a start stands in each of them
    labels: float = np.nan  # judged completions that it learned from: two a pair, one a thumb
    updates: float = np.nan  # gradient steps of the policy
    optimum_kl: float = np.nan  # KL(policy ‖ the method's own optimum), nats per prompt
    path: tuple = ()  # (KL, *SCORES) of every evaluation, from the start on
    sensitivity: float = np.nan  # score of the search's median setting minus that of the choice
    settings: str = ""  # those that the search chose, in words
    exact_kl: float = np.nan  # nats; this and the next two only where all answers can be listed
    exact_reward: float = np.nan  # expected, over all answers
    known_reward: float = np.nan  # the highest that any policy has at this KL
    caveat: str = ""  # why it does not raise accuracy, where it does not


def by_method(rows):
    """{method: its results}, in the order of the comparison."""
    if not rows:
        raise ValueError("nothing to compare: want at least one row")
    return {row.method: [r for r in rows if r.method == row.method] for row in rows}


def fits_one_table(rows):
    """Whether all methods stand in one table: a few of them, on too few seeds to rank any."""
    groups = by_method(rows)
    return len(groups) <= FEW and max(map(len, groups.values())) < ENOUGH


def by_table(rows):
    """{table: its results, the start among them}, in the order of TABLES, without empty ones."""
    # What a start took to train is part of no method.
    starts = [row._replace(labels=np.nan, updates=np.nan) for row in rows if row.method == "start"]
    tables = {}
    for name in TABLES:
        own = [row for row in rows if row.table == name and row.method != "start"]
        if own:
            tables[name] = [row._replace(table=name) for row in starts] + own
    return tables


def score_name(rows):
    """The score that methods are compared by: accuracy, or reward where problems are few."""
    return "accuracy" if max(row.problems for row in rows) >= ENOUGH_PROBLEMS else "reward"


def failures(rows):
    """[(method, seed)] of runs that broke off, or ended below the start of their seed."""
    name = score_name(rows)
    start = {row.seed: getattr(row, name) for row in rows if row.method == "start"}
    return [
        (row.method, row.seed)
        for row in rows
        # NaN compares false: a run whose seed has no start has not ended below it.
        if row.failure or getattr(row, name) < start.get(row.seed, np.nan)
    ]


def samples_to_goal(row):
    """Samples drawn when an evaluation first met the goal; NaN if none did, or the start had it."""
    met = [point[0] for point in row.curve if meets(row.goal, point)]
    if not met or start_meets_goal(row):
        return np.nan
    # Offline methods draw all their samples before they train.
    return met[0] if row.online else row.samples


def updates_to_goal(row):
    """Gradient steps when an evaluation first met the goal; NaN as in samples_to_goal."""
    shares = [point[1] for point in row.curve if meets(row.goal, point)]
    return shares[0] * row.updates if shares and not start_meets_goal(row) else np.nan


def start_meets_goal(row):
    """Whether the start, the first point of the curve, has met the goal already."""
    return bool(row.curve) and meets(row.goal, row.curve[0])


def ends_at_goal(row):
    """Whether the last evaluation of a run meets the goal."""
    return bool(row.curve) and meets(row.goal, row.curve[-1])


def meets(goal, point):
    """Whether a point of a learning curve meets a goal."""
    _, _, *scores = point
    return scores[SCORES.index(goal.score)] >= goal.amount
