"""KTO when thumbs of one kind are rare: five arms, thumbs counted, many draws at once."""

import autograd.numpy as np

from tinyalign.claims.rules import GAP, Measure, Rule, less, paired
from tinyalign.lesson import descend
from tinyalign.losses import kto
from tinyalign.numerics import log_softmax, sigmoid, softmax, stop_gradient

REWARD = np.array([1.5, 0.7, 0.0, -0.7, -1.5])
DRAWS, LABELS, BETA = 10, 1000, 0.3
RARE = 1 / 9  # share of the thumbs of one kind that are kept


def counted(kept_up, kept_down):
    """Thumbs up and down of every arm in every draw, as shares of all: (2, DRAWS, arms)."""
    rng, arms = np.random.default_rng(0), len(REWARD)
    up = rng.binomial(LABELS // arms, sigmoid(REWARD), size=(DRAWS, arms))
    kept = [rng.binomial(up, kept_up), rng.binomial(LABELS // arms - up, kept_down)]
    table = np.array(kept, float)
    return table / table.sum(axis=(0, 2))[None, :, None]


def trained(shares, weight_desirable=1.0, weight_undesirable=1.0):
    """Policies after KTO from the uniform one, (DRAWS, arms)."""
    even = np.full(shares[0].size, -np.log(len(REWARD)))
    weights = {"weight_desirable": weight_desirable, "weight_undesirable": weight_undesirable}

    def loss(params):
        logp = log_softmax(params["z"])
        fixed = stop_gradient(logp)
        moved = np.sum(np.exp(fixed) * (fixed + np.log(len(REWARD))), axis=1)
        z0 = np.repeat(np.maximum(moved, 0.0), len(REWARD))
        total = 0.0
        for label, share in zip((1.0, 0.0), shares, strict=True):
            labels = np.full(even.size, label)
            cost = kto(np.reshape(logp, -1), even, labels, z0, beta=BETA, **weights)
            total = total + np.sum(np.reshape(cost, share.shape) * share)
        return total

    z = descend(loss, {"z": np.zeros(shares[0].shape)}, steps=300, learning_rate=0.1)[0]["z"]
    return softmax(z)


def unbalanced():
    """Largest probability and expected reward of each draw, by which thumbs are rare."""
    cases = {
        "balanced": trained(counted(1.0, 1.0)),
        "few up": trained(counted(RARE, 1.0)),
        "few up, weighed": trained(counted(RARE, 1.0), weight_desirable=1 / RARE),
        "few down": trained(counted(1.0, RARE)),
        "few down, weighed": trained(counted(1.0, RARE), weight_undesirable=1 / RARE),
    }
    return {
        name: {"surest": p.max(axis=1).tolist(), "reward": (p @ REWARD).tolist()}
        for name, p in cases.items()
    }


def reward_of(first, second):
    """weigh: expected rewards of two cases."""
    return lambda figures: paired(figures[first]["reward"], figures[second]["reward"])


def surest(first, second):
    """weigh: the largest probability that two cases end with."""
    return lambda figures: paired(figures[first]["surest"], figures[second]["surest"])


MEASURES = {"unbalanced": Measure(unbalanced, "KTO, five arms, 1000 labels, 10 draws of them")}
RULES = {
    "plain_weights_do": Rule(
        ("unbalanced",), surest("few up", "balanced"), lambda w: w["low"] <= 0,
        f"one thumb up in nine, weights of 1: largest probability against balanced labels, {GAP}",
    ),
    "plain_weights_do_down": Rule(
        ("unbalanced",), reward_of("few down", "balanced"), lambda w: w["high"] >= 0,
        f"one thumb down in nine, weights of 1: expected reward against balanced labels, {GAP}",
    ),
    "weights_cure": Rule(
        ("unbalanced",), surest("few up, weighed", "few up"), less,
        f"one thumb up in nine, weighed 9 against 1: largest probability, {GAP}",
    ),
}  # fmt: skip
