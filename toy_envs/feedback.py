"""One set of scored candidates, told to each family of methods in the form that it learns from.

Every function takes the rewards of G candidates for each of P prompts and returns indices into
them, so that demonstrations, pairs, rankings, thumbs and triples can be made of *the same data*.
Candidate j of prompt i is named by the indices (i, j).

Shared arguments:

reward       (P, G) float, finite, any unit; row = prompt, column = candidate
rng          numpy Generator
temperature  ≥ 0, in units of reward: how doubtful the annotator is. 0 always prefers the higher
             reward; above it, i is preferred to j with probability σ((r_i − r_j)/temperature)
noise        0 … 1, share of the answers that are replaced (flipped or drawn at random, see each)
"""

from typing import NamedTuple

import numpy as np


class Demonstrations(NamedTuple):
    """One completion to imitate for each prompt that has one."""

    prompt: np.ndarray  # (B,) int
    best: np.ndarray  # (B,) int


class Pairs(NamedTuple):
    """Two completions of one prompt, the first preferred."""

    prompt: np.ndarray  # (B,) int
    chosen: np.ndarray  # (B,) int
    rejected: np.ndarray  # (B,) int


class Rankings(NamedTuple):
    """All completions of one prompt in order."""

    prompt: np.ndarray  # (B,) int
    order: np.ndarray  # (B, G) int, best first


class Thumbs(NamedTuple):
    """Single completions, each liked or not."""

    prompt: np.ndarray  # (B,) int
    completion: np.ndarray  # (B,) int
    desirable: np.ndarray  # (B,) bool


class Triples(NamedTuple):
    """A pair and, above both, a gold completion of the same prompt."""

    prompt: np.ndarray  # (B,) int
    gold: np.ndarray  # (B,) int
    chosen: np.ndarray  # (B,) int
    rejected: np.ndarray  # (B,) int


def draw(task, prompts, size, rng):
    """Candidates without a model: `size` answers to each prompt from task.candidates, and rewards.

    returns  completions, a list of P lists of `size` strings; reward (P, size)
    """
    completions = [task.candidates(prompt, rng, size) for prompt in prompts]
    repeated = [prompt for prompt in prompts for _ in range(size)]
    flat = [text for row in completions for text in row]
    reward = task.reward(repeated, flat, np.ones(len(flat), dtype=bool))
    return completions, reward.reshape(len(prompts), size)


def demonstrations(reward, rng, *, at_least=-np.inf, noise=0.0):
    """The best candidate of each prompt, ties broken at random; (B,) with B ≤ P.

    at_least  prompts whose best reward is below this give no demonstration
    noise     a demonstration is replaced by a uniformly drawn candidate with this probability
    """
    reward = _checked(reward, 1, 0.0, noise)
    best = _descending(reward, rng)[:, 0]
    replaced = rng.random(len(reward)) < noise
    shown = np.where(replaced, rng.integers(reward.shape[1], size=len(reward)), best)
    kept = np.flatnonzero(reward.max(axis=1) >= at_least)
    return Demonstrations(kept, shown[kept])


def pairs(reward, rng, *, pairs_per_prompt=1, temperature=0.0, noise=0.0):
    """Pairs labelled by Bradley and Terry's law; (B,) with B ≤ P · pairs_per_prompt.

    The two candidates are drawn uniformly among those with different rewards: a tie carries no
    preference, and a prompt whose candidates all tie gives no pair.

    pairs_per_prompt  drawn independently, so the same pair can come twice
    noise             chosen and rejected are exchanged with this probability
    """
    reward = _checked(reward, 2, temperature, noise)
    group = reward.shape[1]
    prompt = np.repeat(_untied(reward), pairs_per_prompt)
    rows = reward[prompt]
    differ = rows[:, :, None] != rows[:, None, :]  # (B, G, G)
    lottery = np.where(differ, rng.random(differ.shape), -1.0).reshape(len(rows), group**2)
    first, second = np.divmod(lottery.argmax(axis=1), group)
    gap = np.take_along_axis(rows, first[:, None], 1) - np.take_along_axis(rows, second[:, None], 1)
    first_wins = _prefers(gap[:, 0], temperature, rng) ^ (rng.random(len(rows)) < noise)
    chosen = np.where(first_wins, first, second)
    return Pairs(prompt, chosen, first + second - chosen)


