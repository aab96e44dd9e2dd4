"""K answers of one prompt with rewards: RRHF, InfoNCA, NCA."""

import numpy as np

from tinyalign.laws.catalogue.domain import (
    floats,
    log_sigmoid,
    log_softmax,
    per_row,
    sigmoid,
    softmax,
)
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.harness.law import assert_at_least, assert_close, assert_slope_close, law
from tinyalign.laws.outcomes import Broken

# RRHF: x is (average log-probs (B,K), rewards (B,K), NLL of the best (B,))


def rank_loss(loss, x, p):
    # an NLL of 0 leaves the hinges alone
    return loss(x[0], x[1], np.zeros(len(x[0])), **p)


def right_order_costs_nothing(loss, x, p):
    """0 where the log-probs are in the order of the rewards"""
    # the rewards, shifted below 0, are log-probs in the right order
    assert_close(rank_loss(loss, (x[1] - 20.0, x[1]), p), 0.0)


def ties_cost_nothing(loss, x, p):
    """equal rewards ask for nothing"""
    assert_close(rank_loss(loss, (x[0], np.full_like(x[0], 2.5)), p), 0.0)


def only_the_order_of_rewards_counts(loss, x, p):
    """an increasing transform of the rewards changes nothing"""
    # 2r + r³ rises everywhere
    assert_close(rank_loss(loss, (x[0], 2 * x[1] + x[1] ** 3), p), rank_loss(loss, x, p))


def log_prob_shift_cancels(loss, x, p, c):
    """adding a constant to all log-probs of a prompt changes nothing"""
    moved = x[0] + per_row(c, x)[:, None]
    assert_close(rank_loss(loss, (moved, x[1]), p), rank_loss(loss, x, p))


def scales_with_the_log_probs(loss, x, p, scale):
    """log-probs times s give s times the loss: hinges, no curvature"""
    assert_close(rank_loss(loss, (scale * x[0], x[1]), p), scale * rank_loss(loss, x, p))


def copies_count_fourfold(loss, x, p):
    """every candidate twice: four times the loss, since hinges are summed"""
    # each pair of candidates becomes four pairs
    twice = tuple(np.concatenate([a, a], axis=1) for a in x[:2])
    assert_close(rank_loss(loss, twice, p), 4 * rank_loss(loss, x, p))


def likelihood_of_the_best_is_added(loss, x, p):
    """weight times the NLL of the best answer is added"""
    assert_close(loss(*x, **p), rank_loss(loss, x, p) + p["weight"] * x[2])


def sum_of_hinges(loss, x, p):
    """Σ over r_i < r_j of max(0, p_i - p_j), neither more nor less"""
    # (B, K, 1): entry i, j below compares answer i with answer j
    logp, reward = x[0][:, :, None], x[1][:, :, None]
    gap = np.maximum(0.0, logp - logp.swapaxes(1, 2))
    worse = reward < reward.swapaxes(1, 2)
    assert_close(rank_loss(loss, x, p), np.sum(gap * worse, axis=(1, 2)))


RRHF = example_laws(
    law(ties_cost_nothing, "H3"),
    law(right_order_costs_nothing, "H1"),
    law(only_the_order_of_rewards_counts, "H2"),
    law(log_prob_shift_cancels, "H4", c=floats(-20.0, 0.0)),
    law(scales_with_the_log_probs, "H4b", scale=floats(0.1, 4.0)),
    law(copies_count_fourfold, "H5"),
    law(likelihood_of_the_best_is_added, "H7"),
    law(sum_of_hinges, "H6"),
)

# InfoNCA, NCA: x is (log-ratios (B,K), rewards (B,K)); the target is w = softmax(r/α)


def target(x, p):
    return softmax(x[1] / p["alpha"])


def reward_shift_cancels(loss, x, p, c):
    """adding a constant to all rewards of a prompt changes nothing"""
    assert_close(loss(x[0], x[1] + per_row(c, x)[:, None], **p), loss(*x, **p))


def log_ratio_shift_cancels(loss, x, p, c):
    """adding a constant to all log-ratios of a prompt changes nothing"""
    assert_close(loss(x[0] + per_row(c, x)[:, None], x[1], **p), loss(*x, **p))


def candidate_order_is_free(loss, x, p):
    """listing the candidates the other way round changes nothing"""
    # (B, K) with K reversed
    assert_close(loss(x[0][:, ::-1], x[1][:, ::-1], **p), loss(*x, **p))


