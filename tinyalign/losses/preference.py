"""Preference losses: sequence log-probabilities in, one number per example out.

This file holds the losses that read only the margin D = h_w − h_l between chosen and rejected
(DPO and its relatives), and the two closest to them. It also imports the rest of the family, so
every preference loss has a name here: `anchored` pins each log-ratio by itself, `unpaired` needs no
pairs, `reference_free` no reference model.
"""

import autograd.numpy as np

from tinyalign.losses.anchored import apo_down, apo_zero, bco, exo_pair
from tinyalign.losses.log_ratio import log_ratios, margin
from tinyalign.losses.numerics import log_sigmoid, require_in
from tinyalign.losses.reference_free import cpo, odds_ratio, orpo, simpo, slic, tpo, tpo_l
from tinyalign.losses.unpaired import kto, kto_z0

__all__ = [
    "apo_down",
    "apo_zero",
    "bco",
    "cdpo",
    "cpo",
    "dpo",
    "dpop",
    "exo_pair",
    "hinge",
    "ipo",
    "kto",
    "kto_z0",
    "odds_ratio",
    "orpo",
    "robust_dpo",
    "simpo",
    "slic",
    "sppo",
    "tpo",
    "tpo_l",
]


def dpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    """Direct Preference Optimization: −log σ(β·D), D = (log π/π_ref)(chosen) − the same(rejected).

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat; larger stays nearer the reference
    returns                             (B,) nats, > 0; log 2 at the reference for every beta
    raises                              ValueError if the four shapes differ or beta ≤ 0

    Optimum, Bradley–Terry labels: π ∝ π_ref·e^{r/β}, `optimum.optimal_policy`.
    Source: Rafailov et al. 2023, arXiv:2305.18290.
    Differs: the mean over pairs is left to the caller.
    Community notes: 002, lines 36–37 promise a rising chosen log-prob and a KL term.
    See walkthroughs/errata.json, errata rows 17, 18.
    """
    require_in("(0, inf)", beta=beta)
    z = beta * margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return -log_sigmoid(z)


def cdpo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1, flip=0.1):
    """Conservative DPO, for noisy labels: −(1−ε)·log σ(z) − ε·log σ(−z), z = β·D.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    flip                                ε in [0, 1), how often a label is wrong; 0 is DPO
    returns                             (B,) nats, > 0; log 2 at the reference
    raises                              ValueError if shapes differ or a number is out of range

    Optimum of one pair always labelled the same way: D = log((1−ε)/ε)/β, `optimum.cdpo_margin`.
    Source: Mitchell 2023, "A note on DPO with noisy preferences", ericmitchell.ai/cdpo.pdf.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    require_in("[0, 1)", flip=flip)
    z = beta * margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return -(1 - flip) * log_sigmoid(z) - flip * log_sigmoid(-z)


def robust_dpo(
    chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1, flip=0.1
):
    """Robust DPO, unbiased under flipped labels: [−(1−ε)·log σ(z) + ε·log σ(−z)]/(1−2ε), z = β·D.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    flip                                ε in [0, 0.5), how often a label is wrong; 0 is DPO
    returns                             (B,) nats, any sign; log 2 at the reference
    raises                              ValueError if shapes differ or a number is out of range

    One pair alone has no optimum: the loss falls without bound as D grows. Averaged over flips it
    is DPO, so with Bradley–Terry labels flipped at rate ε the optimum is DPO's.
    Source: Chowdhury et al. 2024, arXiv:2403.00409.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    require_in("[0, 0.5)", flip=flip)
    z = beta * margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    # Averaged over flips at rate ε this is −log σ(z): the wrong labels' part cancels.
    return (-(1 - flip) * log_sigmoid(z) + flip * log_sigmoid(-z)) / (1 - 2 * flip)


def ipo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, tau=0.1):
    """Identity Preference Optimization: (D − 1/(2τ))², a regression of the margin.

    chosen_logp, rejected_logp          (B,) policy, nats, ≤ 0: sums, or means per token
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, reduced in the same way
    tau                                 number > 0, per nat; larger stays nearer the reference
    returns                             (B,) nats², ≥ 0; 1/(4τ²) at the reference
    raises                              ValueError if the four shapes differ or tau ≤ 0

    Optimum: π ∝ π_ref·e^{P(y ≻ μ)/τ}, `optimum.ipo_policy`; one certain pair: D = 1/(2τ).
    Source: Azar et al. 2023, arXiv:2310.12036.
    Differs: nothing when fed sums; TRL and HALOs feed it means per token.
    Community notes: 004, line 475 prints SPPO's loss under this name.
    See walkthroughs/errata.json, errata rows 50 to 54.
    """
    require_in("(0, inf)", tau=tau)
    # The square has a minimum where DPO's loss has none: past 1/(2τ) a larger margin costs again.
    excess = margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp) - 1 / (2 * tau)
    return np.square(excess)


def hinge(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    """Hinge preference loss, RSO's hinge-norm: max(0, 1 − β·D).

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat; the loss stops at D = 1/β
    returns                             (B,) no unit, ≥ 0; 1 at the reference
    raises                              ValueError if the four shapes differ or beta ≤ 0

    Optimum: no closed form on the bandit.
    Source: Liu et al. 2023 (RSO), arXiv:2309.06657.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    z = beta * margin(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    return np.maximum(1 - z, 0.0)


def dpop(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.3, lam=50.0):
    """DPO-Positive (Smaug): −log σ(β·(D − λ·max(0, log π_ref(chosen) − log π(chosen)))).

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    lam                                 λ ≥ 0; what a nat lost on the chosen answer costs; 0 is DPO
    returns                             (B,) nats, > 0, never below DPO; log 2 at the reference
    raises                              ValueError if shapes differ or a number is out of range

    Optimum: no closed form on the bandit. The reference is a kink: the slope there is the mean
    of the slopes on its two sides.
    Source: Pal et al. 2024, arXiv:2402.13228.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    require_in("[0, inf)", lam=lam)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    penalty = lam * np.maximum(-chosen, 0.0)  # only where the chosen answer lost probability
    return -log_sigmoid(beta * (chosen - rejected - penalty))


def sppo(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.001):
    """Self-Play Preference Optimization, hard labels: (h_w − 1/(2β))² + (h_l + 1/(2β))².

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) the previous round's policy, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat
    returns                             (B,) nats², ≥ 0; 1/(2β²) at the reference
    raises                              ValueError if the four shapes differ or beta ≤ 0

    h = log π − log π_ref, one target for each answer. Optimum over free h: (P(y ≻ μ) − ½)/β;
    normalised it is one multiplicative-weights update, `optimum.sppo_update`.
    Source: Wu et al. 2024, arXiv:2405.00675.
    Differs: labels 1 and 0 stand for the win probabilities; β here is 1/η of the paper.
    Community notes: 004, line 475 prints this loss as IPO.
    See walkthroughs/errata.json, errata row 53.
    """
    require_in("(0, inf)", beta=beta)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    target = 1 / (2 * beta)  # (P − ½)/β for the win probabilities P = 1 and 0
    return np.square(chosen - target) + np.square(rejected + target)
