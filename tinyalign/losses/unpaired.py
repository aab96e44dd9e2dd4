"""Learning from thumbs up and down: every answer has its own label, nothing is paired."""

import autograd.numpy as np

from tinyalign.losses.numerics import (
    require_binary,
    require_in,
    require_same_shape,
    require_scalar_or_same_shape,
    sigmoid,
    stop_gradient,
)


def kto(logp, ref_logp, desirable, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0):
    """Kahneman–Tversky Optimization: λ_D·(1 − σ(β(h − z₀))) if desirable, else λ_U·σ(β(h − z₀)).

    logp                                  (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_logp                              (B,) frozen reference, the same tokens, nats, ≤ 0
    desirable                             (B,) 1 for thumbs up, 0 for thumbs down
    z0                                    number, nats; the reference point, see `kto_z0`
    beta                                  number > 0, per nat
    weight_desirable, weight_undesirable  λ_D, λ_U ≥ 0; balance the classes with them
    returns                               (B,) no unit, in [0, λ]; λ/2 at the reference with z0 = 0
    raises                                ValueError if shapes differ, a label is not 0/1, or a
                                          number is out of range

    h = log π − log π_ref; there is no logarithm of σ. Optimum at β = 1, answers drawn from π_ref
    (then z₀ = 0): π = π_ref·max(0, √(c·a) − 1), a = λ_D·P(up) − λ_U·P(down) where positive, c from
    Σπ = 1: answers worse than a threshold go. Else no closed form on the bandit.
    Source: Ethayarajh et al. 2024, arXiv:2402.01306 (the paper's λ_y − v).
    Differs: the mean over examples is left to the caller.
    Community notes: 004, lines 514–525 leave out z₀ and let λ scale h, not the loss.
    See walkthroughs/errata.json, errata rows 55 to 58.
    """
    require_same_shape(logp=logp, ref_logp=ref_logp, desirable=desirable)
    require_binary(desirable=desirable)
    require_scalar_or_same_shape(logp, z0=z0)
    require_in("(0, inf)", beta=beta)
    require_in("[0, inf)", weight_desirable=weight_desirable, weight_undesirable=weight_undesirable)
    gain = beta * (logp - stop_gradient(ref_logp) - stop_gradient(z0))  # β(h − z₀), (B,)
    return np.where(
        desirable, weight_desirable * sigmoid(-gain), weight_undesirable * sigmoid(gain)
    )


def kto_z0(mismatched_logp, ref_mismatched_logp):
    """KTO's reference point: max(0, mean of log π − log π_ref over mismatched pairs).

    mismatched_logp      (B,) policy on prompts with another prompt's answer, summed, nats, ≤ 0
    ref_mismatched_logp  (B,) frozen reference on the same mismatched pairs, nats, ≤ 0
    returns              scalar, nats, ≥ 0; a constant: no gradient flows through it
    raises               ValueError if the shapes differ

    Source: Ethayarajh et al. 2024, arXiv:2402.01306: an estimate of KL(π ‖ π_ref), clamped at 0.
    Differs: nothing; β does not enter here.
    """
    require_same_shape(mismatched_logp=mismatched_logp, ref_mismatched_logp=ref_mismatched_logp)
    log_ratio = stop_gradient(mismatched_logp) - stop_gradient(ref_mismatched_logp)
    return np.maximum(np.mean(log_ratio), 0.0)
