"""Page 02: what fine-tuning has learned, and what a temperature makes of it."""

import numpy as np

from tinyalign.losses import cross_entropy, entropy
from tinyalign.losses.numerics import log_softmax
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

NAMES, COUNTS = ("e", "a", "i", "o", "EOS", "z"), (20, 12, 8, 5, 4, 1)
TOKENS = np.repeat(np.arange(6), COUNTS)  # (50,) the data: each token as often as it occurs
LOGITS = np.log(np.array(COUNTS) / 50)  # where fine-tuning ends
TEMPERATURES = np.linspace(0.2, 3, 29)
TRY = """
import numpy as np
from tinyalign.losses import cross_entropy, entropy
from tinyalign.losses.numerics import log_softmax
counts = np.array([20, 12, 8, 5, 4, 1])
data = np.repeat(np.arange(6), counts)
logits = np.log(counts / 50) / <temperature>  # at 1: where fine-tuning ends
logp = log_softmax(logits)
print("loss on the data", cross_entropy(logp[data][None], np.ones((1, 50))))
print("entropy", entropy(logits), "P(z)", np.exp(logp)[-1])
"""


def loss(temperature):
    """Mean loss on the data of the learned distribution at a temperature, nats."""
    logp = log_softmax(LOGITS / temperature)[TOKENS]
    return cross_entropy(logp[None], np.ones((1, 50)))


def frame(temperature):
    """The next letter at a temperature, and the loss on the data that it has there."""
    logits = LOGITS / temperature
    sampled = np.exp(log_softmax(logits))
    panels = [
        Panel("The next token", "token", "probability",
              [Bars("data", np.exp(LOGITS)), Bars("samples", sampled)], NAMES),
        Panel("Loss on the data", "temperature", "nats per token",
              [Line("loss", TEMPERATURES, [loss(t) for t in TEMPERATURES]),
               Points("here", [temperature], [loss(temperature)])]),
    ]  # fmt: skip
    numbers = {"loss on the data": loss(temperature), "entropy": entropy(logits)}
    return Frame(panels, {**numbers, "P(z)": sampled[-1]})
