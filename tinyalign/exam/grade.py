"""How far trained weights are from where the exam's method ends: numbers only, see `verdict`."""

from typing import NamedTuple

import numpy as np

from tinyalign.exam import lines
from tinyalign.exam.methods import METHODS
from tinyalign.exam.suspects import fit_right, fit_suspect, suspects_for


class Reading(NamedTuple):
    """One checkpoint, measured. KLs are in nats, on the answers renormalised."""

    kl: float  # KL(trained ‖ optimum)
    kls: np.ndarray  # (P,) of each prompt
    moved: float  # KL(trained ‖ reference)
    mass: float  # probability of all answers, mean over prompts
    right: lines.Line  # through the statistic that the method makes straight
    scale: float  # slope of that line over the right slope: 1 is right, ½ is a doubled beta
    token_logp: np.ndarray  # (P, K, T), of tokens


def read_checkpoint(paper, token_logp):
    """The Reading of a policy's token log-probabilities, (P, K, T)."""
    method = METHODS[paper.method]
    logp = normal(token_logp.sum(axis=2))
    each = kl(logp, optimum(paper))
    right = fit_right(paper, token_logp, answer_weight(paper, token_logp))
    return Reading(
        kl=float(each.mean()),
        kls=each,
        moved=float(kl(logp, normal(paper.ref_logp)).mean()),
        mass=float(np.exp(token_logp.sum(axis=2)).sum(axis=1).mean()),
        right=right,
        scale=right.slope / method.slope(paper),
        token_logp=token_logp,
    )


def nearest(paper, reading):
    """[(suspect, its Line)], the smallest unexplained share first."""
    weight = answer_weight(paper, reading.token_logp)
    fits = [(s, fit_suspect(paper, reading.token_logp, s, weight)) for s in suspects_for(paper)]
    return sorted(fits, key=lambda fit: fit[1].unexplained)


def optimum(paper):
    """Where the method ends, log-probabilities renormalised over the answers: (P, K)."""
    return normal(METHODS[paper.method].optimum(paper))


def answer_weight(paper, token_logp):
    """(P, K) how much each answer says: what is never sampled is never trained."""
    policy = np.exp(normal(token_logp.sum(axis=2)))
    return policy if METHODS[paper.method].samples else np.full(policy.shape, 1 / policy.shape[1])


def normal(logp):
    """Log-probabilities renormalised over the answers."""
    return logp - np.logaddexp.reduce(logp, axis=1)[:, None]


def kl(logp, other):
    """KL of two tables of log-probabilities: (P, K) -> (P,), nats."""
    return np.maximum(0.0, np.sum(np.exp(logp) * (logp - other), axis=1))  # rounding goes below 0
