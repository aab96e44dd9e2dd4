"""Decoupled PPO, and weights for tokens that another engine drew."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats, tables
from tinyalign.laws.catalogue.general import BATCH, PURE, SINGLE, example_laws
from tinyalign.laws.catalogue.policy_gradient import SCALE, WIDE, ZERO
from tinyalign.laws.harness.law import (
    assert_at_least,
    assert_at_most,
    assert_close,
    assert_slope_close,
    law,
)

# log-probabilities near one another, as of one policy in two engines
engines = tables(floats(-6.0, -0.01), floats(-2.0, 2.0), high=3).map(lambda t: (t[0], t[0] - t[1]))
stale_tokens = tables(
    floats(-6.0, -0.01), floats(-2.0, 2.0), floats(-2.0, 2.0), floats(-3.0, 3.0), high=3
).map(lambda t: (t[0], t[0] - t[1], t[0] - t[1] - t[2], t[3]))

# x is (logp, proximal_logp, old_logp, advantage)


def ppo(ratio, advantage, p):
    held = np.clip(ratio, 1 - p["clip_low"], 1 + p["clip_high"])
    return -np.minimum(ratio * advantage, held * advantage)


def ppo_where_proximal_is_old(loss, x, p):
    """where the proximal policy drew the tokens it is PPO's surrogate"""
    logp, proximal, _, advantage = x
    want = ppo(np.exp(logp - proximal), advantage, p)
    assert_close(loss(logp, proximal, proximal, advantage, **p), want)


def slope_at_the_proximal_policy(loss, x, p):
    """at the proximal policy the slope is -A times how much likelier it made the token"""
    _, proximal, old, advantage = x
    start = (proximal, proximal, old, advantage)
    assert_slope_close(loss.grad(start, 0, **p), -np.exp(proximal - old) * advantage)


def weight_is_proximal_over_old(loss, x, p):
    """a token that the old policy found e times less likely counts e times as much"""
    logp, proximal, old, advantage = x
    assert_close(loss(logp, proximal, old - 1.0, advantage, **p), np.e * loss(*x, **p))


def clip_is_around_the_proximal(loss, x, p):
    """the clip is around the proximal policy, however old the tokens are"""
    _, proximal, old, advantage = x
    good = np.abs(advantage) + 0.1
    logp = proximal + np.log(1 + 1.5 * p["clip_high"])
    assert_slope_close(loss.grad((logp, proximal, old, good), 0, **p), 0.0)


def decoupled_formula(loss, x, p):
    """(proximal/old) · -min(ρA, clip(ρ)A), ρ = policy/proximal"""
    logp, proximal, old, advantage = x
    want = np.exp(proximal - old) * ppo(np.exp(logp - proximal), advantage, p)
    assert_close(loss(*x, **p), want)


DECOUPLED = [
    BATCH,
    ZERO,
    law(ppo_where_proximal_is_old, "DE1"),
    SCALE,
    WIDE,
    law(weight_is_proximal_over_old, "DE2"),
    law(clip_is_around_the_proximal, "DE3"),
    law(slope_at_the_proximal_policy, "DE4"),
    law(decoupled_formula, "DE5"),
    PURE,
    SINGLE,
]

# weights: x is (old_logp, rollout_logp)


def one_where_the_engines_agree(loss, x, p):
    """1 where both engines agree"""
    assert_close(loss(x[0], x[0], **p), 1.0)


def only_the_difference_counts(loss, x, p):
    """only the ratio of the two probabilities counts"""
    assert_close(loss(x[0] - 1.0, x[1] - 1.0, **p), loss(*x, **p))


def never_above_the_cap(loss, x, p):
    """never below 0, never above the cap"""
    cap = p["cap"] if "cap" in p else p["high"]
    assert_at_least(loss(*x, **p), 0.0)
    assert_at_most(loss(*x, **p), cap)


def trainer_over_rollout(loss, x, p):
    """below the cap it is trainer over rollout: below 1 where the trainer finds it less likely"""
    # a twentieth of a nat is within every cap and every band
    assert_close(loss(x[1] - 0.05, x[1], **p), np.exp(-0.05))


def at_the_cap_past_it(loss, x, p):
    """past the cap it is the cap, not 0"""
    assert_close(loss(x[1] + np.log(p["cap"]) + 1.0, x[1], **p), p["cap"])


def nothing_outside_the_band(loss, x, p):
    """a token whose ratio is above high or below low counts 0"""
    for far in (np.log(p["high"]) + 0.1, np.log(p["low"]) - 0.1):
        assert_close(loss(x[1] + far, x[1], **p), 0.0)


def whole_ratio_inside_the_band(loss, x, p):
    """inside the band it is the ratio itself, not 1 and not an end of the band"""
    for log_ratio in (0.95 * np.log(p["high"]), 0.95 * np.log(p["low"])):
        assert_close(loss(x[1] + log_ratio, x[1], **p), np.exp(log_ratio))


TRUNCATED = example_laws(
    law(one_where_the_engines_agree, "IS1"),
    law(only_the_difference_counts, "IS2"),
    law(never_above_the_cap, "IS3"),
    law(trainer_over_rollout, "IS4"),
    law(at_the_cap_past_it, "IS5"),
)
MASKED = example_laws(
    law(one_where_the_engines_agree, "IS1"),
    law(only_the_difference_counts, "IS2"),
    law(never_above_the_cap, "IS3"),
    law(trainer_over_rollout, "IS4"),
    law(nothing_outside_the_band, "IS6"),
    law(whole_ratio_inside_the_band, "IS7"),
)
