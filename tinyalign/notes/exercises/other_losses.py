"""Exercises of pages 11, 12 and 16: losses without a reference, thumbs, and restored exhibits."""

import autograd.numpy as np

from tinyalign.losses.numerics import log_odds, log_sigmoid, sigmoid, stop_gradient
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful


def my_odds_ratio(chosen_avg_logp, rejected_avg_logp):
    r"""(B,), (B,) -> (B,)

    ORPO's odds term, safe near certainty: $-\log\sigma$ of the log-odds of the chosen answer
    minus those of the rejected one.

    Hint: The odds of an answer with probability $p$ are $p / (1 - p)$.

    Hint: `log_odds` takes a log-probability and stays finite near 0, where $1 - p$ rounds to 0.
    """
    return -log_sigmoid(log_odds(chosen_avg_logp) - log_odds(rejected_avg_logp))


def check_my_odds_ratio(solution):
    require_lawful(solution, my_odds_ratio, "odds_ratio", {
        "Log-probabilities are compared: want log-odds.": lambda w, v: -log_sigmoid(w - v),
        "Chosen and rejected are exchanged.": lambda w, v: my_odds_ratio(v, w),
        "The log-sigmoid is missing.": lambda w, v: log_odds(v) - log_odds(w),
        "The sign is turned: the loss is minus the log-sigmoid.":
            lambda w, v: -my_odds_ratio(w, v),
        "The formula is right and loses its digits near certainty, where 1 − p rounds to 0: use "
        "log_odds.":
            lambda w, v: -log_sigmoid(
                w - v - np.log(1 - np.exp(w)) + np.log(1 - np.exp(v))
            ),
    })  # fmt: skip


def my_simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375):
    """(B,), (B,) -> (B,)

    SimPO: mean log-probabilities, no reference, a target margin `gamma`.

    Hint: The margin is beta times the difference of the means.

    Hint: `gamma` is subtracted from the margin, outside beta.
    """
    return -log_sigmoid(beta * (chosen_avg_logp - rejected_avg_logp) - gamma)


def check_my_simpo(solution):
    require_lawful(solution, my_simpo, "simpo", {
        "gamma stands inside beta: subtract it after the product.":
            lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v - gamma)),
        "gamma has the wrong sign: the margin has to exceed it.":
            lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v) + gamma),
        "gamma is not used.": lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(beta * (w - v)),
        "beta is not used.": lambda w, v, *, beta=2.5, gamma=1.375: -log_sigmoid(w - v - gamma),
        "Chosen and rejected are exchanged.":
            lambda w, v, *, beta=2.5, gamma=1.375: my_simpo(v, w, beta=beta, gamma=gamma),
        "The sign is turned: the loss is minus the log-sigmoid.":
            lambda w, v, *, beta=2.5, gamma=1.375: -my_simpo(w, v, beta=beta, gamma=gamma),
    })  # fmt: skip


def my_kto_z0(mismatched_logp, ref_mismatched_logp):
    """(B,), (B,) -> one number

    KTO's reference point: an estimate of the KL from mismatched pairs, never below 0, and a
    constant to the gradient.

    Hint: The KL is estimated by the mean log-ratio of policy and reference.

    Hint: Clamp the *mean* at 0, not each term, and wrap it in `stop_gradient`.
    """
    mean = np.mean(stop_gradient(mismatched_logp - ref_mismatched_logp))
    return np.maximum(mean, 0.0)


def check_my_kto_z0(solution):
    require_lawful(solution, my_kto_z0, "kto_z0", {
        "The mean is not clamped: a KL is never below 0.": lambda p, q: np.mean(p - q),
        "Each term is clamped: clamp the mean.": lambda p, q: np.mean(np.maximum(p - q, 0)),
        "The sign is turned: want policy minus reference.": lambda p, q: my_kto_z0(q, p),
        "The absolute value is taken: a negative mean becomes 0.":
            lambda p, q: np.abs(np.mean(p - q)),
        "The values are right and a gradient flows: wrap the result in stop_gradient.":
            lambda p, q: np.maximum(np.mean(p - q), 0.0),
    })  # fmt: skip


