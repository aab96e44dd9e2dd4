"""Every method is a row: what it learns from, which networks it holds, its loss and its paper.

The command line, the tables and the tests are all read off these rows, so a fact stands once.
To add a method, write its function and add a row.

method                              what a row says, what a stage is made of
offline  online                     the rows
samples  labels  rollouts           where examples come from
train_offline train_online train_ppo    how each family is trained: one function a stage
steps  metrics                      one gradient step of each family, and what it logs
evaluate  one_letter                how good a network is on examples it was not trained on
"""

import re

from tinyalign.methods.loss_inputs import argument_names
from tinyalign.methods.method import Method
from tinyalign.methods.offline import OFFLINE
from tinyalign.methods.online import ONLINE

METHODS = OFFLINE + ONLINE
FEEDBACK = {  # what a method learns from, and the stages that come before it
    "demonstrations": "a good completion of each prompt · sft",
    "pairs": "a chosen and a rejected completion of each prompt · sft → method",
    "triples": "gold, chosen and rejected completions of each prompt · sft → method",
    "thumbs": "unpaired labels: single completions, each liked or not · sft → method",
    "rankings": "several completions of each prompt, with scores · sft → method",
    "rewards": "a reward for each of its own samples · sft → method, or sft → reward → method",
}

__all__ = [
    "FEEDBACK",
    "METHODS",
    "REWARD_MODEL",
    "WARM_START",
    "Method",
    "author_and_year",
    "by_feedback",
    "constants",
    "find",
    "holds",
]


def find(name):
    """The row of a method, or None."""
    return next((method for method in METHODS if method.name == name), None)


WARM_START = find("sft")  # what a run begins with where no policy is given
REWARD_MODEL = find("reward")  # what --reward model trains


def by_feedback():
    """All methods, in the order of FEEDBACK."""
    return sorted(METHODS, key=lambda row: list(FEEDBACK).index(row.learns_from))


def holds(method):
    """Names of the networks that a method holds while it trains, the trained ones first."""
    return [name.replace("_", " ") for name in method.networks()]


def constants(method):
    """What its loss reads and no gradient reaches."""
    names = argument_names(method.loss)
    labels = {"old_logp": "old", "reward": "reward", "z0": "z0"}
    return [
        *(["reference"] if method.reads_reference else []),
        *(label for name, label in labels.items() if name in names),
        *(["advantage"] if method.surrogate else []),
    ]


def author_and_year(paper):
    """Author and year: "Rafailov et al. 2023, arXiv:2305.18290" → "Rafailov 2023"."""
    return " ".join(re.match(r"(\S+).*?(\d{4})", paper).groups())
