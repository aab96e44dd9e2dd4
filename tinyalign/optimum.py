"""Known answers on a bandit: closed-form optima, and expectations as finite sums.

A bandit has K responses to one prompt, each with a reference probability and a reward. Leading
axes are prompts. Preferences are a matrix, preference[i, j] = P(y_i is preferred to y_j).
"""

import math

import autograd.numpy as np

from tinyalign.losses.numerics import (
    any_true_on_host,
    log_softmax,
    require_in,
    require_same_shape,
    sigmoid,
)


def optimal_policy(ref_probs, reward, *, beta):
    """Optimum of RLHF, DPO and RSO: π* = π_ref·e^{r/β}/Z.

    ref_probs  (..., K) reference probabilities, ≥ 0, rows sum to 1
    reward     (..., K) any finite unit
    beta       number > 0, unit of the reward per nat; for InfoNCA give α·β
    returns    (..., K) probabilities; 0 where the reference has 0
    raises     ValueError if the shapes differ, a probability is negative, or beta ≤ 0

    Source: Rafailov et al. 2023, arXiv:2305.18290.
    Differs: nothing.
    """
    require_distribution(ref_probs, reward)
    require_in("(0, inf)", beta=beta)
    # Rewards below the best one, ≤ 0: e^{r/β} cannot overflow, and the constant cancels in Z.
    weight = ref_probs * np.exp(_below_best(ref_probs, reward) / beta)
    return weight / np.sum(weight, axis=-1, keepdims=True)


def best_of_n(ref_probs, reward, n):
    """Best of n draws: P_n(y) = π_ref(y)/π_ref(tied with y) · [F(y)^n − F(y−)^n].

    ref_probs  (..., K) reference probabilities, ≥ 0, rows sum to 1
    reward     (..., K) only its order matters; ties are broken evenly among the draws
    n          number ≥ 1, draws
    returns    (..., K) probabilities; the reference itself at n = 1
    raises     ValueError if the shapes differ, a probability is negative, or n < 1

    F(y), F(y−): probability that one draw's reward is at most, or below, that of y. Not trained, so
    it is its own optimum.
    Source: Beirami et al. 2024, arXiv:2401.01879.
    Differs: ties are split, where the paper assumes there are none.
    """
    require_distribution(ref_probs, reward)
    require_in("[1, inf)", n=n)
    mine, others = reward[..., :, None], reward[..., None, :]  # (..., K, 1) and (..., 1, K)
    draw = ref_probs[..., None, :]  # (..., 1, K)
    below = np.sum(np.where(others < mine, draw, 0.0), axis=-1)
    tied = np.sum(np.where(others == mine, draw, 0.0), axis=-1)
    share = ref_probs / np.where(tied > 0, tied, 1.0)  # this answer's part of its ties
    return share * ((below + tied) ** n - below**n)


def best_of_n_kl_bound(n):
    """The most that best-of-n can move: KL(best-of-n ‖ reference) ≤ log n − (n − 1)/n, nats.

    Source: Beirami et al. 2024, arXiv:2401.01879. Differs: nothing.
    """
    require_in("[1, inf)", n=n)
    return math.log(n) - (n - 1) / n


def rlhf_objective(probs, ref_probs, reward, *, beta):
    """What RLHF maximises: J(π) = E_π[r] − β·KL(π ‖ π_ref).

    probs, ref_probs  (..., K) probabilities of policy and reference
    reward            (..., K) any finite unit
    beta              number ≥ 0, unit of the reward per nat
    returns           (...) unit of the reward; −∞ where π puts mass outside the reference
    raises            ValueError if the shapes differ or beta < 0

    Its largest value is β·log Σ π_ref·e^{r/β}, at `optimal_policy`.
    Source: Ziegler et al. 2019, arXiv:1909.08593.
    Differs: nothing.
    """
    require_in("[0, inf)", beta=beta)
    penalty = beta * kl(probs, ref_probs) if beta > 0 else 0.0
    return expectation(probs, reward) - penalty


