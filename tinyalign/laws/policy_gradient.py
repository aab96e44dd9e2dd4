"""Losses of policy gradient methods. ρ = exp(logp - old_logp) of a token, A the advantage."""

import numpy as np

from tinyalign.laws.domain import floats
from tinyalign.laws.general import BATCH, PURE, SINGLE, autodiff_slope, example_laws
from tinyalign.laws.law import at_most, law, same, same_slope


def no_advantage_no_loss(loss, x, p):
    """advantage 0: loss 0"""
    same(loss(*x[:-1], 0 * x[-1], **p), 0.0)


def advantage_scales(loss, x, p, scale):
    """the advantage times s > 0 gives s times the loss"""
    same(loss(*x[:-1], scale * x[-1], **p), scale * loss(*x, **p))


def one_advantage_per_sequence(loss, x, p):
    """an advantage (N,1) counts for every token of its row"""
    whole = np.broadcast_to(x[-1][:, :1], x[0].shape)
    same(loss(*x[:-1], x[-1][:, :1], **p), loss(*x[:-1], whole, **p))


def slope_is_minus_advantage(loss, x, p):
    """the slope in logp is -A"""
    same_slope(loss.slope(x, 0, **p), -x[1])


def reinforce_value(loss, x, p):
    """-A · logp"""
    same(loss(*x, **p), -x[1] * x[0])


ZERO, WIDE = law("RE0", no_advantage_no_loss), law("R-shape", one_advantage_per_sequence)
SCALE = law("RE8", advantage_scales, scale=floats(0.1, 5.0))
REINFORCE = [
    BATCH,
    ZERO,
    SCALE,
    WIDE,
    law("RE6", slope_is_minus_advantage),
    law("RE9", reinforce_value),
    PURE,
    SINGLE,
]

# PPO: x is (logp, old_logp, advantage)


def at_ratio(x, ratio):
    """The same tokens with ρ = ratio."""
    return x[1] + np.log(ratio), x[1], x[2]


def policy_gradient_at_the_start(loss, x, p):
    """at ρ = 1 the value is -A and so is the slope: not 0"""
    start = (x[1], x[1], x[2])
    same(loss(*start, **p), -x[2])
    same_slope(loss.slope(start, 0, **p), -x[2])


def only_the_ratio(loss, x, p):
    """only the ratio to the old policy counts"""
    same(loss(x[0] - 1.0, x[1] - 1.0, x[2], **p), loss(*x, **p))


def pessimistic(loss, x, p):
    """never below -ρA, and equal to it between the clips"""
    plain = -np.exp(x[0] - x[1]) * x[2]
    at_most(plain, loss(*x, **p))
    middle = at_ratio(x, (2 - p["clip_low"] + p["clip_high"]) / 2)
    same(loss(*middle, **p), -np.exp(middle[0] - middle[1]) * x[2])


def no_push_past_the_clip(loss, x, p):
    """good tokens stop counting above 1 + clip_high, bad ones below 1 - clip_low: no slope there"""
    good, bad = np.abs(x[2]) + 0.1, -np.abs(x[2]) - 0.1
    for ratio, advantage in ((1 + p["clip_high"] * 1.5, good), (1 - p["clip_low"] * 1.02, bad)):
        if ratio > 1e-3:
            past = (*at_ratio(x, ratio)[:2], advantage)
            same_slope(loss.slope(past, 0, **p), 0.0)
            edge = 1 + p["clip_high"] if ratio > 1 else 1 - p["clip_low"]
            same(loss(*past, **p), -edge * advantage)


def wrong_side_comes_back(loss, x, p):
    """bad tokens above the clip and good ones below it keep their full slope -ρA"""
    good, bad = np.abs(x[2]) + 0.1, -np.abs(x[2]) - 0.1
    for ratio, advantage in ((1 + p["clip_high"] * 1.5, bad), ((1 - p["clip_low"]) * 0.9, good)):
        if ratio > 1e-3:
            past = (*at_ratio(x, ratio)[:2], advantage)
            same_slope(loss.slope(past, 0, **p), -ratio * advantage)


def upper_clip_only_touches_good(loss, x, p):
    """a wider clip_high changes only good tokens above the old one"""
    wider = p | {"clip_high": p["clip_high"] + 0.5}
    ratio = np.exp(x[0] - x[1])
    touched = (x[2] > 0) & (ratio > 1 + p["clip_high"])
    same(np.where(touched, 0.0, loss(*x, **wider)), np.where(touched, 0.0, loss(*x, **p)))


