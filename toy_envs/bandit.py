"""A contextual bandit: a language model whose every completion is one token.

All completions can be listed, so the optimum of any objective is a short sum: this is the oracle
that every method is checked against.
"""

import string

import numpy as np

from toy_envs.task import Task, require_batch


def reward_table(contexts=4, arms=8, seed=0):
    """The reward of every arm in every context, drawn once from N(0, 1).

    contexts  1 … arms, number of prompts
    arms      2 … 26, number of completions
    seed      the table is a function of it
    returns   (contexts, arms) float64, row = prompt, column = token id of the completion
    raises    ValueError if there are more contexts than arms, or sizes out of range
    """
    if not 2 <= arms <= 26:
        raise ValueError(f"arms is {arms}, but an arm is one letter: choose 2 to 26")
    if not 1 <= contexts <= arms:
        raise ValueError(f"contexts is {contexts}, but prompts reuse the {arms} arms' letters")
    return np.random.default_rng(seed).normal(size=(contexts, arms))


def make(contexts=4, arms=8, seed=0):
    """The bandit as a Task: the prompt is one letter, the completion one letter, no EOS.

    contexts, arms, seed  as for `reward_table`, which holds this task's rewards
    returns               Task; success is picking the context's best arm. `held_out` equals
                          `train`: contexts share nothing, there is nothing to generalise to
    raises                ValueError as `reward_table` does, and for a letter that is no arm
    """
    table = reward_table(contexts, arms, seed)
    letters = string.ascii_lowercase[:arms]

    def reward(prompts, completions, finished):
        require_batch(prompts, completions, finished)
        return table[_ids(prompts, letters[:contexts], "prompt"), _ids(completions, letters, "arm")]

    def success(prompts, completions, finished):
        best = table.max(axis=1)[_ids(prompts, letters[:contexts], "prompt")]
        return (reward(prompts, completions, finished) == best).astype(float)

    def solution(prompt):
        return letters[table[letters.index(prompt)].argmax()]

    prompts = tuple(letters[:contexts])  # the first letters name contexts and arms alike
    return Task(
        name="bandit",
        alphabet=letters,
        ends=False,
        train=prompts,
        held_out=prompts,
        max_new_tokens=1,
        solution=solution,
        reward=reward,
        success=success,
        candidates=lambda prompt, rng, n: [letters[i] for i in rng.integers(arms, size=n)],
    )


def _ids(texts, letters, kind):
    """Place of each text in `letters`, (N,) int; ValueError naming a text that is not there."""
    wrong = [text for text in texts if len(text) != 1 or text not in letters]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no {kind}: want one letter of {letters!r}")
    return np.array([letters.index(text) for text in texts], dtype=int)
