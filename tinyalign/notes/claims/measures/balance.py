"""KTO when thumbs up are rare: five arms, and ten draws of the labels trained at once."""

import autograd.numpy as np

from tinyalign.losses import kto
from tinyalign.losses.numerics import log_softmax, sigmoid, softmax, stop_gradient
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.lesson import minimise

REWARD = np.array([1.5, 0.7, 0.0, -0.7, -1.5])
DRAWS, LABELS, BETA = 10, 1000, 0.3  # labels of one draw
RARE = 1 / 9  # share of the thumbs up that are kept


def label_shares(kept_up):
    """Shares of all labels that are thumbs up, and down, for each arm: (2, DRAWS, arms)."""
    rng, arms = np.random.default_rng(0), len(REWARD)
    up = rng.binomial(LABELS // arms, sigmoid(REWARD), size=(DRAWS, arms))
    # Thumbs up are thinned out; thumbs down all stay.
    kept = [rng.binomial(up, kept_up), LABELS // arms - up]
    table = np.array(kept, float)
    return table / table.sum(axis=(0, 2))[None, :, None]


def train_kto(shares, **weights):
    """Policies after KTO from the uniform one, (DRAWS, arms).

    weights  keyword arguments of losses.kto
    """
    even = np.full(shares[0].size, -np.log(len(REWARD)))

    def loss(params):
        logp = log_softmax(params["z"])
        # The reference point is the KL to the reference, a constant to the gradient.
        fixed = stop_gradient(logp)
        moved = np.sum(np.exp(fixed) * (fixed + np.log(len(REWARD))), axis=1)
        z0 = np.repeat(np.maximum(moved, 0.0), len(REWARD))
        # Each kind of label costs as much as its share of the labels.
        total = 0.0
        for label, share in zip((1.0, 0.0), shares, strict=True):
            labels = np.full(even.size, label)
            cost = kto(np.reshape(logp, -1), even, labels, z0, beta=BETA, **weights)
            total = total + np.sum(np.reshape(cost, share.shape) * share)
        return total

    z = minimise(loss, {"z": np.zeros(shares[0].shape)}, steps=300, learning_rate=0.1)[0]["z"]
    return softmax(z)


def rare_thumbs():
    """Largest probability in each trained policy where thumbs up are rare, by their weight."""
    shares = label_shares(RARE)
    cases = {"plain": train_kto(shares), "weighed": train_kto(shares, weight_desirable=1 / RARE)}
    return {name: p.max(axis=1).tolist() for name, p in cases.items()}


MEASURES = {"unbalanced": Measure(rare_thumbs, "KTO, five arms, 1000 labels, 10 draws of them")}
