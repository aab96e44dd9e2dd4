"""KTO when thumbs up are rare: five arms, thumbs counted, many draws at once."""

import autograd.numpy as np

from tinyalign.losses import kto
from tinyalign.losses.numerics import log_softmax, sigmoid, softmax, stop_gradient
from tinyalign.notes.claims.rules import GAP, Measure, Rule, between, less
from tinyalign.notes.lesson import descend

REWARD = np.array([1.5, 0.7, 0.0, -0.7, -1.5])
DRAWS, LABELS, BETA = 10, 1000, 0.3
RARE = 1 / 9  # share of the thumbs up that are kept


def counted(kept_up):
    """Thumbs up and down of every arm in every draw, as shares of all: (2, DRAWS, arms)."""
    rng, arms = np.random.default_rng(0), len(REWARD)
    up = rng.binomial(LABELS // arms, sigmoid(REWARD), size=(DRAWS, arms))
    kept = [rng.binomial(up, kept_up), LABELS // arms - up]
    table = np.array(kept, float)
    return table / table.sum(axis=(0, 2))[None, :, None]


def trained(shares, **weights):
    """Policies after KTO from the uniform one, (DRAWS, arms); weights as losses.kto names them."""
    even = np.full(shares[0].size, -np.log(len(REWARD)))

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
    """Largest probability that each draw ends with where thumbs up are rare, by their weight."""
    shares = counted(RARE)
    cases = {"plain": trained(shares), "weighed": trained(shares, weight_desirable=1 / RARE)}
    return {name: p.max(axis=1).tolist() for name, p in cases.items()}


MEASURES = {"unbalanced": Measure(unbalanced, "KTO, five arms, 1000 labels, 10 draws of them")}
RULES = {
    "weights_cure": Rule(
        ("unbalanced",), between("weighed", "plain"), less,
        f"one thumb up in nine, weighed 9 against 1: largest probability, {GAP}",
    ),
}  # fmt: skip
