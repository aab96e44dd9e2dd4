"""The critic's clipped value loss, and the policy's entropy."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats, log_softmax
from tinyalign.laws.catalogue.general import BATCH, PURE, SINGLE, whole_laws
from tinyalign.laws.harness.law import (
    assert_at_least,
    assert_at_most,
    assert_close,
    assert_slope_close,
    law,
)
from tinyalign.laws.outcomes import NotApplicable

# value loss: x is (value, old_value, returns)


def right_value_costs_nothing(loss, x, p):
    """a value that stayed and was right costs 0"""
    assert_close(loss(x[0], x[0], x[0], **p), 0.0)


def never_below_half_square(loss, x, p):
    """never below ½(V - R)²"""
    assert_at_least(loss(*x, **p), 0.5 * (x[0] - x[2]) ** 2)


def half_square_inside_the_clip(loss, x, p):
    """½(V - R)² while V is within the clip of the old value"""
    # sin is within ±1, so the value stays inside the clip on either side
    near = x[1] + 0.9 * min(p["clip"], 9.0) * np.sin(x[0])
    assert_close(loss(near, x[1], x[2], **p), 0.5 * (near - x[2]) ** 2)


def no_slope_past_the_clip(loss, x, p):
    """V past the clip on the way to a far return: no slope"""
    if np.isinf(p["clip"]):
        raise NotApplicable("it clips no value")
    # the clipped value is the worse of the two, and a constant
    far = x[1] + 2 * p["clip"] + 3.0
    assert_slope_close(loss.grad((x[1] + 1.5 * p["clip"], x[1], far), 0, **p), 0.0)


def value_loss_formula(loss, x, p):
    """½ max((V - R)², (V_old + clip(V - V_old) - R)²)"""
    value, old, returns = x
    clipped = old + np.clip(value - old, -p["clip"], p["clip"])
    assert_close(loss(*x, **p), 0.5 * np.maximum((value - returns) ** 2, (clipped - returns) ** 2))


VALUE = [
    BATCH,
    law(right_value_costs_nothing, "PP5a"),
    law(half_square_inside_the_clip, "PP5b"),
    law(never_below_half_square, "PP5c"),
    law(no_slope_past_the_clip, "PP5"),
    law(value_loss_formula, "PP5d"),
    PURE,
    SINGLE,
]

# entropy: x is (logits (N, V),)


def uniform_is_log_v(loss, x, p):
    """equal logits: log V"""
    assert_close(loss(0 * x[0], **p), np.log(x[0].shape[-1]))


def certain_is_zero(loss, x, p):
    """one logit 1000 above the rest: 0"""
    # exp(1000) overflows where the maximum is not subtracted first
    certain = 0 * x[0]
    certain[..., 0] = 1000.0
    assert_close(loss(certain, **p), 0.0)


def between_zero_and_log_v(loss, x, p):
    """between 0 and log V"""
    # (N,) in nats
    assert_at_least(loss(*x, **p), 0.0)
    assert_at_most(loss(*x, **p), np.log(x[0].shape[-1]))


def logit_shift_cancels(loss, x, p, c):
    """adding a constant to the logits changes nothing"""
    assert_close(loss(x[0] + c, **p), loss(*x, **p))


def entropy_formula(loss, x, p):
    """-Σ π log π over the last axis"""
    logp = log_softmax(x[0])
    assert_close(loss(*x, **p), -np.sum(np.exp(logp) * logp, axis=-1))


ENTROPY = whole_laws(
    law(uniform_is_log_v, "PP6a"),
    law(certain_is_zero, "PP6b"),
    law(between_zero_and_log_v, "PP6c"),
    law(logit_shift_cancels, "PP6", c=floats(-1000.0, 1000.0)),
    law(entropy_formula, "PP6d"),
)
