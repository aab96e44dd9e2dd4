"""One row a method: what its trainer is given, and what is a straight line where it ends."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinyalign.exam import examples, lines, optima


class Method(NamedTuple):
    """What an exam asks of one method.

    Right is: statistic = score·slope + a constant for each prompt.
    """

    title: str
    settings: dict  # names and defaults
    rows: Callable  # paper -> lines of data.jsonl
    statistic: Callable  # of `lines`, straight in the score
    score: Callable  # paper -> (P, K)
    slope: Callable  # paper -> number
    optimum: Callable  # paper -> (P, K) log-probabilities
    task: str = "words"  # where nothing is said
    samples: bool = False  # learns from its own answers, so reward.py belongs to the exam
    holds_mass: bool = True  # whether the loss says how much probability the answers have in all
    axes: str = "log π/π_ref of an answer against its reward"  # the statistic against the score


def _pairs(counts):
    return lambda paper: examples.pair_rows(paper, counts(paper))


def _reward(paper):
    return paper.reward


def _inverse(name):
    return lambda paper: 1 / paper.settings[name]


def _moved(optimum):
    """The log-ratio of an optimum without a straight line of its own: the line is that to it."""
    return lambda paper: optimum(paper) - paper.ref_logp


def _one(paper):
    return 1.0


BRADLEY_TERRY = _pairs(examples.bradley_terry_counts)
RATIO = lines.sum_of_log_ratios
TO_OPTIMUM = "log π/π_ref of an answer against the same at the optimum"

METHODS = {
    "sft": Method("supervised fine-tuning", {}, examples.demonstration_rows,
        lines.log_probability, _reward, _one, optima.sft,
        axes="log π of an answer against its reward"),
    "dpo": Method("DPO", {"beta": 0.5}, BRADLEY_TERRY,
        RATIO, _reward, _inverse("beta"), optima.rlhf, holds_mass=False),
    "cdpo": Method("conservative DPO", {"beta": 0.5, "flip": 0.1}, _pairs(examples.smooth_counts),
        RATIO, _reward, _inverse("beta"), optima.rlhf, holds_mass=False),
    "ipo": Method("IPO of sums", {"tau": 0.2}, _pairs(examples.linear_counts),
        RATIO, lambda paper: paper.weights / 16, _inverse("tau"), optima.ipo, holds_mass=False,
        axes="log π/π_ref of an answer against w/16, w its number in exam.json's weights"),
    "simpo": Method("SimPO", {"beta": 2.0, "gamma": float(np.log(2))},
        _pairs(examples.shifted_counts),
        lines.mean_log_probability, _reward, _inverse("beta"), optima.means, holds_mass=False,
        axes="the mean log π of an answer's tokens against its reward"),
    "orpo": Method("ORPO", {"lam": 0.5}, BRADLEY_TERRY,
        RATIO, _moved(optima.orpo_point), _one, optima.orpo_point, axes=TO_OPTIMUM),
    "kto": Method("KTO", {"beta": 0.5}, examples.thumb_rows,
        RATIO, _moved(optima.kto_point), _one, optima.kto_point, axes=TO_OPTIMUM),
    "reward": Method("a reward model", {}, BRADLEY_TERRY,
        lines.log_probability, _reward, _one, optima.sft, holds_mass=False,
        axes="the score of an answer against its reward"),
    "rloo": Method("RLOO, KL in the reward", {"beta": 0.5, "num_generations": 8},
        examples.prompt_rows, RATIO, _reward, _inverse("beta"), optima.rlhf, "bandit", True),
    "ppo": Method("PPO, KL in the reward", {"beta": 0.5}, examples.prompt_rows,
        RATIO, _reward, _inverse("beta"), optima.rlhf, "bandit", True),
    "grpo": Method("GRPO, KL in the loss", {"beta": 0.5, "num_generations": 8},
        examples.prompt_rows, RATIO, _moved(optima.grpo), _one, optima.grpo, "bandit", True,
        axes=TO_OPTIMUM),
    "raft": Method("one round of RAFT", {"num_generations": 4}, examples.prompt_rows,
        RATIO, _moved(optima.raft), _one, optima.raft, "bandit", True,
        axes=TO_OPTIMUM),
}  # fmt: skip
