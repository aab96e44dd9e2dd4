"""Types of tinyalign.losses, written by tests/write_types.py."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

__all__ = [
    "adaptive_beta",
    "apo_down",
    "apo_zero",
    "bco",
    "bradley_terry",
    "cdpo",
    "center_by_prompt",
    "clamped_k3",
    "clipped_importance",
    "clipped_surrogate",
    "conservative_cpo",
    "conservative_simpo",
    "cpo",
    "cross_entropy",
    "decoupled_surrogate",
    "dft",
    "dpo",
    "dpop",
    "dppo",
    "dual_clipped_surrogate",
    "entropy",
    "exact_kl",
    "exo_pair",
    "f_dpo_alpha",
    "f_dpo_js",
    "fixed_length_mean",
    "forward_kl",
    "gae",
    "gae_over_turns",
    "generalized_js",
    "group_center",
    "group_gdpo",
    "group_maxrl",
    "group_rank",
    "group_standardize",
    "gspo_token",
    "hinge",
    "infonca",
    "ipo",
    "k1",
    "k2",
    "k3",
    "kl_shaped_reward",
    "kto",
    "kto_z0",
    "leave_one_out",
    "leave_one_out_by_prompt",
    "log_ratios",
    "margin",
    "masked_mean",
    "masked_rollout_weight",
    "masked_sum",
    "micro_batch_mean",
    "nca",
    "odds_ratio",
    "orpo",
    "overlong_penalty",
    "plackett_luce",
    "reinforce",
    "rejection_sample",
    "reverse_kl",
    "robust_dpo",
    "rrhf",
    "sapo",
    "sequence_clipped_surrogate",
    "sequence_mean",
    "simpo",
    "slic",
    "sppo",
    "standardize_by_prompt",
    "token_mean",
    "tpo",
    "tpo_l",
    "truncated_importance",
    "truncated_rollout_weight",
    "value_loss",
    "whiten",
    "wpo",
    "wpo_log_weight",
]

def adaptive_beta(
    beta: float,
    kl: float,
    *,
    target: float,
    n: int,
    horizon: float,
) -> float: ...
def apo_down(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
) -> Array: ...
def apo_zero(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
) -> Array: ...
def bco(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
    delta: float = 0.0,
) -> Array: ...
def bradley_terry(
    chosen_reward: Array,
    rejected_reward: Array,
    *,
    margin: float = 0.0,
    center: float = 0.0,
) -> Array: ...
def cdpo(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
    flip: float = 0.1,
) -> Array: ...
def center_by_prompt(
    reward: Array,
    prompt: Array,
) -> Array: ...
def clamped_k3(
    logp: Array,
    ref_logp: Array,
    *,
    log_ratio_limit: float = 20.0,
    limit: float = 10.0,
) -> Array: ...
def clipped_importance(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    clip_low: float,
    clip_high: float,
) -> Array: ...
def clipped_surrogate(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
) -> Array: ...
def conservative_cpo(
    chosen_logp: Array,
    rejected_logp: Array,
    chosen_nll: Array,
    *,
    beta: float = 0.1,
    alpha: float = 1.0,
    flip: float = 0.1,
) -> Array: ...
def conservative_simpo(
    chosen_avg_logp: Array,
    rejected_avg_logp: Array,
    *,
    beta: float = 2.5,
    gamma: float = 1.375,
    flip: float = 0.1,
) -> Array: ...
def cpo(
    chosen_logp: Array,
    rejected_logp: Array,
    chosen_nll: Array,
    *,
    beta: float = 0.1,
    alpha: float = 1.0,
) -> Array: ...
def cross_entropy(
    logp: Array,
    mask: Array,
) -> np.floating[Any]: ...
def decoupled_surrogate(
    logp: Array,
    proximal_logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
) -> Array: ...
def dft(
    logp: Array,
    mask: Array,
) -> Array: ...
def dpo(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
) -> Array: ...
def dpop(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.3,
    lam: float = 50.0,
) -> Array: ...
def dppo(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    delta: float = 0.15,
) -> Array: ...
def dual_clipped_surrogate(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    clip_dual: float = 3.0,
) -> Array: ...
def entropy(
    logits: Array,
) -> Array: ...
def exact_kl(
    logits: Array,
    ref_logits: Array,
) -> Array: ...
def exo_pair(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
    eps: float = 0.001,
) -> Array: ...
def f_dpo_alpha(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
    alpha: float = 0.5,
) -> Array: ...
def f_dpo_js(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
) -> Array: ...
def fixed_length_mean(
    x: Any,
    mask: Array,
    *,
    length: float,
) -> np.floating[Any]: ...
def forward_kl(
    logits: Array,
    teacher_logits: Array,
    *,
    mask: Array | None = None,
) -> Array: ...
def gae(
    reward: Array,
    value: Array,
    mask: Array,
    *,
    gamma: float = 1.0,
    lam: float = 0.95,
) -> tuple[Array, Array]: ...
def gae_over_turns(
    reward: Array,
    value: Array,
    mask: Array,
    *,
    last_value: Array | float = 0.0,
    gamma: float = 1.0,
    lam: float = 0.95,
) -> tuple[Array, Array]: ...
def generalized_js(
    logits: Array,
    teacher_logits: Array,
    *,
    beta: float = 0.5,
    mask: Array | None = None,
) -> Array: ...
def group_center(
    reward: Array,
) -> Array: ...
def group_gdpo(
    reward: Array,
    weight: Array,
    *,
    eps: float = 0.0001,
) -> Array: ...
def group_maxrl(
    reward: Array,
) -> Array: ...
def group_rank(
    reward: Array,
) -> Array: ...
def group_standardize(
    reward: Array,
    *,
    eps: float = 0.0001,
    ddof: int = 1,
) -> Array: ...
def gspo_token(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    mask: Array,
    *,
    clip_low: float = 0.0003,
    clip_high: float = 0.0004,
) -> Array: ...
def hinge(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
) -> Array: ...
def infonca(
    log_ratio: Array,
    reward: Array,
    *,
    beta: float = 0.01,
    alpha: float = 1.0,
) -> Array: ...
def ipo(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    tau: float = 0.1,
) -> Array: ...
def k1(
    logp: Array,
    ref_logp: Array,
) -> Array: ...
def k2(
    logp: Array,
    ref_logp: Array,
) -> Array: ...
def k3(
    logp: Array,
    ref_logp: Array,
) -> Array: ...
def kl_shaped_reward(
    score: Array,
    logp: Array,
    ref_logp: Array,
    mask: Array,
    *,
    beta: float,
) -> Array: ...
def kto(
    logp: Array,
    ref_logp: Array,
    desirable: Array,
    z0: Array,
    *,
    beta: float = 0.1,
    weight_desirable: float = 1.0,
    weight_undesirable: float = 1.0,
) -> Array: ...
def kto_z0(
    mismatched_logp: Array,
    ref_mismatched_logp: Array,
) -> np.floating[Any]: ...
def leave_one_out(
    reward: Array,
) -> Array: ...
def leave_one_out_by_prompt(
    reward: Array,
    prompt: Array,
) -> Array: ...
def log_ratios(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
) -> tuple[Array, Array]: ...
def margin(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
) -> Array: ...
def masked_mean(
    x: Any,
    mask: Array,
    *,
    axis: int = -1,
) -> Array: ...
def masked_rollout_weight(
    old_logp: Array,
    rollout_logp: Array,
    *,
    low: float = 0.5,
    high: float = 5.0,
) -> Array: ...
def masked_sum(
    x: Any,
    mask: Array,
    *,
    axis: int = -1,
) -> Array: ...
def micro_batch_mean(
    x: Any,
    mask: Array,
    *,
    tokens: float,
) -> np.floating[Any]: ...
def nca(
    log_ratio: Array,
    reward: Array,
    *,
    beta: float = 0.01,
    alpha: float = 1.0,
) -> Array: ...
def odds_ratio(
    chosen_avg_logp: Array,
    rejected_avg_logp: Array,
) -> Array: ...
def orpo(
    chosen_avg_logp: Array,
    rejected_avg_logp: Array,
    chosen_nll: Array,
    *,
    lam: float = 0.1,
) -> Array: ...
def overlong_penalty(
    length: Array,
    *,
    max_length: float,
    buffer: float,
) -> Array: ...
def plackett_luce(
    ranked_reward: Array,
) -> Array: ...
def reinforce(
    logp: Array,
    advantage: Array,
) -> Array: ...
def rejection_sample(
    reward: Array,
    *,
    beta: float,
    rng: np.random.Generator,
    max_reward: float | None = None,
) -> Array: ...
def reverse_kl(
    logits: Array,
    teacher_logits: Array,
    *,
    mask: Array | None = None,
) -> Array: ...
def robust_dpo(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.1,
    flip: float = 0.1,
) -> Array: ...
def rrhf(
    avg_logp: Array,
    reward: Array,
    best_nll: Array,
    *,
    weight: float = 1.0,
) -> Array: ...
def sapo(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    tau_positive: float = 1.0,
    tau_negative: float = 1.05,
) -> Array: ...
def sequence_clipped_surrogate(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    mask: Array,
    *,
    clip_low: float = 0.0003,
    clip_high: float = 0.0004,
) -> Array: ...
def sequence_mean(
    x: Any,
    mask: Array,
) -> np.floating[Any]: ...
def simpo(
    chosen_avg_logp: Array,
    rejected_avg_logp: Array,
    *,
    beta: float = 2.5,
    gamma: float = 1.375,
) -> Array: ...
def slic(
    chosen_logp: Array,
    rejected_logp: Array,
    sft_nll: Array,
    *,
    delta: float = 1.0,
    lam: float = 1.0,
) -> Array: ...
def sppo(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    *,
    beta: float = 0.001,
) -> Array: ...
def standardize_by_prompt(
    reward: Array,
    prompt: Array,
    *,
    eps: float = 0.0001,
    ddof: int = 1,
) -> Array: ...
def token_mean(
    x: Any,
    mask: Array,
) -> np.floating[Any]: ...
def tpo(
    chosen_logp: Array,
    rejected_logp: Array,
    gold_nll: Array,
    *,
    beta: float = 0.01,
    alpha: float = 1.0,
) -> Array: ...
def tpo_l(
    chosen_avg_logp: Array,
    rejected_avg_logp: Array,
    gold_nll: Array,
    *,
    beta: float = 2.0,
    gamma: float = 0.5,
    alpha: float = 1.0,
) -> Array: ...
def truncated_importance(
    logp: Array,
    old_logp: Array,
    advantage: Array,
    *,
    clip_high: float,
) -> Array: ...
def truncated_rollout_weight(
    old_logp: Array,
    rollout_logp: Array,
    *,
    cap: float = 2.0,
) -> Array: ...
def value_loss(
    value: Array,
    old_value: Array,
    returns: Array,
    *,
    clip: float = 0.2,
) -> Array: ...
def whiten(
    x: Any,
    mask: Array,
    *,
    shift_mean: bool = True,
) -> Array: ...
def wpo(
    chosen_logp: Array,
    rejected_logp: Array,
    ref_chosen_logp: Array,
    ref_rejected_logp: Array,
    chosen_log_weight: Array,
    rejected_log_weight: Array,
    *,
    beta: float = 0.1,
) -> Array: ...
def wpo_log_weight(
    logp: Array,
    logits: Array,
    mask: Array,
) -> Array: ...
