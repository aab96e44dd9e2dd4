"""Losses of policy gradient methods. ρ = exp(logp - old_logp) of a token, A the advantage."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats
from tinyalign.laws.catalogue.general import BATCH, PURE, SINGLE, autodiff_slope
from tinyalign.laws.harness.law import assert_at_least, assert_close, assert_slope_close, law
from tinyalign.laws.outcomes import NotApplicable


def no_advantage_no_loss(loss, x, p):
    """advantage 0: loss 0"""
    assert_close(loss(*x[:-1], 0 * x[-1], **p), 0.0)


def scales_with_the_advantage(loss, x, p, scale):
    """the advantage times s > 0 gives s times the loss"""
    assert_close(loss(*x[:-1], scale * x[-1], **p), scale * loss(*x, **p))


def sequence_advantage_broadcasts(loss, x, p):
    """an advantage (N,1) counts for every token of its row"""
    # (N, 1) spread by hand to (N, T)
    whole = np.broadcast_to(x[-1][:, :1], x[0].shape)
    assert_close(loss(*x[:-1], x[-1][:, :1], **p), loss(*x[:-1], whole, **p))


def slope_is_minus_advantage(loss, x, p):
    """the slope in logp is -A"""
    assert_slope_close(loss.grad(x, 0, **p), -x[1])


def reinforce_formula(loss, x, p):
    """-A · logp"""
    assert_close(loss(*x, **p), -x[1] * x[0])


ZERO, WIDE = law(no_advantage_no_loss, "RE0"), law(sequence_advantage_broadcasts, "R-shape")
SCALE = law(scales_with_the_advantage, "RE8", scale=floats(0.1, 5.0))
REINFORCE = [
    BATCH,
    ZERO,
    SCALE,
    WIDE,
    law(slope_is_minus_advantage, "RE6"),
    law(reinforce_formula, "RE9"),
    PURE,
    SINGLE,
]

# PPO: x is (logp, old_logp, advantage)


def at_ratio(x, ratio):
    """The same tokens with ρ = ratio."""
    return x[1] + np.log(ratio), x[1], x[2]


def dual_bound(advantage, clip_dual):
    """What a bad token costs at most under a dual clip, -clip_dual · A; without one infinite."""
    if clip_dual is None:
        return np.full_like(advantage, np.inf)
    return np.where(advantage < 0, -clip_dual * advantage, np.inf)


def policy_gradient_at_ratio_one(loss, x, p):
    """at ρ = 1 the value is -A and so is the slope: not 0"""
    # the first step on fresh samples
    start = (x[1], x[1], x[2])
    assert_close(loss(*start, **p), -x[2])
    assert_slope_close(loss.grad(start, 0, **p), -x[2])


def only_the_ratio_counts(loss, x, p):
    """only the ratio to the old policy counts"""
    assert_close(loss(x[0] - 1.0, x[1] - 1.0, x[2], **p), loss(*x, **p))


def never_below_the_unclipped(loss, x, p):
    """never below -ρA (or a dual clip's bound), and equal to -ρA between the clips"""
    plain = -np.exp(x[0] - x[1]) * x[2]
    assert_at_least(loss(*x, **p), np.minimum(plain, dual_bound(x[2], p["clip_dual"])))
    # inside the clips the minimum is the plain term
    middle = at_ratio(x, (2 - p["clip_low"] + p["clip_high"]) / 2)
    plain = -np.exp(middle[0] - middle[1]) * x[2]
    assert_close(loss(*middle, **p), np.minimum(plain, dual_bound(x[2], p["clip_dual"])))


def no_slope_past_the_clip(loss, x, p):
    """good tokens stop counting above 1 + clip_high, bad ones below 1 - clip_low: no slope there"""
    good, bad = np.abs(x[2]) + 0.1, -np.abs(x[2]) - 0.1
    # a good token past the upper clip, a bad one past the lower
    for ratio, advantage in ((1 + p["clip_high"] * 1.5, good), (1 - p["clip_low"] * 1.02, bad)):
        # a lower clip near 0 leaves no ratio below it
        if ratio > 1e-3:
            past = (*at_ratio(x, ratio)[:2], advantage)
            assert_slope_close(loss.grad(past, 0, **p), 0.0)
            edge = 1 + p["clip_high"] if ratio > 1 else 1 - p["clip_low"]
            assert_close(loss(*past, **p), -edge * advantage)


def full_slope_on_the_wrong_side(loss, x, p):
    """bad tokens above the clip and good ones below it keep their full slope -ρA"""
    good, bad = np.abs(x[2]) + 0.1, -np.abs(x[2]) - 0.1
    # the other two corners, where the minimum takes the unclipped term
    for ratio, advantage in ((1 + p["clip_high"] * 1.5, bad), ((1 - p["clip_low"]) * 0.9, good)):
        if 1e-3 < ratio < 0.99 * (p["clip_dual"] or np.inf):
            past = (*at_ratio(x, ratio)[:2], advantage)
            assert_slope_close(loss.grad(past, 0, **p), -ratio * advantage)


def clip_high_touches_good_tokens_only(loss, x, p):
    """a wider clip_high changes only good tokens above the old one"""
    wider = p | {"clip_high": p["clip_high"] + 0.5}
    ratio = np.exp(x[0] - x[1])
    # only these may change
    touched = (x[2] > 0) & (ratio > 1 + p["clip_high"])
    assert_close(np.where(touched, 0.0, loss(*x, **wider)), np.where(touched, 0.0, loss(*x, **p)))


def no_slope_past_the_dual_clip(loss, x, p):
    """under a dual clip a bad token costs at most -clip_dual · A: no slope past it"""
    if p["clip_dual"] is None:
        raise NotApplicable("it has no dual clip")
    # past both clips, whichever is the higher
    far = (*at_ratio(x, 2.0 * max(p["clip_dual"], 1 + p["clip_high"]))[:2], -np.abs(x[2]) - 0.1)
    assert_slope_close(loss.grad(far, 0, **p), 0.0)
    assert_close(loss(*far, **p), -p["clip_dual"] * far[2])


def clipped_formula(loss, x, p):
    """-min(ρA, clip(ρ)A), for bad tokens at most the dual clip's bound"""
    ratio = np.exp(x[0] - x[1])
    clipped = np.clip(ratio, 1 - p["clip_low"], 1 + p["clip_high"])
    want = -np.minimum(ratio * x[2], clipped * x[2])
    assert_close(loss(*x, **p), np.minimum(want, dual_bound(x[2], p["clip_dual"])))


CLIPPED = [
    BATCH,
    ZERO,
    law(policy_gradient_at_ratio_one, "PP1"),
    law(only_the_ratio_counts, "PP0"),
    SCALE,
    WIDE,
    law(never_below_the_unclipped, "PP3"),
    law(clip_high_touches_good_tokens_only, "PP4"),
    law(full_slope_on_the_wrong_side, "C.P4"),
    law(no_slope_past_the_clip, "PP2"),
    law(no_slope_past_the_dual_clip, "PP2c"),
    law(clipped_formula, "PP2b"),
    PURE,
    SINGLE,
]

# CISPO: x is (logp, old_logp, advantage); the weight is capped and constant to the gradient


def slope_weight_is_capped(loss, x, p):
    """by autodiff the slope is -clip(ρ)·A: no token is dropped, the weight is a constant"""
    # central differences would move the weight too: only autodiff can tell
    weight = np.clip(np.exp(x[0] - x[1]), 1 - p["clip_low"], 1 + p["clip_high"])
    assert_slope_close(autodiff_slope(loss, x, 0, p), -weight * x[2])


def linear_in_logp_past_the_cap(loss, x, p):
    """past the cap it is -(1 + clip_high)·A·logp"""
    # 0.3 nats past the cap
    logp = x[1] + np.log(1 + p["clip_high"]) + 0.3
    assert_close(loss(logp, x[1], x[2], **p), -(1 + p["clip_high"]) * x[2] * logp)


def weight_is_the_ratio_under_the_cap(loss, x, p):
    """under the cap it is -ρ·A·logp (with ρ at least 1 - clip_low, where that is declared)"""
    # a ratio of at most 1, below every cap
    logp = x[1] - np.abs(x[0] - x[1])
    weight = np.maximum(np.exp(logp - x[1]), 1 - p["clip_low"])
    assert_close(loss(logp, x[1], x[2], **p), -weight * x[2] * logp)


CISPO = [
    BATCH,
    ZERO,
    SCALE,
    WIDE,
    law(weight_is_the_ratio_under_the_cap, "CI3"),
    law(linear_in_logp_past_the_cap, "R13"),
    law(slope_weight_is_capped, "CI1"),
    PURE,
    SINGLE,
]
