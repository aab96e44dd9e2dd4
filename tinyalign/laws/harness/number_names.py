"""Other names in use for our numbers; a name of ours always wins over an alias."""

# one parameter may stand for both bounds of a clip
BOTH_CLIPS = (
    "cliprange", "clip_range", "clip_ratio", "clip_eps", "eps_clip", "clip_epsilon", "clip_param",
    "clip", "epsilon", "eps",
)  # fmt: skip
LOWER = (
    "epsilon_low", "eps_low", "clip_eps_low", "clip_eps_lo", "eps_clip_low", "clip_ratio_low",
    "cliprange_low", "clip_range_low",
)  # fmt: skip
UPPER = (
    "epsilon_high", "eps_high", "clip_eps_high", "clip_eps_hi", "eps_clip_high", "clip_ratio_high",
    "cliprange_high", "clip_range_high",
)  # fmt: skip
ALIASES = {
    "beta": ("tau", "temperature", "kl_coef", "kl_coeff", "kl_beta"),
    "tau": ("beta",),
    "flip": ("label_smoothing", "epsilon", "eps"),
    "lam": ("lambda_", "lambd", "lmbda", "gae_lambda", "lambda_orpo", "weight"),
    "weight_desirable": ("lambda_d", "desirable_weight"),
    "weight_undesirable": ("lambda_u", "undesirable_weight"),
    "clip_low": (*LOWER, *BOTH_CLIPS),
    "clip_high": (*UPPER, *BOTH_CLIPS),
    "clip_dual": ("clip_ratio_c", "dual_clip", "clip_ratio_dual", "dual_clip_ratio", "eps_clip_c"),
    "gamma": ("simpo_gamma", "gamma_beta_ratio", "discount", "gae_gamma", "discount_factor"),
    "clip": ("cliprange_value", "value_clip", "clip_value", *BOTH_CLIPS),
    "eps": ("epsilon",),
}
# a weight that is cut off from above need not be cut off from below
ONLY = {("truncated_importance", "clip_low"): LOWER}
# numbers that most functions of the method do not have: taken by name only
SELDOM = {
    ("clipped_surrogate", "clip_dual"),
    ("truncated_importance", "clip_low"),
    ("whiten", "eps"),
    ("whiten", "ddof"),
}


def aliases(method, number):
    """What else the number of this method is called."""
    return ONLY.get((method, number), ALIASES.get(number, ()))