def my_weights(ups, downs):
    r"""two whole numbers -> two numbers

    Given the numbers of thumbs up and down, weights ($\lambda_D$, $\lambda_U$) with which both
    classes pull alike. The smaller weight is 1.

    Hint: Both classes pull alike if $\lambda_D$ times ups is $\lambda_U$ times downs.

    Hint: The rarer class gets the ratio of the two counts, the other one gets 1.
    """
    return max(1, downs / ups), max(1, ups / downs)


def check_my_weights(solution):
    """Against a search among pairs of weights."""
    cases = [(10, 90), (90, 10), (7, 7), (40, 100), (100, 30)]
    inputs = [{"ups": u, "downs": d} for u, d in cases]
    require_same(solution, my_weights, inputs, {
        "The weights are exchanged: the rarer class needs the larger weight.":
            lambda u, d: my_weights(u, d)[::-1],
        "Equal weights let the more frequent class pull harder.": lambda u, d: (1, 1),
        "The classes pull alike, and the smaller weight is not 1.":
            lambda u, d: (d / (u + d), u / (u + d)),
        "The classes pull alike, and the smaller weight is below 1.": lambda u, d: (d / u, 1),
        "Want the ratio of the counts, not the counts.": lambda u, d: (d, u),
    }, wanted=lambda ups, downs:
        np.array([downs, ups]) / min(ups, downs))  # fmt: skip


def my_ipo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, tau=0.1):
    r"""four (B,) -> (B,)

    Restore IPO: one square, of the difference of log-ratios minus its target.

    Hint: The note squares chosen and rejected apart. The paper squares their *difference*.

    Hint: The target of the difference is $1 / (2\tau)$.
    """
    gap = chosen_logp - ref_chosen_logp - rejected_logp + ref_rejected_logp
    return (gap - 1 / (2 * tau)) ** 2


def check_my_ipo(solution):
    def gap(w, v, rw, rv):
        return w - rw - v + rv

    require_lawful(solution, my_ipo, "ipo", {
        "Chosen and rejected are squared apart: want one square of their difference.":
            lambda w, v, rw, rv, *, tau=0.1:
                (w - rw - 1 / (2 * tau)) ** 2 + (v - rv + 1 / (2 * tau)) ** 2,
        "The target is 1/tau: want 1/(2·tau).":
            lambda *x, tau=0.1: (gap(*x) - 1 / tau) ** 2,
        "The target is tau/2: want 1/(2·tau).": lambda *x, tau=0.1: (gap(*x) - tau / 2) ** 2,
        "The reference is not used.":
            lambda w, v, rw, rv, *, tau=0.1: my_ipo(w, v, 0, 0, tau=tau),
        "tau multiplies the difference: that is another scale, tau² times smaller.":
            lambda *x, tau=0.1: (tau * gap(*x) - 0.5) ** 2,
        "Chosen and rejected are exchanged.":
            lambda w, v, rw, rv, *, tau=0.1: my_ipo(v, w, rv, rw, tau=tau),
    })  # fmt: skip


def my_rrhf(avg_logp, reward, best_nll, *, weight=1.0):
    """(B, K), (B, K), (B,) -> (B,)

    Restore RRHF. The version of the notes has four faults.

    Hint: For every two answers of which one has the larger reward: how much does the mean
    log-probability of the worse one exceed that of the better one? Below 0 it costs nothing.

    Hint: Build both differences as (B, K, K), choose with `np.where`, take `np.maximum` with 0,
    sum, and add `weight` times `best_nll`.
    """
    excess = np.maximum(avg_logp[:, :, None] - avg_logp[:, None, :], 0.0)  # of i over j
    worse = reward[:, :, None] < reward[:, None, :]  # i has the smaller reward
    return np.sum(np.where(worse, excess, 0.0), axis=(1, 2)) + weight * best_nll