def kl(probs, ref_probs):
    """KL(p ‖ q) = Σ p·log(p/q) of two tables of probabilities: (..., K), (..., K) → (...), nats.

    0·log 0 = 0, and the answer is ∞ where p > 0 = q. Differentiable where both are positive.
    """
    require_same_shape(probs=probs, ref_probs=ref_probs)
    used, impossible = probs > 0, (probs > 0) & (ref_probs == 0)
    # log 1 stands in for log 0, whose infinite slope would reach the gradient as 0 · ∞.
    log_ratio = np.log(np.where(used, probs, 1.0)) - np.log(np.where(ref_probs > 0, ref_probs, 1.0))
    total = np.sum(np.where(used, probs * log_ratio, 0.0), axis=-1)
    return np.where(np.any(impossible, axis=-1), np.inf, total)


def expectation(probs, values):
    """E_π[values] = Σ_y π(y)·values(y): (..., K), (..., K) → (...)."""
    require_same_shape(probs=probs, values=values)
    return np.sum(probs * values, axis=-1)


def policy_gradient(logits, reward):
    """Exact ∇_θ E_{softmax θ}[r] = π·(r − E_π[r]): (..., K), (..., K) → (..., K)."""
    require_same_shape(logits=logits, reward=reward)
    probs = np.exp(log_softmax(logits))
    return probs * (reward - np.sum(probs * reward, axis=-1, keepdims=True))


def bradley_terry_preference(reward):
    """P(y_i ≻ y_j) = σ(r_i − r_j): (..., K) → (..., K, K); the diagonal is ½."""
    return sigmoid(reward[..., :, None] - reward[..., None, :])


def win_rate(probs, ref_probs, reward):
    """Probability that a draw of probs has more reward than one of ref_probs, ties counted ½.

    probs, ref_probs, reward  (..., K)
    returns                   (...) in [0, 1]
    """
    require_same_shape(probs=probs, ref_probs=ref_probs, reward=reward)
    sign = np.sign(reward[..., :, None] - reward[..., None, :])
    # (..., K): for each answer, the probability that it beats a draw of the reference
    beaten = np.sum((1 + sign) / 2 * ref_probs[..., None, :], axis=-1)
    return np.sum(probs * beaten, axis=-1)


def pair_expectation(pair_values, sampler, preference):
    """Exact population mean of a pair loss: Σ_ij μ_i·μ_j·P(y_i ≻ y_j)·values[i, j].

    pair_values  (K, K) loss with y_i chosen and y_j rejected
    sampler      (K,) probabilities μ that draw both answers
    preference   (K, K) P(y_i ≻ y_j)
    returns      scalar, unit of the values
    raises       ValueError if the shapes do not fit
    """
    require_same_shape(pair_values=pair_values, preference=preference)
    require_same_shape(sampler=sampler, preference_of_one=preference[0])
    return np.sum(sampler[:, None] * sampler[None, :] * preference * pair_values)


def ipo_policy(ref_probs, preference, sampler, *, tau):
    """Optimum of IPO on pairs drawn from μ: π ∝ π_ref·e^{P(y ≻ μ)/τ}, P(y ≻ μ) = Σ_j P(y ≻ j)·μ_j.

    ref_probs, sampler  (K,) probabilities of reference and pair sampler
    preference          (K, K) P(y_i ≻ y_j)
    tau                 number > 0, per nat
    returns             (K,) probabilities

    Source: Azar et al. 2023, arXiv:2310.12036. Differs: nothing.
    """
    require_in("(0, inf)", tau=tau)
    return optimal_policy(ref_probs, np.sum(preference * sampler[None, :], axis=1), beta=tau)


