"""Rewards made into feedback, a function for each form that a method learns from.

label_…(reward (P, G), rng, config) -> index arrays of toy_envs.feedback
"""

import numpy as np

from tinyalign.losses.ranking import rejection_sample
from toy_envs import feedback


def label_pairs(reward, rng, config):
    """The simulated annotator's choice between two completions of each prompt: feedback.Pairs."""
    return feedback.pairs(
        reward, rng, temperature=config.label_temperature, noise=config.label_noise
    )


def label_accepted_pairs(reward, rng, config):
    """Pairs of those completions that rejection sampling accepted: feedback.Pairs."""
    return accepted_pairs(reward, rng, beta=config.beta, noise=config.label_noise)


def label_triples(reward, rng, config):
    """The best completion of each prompt as gold, and a pair below it: feedback.Triples."""
    return feedback.triples(reward, rng, noise=config.label_noise)


def label_thumbs(reward, rng, config):
    """A thumb up or down for every completion by itself: feedback.Thumbs."""
    return feedback.thumbs(
        reward, rng, temperature=config.label_temperature, noise=config.label_noise
    )


def label_rankings(reward, rng, config):
    """The completions of each prompt in the order of their rewards: feedback.Rankings."""
    return feedback.rankings(reward, rng, noise=config.label_noise)


def rewards_by_rank(reward, order):
    """The rewards of each prompt's completions, dealt out again in the order of its ranking.

    reward   (B, G)
    order    (B, G) completions, the best first; where it is that of the rewards, nothing changes
    returns  (B, G): a ranking that label noise made wrong is learned as it is
    """
    dealt = np.empty_like(reward)
    np.put_along_axis(dealt, order, -np.sort(-reward, axis=1), axis=1)
    return dealt


def accepted_pairs(reward, rng, *, beta, noise):
    """Pairs of completions that rejection sampling accepted: the best and the worst that remain.

    Accepted with probability e^{(r − r_max)/β}, they follow π_ref e^{r/β} instead of π_ref.
    """
    accepted = rejection_sample(reward, beta=beta, rng=rng)  # (P, G)
    best = np.where(accepted, reward, -np.inf).argmax(axis=1)
    worst = np.where(accepted, reward, np.inf).argmin(axis=1)
    rows = np.arange(len(reward))
    prompt = np.flatnonzero(reward[rows, best] > reward[rows, worst])  # the others are ties
    swapped = rng.random(len(prompt)) < noise
    chosen, rejected = best[prompt], worst[prompt]
    return feedback.Pairs(
        prompt, np.where(swapped, rejected, chosen), np.where(swapped, chosen, rejected)
    )
