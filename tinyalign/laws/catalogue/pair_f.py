"""f-DPO: pair losses whose implicit reward is not the log-ratio h = log u, but f'(u).

x is chosen, rejected, both references; u = policy/reference.
"""

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import (
    FEW,
    LOG2,
    floats,
    log_sigmoid,
    sigmoid,
    softmax,
    three,
)
from tinyalign.laws.catalogue.general import example_laws
from tinyalign.laws.catalogue.pair import (
    DIRECTION,
    FINITE,
    RATIOS,
    REFERENCE,
    log_ratios,
    slopes_are,
    starts_at,
    swap,
)
from tinyalign.laws.harness.law import assert_close, assert_slope_close, law


@st.composite
def near_pairs(draw, *more):
    """Pairs near their reference, so that a power of the ratio stays moderate."""
    columns = [floats(-60.0, 0.0), floats(-60.0, 0.0), floats(-4.0, 4.0), floats(-4.0, 4.0), *more]
    table = draw(st.lists(st.tuples(*columns), min_size=1, max_size=FEW))
    chosen, rejected, a, b, *rest = (np.array(c) for c in zip(*table, strict=True))
    return chosen, rejected, chosen - a, rejected - b, *rest


def js_reward(h):
    """f'(u) = log(2u/(1+u)), and its slope in h = log u."""
    return LOG2 + log_sigmoid(h), sigmoid(-h)


def alpha_reward(h, alpha):
    """f'(u) = (1 - u^-α)/α, and its slope in h = log u."""
    return -np.expm1(-alpha * h) / alpha, np.exp(-alpha * h)


def gap_of(reward):
    """β times the difference of the implicit rewards."""
    return lambda a, b, beta, **p: beta * (reward(a, **p)[0] - reward(b, **p)[0])


def swap_adds_the_reward_gap(gap):
    def check(loss, x, p):
        assert_close(loss(*x, **p), loss(*swap(x), **p) - gap(*log_ratios(x), **p))

    return check


def slopes_through(reward):
    def slopes(a, b, *, beta, **p):
        pull = sigmoid(-gap_of(reward)(a, b, beta, **p))
        return -beta * pull * reward(a, **p)[1], beta * pull * reward(b, **p)[1]

    return slopes_are(slopes)


def f_optimum(ref, reward, beta, inverse):
    """π = ref · (f')⁻¹((r - λ)/β) of total 1, by bisection on λ."""
    # at the low end the total is above 1, or infinite, at the high end below
    low, high = np.max(reward) - 50.0 * beta, np.max(reward) + 50.0 * beta
    for _ in range(200):
        middle = (low + high) / 2
        u = inverse((reward - middle) / beta)
        # a reward past the end of f' stands for an infinite u
        if np.all(u > 0) and np.all(np.isfinite(u)) and np.sum(ref * u) <= 1:
            high = middle
        else:
            low = middle
    probs = ref * inverse((reward - high) / beta)
    return probs / np.sum(probs)


def stationary_at_its_optimum(inverse):
    def check(loss, x, p, theta, rewards):
        p = p | {"beta": max(p["beta"], 0.3)}  # the optimum is hard to find where it is a corner
        numbers = {n: v for n, v in p.items() if n != "beta"}
        ref = softmax(theta)
        probs = f_optimum(ref, rewards, p["beta"], lambda s: inverse(s, **numbers))
        i, j = (k.ravel() for k in np.indices((3, 3)))
        pairs = np.log(probs[i]), np.log(probs[j]), np.log(ref[i]), np.log(ref[j])
        # (9,): every ordered pair as often as Bradley-Terry labels it so
        weight = sigmoid(rewards[i] - rewards[j])
        slope = np.zeros(3)
        np.add.at(slope, i, weight * loss.grad(pairs, 0, **p))
        np.add.at(slope, j, weight * loss.grad(pairs, 1, **p))
        scale = 1.0 + np.max(np.abs(slope))
        assert_slope_close((slope - probs * np.sum(slope)) / scale, 0.0)

    return check


def js_inverse(s):
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(s < LOG2, np.exp(s) / (2 - np.exp(s)), np.inf)


def alpha_inverse(s, alpha):
    left = 1 - alpha * s
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(left > 0, np.maximum(left, 1e-300) ** (-1 / alpha), np.inf)


def reward_ends_at_log_two(loss, x, p):
    """a chosen answer far above its reference gains nothing by rising further: f' ends at log 2"""
    far, further = ((x[2] + up, x[1], x[2], x[3]) for up in (40.0, 55.0))
    assert_close(loss(*far, **p), loss(*further, **p))


def small_alpha_is_dpo(loss, x, p):
    """as α goes to 0 it is DPO"""
    a, b = log_ratios(x)
    want = -log_sigmoid(p["beta"] * (a - b))
    assert_close(loss(*x, **p | {"alpha": 1e-7}), want, tolerance=1e-4)


START = law(
    starts_at(lambda **p: LOG2), "D1", "log2_at_reference", "policy = reference costs log 2"
)


def through(reward, inverse):
    """The laws that follow from the implicit reward alone."""
    return (
        law(
            swap_adds_the_reward_gap(gap_of(reward)),
            "FD2",
            "swap_adds_the_reward_gap",
            "swapping the pair adds beta · (f'(u_w) - f'(u_l))",
        ),
        law(
            slopes_through(reward),
            "FD4",
            "closed_form_slopes",
            "the slopes are -βσ(-z) and +βσ(-z), each times the slope of f' in log u",
        ),
        law(
            stationary_at_its_optimum(inverse),
            "FD7",
            "stationary_at_its_optimum",
            "with Bradley-Terry labels its slope is 0 at pi = ref · (f')⁻¹((r - λ)/beta)",
            theta=three,
            rewards=three,
        ),
    )


JS = example_laws(
    START,
    FINITE,
    REFERENCE,
    RATIOS,
    DIRECTION,
    law(reward_ends_at_log_two, "FD1"),
    *through(js_reward, js_inverse),
)
ALPHA = example_laws(
    START,
    REFERENCE,
    RATIOS,
    DIRECTION,
    law(small_alpha_is_dpo, "FD3", when={"dtype": "float64"}),
    *through(alpha_reward, alpha_inverse),
)
