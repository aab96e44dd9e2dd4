"""Rejection sampling. x is (rewards,), and the generator draws one known number u."""

import numpy as np

from tinyalign.laws.catalogue.domain import floats
from tinyalign.laws.catalogue.general import whole_laws
from tinyalign.laws.harness.law import assert_close, law, rounding
from tinyalign.laws.outcomes import Broken


def threshold(x, p):
    """log-probability of acceptance."""
    # (P, 1) without a declared maximum: each prompt's own best
    top = np.max(x[0], axis=-1, keepdims=True) if p["max_reward"] is None else p["max_reward"]
    return (x[0] - top) / p["beta"]


def best_answer_is_always_accepted(loss, x, p):
    """the best answer of each prompt is always accepted"""
    kept = loss(*x, **p | {"max_reward": None})
    if not np.all(kept[x[0] == np.max(x[0], axis=-1, keepdims=True)]):
        raise Broken("rejects the best answer")


def reward_shift_keeps_decisions(loss, x, p, c):
    """adding a constant to all rewards of a prompt changes nothing"""
    p = p | {"max_reward": None}
    # a draw within rounding of the threshold may fall on either side
    clear = np.abs(threshold(x, p) - np.log(p["rng"].u)) > 1e-6
    assert_close(loss(x[0] + c, **p)[clear], loss(*x, **p)[clear])


def accepts_with_the_stated_probability(loss, x, p):
    """accepted exactly where a uniform number falls below exp((r - r_max)/β)"""
    # in logarithms, where exp would underflow
    gap = threshold(x, p) - np.log(p["rng"].u)
    clear = np.abs(gap) > rounding(1e-6, 1e-3)
    assert_close(loss(*x, **p)[clear], (gap > 0)[clear])


class FixedDraw:
    """A generator whose uniform draws are all u: acceptance becomes a fact to check."""

    def __init__(self, u):
        self.u = u

    def random(self, size=None, dtype=float):
        # a plain number where no size is given, as NumPy's generators do
        return np.full(() if size is None else size, self.u)[()]

    def uniform(self, low=0.0, high=1.0, size=None):
        return low + (high - low) * self.random(size)

    def exponential(self, scale=1.0, size=None):
        # by inversion of the same uniform number
        return -scale * np.log(self.random(size))

    def __repr__(self):
        return f"FixedDraw({self.u})"


REJECTION = whole_laws(
    law(best_answer_is_always_accepted, "RS3"),
    law(reward_shift_keeps_decisions, "RS4", c=floats(-20.0, 20.0)),
    law(accepts_with_the_stated_probability, "RS1"),
)
