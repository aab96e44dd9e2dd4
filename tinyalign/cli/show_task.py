"""`tinyalign show TASK`: what is asked, what can be answered, and what an answer earns."""

import inspect

import numpy as np

from tinyalign.cli.asking import visible
from tinyalign.methods import one_letter
from tinyalign.runs import lookup
from tinyalign.runs.config import Config

EXAMPLES, ANSWERS = 3, 4  # prompts that are shown, and answers that are tried for each


def names():
    """The tasks that --env takes."""
    return [*lookup.OPERATIONS, *lookup.TASKS]


def task(name):
    """Print a task: what its file says, its prompts, answers and rewards."""
    found = lookup.make_task(name, Config().digits)
    print(f"{name}\n\n{inspect.getdoc(inspect.getmodule(found.solution))}\n")
    if one_letter.is_enumerable(found):
        print_all_rewards(found)
    else:
        print_examples(found)
    print(f"\nto train on it: tinyalign run dpo --env {name}")
    return 0


def print_all_rewards(found):
    """The reward of every answer to every prompt: a line for each prompt."""
    print(f"{'prompt':8}" + "".join(f"{letter:>7}" for letter in found.alphabet))
    for prompt, rewards in zip(found.held_out, one_letter.letter_rewards(found), strict=True):
        print(f"{prompt:8}" + "".join(f"{reward:7.2f}" for reward in rewards))
    print("\nEach line is a prompt, each column an answer. The numbers are the rewards.")


def print_examples(found):
    """How many prompts there are; of a few, the demonstration and other answers with rewards."""
    print(f"{len(found.train):,} prompts to learn from, {len(found.held_out):,} held out")
    print(f"characters: {visible(found.alphabet)}")
    rng = np.random.default_rng(0)
    for prompt in found.train[:: max(1, len(found.train) // EXAMPLES)][:EXAMPLES]:
        drawn = found.candidates(prompt, rng, ANSWERS)
        answers = list(dict.fromkeys([found.solution(prompt), *drawn]))  # each once
        ended = np.ones(len(answers), bool)
        rewards = found.reward([prompt] * len(answers), answers, ended)
        print(f"\nprompt {visible(prompt)}")
        width = max(map(len, map(visible, answers)))
        for answer, reward in zip(answers, rewards, strict=True):
            shows = "  (demonstration)" if answer == answers[0] else ""
            print(f"  answer {visible(answer):{width}}  reward {reward:.3g}{shows}")
