"""SAPO, DPPO and GSPO-token. ρ = exp(logp - old_logp), A the advantage."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats, sigmoid, tables
from tinyalign.laws.catalogue.general import BATCH, PURE, SINGLE, autodiff_slope, example_laws
from tinyalign.laws.catalogue.policy_gradient import (
    SCALE,
    WIDE,
    ZERO,
    at_ratio,
    only_the_ratio_counts,
    policy_gradient_at_ratio_one,
)
from tinyalign.laws.catalogue.strategies import tables_with_mask
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law

# log-probabilities on both sides: probabilities at most 1
probable_tokens = tables(floats(-6.0, -0.01), floats(-6.0, -0.01), floats(-3.0, 3.0), high=3)
masked_tokens = tables_with_mask(floats(-1.0, 1.0), floats(-6.0, -0.01), floats(-3.0, 3.0)).map(
    lambda t: (t[1] + t[0], *t[1:])
)
RATIO_ONLY = law(only_the_ratio_counts, "PP0")


# SAPO: x is (logp, old_logp, advantage)


def gate(x, p):
    """τ and σ(τ(ρ - 1)) of each token."""
    tau = np.where(x[2] > 0, p["tau_positive"], p["tau_negative"])
    return tau, sigmoid(tau * (np.exp(x[0] - x[1]) - 1))


def slope_at_ratio_one(loss, x, p):
    """at ρ = 1 the slope is -A for every τ, and the value -2A/τ"""
    start = (x[1], x[1], x[2])
    assert_slope_close(loss.grad(start, 0, **p), -x[2])
    assert_close(loss(*start, **p), -2 * x[2] / gate(start, p)[0])


def far_ratios_have_no_slope(loss, x, p):
    """far from the old policy, on either side, the slope is about 0: a gate, not a cliff"""
    for ratio in (np.exp(-14.0), 1 + 60 / min(p["tau_positive"], p["tau_negative"])):
        far = at_ratio(x, ratio)
        assert_slope_close(loss.grad(far, 0, **p), 0.0, tolerance=1e-3)


def sign_of_the_advantage_picks_the_gate(loss, x, p):
    """good tokens go by tau_positive alone, the others by tau_negative alone"""
    good, bad = (x[0], x[1], np.abs(x[2]) + 0.1), (x[0], x[1], -np.abs(x[2]) - 0.1)
    other = p | {"tau_negative": p["tau_negative"] + 1.0}
    assert_close(loss(*good, **other), loss(*good, **p))
    other = p | {"tau_positive": p["tau_positive"] + 1.0}
    assert_close(loss(*bad, **other), loss(*bad, **p))


def sapo_slope(loss, x, p):
    """the slope is -A · ρ · 4p(1-p), p = σ(τ(ρ - 1))"""
    _, share = gate(x, p)
    assert_slope_close(loss.grad(x, 0, **p), -x[2] * np.exp(x[0] - x[1]) * 4 * share * (1 - share))


def sapo_formula(loss, x, p):
    """-(4/τ) · σ(τ(ρ - 1)) · A"""
    tau, share = gate(x, p)
    assert_close(loss(*x, **p), -4 / tau * share * x[2])


SAPO = [
    BATCH,
    ZERO,
    law(slope_at_ratio_one, "SA1"),
    RATIO_ONLY,
    SCALE,
    WIDE,
    law(sign_of_the_advantage_picks_the_gate, "SA2"),
    law(far_ratios_have_no_slope, "SA3"),
    law(sapo_slope, "SA4"),
    law(sapo_formula, "SA5"),
    PURE,
    SINGLE,
]

# DPPO: x is (logp, old_logp, advantage)


def at_probabilities(x, new, old, advantage):
    """The same tokens with these probabilities and this advantage."""
    return tuple(np.full_like(x[0], v) for v in (np.log(new), np.log(old), advantage))


def unmasked_within_delta(loss, x, p):
    """while the probability has moved by less than delta it is -ρA, whatever the ratio"""
    # from 0.001 by half of delta: for PPO's clip a large ratio
    for advantage in (1.0, -1.0):
        near = at_probabilities(x, 0.001 + p["delta"] / 2, 0.001, advantage)
        ratio = np.exp(near[0] - near[1])
        assert_close(loss(*near, **p), -ratio * advantage)
        assert_slope_close(loss.grad(near, 0, **p), -ratio * advantage, tolerance=1e-4)


def no_slope_past_delta(loss, x, p):
    """a good token that rose by more than delta, and a bad one that fell by more, have no slope"""
    low, high = 0.01, 0.02 + p["delta"]
    for new, old, advantage in ((high, low, 1.0), (low, high, -1.0)):
        assert_slope_close(loss.grad(at_probabilities(x, new, old, advantage), 0, **p), 0.0)


def full_slope_on_the_way_back(loss, x, p):
    """a bad token that rose, and a good one that fell, keep their full slope -ρA"""
    low, high = 0.01, 0.02 + p["delta"]
    for new, old, advantage in ((high, low, -1.0), (low, high, 1.0)):
        back = at_probabilities(x, new, old, advantage)
        assert_slope_close(
            loss.grad(back, 0, **p), -np.exp(back[0] - back[1]) * advantage, tolerance=1e-4
        )


def dppo_formula(loss, x, p):
    """-ρA, and 0 where the probability has moved by more than delta the way A pulls"""
    moved = np.exp(x[0]) - np.exp(x[1])
    left = np.where(x[2] > 0, moved > p["delta"], moved < -p["delta"])
    # at the very edge rounding decides, and either is right
    edge = np.abs(np.abs(moved) - p["delta"]) < 1e-6
    got, want = loss(*x, **p), np.where(left, 0.0, -np.exp(x[0] - x[1]) * x[2])
    assert_close(np.where(edge, 0.0, got), np.where(edge, 0.0, want))


DPPO = [
    BATCH,
    ZERO,
    law(policy_gradient_at_ratio_one, "PP1"),
    SCALE,
    WIDE,
    law(unmasked_within_delta, "DP2"),
    law(no_slope_past_delta, "DP3"),
    law(full_slope_on_the_way_back, "DP4"),
    law(dppo_formula, "DP5"),
    PURE,
    SINGLE,
]

# GSPO-token: x is (logp, old_logp, advantage (N, T), mask)


def real(loss, x, p):
    """The loss of the completion's tokens; padding is free."""
    return np.where(x[3] > 0, loss(*x, **p), 0.0)


