"""Rows of the table for functions that most readers never need, one file's worth."""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue import (
    array_forms,
    by_prompt,
    distillation,
    divergence,
    off_policy,
    pair_f,
    pair_weighted,
    parts,
    policy_gradient,
    smoothing,
    strategies,
    trust_region,
    turns,
)
from tinyalign.laws.catalogue import conventions as choice
from tinyalign.laws.catalogue.domain import betas, floats
from tinyalign.laws.catalogue.row import (
    ADV,
    AGG,
    AVG,
    FREE,
    KL,
    LP,
    NEEDED,
    PAIR,
    PG,
    REF,
    alphas,
    clip_lows,
    clips,
    gammas,
    like_first,
    one_number,
    per_example,
    small,
    spec,
    with_shape,
    without_last_axis,
)
from tinyalign.laws.harness.spec import elements, rows

beta, lows, highs = (betas, 0.1), (clip_lows, 0.2), (clips, 0.2)
cell = floats(-5.0, 5.0)
WEIGHT = "importance weight"
PAIRS = [
    spec("f_dpo_js", REF, PAIR, pair_f.near_pairs(), pair_f.JS, beta=beta),
    spec("f_dpo_alpha", REF, PAIR, pair_f.near_pairs(), pair_f.ALPHA, beta=beta,
         alpha=(floats(0.05, 1.0), 0.5)),
    spec("wpo", REF, f"{PAIR} chosen_log_weight rejected_log_weight",
         pair_weighted.weighted_pairs, pair_weighted.WPO, beta=beta),
    spec("wpo_log_weight", WEIGHT, "logp logits mask", pair_weighted.scored_logits(),
         pair_weighted.LOG_WEIGHT),
    spec("conservative_simpo", FREE, AVG, strategies.averages, smoothing.CONSERVATIVE_SIMPO,
         choice.GAMMA, beta=(betas, 2.5), gamma=(gammas, 1.375), flip=(small, 0.1)),
    spec("conservative_cpo", FREE, "chosen_logp rejected_logp chosen_nll", strategies.gaps_nll,
         smoothing.CONSERVATIVE_CPO, array_forms.LIKELIHOOD, beta=beta,
         alpha=(alphas, 1.0), flip=(small, 0.1)),
]  # fmt: skip
RATIO = "logp old_logp advantage"
TOKENS = [
    spec("clamped_k3", KL, LP, strategies.token_pairs, divergence.CLAMPED_K3, choice.DIRECTION,
         array_forms.ONE_ROW, log_ratio_limit=(floats(1.0, 20.0), 20.0),
         limit=(floats(0.5, 10.0), 10.0)),
    spec("dual_clipped_surrogate", PG, RATIO, strategies.ratio_tokens(), policy_gradient.CLIPPED,
         choice.SIGN, *array_forms.BY_TOKEN, clip_low=lows, clip_high=highs,
         clip_dual=(floats(1.5, 5.0), 3.0)),
    spec("clipped_importance", PG, RATIO, strategies.ratio_tokens(), policy_gradient.CISPO,
         *array_forms.BY_TOKEN, clip_low=(clip_lows, NEEDED), clip_high=(clips, NEEDED)),
    spec("sapo", PG, RATIO, strategies.ratio_tokens(), trust_region.SAPO, choice.SIGN,
         *array_forms.BY_TOKEN, tau_positive=(floats(0.5, 3.0), 1.0),
         tau_negative=(floats(0.5, 3.0), 1.05)),
    spec("dppo", PG, RATIO, trust_region.probable_tokens, trust_region.DPPO, choice.SIGN,
         *array_forms.BY_TOKEN, delta=(floats(0.02, 0.5), 0.15)),
    spec("decoupled_surrogate", PG, "logp proximal_logp old_logp advantage",
         off_policy.stale_tokens, off_policy.DECOUPLED, *array_forms.BY_TOKEN, clip_low=lows,
         clip_high=highs),
    spec("truncated_rollout_weight", WEIGHT, "old_logp rollout_logp", off_policy.engines,
         off_policy.TRUNCATED, array_forms.ONE_ROW, cap=(floats(1.2, 5.0), 2.0)),
    spec("masked_rollout_weight", WEIGHT, "old_logp rollout_logp", off_policy.engines,
         off_policy.MASKED, array_forms.ONE_ROW, low=(floats(0.1, 0.9), 0.5),
         high=(floats(1.2, 8.0), 5.0)),
]  # fmt: skip
token_rows = per_example([
    spec("gspo_token", PG, f"{RATIO} mask", trust_region.masked_tokens, trust_region.GSPO_TOKEN,
         clip_low=(clip_lows, 3e-4), clip_high=(clips, 4e-4)),
], like_first)  # fmt: skip
PROMPTS = [
    spec("center_by_prompt", ADV, "reward prompt", by_prompt.prompts(), by_prompt.CENTER,
         array_forms.INDEX),
    spec("standardize_by_prompt", ADV, "reward prompt", by_prompt.prompts(),
         by_prompt.STANDARDIZE, array_forms.INDEX, eps=(floats(1e-6, 1e-2), 1e-4),
         ddof=(st.sampled_from([0, 1]), 1)),
    spec("leave_one_out_by_prompt", ADV, "reward prompt", by_prompt.prompts(),
         by_prompt.LEAVE_ONE_OUT, array_forms.INDEX),
]  # fmt: skip
TEACHER = "logits teacher_logits"
STUDENTS = [
    spec("forward_kl", KL, TEACHER, strategies.two_logits, distillation.FORWARD,
         array_forms.LOGITS_PER),
    spec("reverse_kl", KL, TEACHER, strategies.two_logits, distillation.REVERSE,
         array_forms.LOGITS_PER),
    spec("generalized_js", KL, TEACHER, strategies.two_logits, distillation.JENSEN_SHANNON,
         array_forms.LOGITS_PER, beta=(floats(0.05, 0.95), 0.5)),
]  # fmt: skip
table = strategies.tables_with_mask(cell)
VARIANTS = [
    *per_example(PAIRS),
    *per_example(TOKENS, like_first, elements),
    *token_rows,
    *per_example(STUDENTS, without_last_axis),
    *with_shape(like_first, *PROMPTS),
    *with_shape(like_first,
        spec("group_maxrl", ADV, "reward", by_prompt.successes, by_prompt.MAXRL), cells=rows),
    *with_shape(lambda *a: np.shape(a[0])[:2],
        spec("group_gdpo", ADV, "reward weight", by_prompt.several_rewards(), by_prompt.GDPO,
             eps=(floats(1e-6, 1e-2), 1e-4))),
    *with_shape(lambda *a: (2, *np.shape(a[0])),
        spec("gae_over_turns", "returns", "reward value mask", turns.tables_with_gaps(),
             turns.TURNS, array_forms.TIME, last_value=(floats(-2.0, 2.0), 0.0),
             gamma=(floats(0.0, 1.0), 1.0), lam=(floats(0.0, 1.0), 0.95))),
    *per_example([spec("masked_sum", AGG, "x mask", table, parts.SUM)]),
    *with_shape(lambda *a: np.shape(a[0])[:1],
        spec("masked_mean", AGG, "x mask", table, parts.MEAN), cells=rows),
    *with_shape(one_number,
        spec("micro_batch_mean", AGG, "x mask", table, parts.MICRO,
             tokens=(floats(4.0, 50.0), NEEDED)),
        spec("dft", "sequence log-prob", "logp mask",
             strategies.tables_with_mask(floats(-6.0, 0.0)), parts.DFT)),
]  # fmt: skip
