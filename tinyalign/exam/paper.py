"""An exam as it stands in exam.json: what was asked, and the reference it was asked of."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyalign.errors import InputError
from tinyalign.exam.methods import METHODS
from tinyalign.exam.tasks import TASKS, answer_mask, token_rows


class Paper(NamedTuple):
    """One exam. P prompts, K answers, T tokens in the longest answer."""

    method: str
    task: str
    settings: dict  # beta, and what else the method has: flip, gamma, tau, num_generations …
    prompts: list  # P strings
    answers: list  # K strings
    ends: bool  # whether EOS belongs to every answer
    alphabet: str
    weights: np.ndarray  # (P, K) whole numbers; the reward is their logarithm
    reference: np.ndarray  # (P, K, T) token log-probabilities of the reference, nats

    @property
    def reward(self):
        return np.log(self.weights)

    @property
    def mask(self):
        return answer_mask(self.answers, self.ends)

    @property
    def tokens(self):
        return token_rows(self.answers, self.ends)

    @property
    def ref_logp(self):
        """(P, K) log-probability of each answer under the reference, nats."""
        return self.reference.sum(axis=2)


def paper_as_data(paper):
    """The paper as JSON can hold it; the reference as a list of token log-probabilities each."""
    lists = {"weights": paper.weights.tolist(), "reference": trim(paper.reference, paper.mask)}
    return {**paper._asdict(), **lists}


def trim(token_logp, mask):
    """(P, K, T) as nested lists without the places after an answer's end."""
    return [[row[own > 0].tolist() for row, own in zip(x, mask, strict=True)] for x in token_logp]


def read_paper(folder):
    """The paper of an exam folder.

    raises  InputError if there is none, or if it cannot be read
    """
    path = Path(folder) / "exam.json"
    try:
        data = json.loads(path.read_text(encoding="utf8"))
        paper = Paper(**data)
        weights = np.array(paper.weights)
        require_sound(paper, weights)
        return paper._replace(weights=weights, reference=fill(paper.reference, paper.mask))
    except FileNotFoundError:
        raise InputError(
            f"there is no exam in {folder}: `tinyalign exam make {folder} --as dpo` writes one"
        ) from None
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise InputError(f"{path} cannot be read as an exam: {error}") from None


def require_sound(paper, weights):
    """ValueError unless the method and the task are known and the tables have their shapes."""
    if paper.method not in METHODS:
        raise ValueError(f"there is no method {paper.method!r}")
    if paper.task not in TASKS:
        raise ValueError(f"there is no task {paper.task!r}")
    if paper.settings.keys() != METHODS[paper.method].settings.keys():
        raise ValueError(f"the settings of {paper.method} are not {', '.join(paper.settings)}")
    shape = len(paper.prompts), len(paper.answers)
    if weights.shape != shape or weights.dtype.kind not in "if" or weights.min() <= 0:
        raise ValueError(f"weights has shape {weights.shape}, want {shape} of numbers above 0")
    if (len(paper.reference), *{len(row) for row in paper.reference}) != shape:
        raise ValueError(f"reference has no table of shape {shape}")


def fill(lists, mask):
    """Nested lists of token log-probabilities as (P, K, T), 0 after an answer's end."""
    table = np.zeros((len(lists), *mask.shape))
    for x, rows in enumerate(lists):
        for k, row in enumerate(rows):
            if len(row) != mask[k].sum():
                raise ValueError(f"answer {k} has {int(mask[k].sum())} tokens, got {len(row)}")
            table[x, k, : len(row)] = row
    return table
