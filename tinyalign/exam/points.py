"""Where a trainer with a known deviation ends, if no statistic of it is straight in the reward.

Each is (P, K): the sum of log-ratios, or the statistic that its suspect names. Constants for each
prompt do not matter.
"""

import numpy as np

from tinyalign.exam import optima
from tinyalign.exam.examples import (
    bradley_terry_counts,
    linear_counts,
    shifted_counts,
    smooth_counts,
)
from tinyalign.exam.tree import fixed_point
from tinyalign.losses import preference

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


def kto_without_z0(paper, token_logp):
    return optima.kto_minimum(paper, paper.weights, 0.0) - paper.ref_logp


def thumbs_up_alone(paper, token_logp):
    """Thumbs down count nothing: w + 1 up are left."""
    return optima.kto_point(paper, paper.weights + 1) - paper.ref_logp


def myopic(paper, token_logp):
    beta = paper.settings["beta"]
    return fixed_point(paper.reference, paper.tokens, paper.reward, beta=beta) - paper.ref_logp


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
