"""Page 12: KTO when thumbs up are rare, with and without the weight that balances them."""

import functools

import autograd.numpy as np

from tinyalign.losses import kto
from tinyalign.losses.numerics import log_softmax, sigmoid, softmax, stop_gradient
from tinyalign.notes.dials.frame import Bars, Frame, Panel
from tinyalign.notes.lesson import minimise
from tinyalign.optimum import expectation

REWARD, BETA, ARMS = np.array([1.5, 0.7, 0.0, -0.7, -1.5]), 0.3, 5
NAMES, EVEN = ("A", "B", "C", "D", "E"), np.full(ARMS, -np.log(ARMS))
TRY = """
from tinyalign.notes.dials.thumbs import REWARD, policy
from tinyalign.optimum import expectation
learned = policy(<kept>, <λ_D>)  # `policy` is 14 lines of this module
print("P(A)", learned[0], "reward", expectation(learned, REWARD))
"""


@functools.cache
def policy(kept, weight):
    """KTO on all thumbs, up with probability σ(r); of the thumbs up only a share is kept."""
    up = kept * sigmoid(REWARD)
    share = np.concatenate([up, 1 - sigmoid(REWARD)])
    share, labels = share / np.sum(share), np.repeat([1.0, 0.0], ARMS)

    def loss(params):
        logp = log_softmax(params["logits"])
        fixed = stop_gradient(logp)
        z0 = np.maximum(np.sum(np.exp(fixed) * (fixed - EVEN)), 0.0)
        twice = np.concatenate([logp, logp]), np.tile(EVEN, 2)
        return np.sum(share * kto(*twice, labels, z0, beta=BETA, weight_desirable=weight))

    params, _ = minimise(loss, {"logits": np.zeros(ARMS)}, steps=100, learning_rate=0.2)
    return softmax(params["logits"])


def frame(kept, weight):
    """Thumbs that are left, and what KTO makes of them."""
    learned = policy(kept, weight)
    up, down = kept * sigmoid(REWARD), 1 - sigmoid(REWARD)
    panels = [
        Panel("Thumbs for each answer", "answer, best first", "thumbs per look",
              [Bars("up", up), Bars("down", down)], NAMES),
        Panel("What KTO learns", "answer, best first", "probability",
              [Bars("reference", np.exp(EVEN)), Bars("policy", learned)], NAMES),
    ]  # fmt: skip
    return Frame(panels, {"P(A)": learned[0], "reward": expectation(learned, REWARD)})
