"""What a toy task is: prompts, a demonstration for each, and an exact reward for any answer."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Task(NamedTuple):
    """A task small enough that its right answers are known. Text in, numbers out, no tokens.

    `reward` and `success` take three parallel sequences of length N and return (N,) float64:

    prompts      N strings
    completions  N strings without end-of-sequence; a completion cut at max_new_tokens is passed as
                 far as it got
    finished     (N,) bool, True where the completion ended by itself. Where `ends` is False every
                 completion has its full length and all are finished.

    An unfinished completion is wrong however good its text: a policy must learn to stop.
    """

    name: str  # e.g. "addition"
    alphabet: str  # one character per token, in id order; where `ends`, the next id is EOS
    ends: bool  # completions end with EOS; if not, all have exactly max_new_tokens tokens
    train: tuple[str, ...]  # prompts to learn from
    held_out: tuple[str, ...]  # prompts never trained on (the bandit says why its own are the same)
    max_new_tokens: int  # tokens of the longest completion, EOS included
    solution: Callable[[str], str]  # a demonstration for one prompt
    reward: Callable[[list[str], list[str], np.ndarray], np.ndarray]  # (N,), what is trained on
    success: Callable[[list[str], list[str], np.ndarray], np.ndarray]  # (N,) 0 or 1: solved
    candidates: Callable[[str, np.random.Generator, int], list[str]]  # n answers, right and wrong
    attempts: int = 1  # how many answers its user would try; above 1, pass@k is worth measuring


def require_batch(prompts, completions, finished):
    """Return `finished` as a bool array; ValueError unless the three have one length."""
    finished = np.asarray(finished, dtype=bool)
    lengths = (len(prompts), len(completions), finished.size)
    if len(set(lengths)) != 1 or finished.ndim != 1:
        raise ValueError(
            "want as many prompts as completions and finished flags (N,), "
            f"got {lengths[0]}, {lengths[1]} and shape {finished.shape}"
        )
    return finished


def require_share(held_out):
    """ValueError unless held_out is a share that leaves something on either side."""
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is {held_out}, want a share between 0 and 1, such as 0.1")
