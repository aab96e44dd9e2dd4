"""Rules on online methods on the bandit: group sizes, scorers that err, cost to reach a goal."""

import numpy as np

from tinyalign.notes.claims.rules.compute import passes_per_sample
from tinyalign.notes.claims.rules.differences import (
    difference,
    paired_difference,
    sentence,
    sentence_with_names,
)


def sixteen_better(group_sizes):
    """Groups of sixteen learn faster than groups of four."""
    gap = difference(group_sizes, "prompts 16", "prompts 4")
    return (
        gap.above,
        f"same prompts, K = 16 against 4, probability of the best answer: {sentence(gap)}",
    )


def eight_better(group_sizes):
    """Groups of eight learn faster than groups of two."""
    gap = difference(group_sizes, "prompts 8", "prompts 2")
    return (
        gap.above,
        f"same prompts, K = 8 against 2, probability of the best answer: {sentence(gap)}",
    )


def eight_better_per_sample(group_sizes):
    """Groups of eight learn faster than groups of two from as many completions."""
    gap = difference(group_sizes, "completions 8", "completions 2")
    return gap.above, f"same number of completions, K = 8 against 2: {sentence(gap)}"


def vote_steadies(noisy_scorer):
    """The majority of three verdicts brings seeds nearer to their mean than one verdict."""
    gap = paired_difference(
        distances_from_mean(noisy_scorer["thrice"]), distances_from_mean(noisy_scorer["once"])
    )
    return (
        gap.below,
        f"distance of a seed from the mean, asked three times against once: {sentence(gap)}",
    )


def vote_helps(noisy_scorer):
    """The majority of three verdicts teaches more than one verdict."""
    gap = difference(noisy_scorer, "thrice", "once")
    return (
        gap.above,
        f"probability of the best answer, asked three times against once: {sentence(gap)}",
    )


def scorer_limits(noisy_scorer):
    """A scorer that errs limits what is learned."""
    # The same steps and samples; only the scorer differs.
    gap = difference(noisy_scorer, "once", "never wrong")
    return gap.below, f"one verdict in five wrong against none: {sentence(gap)}"


def ppo_controls_drift(tied_ppo):
    """A larger weight of PPO's KL keeps the policy nearer to its start."""
    gap = difference(tied_ppo, "kl 1.0", "kl 0.1")
    return gap.below, f"KL to the start with beta 1 against 0.1: {sentence(gap)}"


def grpo_needs_more_samples(reach):
    """GRPO needs more completions than PPO to reach a goal."""
    gap = difference(reach, "grpo", "ppo")
    return (
        gap.above,
        f"completions to reach 0.9: {sentence_with_names(gap, ('GRPO', 'PPO'), ',.0f')}",
    )


def grpo_saves_compute(reach, passes):
    """GRPO needs fewer passes through networks than PPO to reach a goal."""
    # Completions to reach the goal, times the passes that one completion takes.
    thousands = [
        [passes_per_sample(passes[name]) * count / 1000 for count in reach[name]]
        for name in ("grpo", "ppo")
    ]
    gap = paired_difference(*thousands)
    return (
        gap.below,
        f"thousands of passes to reach 0.9: {sentence_with_names(gap, ('GRPO', 'PPO'), '.1f')}",
    )


def distances_from_mean(values):
    """How far each seed is from the mean of all seeds."""
    return np.abs(np.array(values) - np.mean(values)).tolist()


RULES = {
    "sixteen_better": (sixteen_better, ("group_sizes",)),
    "eight_better": (eight_better, ("group_sizes",)),
    "eight_better_per_sample": (eight_better_per_sample, ("group_sizes",)),
    "vote_steadies": (vote_steadies, ("noisy_scorer",)),
    "vote_helps": (vote_helps, ("noisy_scorer",)),
    "scorer_limits": (scorer_limits, ("noisy_scorer",)),
    "ppo_controls_drift": (ppo_controls_drift, ("tied_ppo",)),
    "grpo_needs_more_samples": (grpo_needs_more_samples, ("reach",)),
    "grpo_saves_compute": (grpo_saves_compute, ("reach", "passes")),
}