def cdpo_margin(*, beta, flip):
    """Margin at which `cdpo`, and `exo_pair` with eps = flip, stop: log((1−ε)/ε)/β, nats.

    For one pair always labelled the same way. Source: Mitchell 2023, ericmitchell.ai/cdpo.pdf.
    """
    require_in("(0, inf)", beta=beta)
    require_in("(0, 1)", flip=flip)
    return (math.log1p(-flip) - math.log(flip)) / beta


def nca_log_ratio(reward, *, beta, alpha):
    """Optimum of NCA on one list over free h: h_i = log(K·softmax(r/α)_i)/β, (..., K), nats.

    Source: Chen et al. 2024, arXiv:2402.05369. Differs: nothing.
    """
    require_in("(0, inf)", beta=beta, alpha=alpha)
    return (log_softmax(reward / alpha) + math.log(np.shape(reward)[-1])) / beta


def bco_policy(ref_probs, preference, sampler, *, beta):
    """Optimum of BCO on pairs drawn from μ, and its δ: π = π_ref·(odds of P(y ≻ μ))^{1/β}·e^{δ/β}.

    ref_probs, sampler  (K,) probabilities of reference and pair sampler
    preference          (K, K) P(y_i ≻ y_j)
    beta                number > 0, per nat
    returns             (K,) probabilities, and the δ for which no answer wants to move

    Source: derived here by setting the derivative in each log-ratio to zero.
    """
    win = np.sum(preference * sampler[None, :], axis=1)  # (K,) P(y ≻ μ)
    logit = np.log(win) - np.log1p(-win)  # (K,) log odds
    probs = optimal_policy(ref_probs, logit, beta=beta)
    best = np.max(logit)  # taken out of the sum of exponentials, so that none overflows
    return probs, -best - beta * np.log(np.sum(ref_probs * np.exp((logit - best) / beta)))


def sppo_update(probs, preference, *, beta):
    """One exact round of SPPO, a multiplicative-weights update: π' ∝ π·e^{P(y ≻ π)/β}, (K,).

    The average of many rounds goes to the Nash policy; the last round need not.
    Source: Wu et al. 2024, arXiv:2405.00675. Differs: β is 1/η of the paper.
    """
    require_in("(0, inf)", beta=beta)
    return ipo_policy(probs, preference, probs, tau=beta)


def filtered_policy(ref_probs, reward, *, threshold):
    """Optimum of RAFT's filter, supervised learning on what passes: π_ref·1[r ≥ c]/Z, (..., K).

    raises  ValueError if the shapes differ or nothing passes

    Source: Dong et al. 2023, arXiv:2304.06767. Differs: a threshold, not the best of K.
    """
    require_distribution(ref_probs, reward)
    kept = np.where(reward >= threshold, ref_probs, 0.0)
    total = np.sum(kept, axis=-1, keepdims=True)
    if any_true_on_host(total == 0):
        raise ValueError(f"threshold must leave something to learn from, got {threshold}")
    return kept / total


def acceptance_rate(ref_probs, reward, *, beta):
    """Share of reference draws that RSO accepts: E_ref[e^{(r − r_max)/β}], (..., K) → (...).

    Source: Liu et al. 2023, arXiv:2309.06657. Differs: nothing.
    """
    require_distribution(ref_probs, reward)
    require_in("(0, inf)", beta=beta)
    return expectation(ref_probs, np.exp(_below_best(ref_probs, reward) / beta))


def _below_best(ref_probs, reward):
    """Reward minus the largest one the reference can produce, so ≤ 0; 0 where it produces none."""
    possible = ref_probs > 0
    best = np.max(np.where(possible, reward, -np.inf), axis=-1, keepdims=True)
    return np.where(possible, reward - best, 0.0)


def require_distribution(ref_probs, reward):
    """Raise ValueError unless ref_probs has the shape of reward and no negative entry."""
    require_same_shape(ref_probs=ref_probs, reward=reward)
    if any_true_on_host(ref_probs < 0):
        raise ValueError("ref_probs must be probabilities, got a negative entry: are they logits?")
