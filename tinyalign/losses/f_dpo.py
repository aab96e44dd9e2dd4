"""DPO for other divergences than the KL: f-DPO, whose implicit reward is β·f'(π/π_ref).

f'(u) = log u is DPO. Another f' changes what is held on to: how the policy may leave answers that
the reference finds likely, or invent answers that it finds unlikely.
"""

from tinyalign.losses.log_ratio import log_ratios
from tinyalign.losses.numerics import log_sigmoid, require_in
from tinyalign.losses.ratio import exp_ratio


def f_dpo_js(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1):
    """f-DPO, Jensen–Shannon: −log σ(β·(f'(u_w) − f'(u_l))), f'(u) = log(2u/(1 + u)), u = π/π_ref.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat; larger stays nearer the reference
    returns                             (B,) nats, > 0; log 2 at the reference for every beta
    raises                              ValueError if the four shapes differ or beta ≤ 0

    f' ends at log 2: past it a likelier chosen answer is worth nothing more.
    Optimum, Bradley–Terry labels: π = π_ref·e^s/(2 − e^s), s = (r − λ)/β, λ from Σπ = 1.
    Source: Wang et al. 2023, arXiv:2309.16240.
    Differs: the mean over pairs is left to the caller.
    """
    require_in("(0, inf)", beta=beta)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    # log(u/(1 + u)) = log σ(log u); the log 2 of both cancels.
    return -log_sigmoid(beta * (log_sigmoid(chosen) - log_sigmoid(rejected)))


def f_dpo_alpha(
    chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp, *, beta=0.1, alpha=0.5
):
    """f-DPO, α-divergence: −log σ(β·(f'(u_w) − f'(u_l))), f'(u) = (1 − u^{−α})/α, u = π/π_ref.

    chosen_logp, rejected_logp          (B,) policy, summed over completion tokens, nats, ≤ 0
    ref_chosen_logp, ref_rejected_logp  (B,) frozen reference, the same tokens, nats, ≤ 0
    beta                                number > 0, per nat; larger stays nearer the reference
    alpha                               α in (0, 1]; 1 is the forward KL, towards 0 it is DPO
    returns                             (B,) nats, > 0; log 2 at the reference for every beta
    raises                              ValueError if shapes differ or a number is out of range

    Optimum, Bradley–Terry labels: π = π_ref·(1 − α·s)^{−1/α}, s = (r − λ)/β, λ from Σπ = 1.
    Source: Wang et al. 2023, arXiv:2309.16240.
    Differs: u^{−α} is held below e^80 (float64: e^700). TRL's `f_alpha_divergence_coef` is 1 − α.
    """
    require_in("(0, inf)", beta=beta)
    require_in("(0, 1]", alpha=alpha)
    chosen, rejected = log_ratios(chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp)
    # f'(u_w) − f'(u_l) = (u_l^{−α} − u_w^{−α})/α
    gain = exp_ratio(-alpha * rejected) - exp_ratio(-alpha * chosen)
    return -log_sigmoid(beta / alpha * gain)
