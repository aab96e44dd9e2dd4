"""Where a trainer with a known deviation ends, if no statistic of it is straight in the reward.

Each is (P, K): the sum of log-ratios, or the statistic that its suspect names. Constants for each
prompt do not matter.
"""

import itertools
import math

import numpy as np

from tinyalign.exam import optima
from tinyalign.exam.examples import (
    bradley_terry_counts,
    linear_counts,
    shifted_counts,
    smooth_counts,
)
from tinyalign.exam.tree import at_temperature, fixed_point, forward_kl_best
from tinyalign.losses import preference
from tinyalign.losses.numerics import log_softmax

LARGEST_GROUP = 24  # of which every composition is looked at: 118,755 of six answers
COUNTS = {"cdpo": smooth_counts, "ipo": linear_counts, "simpo": shifted_counts}


def _minimum(paper, loss):
    """Log-ratios at the minimum of a pair loss on the paper's own pairs."""
    counts = COUNTS.get(paper.method, bradley_terry_counts)(paper)
    return optima.pair_minimum(paper, counts, loss) - paper.ref_logp


def smoothed(paper, token_logp):
    beta = paper.settings["beta"]
    return _minimum(paper, lambda c, r, rc, rr, *n: preference.cdpo(c, r, rc, rr, beta=beta))


def dpo_on_it(paper, token_logp):
    beta = paper.settings.get("beta", paper.settings.get("tau"))
    return _minimum(paper, lambda c, r, rc, rr, *n: preference.dpo(c, r, rc, rr, beta=beta))


def square(paper, token_logp):
    tau = paper.settings["beta"]
    return _minimum(paper, lambda c, r, rc, rr, *n: preference.ipo(c, r, rc, rr, tau=tau))


def with_likelihood(paper, token_logp):
    """DPO plus the mean negative log-likelihood per token, weighed by 1."""
    beta, flip = paper.settings["beta"], paper.settings.get("flip", 0.0)

    def loss(c, r, rc, rr, n_chosen, n_rejected):
        return preference.cdpo(c, r, rc, rr, beta=beta, flip=flip) - c / n_chosen

    return _minimum(paper, loss)


def _simpo(paper, gamma):
    beta = paper.settings["beta"]

    def loss(c, r, rc, rr, n_chosen, n_rejected):
        return preference.simpo(c / n_chosen, r / n_rejected, beta=beta, gamma=gamma)

    return _minimum(paper, loss)


def no_gamma(paper, token_logp):
    return _simpo(paper, 0.0)


def gamma_times_beta(paper, token_logp):
    return _simpo(paper, paper.settings["beta"] * paper.settings["gamma"])


def chosen_alone(paper, token_logp):
    """Supervised learning on the chosen answers, each divided by its length."""
    return _minimum(paper, lambda c, r, rc, rr, n_chosen, n_rejected: -c / n_chosen)


def orpo_of_sums(paper, token_logp):
    lam = paper.settings["lam"]
    return _minimum(paper, lambda c, r, rc, rr, n, m: preference.orpo(c, r, -c / n, lam=lam))


def likelihood_over_tokens(prompts):
    """ORPO whose likelihood is one mean over all tokens of the batch; prompts: theirs too.

    The START token in front of a prompt is predicted by nothing, and counts nowhere.
    """

    def point(paper, token_logp):
        lam, lines = paper.settings["lam"], bradley_terry_counts(paper).sum(axis=2)  # (P, K)
        asked = np.array([len(prompt) * prompts for prompt in paper.prompts])
        tokens = np.average(paper.mask.sum(axis=1) + asked[:, None], weights=lines)  # of a line
        return _minimum(
            paper,
            lambda c, r, rc, rr, n, m: preference.orpo(c / n, r / m, -c / tokens, lam=lam),
        )

    return point


def kto_of_means(paper, token_logp):
    return optima.kto_point(paper, length=paper.mask.sum(axis=1)) - paper.ref_logp


def thumbs_up_alone(paper, token_logp):
    """Thumbs down count nothing: w + 1 up are left."""
    return optima.kto_point(paper, paper.weights + 1) - paper.ref_logp


def myopic(paper, token_logp):
    beta = paper.settings["beta"]
    return fixed_point(paper.reference, paper.tokens, paper.reward, beta=beta) - paper.ref_logp


def myopic_forward(paper, token_logp):
    """As GRPO's point, but held by KL(π_ref ‖ π) of each token, the slope of k3 as a loss."""
    beta = optima.group_beta(paper)
    point = fixed_point(
        paper.reference, paper.tokens, paper.reward, beta=beta, best=forward_kl_best
    )
    return point - paper.ref_logp