def rankings(reward, rng, *, temperature=0.0, noise=0.0):
    """All candidates of each prompt, best first, by Plackett and Luce's law; (B, G) with B ≤ P.

    Any two of them are then ordered as `pairs` would order them. Ties are broken at random, and a
    prompt whose candidates all tie is left out.

    noise  a ranking is replaced by a uniformly drawn permutation with this probability
    """
    reward = _checked(reward, 2, temperature, noise)
    prompt = _untied(reward)
    rows = reward[prompt]
    if temperature > 0:  # the largest of r/T + Gumbel noise is a softmax draw, and so on downwards
        rows = rows / temperature + rng.gumbel(size=rows.shape)
    rows = np.where(rng.random((len(rows), 1)) < noise, 0.0, rows)
    return Rankings(prompt, _descending(rows, rng))


def thumbs(reward, rng, *, threshold=None, temperature=0.0, noise=0.0):
    """Every candidate on its own, liked with probability σ((r − threshold)/temperature); (P · G,).

    threshold  in units of reward; None takes the mean of all rewards. At temperature 0 a candidate
               is liked where its reward is strictly above.
    noise      a label is flipped with this probability
    raises     ValueError if all labels come out the same, from which nothing can be learned
    """
    reward = _checked(reward, 1, temperature, noise)
    prompt, completion = np.divmod(np.arange(reward.size), reward.shape[1])
    above = reward.ravel() - (reward.mean() if threshold is None else threshold)
    desirable = _prefers(above, temperature, rng) ^ (rng.random(reward.size) < noise)
    if desirable.all() or not desirable.any():
        raise ValueError(
            f"all {reward.size} completions got the same thumb: give rewards that differ, "
            "or a threshold between them"
        )
    return Thumbs(prompt, completion, desirable)


def triples(reward, rng, *, noise=0.0):
    """The highest, the second and the lowest candidate of each prompt as gold, chosen, rejected.

    Ties are broken at random. A prompt is left out where second and lowest tie: with rewards 0 and
    1, a triple needs two right answers and a wrong one.

    noise   chosen and rejected are exchanged with this probability; gold is not touched
    raises  ValueError for fewer than 3 candidates
    """
    reward = _checked(reward, 3, 0.0, noise)
    order = _descending(reward, rng)
    ranked = np.take_along_axis(reward, order, axis=1)
    prompt = np.flatnonzero(ranked[:, 1] > ranked[:, -1])
    gold, chosen, rejected = order[prompt][:, [0, 1, -1]].T
    swapped = rng.random(len(prompt)) < noise
    return Triples(
        prompt, gold, np.where(swapped, rejected, chosen), np.where(swapped, chosen, rejected)
    )


def _checked(reward, least, temperature, noise):
    """Return rewards as float64 (P, G ≥ least), or say in one sentence what is wrong."""
    reward = np.asarray(reward, dtype=np.float64)
    if reward.ndim != 2 or reward.shape[0] == 0 or reward.shape[1] < least:
        raise ValueError(f"want reward (P, G) with G ≥ {least}, got shape {reward.shape}")
    if not np.isfinite(reward).all():
        raise ValueError(f"reward has {np.sum(~np.isfinite(reward))} entries that are not finite")
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature is {temperature}, want a finite number ≥ 0")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise is {noise}, want a probability from 0 to 1")
    return reward


def _untied(reward):
    return np.flatnonzero(reward.max(axis=1) > reward.min(axis=1))


def _descending(reward, rng):
    """Candidates of each row from high to low, ties in random order; (P, G) int."""
    return np.lexsort((rng.random(reward.shape), -reward), axis=1)


def _prefers(gap, temperature, rng):
    """True with probability σ(gap / temperature); gap > 0 at temperature 0."""
    if temperature == 0:
        return gap > 0
    return gap / temperature > rng.logistic(size=gap.shape)
