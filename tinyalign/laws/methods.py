"""The table: every name that `--as` accepts, what it is called with, and its laws."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws import (
    advantage,
    aggregate,
    critic,
    divergence,
    draws,
    listwise,
    odds,
    optimum,
    pair_anchored,
    pair_dpo,
    pair_penalty,
    policy_gradient,
    reference_free,
    returns,
    rewards,
    sequence,
    unpaired,
)
from tinyalign.laws import conventions as choice
from tinyalign.laws.domain import betas, floats
from tinyalign.laws.general import DETACHED
from tinyalign.laws.method import Method, elements, rows

small, weights = floats(0.0, 0.45), floats(0.1, 3.0)
gammas, alphas = floats(-3.0, 3.0), floats(0.0, 3.0)
clips, clip_lows = floats(0.05, 3.0), floats(0.05, 0.9)
NEEDED = object()  # in place of a default: the function must take it, or it must be declared


def method(name, kind, arrays, draw, laws, *more, **numbers):
    """One row; numbers are name=(strategy, default), `more` are conventions."""
    return Method(
        name,
        kind,
        tuple(arrays.split()),
        draw,
        laws,
        {n: s for n, (s, _) in numbers.items()},
        {n: d for n, (_, d) in numbers.items() if d is not NEEDED},
        conventions=more,
    )


def per_example(rows_of, shape=lambda *a: np.shape(a[0])[:1], cells=rows):
    """Rows whose batch is a pile of independent examples; they may be reduced by the function."""
    reduced = [replace(m, conventions=(choice.REDUCTION, *m.conventions)) for m in rows_of]
    return shaped(shape, *reduced, cells=cells)


def shaped(shape, *rows_of, cells=None):
    return [replace(m, shape=shape, cells=cells) for m in rows_of]


def one_number(*arrays):
    return ()


def like_first(*arrays):
    return np.shape(arrays[0])


def without_last_axis(*arrays):
    return np.shape(arrays[0])[:-1]


REF, FREE = "pair loss with a reference", "pair loss without a reference"
PAIR = "chosen_logp rejected_logp ref_chosen_logp ref_rejected_logp"
AVG = "chosen_avg_logp rejected_avg_logp"
beta, tau = (betas, 0.1), (betas, 0.1)
PAIRS = [
    method("dpo", REF, PAIR, draws.pairs, pair_dpo.DPO, beta=beta),
    method("cdpo", REF, PAIR, draws.pairs, pair_dpo.CDPO, beta=beta, flip=(small, 0.1)),
    method("robust_dpo", REF, PAIR, draws.pairs, pair_dpo.ROBUST, beta=beta, flip=(small, 0.1)),
    method("hinge", REF, PAIR, draws.pairs, pair_dpo.HINGE, beta=beta),
    method("dpop", REF, PAIR, draws.pairs, pair_penalty.DPOP, beta=(betas, 0.3),
           lam=(floats(0.0, 60.0), 50.0)),
    method("exo_pair", REF, PAIR, draws.pairs, pair_penalty.EXO, beta=beta,
           eps=(floats(1e-6, 0.4), 1e-3)),
    method("ipo", REF, PAIR, draws.pairs, pair_anchored.IPO, choice.TAU, tau=tau),
    method("sppo", REF, PAIR, draws.pairs, pair_anchored.SPPO, choice.SPPO_HALF,
           beta=(betas, 0.001)),
    method("apo_zero", REF, PAIR, draws.pairs, pair_anchored.APO_ZERO, beta=beta),
    method("apo_down", REF, PAIR, draws.pairs, pair_anchored.APO_DOWN, beta=beta),
    method("bco", REF, PAIR, draws.pairs, pair_anchored.BCO, beta=beta,
           delta=(floats(-3.0, 3.0), 0.0)),
    method("nca_pair", REF, PAIR, draws.pairs, pair_anchored.NCA_PAIR, beta=beta),
    method("simpo", FREE, AVG, draws.averages, reference_free.SIMPO, choice.GAMMA,
           beta=(betas, 2.5), gamma=(gammas, 1.375)),
    method("odds_ratio", FREE, AVG, draws.averages, odds.ODDS_RATIO, choice.SIGN),
    method("orpo", FREE, f"{AVG} chosen_nll", draws.averages_nll, odds.ORPO,
           lam=(weights, 0.1)),
    method("cpo", FREE, "chosen_logp rejected_logp chosen_nll", draws.gaps_nll, reference_free.CPO,
           beta=beta, alpha=(alphas, 1.0)),
    method("slic", FREE, "chosen_logp rejected_logp sft_nll", draws.gaps_nll, reference_free.SLIC,
           delta=(floats(0.1, 5.0), 1.0), lam=(alphas, 1.0)),
    method("tpo", "triple", "chosen_logp rejected_logp gold_nll", draws.gaps_nll,
           reference_free.TPO, beta=(betas, 0.01), alpha=(alphas, 1.0)),
    method("tpo_l", "triple", f"{AVG} gold_nll", draws.averages_nll, reference_free.TPO_L,
           choice.GAMMA, beta=(betas, 2.0), gamma=(gammas, 0.5), alpha=(alphas, 1.0)),
    method("kto", "unpaired", "logp ref_logp desirable z0", draws.thumbs(), unpaired.KTO, beta=beta,
           weight_desirable=(weights, 1.0), weight_undesirable=(weights, 1.0)),
    method("bradley_terry", "reward model", "chosen_reward rejected_reward", draws.reward_pairs,
           rewards.BRADLEY_TERRY, margin=(floats(0.0, 3.0), 0.0),
           center=(floats(0.0, 0.5), 0.0)),
    method("plackett_luce", "reward model", "ranked_reward", draws.groups, rewards.PLACKETT_LUCE),
    method("rrhf", "ranked list", "avg_logp reward best_nll", draws.candidates_nll(),
           listwise.RRHF, weight=(weights, 1.0)),
    method("infonca", "ranked list", "log_ratio reward", draws.candidates(floats(-20.0, 20.0)),
           listwise.INFONCA, beta=(betas, 0.01), alpha=(weights, 1.0)),
    method("nca", "ranked list", "log_ratio reward", draws.candidates(floats(-20.0, 20.0)),
           listwise.NCA, beta=(betas, 0.01), alpha=(weights, 1.0)),
]  # fmt: skip

KL, PG, ADV, AGG = "KL estimator", "surrogate, value, entropy", "advantage", "aggregation"
LP = "logp ref_logp"
TOKENS = [
    method("k1", KL, LP, draws.token_pairs, divergence.K1, choice.DIRECTION, choice.USE),
    method("k2", KL, LP, draws.token_pairs, divergence.K2, choice.DIRECTION, choice.USE),
    method("k3", KL, LP, draws.token_pairs, divergence.K3, choice.DIRECTION, choice.USE),
    method("reinforce", PG, "logp advantage", draws.reinforce_tokens, policy_gradient.REINFORCE),
    method("clipped_surrogate", PG, "logp old_logp advantage", draws.ratio_tokens(),
           policy_gradient.CLIPPED, choice.SIGN, clip_low=(clip_lows, 0.2), clip_high=(clips, 0.2)),
    method("truncated_importance", PG, "logp old_logp advantage", draws.ratio_tokens(),
           policy_gradient.CISPO, choice.CAP, clip_high=(clips, NEEDED)),
    method("value_loss", PG, "value old_value returns", draws.values, critic.VALUE,
           choice.VALUE_HALF, clip=(clips, 0.2)),
]  # fmt: skip
GROUPS = [
    method("group_center", ADV, "reward", draws.groups, advantage.CENTER),
    method("group_standardize", ADV, "reward", draws.groups, advantage.STANDARDIZE,
           eps=(floats(1e-6, 1e-2), 1e-4), ddof=(st.sampled_from([0, 1]), 1)),
    method("group_rank", ADV, "reward", draws.groups, advantage.RANK),
    method("leave_one_out", ADV, "reward", draws.groups, advantage.LEAVE_ONE_OUT),
]  # fmt: skip
cell = floats(-5.0, 5.0)
OTHERS = [
    *shaped(lambda *a: (2, *np.shape(a[0])),
        method("gae", "returns", "reward value mask", draws.masked(cell, cell), returns.GAE,
               choice.PACKED, gamma=(floats(0.0, 1.0), 1.0), lam=(floats(0.0, 1.0), 0.95))),
    *shaped(lambda *a: np.shape(a[1]),
        method("kl_shaped_reward", "returns", "score logp ref_logp mask", draws.scored(),
               returns.SHAPED, beta=(betas, NEEDED))),
    *shaped(like_first,
        method("whiten", ADV, "x mask", draws.masked(cell, width=2), returns.WHITEN,
               choice.WHITEN_DDOF, shift_mean=(st.booleans(), True)),
        method("overlong_penalty", ADV, "length", draws.batches(floats(0.0, 120.0)),
               returns.OVERLONG, max_length=(floats(20.0, 100.0), NEEDED),
               buffer=(floats(1.0, 15.0), NEEDED)),
        method("optimal_policy", "optimum", "ref_probs reward", draws.bandits(),
               optimum.OPTIMAL_POLICY, beta=(floats(0.05, 4.0), NEEDED)),
        method("best_of_n", "optimum", "ref_probs reward n", draws.bandits(st.integers(1, 8)),
               optimum.BEST_OF_N),
        method("rejection_sample", "ranked list", "reward", draws.groups, listwise.REJECTION,
               beta=(weights, NEEDED), rng=(floats(0.01, 0.99).map(listwise.FixedDraw), NEEDED),
               max_reward=(st.one_of(st.none(), floats(5.0, 9.0)), None))),
    *shaped(without_last_axis,
        method("rlhf_objective", "optimum", "probs ref_probs reward", draws.policies(),
               optimum.OBJECTIVE, beta=(floats(0.05, 4.0), NEEDED)),
        method("exact_kl", KL, "logits ref_logits", draws.two_logits, divergence.EXACT_KL,
               choice.DIRECTION),
        method("entropy", PG, "logits", draws.logits, critic.ENTROPY),
        cells=rows),
    *shaped(one_number,
        method("kto_z0", "unpaired", "mismatched_logp ref_mismatched_logp", draws.gaps,
               unpaired.KTO_Z0),
        method("adaptive_beta", KL, "beta kl",
               st.tuples(floats(0.01, 1.0).map(np.array), floats(0.0, 50.0).map(np.array)),
               divergence.ADAPTIVE, target=(floats(0.5, 20.0), NEEDED),
               n=(floats(1.0, 200.0), NEEDED), horizon=(floats(200.0, 10000.0), NEEDED)),
        method("cross_entropy", "sequence log-prob", "logp mask", draws.masked(floats(-6.0, 0.0)),
               aggregate.CROSS_ENTROPY),
        method("token_mean", AGG, "x mask", draws.masked(cell), aggregate.TOKEN_MEAN),
        method("sequence_mean", AGG, "x mask", draws.masked(cell), aggregate.SEQUENCE_MEAN),
        method("fixed_length_mean", AGG, "x mask", draws.masked(cell), aggregate.FIXED_LENGTH,
               length=(floats(4.0, 50.0), NEEDED))),
]  # fmt: skip
TEXTS = [
    *shaped(lambda *a: (np.shape(a[1])[0], np.shape(a[1])[1] - 1),
        method("token_logp", "sequence log-prob", "logits ids", draws.texts(spans=False),
               sequence.TOKEN_LOGP), cells=rows),
    *per_example([
        method("sequence_clipped_surrogate", PG, "logp old_logp advantage mask",
               draws.ratio_sequences(), policy_gradient.GSPO, clip_low=(clip_lows, 3e-4),
               clip_high=(clips, 4e-4)),
        method("sequence_logp", "sequence log-prob", "logits ids prompt_length length",
               draws.texts(), sequence.SEQUENCE_LOGP)]),
]  # fmt: skip
METHODS = [
    *per_example(PAIRS),
    *per_example(TOKENS, like_first, elements),
    *shaped(like_first, *GROUPS, cells=rows),
    *OTHERS,
    *TEXTS,
]
CONSTANTS = {
    **{m.name: (2, 3) for m in PAIRS if m.arrays == tuple(PAIR.split())},
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


def with_constants(row):
    """The row with the law that its constants are constant, for those who declare it."""
    constants = CONSTANTS.get(row.name, ())
    if not constants:
        return row
    conventions = (*row.conventions, choice.DETACH)
    return replace(row, constants=constants, conventions=conventions, laws=[*row.laws, DETACHED])


METHODS = [with_constants(row) for row in METHODS]
BY_NAME = {m.name: m for m in METHODS}