def check_my_rrhf(solution):
    def ranked(p, r, cost=lambda gap: np.maximum(gap, 0.0)):
        gaps = p[:, :, None] - p[:, None, :]
        return np.sum(np.where(r[:, :, None] < r[:, None, :], cost(gaps), 0.0), (1, 2))

    require_lawful(solution, my_rrhf, "rrhf", {
        "A log-sigmoid costs something in the right order too: want a hinge.":
            lambda p, r, n, *, weight=1.0: ranked(p, r, lambda g: -log_sigmoid(-g)) + weight * n,
        "The likelihood of the best answer is left out.":
            lambda p, r, n, *, weight=1.0: ranked(p, r),
        "The order is turned: the better answer is pushed down.":
            lambda p, r, n, *, weight=1.0: ranked(p, -r) + weight * n,
        "The hinges are averaged over the pairs: want their sum.":
            lambda p, r, n, *, weight=1.0:
                ranked(p, r) / (p.shape[1] * (p.shape[1] - 1)) + weight * n,
        "weight is not used.": lambda p, r, n, *, weight=1.0: ranked(p, r) + n,
        "weight belongs to the likelihood, and here it weighs the hinges.":
            lambda p, r, n, *, weight=1.0: weight * ranked(p, r) + n,
    })  # fmt: skip


def my_kto(
    logp, ref_logp, desirable, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0
):
    """(B,), (B,), (B,), one number -> (B,)

    Restore KTO, with its reference point.

    Hint: The gain is beta times (log-ratio − z0). A liked answer costs its weight times one
    minus the sigmoid of the gain.

    Hint: A disliked answer costs its weight times one minus the sigmoid of *minus* the gain.
    There is no logarithm.
    """
    gain = beta * (logp - ref_logp - z0)
    liked, disliked = weight_desirable * sigmoid(-gain), weight_undesirable * sigmoid(gain)
    return np.where(desirable, liked, disliked)


def check_my_kto(solution):
    def kto(p, q, up, z0, numbers, **changed):
        numbers = {"beta": 0.1, "weight_desirable": 1.0, "weight_undesirable": 1.0} | numbers
        return my_kto(p, q, up, z0, **numbers | changed)

    require_lawful(solution, my_kto, "kto", {
        "z0 is not used: the log-ratio has nothing to be compared with.":
            lambda p, q, up, z0, **numbers: kto(p, q, up, 0.0, numbers),
        "z0 has the wrong sign: subtract it.":
            lambda p, q, up, z0, **numbers: kto(p, q, up, -z0, numbers),
        "Likes and dislikes are exchanged.":
            lambda p, q, up, z0, **numbers: kto(p, q, 1 - up, z0, numbers),
        "The weights are not used.": lambda p, q, up, z0, **numbers:
            kto(p, q, up, z0, numbers, weight_desirable=1.0, weight_undesirable=1.0),
        "The reference is not used.":
            lambda p, q, up, z0, **numbers: kto(p, 0 * q, up, z0, numbers),
        "There is a logarithm: KTO's value is a sigmoid itself.":
            lambda p, q, up, z0, **numbers: -np.log(1 - kto(p, q, up, z0, numbers)),
    })  # fmt: skip


EXERCISES = (
    exercise("11.1", my_odds_ratio, check_my_odds_ratio),
    exercise("11.2", my_simpo, check_my_simpo),
    exercise("12.1", my_kto_z0, check_my_kto_z0),
    exercise("12.2", my_weights, check_my_weights),
    exercise("16.1", my_ipo, check_my_ipo),
    exercise("16.2", my_rrhf, check_my_rrhf),
    exercise("16.3", my_kto, check_my_kto),
)
