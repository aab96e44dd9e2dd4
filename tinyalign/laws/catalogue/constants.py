"""Which arrays of a method are constants to the gradient, and in which it has slopes."""

from dataclasses import replace

from tinyalign.laws.catalogue.conventions import DETACH, PADDING
from tinyalign.laws.catalogue.general import DETACHED, MASKED, NAN, SLOPES
from tinyalign.laws.catalogue.pair import FAR

REFERENCED_PAIRS = (
    "dpo", "cdpo", "robust_dpo", "hinge", "dpop", "exo_pair", "ipo", "sppo", "apo_zero", "apo_down",
    "bco", "nca_pair", "f_dpo_js", "f_dpo_alpha",
)  # fmt: skip
# positions of the arrays through which no gradient may flow
CONSTANTS = {
    **dict.fromkeys(REFERENCED_PAIRS, (2, 3)),
    "kto": (1, 3),
    "kto_z0": (0, 1),
    "rrhf": (1,),
    "infonca": (1,),
    "nca": (1,),
    "reinforce": (1,),
    "clipped_surrogate": (1, 2),
    "truncated_importance": (1, 2),
    "sequence_clipped_surrogate": (1, 2),
    "value_loss": (1, 2),
    "gae": (0, 1),
    "gae_over_turns": (0, 1),
    **dict.fromkeys(
        ("dual_clipped_surrogate", "clipped_importance", "gspo_token", "sapo", "dppo"), (1, 2)
    ),
    "decoupled_surrogate": (1, 2, 3),
    "wpo": (2, 3, 4, 5),
    **dict.fromkeys(
        ("wpo_log_weight", "truncated_rollout_weight", "masked_rollout_weight"), (0, 1)
    ),
    "kl_shaped_reward": (0, 1, 2),
}
# positions of the arrays in which the slope is that of the value: not the log-probs of CISPO, whose
# weight is a constant on purpose, nor those of the KL estimators, some of which have the value of
# one and the slope of another on purpose; and nothing of an advantage
MOVING = {
    **dict.fromkeys(
        (*REFERENCED_PAIRS, "wpo", "simpo", "conservative_simpo", "odds_ratio", "bradley_terry"),
        (0, 1),
    ),
    **dict.fromkeys(("orpo", "cpo", "conservative_cpo", "slic", "tpo", "tpo_l"), (0, 1, 2)),
    "rrhf": (0, 2),
    **dict.fromkeys(
        (
            "kto", "plackett_luce", "infonca", "nca", "exact_kl", "reinforce",
            "forward_kl", "reverse_kl", "generalized_js",
            "clipped_surrogate", "sequence_clipped_surrogate", "value_loss", "entropy",
            "cross_entropy", "token_mean", "sequence_mean", "fixed_length_mean", "token_logp",
            "sequence_logp", "dual_clipped_surrogate", "sapo", "dppo", "decoupled_surrogate",
            "rlhf_objective", "masked_sum", "masked_mean", "micro_batch_mean",
        ),
        (0,),
    ),
}  # fmt: skip


def with_general_laws(row):
    """The row with the laws that what moves has a slope and what is constant none, and the like."""
    constants, moving = CONSTANTS.get(row.name, ()), MOVING.get(row.name, ())
    row = replace(row, constants=constants, moving=moving)
    # a power of the ratio far out is no number that fits
    if row.arrays[0] in ("chosen_logp", "chosen_avg_logp") and row.name != "f_dpo_alpha":
        row = replace(row, laws=[*row.laws, FAR])
    if moving:
        row = replace(row, laws=[*row.laws, SLOPES])
    if row.takes_mask:
        row = replace(row, laws=[*row.laws, MASKED])
    if PADDING in row.conventions:
        row = replace(row, laws=[*row.laws, NAN])
    if constants:  # for those who declare that they detach them
        row = replace(row, conventions=(*row.conventions, DETACH), laws=[*row.laws, DETACHED])
    return row