def clipped_value(loss, x, p):
    """-min(ρA, clip(ρ)A)"""
    ratio = np.exp(x[0] - x[1])
    clipped = np.clip(ratio, 1 - p["clip_low"], 1 + p["clip_high"])
    same(loss(*x, **p), -np.minimum(ratio * x[2], clipped * x[2]))


CLIPPED = [
    BATCH,
    ZERO,
    law("PP1", policy_gradient_at_the_start),
    law("PP0", only_the_ratio),
    SCALE,
    WIDE,
    law("PP3", pessimistic),
    law("PP4", upper_clip_only_touches_good),
    law("C.P4", wrong_side_comes_back),
    law("PP2", no_push_past_the_clip),
    law("PP2b", clipped_value),
    PURE,
    SINGLE,
]

# CISPO: x is (logp, old_logp, advantage); the weight is capped and constant to the gradient


def capped_slope(loss, x, p):
    """by autodiff the slope is -min(ρ, cap)·A: no token is dropped, the weight is a constant"""
    weight = np.minimum(np.exp(x[0] - x[1]), 1 + p["clip_high"])
    same_slope(autodiff_slope(loss, x, 0, p), -weight * x[2])


def linear_past_the_cap(loss, x, p):
    """past the cap it is -(1 + clip_high)·A·logp"""
    logp = x[1] + np.log(1 + p["clip_high"]) + 0.3
    same(loss(logp, x[1], x[2], **p), -(1 + p["clip_high"]) * x[2] * logp)


def weight_is_the_ratio(loss, x, p):
    """under the cap it is -ρ·A·logp"""
    logp = x[1] - np.abs(x[0] - x[1])
    same(loss(logp, x[1], x[2], **p), -np.exp(logp - x[1]) * x[2] * logp)


CISPO = [
    BATCH,
    ZERO,
    SCALE,
    WIDE,
    law("CI3", weight_is_the_ratio),
    law("R13", linear_past_the_cap),
    law("CI1", capped_slope),
    PURE,
    SINGLE,
]

# GSPO: x is (logp, old_logp, advantage (N,), mask); one number per sequence


def gspo_start(loss, x, p):
    """at the old policy the value is -A"""
    same(loss(x[1], x[1], x[2], x[3], **p), -x[2])


def gspo_padding(loss, x, p):
    """what stands in the padding changes nothing"""
    logp, old, advantage, mask = x
    other = np.where(mask > 0, logp, -50.0)
    same(loss(other, old, advantage, mask, **p), loss(*x, **p))


def repeating_is_free(loss, x, p):
    """every token twice changes nothing: the ratio is a mean per token"""
    logp, old, advantage, mask = x
    logp, old, mask = (np.concatenate([a, a], axis=1) for a in (logp, old, mask))
    same(loss(logp, old, advantage, mask, **p), loss(*x, **p))


def tokens_change_places(loss, x, p):
    """the order of the tokens is free"""
    logp, old, advantage, mask = x
    logp, old, mask = (a[:, ::-1] for a in (logp, old, mask))
    same(loss(logp, old, advantage, mask, **p), loss(*x, **p))


def sequence_ratio(x):
    return np.exp(np.sum((x[0] - x[1]) * x[3], axis=1) / np.sum(x[3], axis=1))


def gspo_value(loss, x, p):
    """-min(sA, clip(s)A), s = exp of the mean log-ratio"""
    s = sequence_ratio(x)
    clipped = np.clip(s, 1 - p["clip_low"], 1 + p["clip_high"])
    same(loss(*x, **p), -np.minimum(s * x[2], clipped * x[2]))


def gspo_slope_at_start(loss, x, p):
    """at the old policy every real token has slope -A/|o|"""
    want = -(x[2] / np.sum(x[3], axis=1))[:, None] * x[3]
    same_slope(loss.slope((x[1], x[1], x[2], x[3]), 0, **p), want)


GSPO = example_laws(
    law("GS0", gspo_start),
    law("R11", gspo_padding),
    law("GS2", tokens_change_places),
    law("R12", repeating_is_free),
    law("GS4", gspo_slope_at_start),
    law("GS3", gspo_value),
)
