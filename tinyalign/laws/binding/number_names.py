"""Other names in use for our numbers; a name of ours always wins over an alias."""

from tinyalign.laws.binding.parameter_names import WEIGHTS, parts

# one parameter may stand for both bounds of a clip
BOTH_CLIPS = (
    "cliprange", "clip_range", "clip_ratio", "clip_eps", "eps_clip", "clip_epsilon", "clip_param",
    "clip", "epsilon", "eps", "clip_coef", "clip_coeff", "clip_threshold", "e_clip", "ppo_clip",
    "ppo_clip_eps", "ppo_epsilon", "policy_clip", "ratio_clip", "cliprange_ratio",
)  # fmt: skip
LOWER = (
    "epsilon_low", "eps_low", "clip_eps_low", "clip_eps_lo", "eps_clip_low", "clip_ratio_low",
    "cliprange_low", "clip_range_low",
)  # fmt: skip
UPPER = (
    "epsilon_high", "eps_high", "clip_eps_high", "clip_eps_hi", "eps_clip_high", "clip_ratio_high",
    "cliprange_high", "clip_range_high",
)  # fmt: skip
DUAL = ("clip_ratio_c", "dual_clip", "clip_ratio_dual", "dual_clip_ratio", "eps_clip_c")
# one temperature for both signs of the advantage
SAPO = ("sapo_temperature", "tau", "temperature")
TARGET = ("simpo_gamma", "gamma_beta_ratio", "margin", "target_margin", "target_reward_margin")
LAM = ("lambda_", "lambd", "lmbda", "weight")
LIKELIHOOD = ("nll_weight", "sft_weight", "bc_weight")
ALIASES = {
    "beta": ("tau", "temperature", "kl_coef", "kl_coeff", "kl_beta"),
    "alpha": ("alpha_divergence_coef", "f_alpha_divergence_coef", *LIKELIHOOD),
    "tau": ("beta",),
    "flip": ("label_smoothing", "epsilon", "eps"),
    "lam": ("lambda_", "lambd", "lmbda", "gae_lambda", "weight"),
    "weight_desirable": ("lambda_d", "desirable_weight"),
    "weight_undesirable": ("lambda_u", "undesirable_weight"),
    "clip_low": (*LOWER, *BOTH_CLIPS),
    "clip_high": (*UPPER, *BOTH_CLIPS),
    "clip_dual": DUAL,
    "gamma": ("simpo_gamma", "gamma_beta_ratio", "discount", "gae_gamma", "discount_factor"),
    "clip": (
        "cliprange_value", "value_clip", "clip_value", "vf_clip", "vf_clip_param", "vf_clip_range",
        "clip_range_vf", "cliprange_vf", "value_clip_range", "value_clip_eps", "value_cliprange",
        "value_eps_clip", *BOTH_CLIPS,
    ),
    "eps": ("epsilon",),
    "tau_positive": ("tau_pos", "sapo_temperature_pos", "sapo_tau_pos", "sapo_temp_pos", *SAPO),
    "tau_negative": ("tau_neg", "sapo_temperature_neg", "sapo_tau_neg", "sapo_temp_neg", *SAPO),
    "cap": (
        "rollout_is_threshold", "vllm_importance_sampling_cap", "tis_imp_ratio_cap", "tis_cap",
        "tis_clip", "vllm_importance_sampling_clip_max", "truncated_importance_sampling_ratio",
        "rollout_importance_sampling_threshold", "threshold", "upper_threshold",
    ),
    "low": ("lower", "low_threshold", "lower_threshold", "clip_low"),
    "high": ("upper", "high_threshold", "upper_threshold", "clip_high"),
    "log_ratio_limit": ("input_clamp_value", "kl_input_clamp_value"),
    "limit": ("output_clamp_value", "kl_output_clamp_value", "kl_clamp_value", "kl_clip"),
    "tokens": (
        "num_items_in_batch", "batch_num_tokens", "global_num_tokens", "num_tokens",
        "total_tokens", "global_normalization_factor", "normalizer", "denominator",
    ),
    "length": (
        "max_completion_length", "max_response_length", "max_length", "max_tokens", "max_len",
        "loss_scale_factor",
    ),
    "max_length": (
        "max_len", "max_response_length", "max_completion_length", "max_resp_len", "max_tokens",
        "l_max", "max_response_len", "max_new_tokens",
    ),
    "buffer": (
        "overlong_buffer_len", "overlong_buffer", "buffer_len", "cache", "l_cache", "cache_len",
        "overlong_cache", "soft_punish_cache", "buffer_length", "overlong_buffer_length",
    ),
    "target": ("target_kl", "kl_target"),
    "n": ("n_steps", "num_steps", "n_samples", "num_samples", "batch_size"),
    "horizon": ("kl_horizon",),
    "last_value": ("last_values", "bootstrap_value", "next_value", "final_value"),
}  # fmt: skip
ODDS_WEIGHT = (*LAM, "odds_weight", "odds_ratio_weight", "or_weight", "beta", "alpha")
# what a name means in one method only
ONLY = {
    # a weight that is cut off from above need not be cut off from below
    ("truncated_importance", "clip_low"): LOWER,
    # DPPO's bound on a probability, under the name of PPO's bound on a ratio
    ("dppo", "delta"): ("delta_high", "delta_pos", "clip_divergence", *BOTH_CLIPS),
    ("exo_pair", "eps"): ("label_smoothing", "epsilon"),
    **{(m, "gamma"): TARGET for m in ("simpo", "conservative_simpo", "tpo_l")},
    # what weighs the odds ratio is called beta by TRL and those who took it from there
    **{(m, "lam"): ODDS_WEIGHT for m in ("orpo", "odds_ratio")},
    ("slic", "lam"): (*LAM, *LIKELIHOOD, "reg_weight", "alpha"),
    ("slic", "delta"): ("margin", "hinge_margin"),
    ("bradley_terry", "center"): ("centering", "centre", "center_rewards", "reward_centering"),
    ("rrhf", "weight"): ("rank_weight", "ranking_weight", "lam", "lambda_", "alpha"),
    ("generalized_js", "beta"): ("jsd_beta", "alpha", "lmbda", "lam", "mixture_weight"),
    # an upper bound of the ratio shows where the advantage is negative
    ("clipped_surrogate", "clip_dual"): (*DUAL, "delta"),
    ("dual_clipped_surrogate", "clip_dual"): (*DUAL, "delta"),
}
# numbers that most functions of the method do not have: taken by name only
SELDOM = {
    ("clipped_surrogate", "clip_dual"),
    ("truncated_importance", "clip_low"),
    ("odds_ratio", "lam"),
    ("whiten", "eps"),
    ("whiten", "ddof"),
}


# the names of losses, which say nothing when they stand before that of a number: dpo_beta
LOSSES = {
    "dpo", "cdpo", "dpop", "ipo", "kto", "orpo", "cpo", "simpo", "slic", "rrhf", "tpo", "bco",
    "apo",
    "sppo", "exo", "wpo", "nca", "ppo", "grpo", "gspo", "cispo", "rloo", "gae", "gkd", "rm",
}  # fmt: skip


def aliases(method, number):
    """What else the number of this method is called."""
    return ONLY.get((method, number), ALIASES.get(number, ()))


def called(method, number, names):
    """Those of the names that mean this number of the method, the surest first."""
    words = (number, *aliases(method, number))
    exact = [n for n in words if n in names]
    longer = [n for a in words for n in names if _is_longer(n, a)]
    return list(dict.fromkeys([*exact, *longer]))


def _is_longer(name, alias):
    """Whether a name is an alias with the name of a loss, or a word for a weight, added to it."""
    said, meant = _words(name), _words(alias)
    return bool(meant) and meant in (said, said - {"weight"})


def _words(name):
    words = set(parts(name)) - {"", *LOSSES}
    return {"weight" if word in (*WEIGHTS[:-1], "factor") else word for word in words}
