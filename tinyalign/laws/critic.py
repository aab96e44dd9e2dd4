"""The critic's clipped value loss, and the policy's entropy."""

import numpy as np

from tinyalign.laws.domain import floats, log_softmax
from tinyalign.laws.general import BATCH, PURE, SINGLE, whole_laws
from tinyalign.laws.law import at_most, law, same, same_slope

# value loss: x is (value, old_value, returns)


def right_value_costs_nothing(loss, x, p):
    """a value that stayed and was right costs 0"""
    same(loss(x[0], x[0], x[0], **p), 0.0)


def never_below_half_square(loss, x, p):
    """never below ½(V - R)²"""
    at_most(0.5 * (x[0] - x[2]) ** 2, loss(*x, **p))


def half_square_inside(loss, x, p):
    """½(V - R)² while V is within the clip of the old value"""
    near = x[1] + 0.9 * p["clip"] * np.sin(x[0])
    same(loss(near, x[1], x[2], **p), 0.5 * (near - x[2]) ** 2)


def rests_past_the_clip(loss, x, p):
    """V past the clip on the way to a far return: no slope"""
    far = x[1] + 2 * p["clip"] + 3.0
    same_slope(loss.slope((x[1] + 1.5 * p["clip"], x[1], far), 0, **p), 0.0)


def value_formula(loss, x, p):
    """½ max((V - R)², (V_old + clip(V - V_old) - R)²)"""
    value, old, returns = x
    held = old + np.clip(value - old, -p["clip"], p["clip"])
    same(loss(*x, **p), 0.5 * np.maximum((value - returns) ** 2, (held - returns) ** 2))


VALUE = [
    BATCH,
    law("PP5a", right_value_costs_nothing),
    law("PP5b", half_square_inside),
    law("PP5c", never_below_half_square),
    law("PP5", rests_past_the_clip),
    law("PP5d", value_formula),
    PURE,
    SINGLE,
]

# entropy: x is (logits (N, V),)


def uniform_is_log_v(loss, x, p):
    """equal logits: log V"""
    same(loss(0 * x[0], **p), np.log(x[0].shape[-1]))


def certain_is_zero(loss, x, p):
    """one logit 1000 above the rest: 0"""
    certain = 0 * x[0]
    certain[..., 0] = 1000.0
    same(loss(certain, **p), 0.0)


def bounds(loss, x, p):
    """between 0 and log V"""
    at_most(0.0, loss(*x, **p))
    at_most(loss(*x, **p), np.log(x[0].shape[-1]))


def level_is_free(loss, x, p, c):
    """adding a constant to the logits changes nothing"""
    same(loss(x[0] + c, **p), loss(*x, **p))


def entropy_value(loss, x, p):
    """-Σ π log π over the last axis"""
    logp = log_softmax(x[0])
    same(loss(*x, **p), -np.sum(np.exp(logp) * logp, axis=-1))


ENTROPY = whole_laws(
    law("PP6a", uniform_is_log_v),
    law("PP6b", certain_is_zero),
    law("PP6c", bounds),
    law("PP6", level_is_free, c=floats(-1000.0, 1000.0)),
    law("PP6d", entropy_value),
)