def log_k_at_reference(loss, x, p):
    """policy = reference costs log K, whatever the rewards"""
    assert_close(loss(0 * x[0], x[1], **p), np.log(x[0].shape[1]))


def least_is_the_target_entropy(loss, x, p):
    """never below the entropy of the target, and equal to it where β·h = r/α"""
    # a cross-entropy is least where model and target agree
    w, log_w = target(x, p), log_softmax(x[1] / p["alpha"])
    entropy = -np.sum(w * log_w, axis=1)
    assert_close(loss(x[1] / (p["alpha"] * p["beta"]), x[1], **p), entropy)
    assert_at_least(loss(*x, **p), entropy)


def equal_rewards_weigh_equally(loss, x, p):
    """equal rewards: the mean of -log softmax of the scores"""
    want = -np.mean(log_softmax(p["beta"] * x[0]), axis=1)
    assert_close(loss(x[0], np.full_like(x[1], 3.0), **p), want)


def two_answers_one_hot_is_dpo(loss, x, p):
    """two answers, one far better: DPO's -log σ(β·gap)"""
    # 1000 temperatures apart the target is one-hot to all digits
    pair, far = x[0][:, :2], np.tile([1000.0 * p["alpha"], 0.0], (len(x[0]), 1))
    assert_close(loss(pair, far, **p), -log_sigmoid(p["beta"] * (pair[:, 0] - pair[:, 1])))


def infonca_slope(loss, x, p):
    """the slope in the log-ratios is β(softmax(β·h) - w)"""
    want = p["beta"] * (softmax(p["beta"] * x[0]) - target(x, p))
    assert_slope_close(loss.grad(x, 0, **p), want)


def no_slope_at_the_rlhf_optimum(loss, x, p):
    """no slope where β·h = r/α + constant: the optimum ref · exp(r/(αβ)) on every subset"""
    # 1.5 stands for any constant: the softmax cancels it
    at = (x[1] / (p["alpha"] * p["beta"]) + 1.5, x[1])
    assert_slope_close(loss.grad(at, 0, **p), 0.0)


INFONCA = example_laws(
    law(log_k_at_reference, "N3c"),
    law(candidate_order_is_free, "perm"),
    law(log_ratio_shift_cancels, "N2", c=floats(-20.0, 0.0)),
    law(reward_shift_cancels, "N2b", c=floats(-20.0, 20.0)),
    law(equal_rewards_weigh_equally, "N3b"),
    law(two_answers_one_hot_is_dpo, "N1"),
    law(no_slope_at_the_rlhf_optimum, "N4"),
    law(least_is_the_target_entropy, "N3"),
    law(infonca_slope, "N2c"),
)


def two_log2_at_reference(loss, x, p):
    """policy = reference costs 2 log 2, for every K"""
    assert_close(loss(0 * x[0], x[1], **p), 2 * np.log(2.0))


def log_ratio_shift_matters(loss, x, p):
    """adding a constant to all log-ratios does change it"""
    # every score is 3: the pull up and the pull down no longer add to 2 log 2
    if np.any(np.abs(loss(0 * x[0] + 3 / p["beta"], x[1], **p) - 2 * np.log(2.0)) < 1e-3):
        raise Broken("is blind to the level of the log-ratios")


def no_slope_at_the_nca_optimum(loss, x, p):
    """no slope where β·h = log(K·w)"""
    # σ(βh)/K = w·σ(-βh) where exp(βh) = K·w
    w = log_softmax(x[1] / p["alpha"])
    at = ((np.log(x[0].shape[1]) + w) / p["beta"], x[1])
    assert_slope_close(loss.grad(at, 0, **p), 0.0)


def nca_slope(loss, x, p):
    """the slope in the log-ratios is β(σ(β·h)/K - wσ(-β·h))"""
    score = p["beta"] * x[0]
    want = p["beta"] * (sigmoid(score) / x[0].shape[1] - target(x, p) * sigmoid(-score))
    assert_slope_close(loss.grad(x, 0, **p), want)


NCA = example_laws(
    law(two_log2_at_reference, "N5"),
    law(candidate_order_is_free, "perm"),
    law(reward_shift_cancels, "N2b", c=floats(-20.0, 20.0)),
    law(log_ratio_shift_matters, "N6b"),
    law(no_slope_at_the_nca_optimum, "N6"),
    law(nca_slope, "N6c"),
)