def minus_advantage_at_old_policy(loss, x, p):
    """at the old policy every token costs -A, its own"""
    assert_close(real(loss, (x[1], x[1], x[2], x[3]), p), -x[2] * x[3])


def padding_changes_nothing(loss, x, p):
    """what stands in the padding changes nothing"""
    logp, old, advantage, mask = x
    other = (np.where(mask > 0, logp, -50.0), old, np.where(mask > 0, advantage, 9.0), mask)
    assert_close(real(loss, other, p), real(loss, x, p))


def ratio_of_the_whole_completion(loss, x, p):
    """every token's ratio has the value of the completion's, exp of the mean log-ratio"""
    logp, old, advantage, mask = x
    # all drift put on the first real token, the mean is the same
    drift = np.sum((logp - old) * mask, axis=1, keepdims=True)
    first = mask * (np.cumsum(mask, axis=1) == 1)
    assert_close(real(loss, (old + drift * first, old, advantage, mask), p), real(loss, x, p))


def sequence_values(x, p):
    s = np.exp(np.sum((x[0] - x[1]) * x[3], axis=1) / np.sum(x[3], axis=1))[:, None]
    held = np.clip(s, 1 - p["clip_low"], 1 + p["clip_high"])
    return s, held


def gspo_token_slope(loss, x, p):
    """by autodiff an unclipped token has slope -sA, its own: no other's advantage enters"""
    s, _ = sequence_values(x, p)
    clipped = (s > 1 + p["clip_high"]) & (x[2] > 0) | (s < 1 - p["clip_low"]) & (x[2] < 0)
    # at an edge either side is right; central differences would move the constants too
    edge = np.minimum(np.abs(s - 1 + p["clip_low"]), np.abs(s - 1 - p["clip_high"])) < 1e-6
    want = np.where(clipped, 0.0, -s * x[2]) * x[3]
    got = autodiff_slope(loss, x, 0, p)
    assert_slope_close(np.where(edge, 0.0, got), np.where(edge, 0.0, want))


def gspo_token_formula(loss, x, p):
    """-min(sA, clip(s)A) at every token"""
    s, held = sequence_values(x, p)
    assert_close(real(loss, x, p), -np.minimum(s * x[2], held * x[2]) * x[3])


GSPO_TOKEN = example_laws(
    law(minus_advantage_at_old_policy, "GT1"),
    law(padding_changes_nothing, "R11"),
    law(ratio_of_the_whole_completion, "GT2"),
    law(gspo_token_slope, "GT3"),
    law(gspo_token_formula, "GT4"),
)
