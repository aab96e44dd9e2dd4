"""Every method is a row: what it learns from, which networks it holds, its loss and its paper.

The command line, the tables and the tests are all read off these rows, so a fact stands once.
To add a method, write its function and add a row.
"""

import re

from tinyalign.methods.method import Method
from tinyalign.methods.offline import OFFLINE
from tinyalign.methods.online import ONLINE
from tinyalign.methods.steps import needs

METHODS = OFFLINE + ONLINE
FEEDBACK = {  # what a method learns from, and the stages that come before it
    "demonstrations": "a good completion of each prompt · sft",
    "pairs": "a chosen and a rejected completion of each prompt · sft → method",
    "triples": "gold, chosen and rejected completions of each prompt · sft → method",
    "thumbs": "single completions, each liked or not · sft → method",
    "rankings": "several completions of each prompt, with scores · sft → method",
    "rewards": "a reward for each of its own samples · sft → method, or sft → reward → method",
}

__all__ = ["FEEDBACK", "METHODS", "Method", "by_feedback", "constants", "holds", "named", "short"]


def named(name):
    """The row of a method, or None."""
    return next((method for method in METHODS if method.name == name), None)


def holds(method):
    """Networks that a method holds while it trains, the trained ones first."""
    if method.name == "reward":
        return ["reward model"]
    critic = ["critic"] if method.name == "ppo" else []
    return ["policy", *critic, *(["reference"] if reads_reference(method) else [])]


def reads_reference(method):
    """Whether its loss reads a frozen reference, or a KL to it is taken off its rewards."""
    return method.reference or (method in ONLINE and method.kl_in is not None)


def constants(method):
    """What its loss reads and no gradient reaches."""
    read = needs(method.loss)
    words = {"old_logp": "old", "reward": "reward", "z0": "z0"}
    found = [word for name, word in words.items() if name in read]
    gain = ["advantage"] if method.surrogate else []
    return [*(["reference"] if reads_reference(method) else []), *found, *gain]


def by_feedback():
    """All methods, in the order of FEEDBACK."""
    return sorted(METHODS, key=lambda row: list(FEEDBACK).index(row.learns_from))


def short(paper):
    """Author and year: "Rafailov et al. 2023, arXiv:2305.18290" → "Rafailov 2023"."""
    return " ".join(re.match(r"(\S+).*?(\d{4})", paper).groups())
