"""The table: every name that `--as` accepts, what it is called with, and its laws."""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue import (
    advantage,
    aggregate,
    array_forms,
    critic,
    divergence,
    layouts,
    listwise,
    odds,
    optimum,
    pair_anchored,
    pair_dpo,
    pair_penalty,
    pair_squares,
    policy_gradient,
    reference_free,
    rejection,
    returns,
    rewards,
    sequence,
    sequence_ratio,
    shaping,
    strategies,
    unpaired,
)
from tinyalign.laws.catalogue import conventions as choice
from tinyalign.laws.catalogue.constants import with_general_laws
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
    tiny,
    weights,
    with_shape,
    without_last_axis,
)
from tinyalign.laws.catalogue.table_of_variants import VARIANTS
from tinyalign.laws.harness.spec import elements, rows

beta, tau = (betas, 0.1), (betas, 0.1)
# one number for each example: (B,)
PAIRS = [
    spec("dpo", REF, PAIR, strategies.pairs, pair_dpo.DPO, beta=beta),
    spec("cdpo", REF, PAIR, strategies.pairs, pair_dpo.CDPO, beta=beta, flip=(small, 0.1)),
    spec("robust_dpo", REF, PAIR, strategies.pairs, pair_dpo.ROBUST, beta=beta, flip=(small, 0.1)),
    spec("hinge", REF, PAIR, strategies.pairs, pair_dpo.HINGE, beta=beta),
    spec("dpop", REF, PAIR, strategies.pairs, pair_penalty.DPOP, beta=(betas, 0.3),
         lam=(floats(0.0, 60.0), 50.0)),
    spec("exo_pair", REF, PAIR, strategies.pairs, pair_penalty.EXO, beta=beta,
         eps=(floats(1e-6, 0.4), 1e-3)),
    spec("ipo", REF, PAIR, strategies.pairs, pair_squares.IPO, choice.TAU,
         array_forms.OVER_TOKENS, tau=tau),
    spec("sppo", REF, PAIR, strategies.pairs, pair_squares.SPPO, choice.SPPO_HALF,
         beta=(betas, 0.001)),
    spec("apo_zero", REF, PAIR, strategies.pairs, pair_anchored.APO_ZERO, beta=beta),
    spec("apo_down", REF, PAIR, strategies.pairs, pair_anchored.APO_DOWN, beta=beta),
    spec("bco", REF, PAIR, strategies.pairs, pair_anchored.BCO, beta=beta,
         delta=(floats(-3.0, 3.0), 0.0)),
    spec("nca_pair", REF, PAIR, strategies.pairs, pair_anchored.NCA_PAIR, beta=beta),
    spec("simpo", FREE, AVG, strategies.averages, reference_free.SIMPO, choice.GAMMA,
         beta=(betas, 2.5), gamma=(gammas, 1.375)),
    spec("odds_ratio", FREE, AVG, strategies.averages, odds.ODDS_RATIO, choice.SIGN),
    spec("orpo", FREE, f"{AVG} chosen_nll", strategies.averages_nll, odds.ORPO,
         lam=(weights, 0.1)),
    spec("cpo", FREE, "chosen_logp rejected_logp chosen_nll", strategies.gaps_nll,
         reference_free.CPO, layouts.weight_place("alpha", "preference"), beta=beta,
         alpha=(alphas, 1.0)),
    spec("slic", FREE, "chosen_logp rejected_logp sft_nll", strategies.gaps_nll,
         reference_free.SLIC, delta=(floats(0.1, 5.0), 1.0), lam=(alphas, 1.0)),
    spec("tpo", "triple", "chosen_logp rejected_logp gold_nll", strategies.gaps_nll,
         reference_free.TPO, beta=(betas, 0.01), alpha=(alphas, 1.0)),
    spec("tpo_l", "triple", f"{AVG} gold_nll", strategies.averages_nll, reference_free.TPO_L,
         choice.GAMMA, beta=(betas, 2.0), gamma=(gammas, 0.5), alpha=(alphas, 1.0)),
    spec("kto", "unpaired", "logp ref_logp desirable z0", strategies.thumbs(), unpaired.KTO,
         array_forms.LABELS, beta=beta, weight_desirable=(weights, 1.0),
         weight_undesirable=(weights, 1.0)),
    spec("bradley_terry", "reward model", "chosen_reward rejected_reward", strategies.reward_pairs,
         rewards.BRADLEY_TERRY, margin=(floats(0.0, 3.0), 0.0),
         center=(floats(0.0, 0.5), 0.0)),
    spec("plackett_luce", "reward model", "ranked_reward", strategies.groups,
         rewards.PLACKETT_LUCE),
    spec("rrhf", "ranked list", "avg_logp reward best_nll", strategies.candidates_nll(),
         listwise.RRHF, layouts.weight_place("weight", "ranking"), weight=(weights, 1.0)),
    spec("infonca", "ranked list", "log_ratio reward", strategies.candidates(floats(-20.0, 20.0)),
         listwise.INFONCA, beta=(betas, 0.01), alpha=(weights, 1.0)),
    spec("nca", "ranked list", "log_ratio reward", strategies.candidates(floats(-20.0, 20.0)),
         listwise.NCA, beta=(betas, 0.01), alpha=(weights, 1.0)),
]  # fmt: skip

