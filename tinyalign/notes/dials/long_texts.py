"""Page 01: the log-probability of a text is a sum, so a longer text is less probable."""

import numpy as np

from tinyalign.losses import masked_mean, masked_sum
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

LENGTHS = np.arange(1, 41)
TRY = """
import numpy as np
from tinyalign.losses import masked_mean, masked_sum
logp, mask = np.full((1, 40), np.log(<p>)), (np.arange(40) < <tokens>).astype(float)[None]
total = masked_sum(logp, mask)[0]  # padding behind the text does not count
print("log-probability", total, "probability", np.exp(total))
print("mean per token", masked_mean(logp, mask)[0])
"""


def scores(p, tokens):
    """Sum and mean of the log-probabilities of a text whose tokens all have probability p."""
    logp, mask = np.full((1, 40), np.log(p)), (np.arange(40) < tokens).astype(float)[None]
    return masked_sum(logp, mask)[0], masked_mean(logp, mask)[0]


def frame(p, tokens):
    """A text of so many tokens, beside one of ten tokens that are each less probable."""
    total, mean = scores(p, tokens)
    other, other_mean = scores(0.6, 10)
    panels = [
        Panel("log π(text)", "tokens", "nats",
              [Line("this p", LENGTHS, [scores(p, n)[0] for n in LENGTHS]),
               Points("this text", [tokens], [total]),
               Points("10 tokens of 0.6", [10], [other])]),
        Panel("Which text is better?", "", "nats",
              [Bars("this text", [total, mean]), Bars("10 tokens of 0.6", [other, other_mean])],
              ("sum", "mean")),
    ]  # fmt: skip
    return Frame(panels, {"log-probability": total, "probability": np.exp(total),
                          "mean per token": mean})  # fmt: skip
