"""KL(policy ‖ reference): three estimates from tokens the policy drew, and the exact sum.

The same estimate does different things in different places. Its expected gradient, on samples of
the policy itself, with f = KL(π ‖ π_ref), the one that is wanted, and b = KL(π_ref ‖ π):

            as a loss      as a detached reward    as a loss weighted by ρ = π/π_old
    k1      0              ∇f                      ∇f
    k2      ∇f             ∇E_π[k2] − ∇f           ∇E_π[k2]
    k3      ∇b             ∇f − ∇b                 ∇f

That is for one decision, or for the log-probability of a whole text. A sum over the tokens, as a
loss, holds each token at its own place and leaves out where it leads: its gradient is another one.

REINFORCE and PPO put k1 in the reward, GRPO k3 in the loss. k3 with the ratio upside down,
e^{k1} − k1 − 1, is no estimate of either: its mean is χ²(π ‖ π_ref) − f.
"""

import autograd.numpy as np

from tinyalign.losses.numerics import log_softmax, require_in, require_same_shape


def k1(logp, ref_logp):
    """KL estimator k1: log π − log π_ref. Unbiased, any sign.

    logp      (...) policy's log-probability of tokens it drew itself, nats, ≤ 0
    ref_logp  (...) reference's log-probability of the same tokens, nats, ≤ 0
    returns   (...) nats
    raises    ValueError if the shapes differ

    Source: Schulman 2020, joschu.net/blog/kl-approx.html.
    Differs: nothing.
    Community notes: 004, line 344 uses it as a loss, where its expected gradient is 0.
    See walkthroughs/errata.json, errata row 43.
    """
    require_same_shape(logp=logp, ref_logp=ref_logp)
    return logp - ref_logp


def k2(logp, ref_logp):
    """KL estimator k2: ½·(log π − log π_ref)². Biased, ≥ 0.

    logp      (...) policy's log-probability of tokens it drew itself, nats, ≤ 0
    ref_logp  (...) reference's log-probability of the same tokens, nats, ≤ 0
    returns   (...) nats², ≥ 0
    raises    ValueError if the shapes differ

    As a loss its expected gradient is that of the KL for one decision or a whole text; summed over
    tokens it is not, see walkthrough 04.
    Source: Schulman 2020, joschu.net/blog/kl-approx.html.
    Differs: nothing.
    """
    return 0.5 * np.square(k1(logp, ref_logp))


def k3(logp, ref_logp):
    """KL estimator k3: e^{−k1} + k1 − 1, k1 = log π − log π_ref. Unbiased, ≥ 0 up to rounding.

    logp      (...) policy's log-probability of tokens it drew itself, nats, ≤ 0
    ref_logp  (...) reference's log-probability of the same tokens, nats, ≤ 0
    returns   (...) nats; 0 only where the two agree, about π_ref/π where that is large
    raises    ValueError if the shapes differ

    Direction matters: the exponent is log π_ref − log π. As a loss (GRPO) its expected gradient is
    that of KL(π_ref ‖ π).
    Source: Schulman 2020, joschu.net/blog/kl-approx.html; Shao et al. 2024, arXiv:2402.03300.
    Differs: nothing.
    """
    inverse_log_ratio = -k1(logp, ref_logp)  # log π_ref − log π; +k1 would estimate no KL
    return np.expm1(inverse_log_ratio) - inverse_log_ratio  # expm1 keeps the digits near 0


def clamped_k3(logp, ref_logp, *, log_ratio_limit=20.0, limit=10.0):
    """`k3` of a log-ratio clamped to ±20, at most 10: no token, however far out, costs more.

    logp             (...) policy's log-probability of tokens it drew itself, nats, ≤ 0
    ref_logp         (...) reference's log-probability of the same tokens, nats, ≤ 0
    log_ratio_limit  number > 0, nats; beyond it the log-ratio counts as this, and has no slope
    limit            number > 0, nats; the largest value, which has no slope either
    returns          (...) nats, in [0, limit]
    raises           ValueError if the shapes differ or a limit is not positive

    A token that the policy gave up, log π_ref ≫ log π, has the largest k3 and here no slope at
    all: the clamp keeps the step finite and lets such tokens go.
    Source: verl and NeMo-RL clamp so, by default at these limits; no paper.
    Differs: TRL and OpenRLHF do not clamp k3.
    """
    require_in("(0, inf]", log_ratio_limit=log_ratio_limit, limit=limit)
    log_ratio = np.clip(k1(logp, ref_logp), -log_ratio_limit, log_ratio_limit)
    return np.minimum(k3(log_ratio, np.zeros_like(log_ratio)), limit)


def exact_kl(logits, ref_logits):
    """Exact Kullback–Leibler divergence KL(π ‖ π_ref) = Σ_v π_v·(log π_v − log π_ref,v).

    logits, ref_logits  (..., V) unnormalised log-probabilities of policy and reference; −∞ where a
                        token is impossible
    returns             (...) nats, ≥ 0; ∞ where the policy has a token that the reference forbids
    raises              ValueError if the shapes differ

    Differentiable in both arguments.
    Source: Kullback and Leibler 1951.
    Differs: nothing.
    """
    require_same_shape(logits=logits, ref_logits=ref_logits)
    logp = log_softmax(logits)  # (..., V)
    possible = np.isfinite(logp)  # 0·log 0 = 0: what the policy never says costs nothing
    log_ratio = np.where(possible, logp, 0.0) - np.where(possible, log_softmax(ref_logits), 0.0)
    return np.sum(np.exp(logp) * log_ratio, axis=-1)
