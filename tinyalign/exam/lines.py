"""Which statistic of a policy is a straight line in the reward, with one constant for each prompt.

Every known deviation of a trainer makes another statistic straight. A statistic is (P, K), beside
how many nats the log-probability moves when the statistic moves by one: all misses are then in nats
and can be compared.
"""

from typing import NamedTuple

import numpy as np

from tinyalign.exam.tree import at_temperature


class Line(NamedTuple):
    """A straight line through a statistic, as near as there is one."""

    slope: float  # over all prompts together
    slopes: np.ndarray  # (P,) of each prompt alone
    miss: float  # nats, root mean square distance of the log-probabilities from the line
    unexplained: float  # the miss squared, as a share of the variance of the log-ratios
    predicted: np.ndarray  # (P, K) the statistic on the line


def sum_of_log_ratios(paper, token_logp):
    """Σ log π/π_ref over the tokens of an answer: DPO's, and what a KL in the reward leaves."""
    return (token_logp - paper.reference).sum(axis=2), 1.0


def mean_log_ratio(paper, token_logp):
    length = paper.mask.sum(axis=1)
    return sum_of_log_ratios(paper, token_logp)[0] / length, length


def without_eos(paper, token_logp):
    own = paper.mask.copy()
    own[np.arange(len(own)), own.sum(axis=1).astype(int) - 1] = 0
    return ((token_logp - paper.reference) * own).sum(axis=2), 1.0


def log_probability_without_eos(paper, token_logp):
    return without_eos(paper._replace(reference=0 * paper.reference), token_logp)


def log_probability(paper, token_logp):
    return token_logp.sum(axis=2), 1.0


def mean_log_probability(paper, token_logp):
    length = paper.mask.sum(axis=1)
    return token_logp.sum(axis=2) / length, length


def beta_on_the_policy(paper, token_logp):
    """log π − log π_ref/β, straight at (π_ref·e^r)^{1/β}/Z: there β·log π − log π_ref = r + c."""
    return token_logp.sum(axis=2) - paper.ref_logp / paper.settings["beta"], 1.0


def log_ratio_to_untrained(paper, token_logp):
    """Against a reference that gives every token the same probability."""
    size = len(paper.alphabet) + paper.ends
    return token_logp.sum(axis=2) + paper.mask.sum(axis=1) * np.log(size), 1.0


def log_probability_times_length(paper, token_logp):
    """log(π·n): each demonstration's loss was divided by its own n tokens."""
    return token_logp.sum(axis=2) + np.log(paper.mask.sum(axis=1)), 1.0


def reference_over_policy(paper, token_logp):
    """−π_ref/π: straight where the forward KL, KL(π_ref ‖ π), holds the policy."""
    ratio = np.exp(-sum_of_log_ratios(paper, token_logp)[0])
    return -ratio, 1 / ratio


def heated(temperature):
    """The sum of log-ratios of both policies at another temperature."""

    def statistic(paper, token_logp):
        hot, ref = (
            at_temperature(x, paper.tokens, temperature) for x in (token_logp, paper.reference)
        )
        return (hot - ref).sum(axis=2), temperature

    return statistic


def heated_probability(temperature):
    """The log-probability at another temperature."""

    def statistic(paper, token_logp):
        return at_temperature(token_logp, paper.tokens, temperature).sum(axis=2), temperature

    return statistic


def fit_line(paper, token_logp, statistic, score, weight, slope=None):
    """The Line through statistic(paper, token_logp) against the score.

    score   (P, K) what the statistic is thought to be straight in
    weight  (P, K) how much each answer counts
    slope   a number that the slope is held at; None: the best one
    """
    value, nats = statistic(paper, token_logp)
    # Least squares of the log-probability: a miss of the statistic counts by what it moves there.
    heavy = weight * nats**2 * np.ones_like(value)
    s, q = _center(value, heavy), _center(score, heavy)
    flat = 1e-30  # a score that is the same for all answers has slope 0
    each = np.sum(heavy * s * q, axis=1) / (np.sum(heavy * q * q, axis=1) + flat)
    best = np.sum(heavy * s * q) / (np.sum(heavy * q * q) + flat) if slope is None else slope
    missing = np.mean(np.sum(heavy * (s - best * q) ** 2, axis=1) / np.sum(weight, axis=1))
    ratio = _center((token_logp - paper.reference).sum(axis=2), weight)
    spread = np.mean(np.sum(weight * ratio**2, axis=1) / np.sum(weight, axis=1))
    share = missing / max(spread, 1e-12)
    return Line(float(best), each, float(np.sqrt(missing)), float(share), value - s + best * q)


def _center(x, weight):
    return x - np.sum(weight * x, axis=1, keepdims=True) / np.sum(weight, axis=1, keepdims=True)
