"""Every loss, advantage, estimator and average, as pure functions of log-probabilities."""

from tinyalign.losses.advantage import (
    adaptive_beta,
    gae,
    group_center,
    group_rank,
    group_standardize,
    kl_shaped_reward,
    leave_one_out,
    whiten,
)
from tinyalign.losses.aggregate import (
    fixed_length_mean,
    masked_mean,
    masked_sum,
    micro_batch_mean,
    sequence_mean,
    token_mean,
)
from tinyalign.losses.anchored import apo_down, apo_zero, bco, exo_pair
from tinyalign.losses.baselines import (
    center_by_prompt,
    group_gdpo,
    group_maxrl,
    leave_one_out_by_prompt,
    standardize_by_prompt,
)
from tinyalign.losses.distillation import forward_kl, generalized_js, reverse_kl
from tinyalign.losses.divergence import clamped_k3, exact_kl, k1, k2, k3
from tinyalign.losses.f_dpo import f_dpo_alpha, f_dpo_js
from tinyalign.losses.log_ratio import log_ratios, margin
from tinyalign.losses.off_policy import (
    decoupled_surrogate,
    masked_rollout_weight,
    truncated_rollout_weight,
)
from tinyalign.losses.policy_gradient import (
    clipped_surrogate,
    entropy,
    overlong_penalty,
    reinforce,
    sequence_clipped_surrogate,
    truncated_importance,
    value_loss,
)
from tinyalign.losses.preference import cdpo, dpo, dpop, hinge, ipo, robust_dpo, sppo
from tinyalign.losses.ranking import infonca, nca, rejection_sample, rrhf
from tinyalign.losses.reference_free import (
    conservative_cpo,
    conservative_simpo,
    cpo,
    odds_ratio,
    orpo,
    simpo,
    slic,
    tpo,
    tpo_l,
)
from tinyalign.losses.self_weighted import dft, wpo, wpo_log_weight
from tinyalign.losses.supervised import bradley_terry, cross_entropy, plackett_luce
from tinyalign.losses.trust_region import (
    clipped_importance,
    dppo,
    dual_clipped_surrogate,
    gspo_token,
    sapo,
)
from tinyalign.losses.turns import gae_over_turns
from tinyalign.losses.unpaired import kto, kto_z0

__all__ = [
    "adaptive_beta", "apo_down", "apo_zero", "bco", "bradley_terry", "cdpo", "center_by_prompt",
    "clamped_k3", "clipped_importance", "clipped_surrogate", "conservative_cpo",
    "conservative_simpo", "cpo", "cross_entropy", "decoupled_surrogate", "dft", "dpo", "dpop",
    "dppo", "dual_clipped_surrogate", "entropy", "exact_kl", "exo_pair", "f_dpo_alpha", "f_dpo_js",
    "fixed_length_mean", "forward_kl", "gae", "gae_over_turns", "generalized_js", "group_center",
    "group_gdpo", "group_maxrl", "group_rank", "group_standardize", "gspo_token", "hinge",
    "infonca", "ipo", "k1", "k2", "k3", "kl_shaped_reward", "kto", "kto_z0", "leave_one_out",
    "leave_one_out_by_prompt", "log_ratios", "margin", "masked_mean", "masked_rollout_weight",
    "masked_sum", "micro_batch_mean", "nca", "odds_ratio", "orpo", "overlong_penalty",
    "plackett_luce", "reinforce", "rejection_sample", "reverse_kl", "robust_dpo", "rrhf", "sapo",
    "sequence_clipped_surrogate", "sequence_mean", "simpo", "slic", "sppo", "standardize_by_prompt",
    "token_mean", "tpo", "tpo_l", "truncated_importance", "truncated_rollout_weight", "value_loss",
    "whiten", "wpo", "wpo_log_weight",
]  # fmt: skip