def best_of_twice(paper, token_logp):
    twice = {"num_generations": 2 * paper.settings["num_generations"]}
    return optima.raft(paper._replace(settings=twice)) - paper.ref_logp


def without_stops(paper, token_logp):
    """Shares of the first letters: without EOS among the labels, whatever can go on goes on."""
    share = np.array(
        [
            np.sum(paper.weights[:, [other[0] == answer[0] for other in paper.answers]], axis=1)
            for answer in paper.answers
        ]
    )
    return np.log(share.T)


def first_token_kept(paper, token_logp):
    """The policy's own log-ratios, but for those of the first tokens, which are 0."""
    return (token_logp - paper.reference)[:, :, 1:].sum(axis=2)


def sampler_at(temperature):
    """Where GRPO ends if its sampler alone divides logits by a temperature; one token an answer.

    There the mean of (A − β·log π/π_ref)·∇log π vanishes over what was sampled, with the group's
    mean reward as the baseline.
    """

    def point(paper, token_logp):
        beta, group = paper.settings["beta"], paper.settings["num_generations"]
        ratio = np.zeros_like(paper.ref_logp)
        for _ in range(200):
            logp = log_softmax(paper.ref_logp + ratio)
            drawn = log_softmax((paper.ref_logp + ratio) / temperature)
            mean = np.sum(np.exp(drawn) * paper.reward, axis=1, keepdims=True)
            pull = (paper.reward - mean) * (1 - 1 / group) - beta * ratio
            total = np.sum(np.exp(drawn) * pull, axis=1, keepdims=True)
            # Where drawn·pull = π·total, nothing pulls: solved for the ratio inside the pull.
            ratio = ratio + 0.3 * (pull - total * np.exp(logp - drawn)) / beta
        return ratio

    return point


def standardised(paper, token_logp):
    """Where GRPO ends with advantages (r − mean)/(std + 1e-4) of a group; one token an answer.

    There β·log π/π_ref is, but for a constant, the advantage that an answer has on average over the
    groups that contain it.
    """
    beta, group = paper.settings["beta"], paper.settings["num_generations"]
    counts = compositions(group, len(paper.answers))  # (M, K)
    ways = np.array([math.lgamma(group + 1) - sum(math.lgamma(n + 1) for n in c) for c in counts])
    return np.stack(
        [
            _standardised(*row, counts, ways, beta, group)
            for row in zip(paper.ref_logp, paper.reward, strict=True)
        ]
    )


def _standardised(ref, reward, counts, ways, beta, group):
    """Log-ratios (K,) of one prompt."""
    mean = counts @ reward / group
    variance = (counts * (reward - mean[:, None]) ** 2).sum(axis=1) / (group - 1)
    advantage = (reward - mean[:, None]) / (np.sqrt(variance)[:, None] + 1e-4)  # (M, K)
    ratio = np.zeros_like(ref)
    for _ in range(80):
        logp = log_softmax(ref + ratio)
        chance = np.exp(ways + counts @ logp)  # (M,) of each composition of a group
        pull = (chance[:, None] * counts / group * advantage).sum(axis=0) / np.exp(logp)
        ratio = 0.7 * ratio + 0.3 * pull / beta
    return ratio


def divided_by_length(paper, token_logp):
    """Where GRPO ends if each answer's loss, its KL too, is divided by the answer's own length.

    Up the slope on the tree. What a token gains is (r − mean)/n, and what it pays β·ratio/n, both
    on average over the answers that it leads to.
    """
    beta, group = paper.settings["beta"], paper.settings["num_generations"]
    length, tokens, now = paper.mask.sum(axis=1), paper.tokens, paper.reference
    leads = np.array(
        [[[b[: t + 1] == a[: t + 1] for b in tokens] for t in range(now.shape[2])] for a in tokens],
        float,
    )  # (K, T, K) whether a token leads to an answer
    for _ in range(400):
        probs = np.exp(now.sum(axis=2))  # (P, K)
        mean = np.sum(probs * paper.reward, axis=1, keepdims=True)
        gain = probs * (paper.reward - mean) * (1 - 1 / group) / length
        reach, gain, hold = (
            np.einsum("pj,ktj->pkt", x, leads) for x in (probs, gain, probs / length)
        )
        step = (gain - beta * hold * (now - paper.reference)) / np.maximum(reach, 1e-12)
        now = at_temperature(now + 2 * step * paper.mask, tokens, 1.0)
    return (now - paper.reference).sum(axis=2)


def compositions(total, parts):
    """Every way to write a total as so many whole numbers ≥ 0: (M, parts)."""
    bars = itertools.combinations(range(total + parts - 1), parts - 1)
    edges = np.array([(-1, *cut, total + parts - 1) for cut in bars])
    return np.diff(edges, axis=1) - 1