# one number for each token: (N, T)
TOKENS = [
    spec("k1", KL, LP, strategies.token_pairs, divergence.K1, choice.DIRECTION, choice.USE,
         array_forms.ONE_ROW),
    spec("k2", KL, LP, strategies.token_pairs, divergence.K2, choice.DIRECTION, choice.USE,
         array_forms.ONE_ROW),
    spec("k3", KL, LP, strategies.token_pairs, divergence.K3, choice.DIRECTION, choice.USE,
         array_forms.ONE_ROW),
    spec("reinforce", PG, "logp advantage", strategies.reinforce_tokens, policy_gradient.REINFORCE,
         array_forms.ADVANTAGE_OF_TOKENS, array_forms.ALIGNED_LOGITS, array_forms.COMPLETIONS),
    spec("clipped_surrogate", PG, "logp old_logp advantage", strategies.ratio_tokens(),
         policy_gradient.CLIPPED, choice.SIGN, *array_forms.BY_TOKEN, clip_low=(clip_lows, 0.2),
         clip_high=(clips, 0.2), clip_dual=(floats(1.5, 5.0), None)),
    spec("truncated_importance", PG, "logp old_logp advantage", strategies.ratio_tokens(),
         policy_gradient.CISPO, choice.CAP, *array_forms.BY_TOKEN, clip_high=(clips, NEEDED),
         clip_low=(clip_lows, 1.0)),
    spec("value_loss", PG, "value old_value returns", strategies.values, critic.VALUE,
         choice.VALUE_HALF, array_forms.ONE_ROW, clip=(clips, 0.2)),
]  # fmt: skip
# one number for each answer, from the rewards of its group: (P, G)
GROUPS = [
    spec("group_center", ADV, "reward", strategies.groups, advantage.CENTER, array_forms.LAYOUT),
    spec("group_standardize", ADV, "reward", strategies.groups, advantage.STANDARDIZE,
         layouts.EPS_INSIDE, array_forms.LAYOUT, eps=(floats(1e-6, 1e-2), 1e-4),
         ddof=(st.sampled_from([0, 1]), 1)),
    spec("group_rank", ADV, "reward", strategies.groups, advantage.RANK, array_forms.LAYOUT),
    spec("leave_one_out", ADV, "reward", strategies.groups, advantage.LEAVE_ONE_OUT,
         array_forms.LAYOUT),
]  # fmt: skip
cell = floats(-5.0, 5.0)
# each with a shape of its own
OTHERS = [
    *with_shape(lambda *a: (2, *np.shape(a[0])),
        spec("gae", "returns", "reward value mask", strategies.tables_with_mask(cell, cell,
             empty=True), returns.GAE, choice.PADDING, choice.PACKED, layouts.WHITENED,
             array_forms.VALUES, array_forms.TIME, array_forms.DONES,
             gamma=(floats(0.0, 1.0), 1.0), lam=(floats(0.0, 1.0), 0.95))),
    *with_shape(lambda *a: np.shape(a[1]),
        spec("kl_shaped_reward", "returns", "score logp ref_logp mask",
             strategies.scored_sequences(), shaping.SHAPED, choice.PADDING, layouts.TOKENS,
             beta=(betas, NEEDED))),
    *with_shape(like_first,
        spec("whiten", ADV, "x mask", strategies.tables_with_mask(cell, width=2, empty=True),
             shaping.WHITEN, choice.PADDING, layouts.EPS_OUTSIDE, layouts.LEFTOVER,
             shift_mean=(st.booleans(), True),
             eps=(tiny, 1e-8), ddof=(st.sampled_from([0, 1]), 1)),
        spec("overlong_penalty", ADV, "length", strategies.batches(floats(0.0, 120.0)),
             shaping.OVERLONG, max_length=(floats(20.0, 100.0), NEEDED),
             buffer=(floats(1.0, 15.0), NEEDED)),
        spec("optimal_policy", "optimum", "ref_probs reward", strategies.bandits(),
             optimum.OPTIMAL_POLICY, beta=(floats(0.05, 4.0), NEEDED)),
        spec("best_of_n", "optimum", "ref_probs reward n", strategies.bandits(st.integers(1, 8)),
             optimum.BEST_OF_N),
        spec("rejection_sample", "ranked list", "reward", strategies.groups, rejection.REJECTION,
             beta=(weights, NEEDED), rng=(floats(0.01, 0.99).map(rejection.FixedDraw), NEEDED),
             max_reward=(st.one_of(st.none(), floats(5.0, 9.0)), None))),
    *with_shape(without_last_axis,
        spec("rlhf_objective", "optimum", "probs ref_probs reward", strategies.policies(),
             optimum.OBJECTIVE, beta=(floats(0.05, 4.0), NEEDED)), cells=rows),
    *per_example([
        spec("exact_kl", KL, "logits ref_logits", strategies.two_logits, divergence.EXACT_KL,
             choice.DIRECTION, array_forms.LOGITS_PER),
        spec("entropy", PG, "logits", strategies.logits, critic.ENTROPY, array_forms.LOGITS_PER),
    ], without_last_axis),
    *with_shape(one_number,
        spec("kto_z0", "unpaired", "mismatched_logp ref_mismatched_logp", strategies.gaps,
             unpaired.KTO_Z0),
        spec("adaptive_beta", KL, "beta kl",
             st.tuples(floats(0.01, 1.0).map(np.array), floats(0.0, 50.0).map(np.array)),
             divergence.ADAPTIVE, target=(floats(0.5, 20.0), NEEDED),
             n=(floats(1.0, 200.0), NEEDED), horizon=(floats(200.0, 10000.0), NEEDED)),
        spec("cross_entropy", "sequence log-prob", "logp mask", strategies.tables_with_mask(
             floats(-6.0, 0.0), empty=True), aggregate.CROSS_ENTROPY, choice.PADDING,
             array_forms.ALIGNED_LOGITS),
        spec("token_mean", AGG, "x mask", strategies.tables_with_mask(cell, empty=True),
             aggregate.TOKEN_MEAN, choice.PADDING),
        spec("sequence_mean", AGG, "x mask", strategies.tables_with_mask(cell),
             aggregate.SEQUENCE_MEAN, choice.PADDING, choice.EMPTY_ROWS),
        spec("fixed_length_mean", AGG, "x mask", strategies.tables_with_mask(cell, empty=True),
             aggregate.FIXED_LENGTH, choice.PADDING, length=(floats(4.0, 50.0), NEEDED))),
]  # fmt: skip
# from logits (B, T, V), or from token tables with one answer a row
TEXTS = [
    *with_shape(lambda *a: (np.shape(a[1])[0], np.shape(a[1])[1] - 1),
        spec("token_logp", "sequence log-prob", "logits ids", strategies.texts(spans=False),
             sequence.TOKEN_LOGP, array_forms.ALIGNED), cells=rows),
    *per_example([
        spec("sequence_clipped_surrogate", PG, "logp old_logp advantage mask",
             strategies.ratio_sequences(), sequence_ratio.GSPO, array_forms.ADVANTAGE,
             choice.PADDING, array_forms.ALIGNED_LOGITS, clip_low=(clip_lows, 3e-4),
             clip_high=(clips, 4e-4)),
        spec("sequence_logp", "sequence log-prob", "logits ids prompt_length length",
             strategies.texts(), sequence.SEQUENCE_LOGP, array_forms.ALIGNED,
             array_forms.MASK_OVER, layouts.LOGP_PER)]),
]  # fmt: skip
METHODS = [
    *per_example(PAIRS),
    *per_example(TOKENS, like_first, elements),
    *with_shape(like_first, *GROUPS, cells=rows),
    *OTHERS,
    *TEXTS,
    *VARIANTS,
]


METHODS = [with_general_laws(row) for row in METHODS]
# a name stands once: the command line finds a row by it
BY_NAME = {m.name: m for m in METHODS}
