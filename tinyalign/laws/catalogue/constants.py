"""Which arrays of a method are constants to the gradient."""

REFERENCED_PAIRS = (
    "dpo", "cdpo", "robust_dpo", "hinge", "dpop", "exo_pair", "ipo", "sppo", "apo_zero", "apo_down",
    "bco", "nca_pair",
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
    "kl_shaped_reward": (0, 1, 2),
}
