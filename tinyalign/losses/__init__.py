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
from tinyalign.losses.aggregate import fixed_length_mean, sequence_mean, token_mean
from tinyalign.losses.anchored import apo_down, apo_zero, bco, exo_pair
from tinyalign.losses.divergence import exact_kl, k1, k2, k3
from tinyalign.losses.log_ratio import log_ratios, margin
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
from tinyalign.losses.reference_free import cpo, odds_ratio, orpo, simpo, slic, tpo, tpo_l
from tinyalign.losses.supervised import bradley_terry, cross_entropy, plackett_luce
from tinyalign.losses.unpaired import kto, kto_z0

__all__ = [
    "adaptive_beta", "apo_down", "apo_zero", "bco", "bradley_terry", "cdpo", "clipped_surrogate",
    "cpo", "cross_entropy", "dpo", "dpop", "entropy", "exact_kl", "exo_pair", "fixed_length_mean",
    "gae", "group_center", "group_rank", "group_standardize", "hinge", "infonca", "ipo", "k1", "k2",
    "k3", "kl_shaped_reward", "kto", "kto_z0", "leave_one_out", "log_ratios", "margin", "nca",
    "odds_ratio", "orpo", "overlong_penalty", "plackett_luce", "reinforce", "rejection_sample",
    "robust_dpo", "rrhf", "sequence_clipped_surrogate", "sequence_mean", "simpo", "slic", "sppo",
    "token_mean", "tpo", "tpo_l", "truncated_importance", "value_loss", "whiten",
]  # fmt: skip
