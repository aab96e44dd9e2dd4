"""What each method computes, in closed form: the values that a right function gives.

The laws say what is wrong with a function. These say where it goes wrong and by how much: which
probes tell it from the right one, whether a constant or an epsilon explains the difference, and
which order of its arguments is meant. Arrays come in the order of the table, numbers by keyword.
"""

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.domain import log_softmax, softmax
from tinyalign.laws.catalogue.formulas_of_variants import OF_VARIANTS
from tinyalign.laws.catalogue.formulas_over_tokens import OVER_TOKENS
from tinyalign.laws.catalogue.odds import log_odds


def softplus(x):
    return np.logaddexp(0.0, x)


def sigmoid(x):
    return np.exp(-softplus(-np.asarray(x, dtype=float)))


def of_log_ratios(formula):
    """A pair loss from the two log-ratios a, b of chosen and rejected."""
    return lambda w, lose, rw, rl, **p: formula(w - rw, lose - rl, **p)


def of_margin(formula):
    return of_log_ratios(lambda a, b, **p: formula(a - b, **p))


def exo_pair(d, beta, eps):
    right, wrong = -softplus(-beta * d), -softplus(beta * d)
    return np.exp(right) * (right - np.log(1 - eps)) + np.exp(wrong) * (wrong - np.log(eps))


def robust_dpo(d, beta, flip):
    return ((1 - flip) * softplus(-beta * d) - flip * softplus(beta * d)) / (1 - 2 * flip)


PAIRS = {
    "dpo": of_margin(lambda d, beta: softplus(-beta * d)),
    "cdpo": of_margin(
        lambda d, beta, flip: (1 - flip) * softplus(-beta * d) + flip * softplus(beta * d)
    ),
    "robust_dpo": of_margin(robust_dpo),
    "hinge": of_margin(lambda d, beta: np.maximum(0.0, 1 - beta * d)),
    "dpop": of_log_ratios(
        lambda a, b, beta, lam: softplus(-beta * (a - b + lam * np.minimum(a, 0.0)))
    ),
    "exo_pair": of_margin(exo_pair),
    "ipo": of_margin(lambda d, tau: (d - 1 / (2 * tau)) ** 2),
    "sppo": of_log_ratios(lambda a, b, beta: (a - 1 / (2 * beta)) ** 2 + (b + 1 / (2 * beta)) ** 2),
    "apo_zero": of_log_ratios(lambda a, b, beta: 1 - sigmoid(beta * a) + sigmoid(beta * b)),
    "apo_down": of_log_ratios(lambda a, b, beta: sigmoid(beta * a) + 1 - sigmoid(beta * (a - b))),
    "bco": of_log_ratios(
        lambda a, b, beta, delta: softplus(delta - beta * a) + softplus(beta * b - delta)
    ),
    "nca_pair": of_log_ratios(
        lambda a, b, beta: softplus(-beta * a) + 0.5 * softplus(beta * a) + 0.5 * softplus(beta * b)
    ),
}


def odds_ratio(chosen, rejected, lam=1.0):
    return lam * softplus(log_odds(rejected) - log_odds(chosen))


FREE = {
    "simpo": lambda w, lose, beta, gamma: softplus(gamma - beta * (w - lose)),
    "odds_ratio": odds_ratio,
    "orpo": lambda w, lose, nll, lam: nll + odds_ratio(w, lose, lam),
    "cpo": lambda w, lose, nll, beta, alpha: softplus(-beta * (w - lose)) + alpha * nll,
    "tpo": lambda w, lose, nll, beta, alpha: softplus(-beta * (w - lose)) + alpha * nll,
    "tpo_l": lambda w, lose, nll, beta, gamma, alpha: (
        softplus(gamma - beta * (w - lose)) + alpha * nll
    ),
    "slic": lambda w, lose, nll, delta, lam: np.maximum(0.0, delta - w + lose) + lam * nll,
}


def kto(logp, ref, desirable, z0, beta, weight_desirable, weight_undesirable):
    s = sigmoid(beta * (logp - ref - z0))
    return np.where(desirable, weight_desirable * (1 - s), weight_undesirable * s)


def bradley_terry(w, lose, margin, center):
    return softplus(margin - w + lose) + center * (w + lose) ** 2


def plackett_luce(reward):
    # (P, K): log of the sum over an answer and all ranked below it
    below = np.logaddexp.accumulate(reward[:, ::-1], axis=1)[:, ::-1]
    return np.sum(below - reward, axis=1)


def rrhf(logp, reward, nll, weight):
    # (B, K, K): how far a worse answer stands above a better one
    gap = np.maximum(0.0, logp[:, :, None] - logp[:, None, :])
    return np.sum(gap * (reward[:, :, None] < reward[:, None, :]), axis=(1, 2)) + weight * nll


def infonca(h, reward, beta, alpha):
    return -np.sum(softmax(reward / alpha) * log_softmax(beta * h), axis=1)


def nca(h, reward, beta, alpha):
    pulled_up = softmax(reward / alpha) * softplus(-beta * h)
    return np.sum(pulled_up + softplus(beta * h) / h.shape[1], axis=1)


def best_of_n(probs, reward, n):
    # (B, K, K): the chance of a reward at most, and of one strictly below
    at_most = np.sum(probs[:, None, :] * (reward[:, None, :] <= reward[:, :, None]), axis=-1)
    below = np.sum(probs[:, None, :] * (reward[:, None, :] < reward[:, :, None]), axis=-1)
    return (at_most**n - below**n) * probs / (at_most - below)


def rlhf_objective(probs, ref, reward, beta):
    kl = np.sum(probs * np.log(probs / ref), axis=-1)
    return np.sum(probs * reward, axis=-1) - beta * kl


def adaptive_beta(beta, kl, target, n, horizon):
    return beta * (1 + np.clip(kl / target - 1, -0.2, 0.2) * n / horizon)


OTHERS = {
    "kto": kto,
    "kto_z0": lambda logp, ref: np.maximum(0.0, np.mean(logp - ref)),
    "bradley_terry": bradley_terry,
    "plackett_luce": plackett_luce,
    "rrhf": rrhf,
    "infonca": infonca,
    "nca": nca,
    "optimal_policy": lambda ref, reward, beta: softmax(np.log(ref) + reward / beta),
    "best_of_n": best_of_n,
    "rlhf_objective": rlhf_objective,
    "adaptive_beta": adaptive_beta,
}
FORMULAS = PAIRS | FREE | OTHERS | OVER_TOKENS | OF_VARIANTS


def formula_of(method):
    """The closed form of a method whose laws compare values with it."""
    if method not in FORMULAS:
        raise CannotCall(
            f"{method} has no formula: its laws compare values with one. Add it to PAIRS in "
            "tinyalign/laws/catalogue/formulas.py, as cdpo's is."
        )
    return FORMULAS[method]
