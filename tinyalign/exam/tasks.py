"""The tasks of an exam: a few prompts, a few answers, a whole number for each, an uneven reference.

All three share one table of numbers. They differ in the answers, and in the prompts' lengths.
"""

from typing import NamedTuple

import numpy as np

START = "\n"  # stands in front of every prompt
EOS = "<eos>"

# Row = prompt, column = answer. In every row the first number is above the second and the second
# above the third: the answers of WORDS begin with one another, and with these numbers a trainer
# that forgets EOS has an optimum too, at which it can be recognised.
WEIGHTS = ((6, 3, 1, 2, 4, 8), (4, 2, 1, 8, 6, 3), (8, 4, 3, 1, 2, 6), (3, 2, 1, 6, 8, 4))
# How often the reference says each answer: as uneven, and in another order.
SHARES = ((1, 4, 6, 3, 8, 2), (2, 6, 3, 1, 4, 8), (3, 1, 8, 6, 2, 4), (8, 3, 2, 4, 1, 6))

LETTERS = ("a", "b", "c", "d", "e", "f")
WORDS = ("a", "ab", "abc", "b", "cc", "dab")


class Task(NamedTuple):
    """What is asked, and what can be answered."""

    name: str
    prompts: tuple[str, ...]  # P
    answers: tuple[str, ...]  # K


TASKS = {
    "bandit": Task("bandit", ("p", "q", "r", "s"), LETTERS),
    "words": Task("words", ("p", "q", "r", "s"), WORDS),
    "padding": Task("padding", ("p", "qq", "rrr", "s"), LETTERS),
}


def alphabet(task):
    """The characters of the task, START first."""
    return START + "".join(sorted(set("".join(task.prompts + task.answers))))


def token_rows(answers, ends):
    """Each answer as a tuple of tokens, EOS among them if answers end by themselves."""
    return [(*answer, EOS) if ends else tuple(answer) for answer in answers]


def answer_mask(answers, ends):
    """(K, T): 1 where answer k has a token t, EOS included if answers end by themselves."""
    length = np.array([len(tokens) for tokens in token_rows(answers, ends)])
    return (np.arange(length.max()) < length[:, None]).astype(float)
