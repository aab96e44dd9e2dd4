"""Pair losses that pin each log-ratio h = log π − log π_ref by itself, or bound the margin."""

import math

from tinyalign.losses.log_ratio import log_ratios, margin
from tinyalign.losses.numerics import log_sigmoid, require_in, require_scalar_or_same_shape, sigmoid


def apo_zero(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    """Anchored Preference Optimization, zero: 1 − σ(β·h_w) + σ(β·h_l): chosen up, rejected down.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    returns                             (B,) no unit, in [0, 2]; 1 at the reference
    raises                              ValueError if the four shapes differ or beta ≤ 0

    Optimum at β = 1, pairs drawn from μ: π = max(0, √(c·μ·a·π_ref) − π_ref), a = 2·P(y ≻ μ) − 1
    where positive, c from Σπ = 1; else no closed form on the bandit.
    Source: D'Oosterlinck et al. 2024, arXiv:2408.06266.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return sigmoid(-beta * chosen) + sigmoid(beta * rejected)


def apo_down(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    """Anchored Preference Optimization, down: σ(β·h_w) + 1 − σ(β·(h_w − h_l)): both down.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    returns                             (B,) no unit, in [0, 2]; 1 at the reference
    raises                              ValueError if the four shapes differ or beta ≤ 0

    For data whose chosen answers are worse than the policy's own: it lowers both, the rejected
    one more. Optimum: no closed form on the bandit.
    Source: D'Oosterlinck et al. 2024, arXiv:2408.06266.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return sigmoid(beta * chosen) + sigmoid(beta * (rejected - chosen))


def bco(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1, delta=0.0):
    """Binary Classifier Optimization: −log σ(β·h_w − δ) − log σ(δ − β·h_l), never below DPO.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    delta                               number, no unit; a constant to the gradient. The paper's is
                                        ½(mean of β·h_w + mean of β·h_l), a running mean
    returns                             (B,) nats, > 0; 2·log 2 at the reference with delta = 0
    raises                              ValueError if the four shapes differ or beta ≤ 0

    Optimum, for the δ that makes it a distribution: π ∝ π_ref·odds(P(y ≻ μ))^{1/β},
    `optimum.bco_policy`.
    Source: Jung et al. 2024, arXiv:2404.04656.
    Differs: delta is given, not tracked; one chosen and one rejected answer share a row.
    Community notes: 004, line 624 calls KTO the only method for thumbs up and down.
    See walkthroughs/errata.json, errata row 62.
    """
    require_in("(0, inf)", beta=beta)
    require_scalar_or_same_shape(chosen_logp, delta=delta)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return -log_sigmoid(beta * chosen - delta) - log_sigmoid(delta - beta * rejected)


def exo_pair(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1, eps=1e-3):
    """Efficient Exact Optimization on pairs: KL(Bernoulli(σ(z)) ‖ Bernoulli(1−ε)), z = β·D.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    eps                                 ε in (0, 1), probability that the label is wrong; never 0
    returns                             (B,) nats, ≥ 0; 0 where σ(z) = 1 − ε
    raises                              ValueError if shapes differ or a number is out of range

    In full: σ(z)·[log σ(z) − log(1−ε)] + σ(−z)·[log σ(−z) − log ε]: DPO's cross-entropy has the
    label first, this reverse KL the policy. Optimum of one pair always labelled the same way:
    D = log((1−ε)/ε)/β, as for cDPO, `optimum.cdpo_margin`.
    Source: Ji et al. 2024, arXiv:2402.00856.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    require_in("(0, 1)", eps=eps)
    z = beta * margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    # The two terms of the KL: the label is right, and it is wrong. log1p(−ε) is log(1 − ε).
    right = sigmoid(z) * (log_sigmoid(z) - math.log1p(-eps))
    wrong = sigmoid(-z) * (log_sigmoid(-z) - math.log(eps))
    return right + wrong
