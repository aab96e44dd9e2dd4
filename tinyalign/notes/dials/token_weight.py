"""Page 19: how much one token weighs in a right answer and in a longer wrong one."""

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import fixed_length_mean, sequence_mean, token_mean
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

LIMIT, LENGTHS = 32, (2, 4, 6, 8, 12, 16, 24, 32)
WAYS = {
    "GRPO": sequence_mean,
    "Dr. GRPO": lambda x, mask: fixed_length_mean(x, mask, length=LIMIT),
    "DAPO": token_mean,
}
TRY = """
import autograd.numpy as np
from autograd import grad
from tinyalign.losses import fixed_length_mean, sequence_mean, token_mean
mask = (np.arange(32) < np.array([[<right>], [<wrong>]])).astype(float)
dr = lambda x, mask: fixed_length_mean(x, mask, length=32)
for mean in (sequence_mean, dr, token_mean):
    weight = grad(lambda x: mean(x, mask))(np.zeros((2, 32)))
    print("right", weight[0, 0], "wrong", weight[1, 0])
"""


def weights(mean, right, wrong):
    """Weight of the first token of a right answer and of a wrong one, by the slope of a mean."""
    mask = (np.arange(LIMIT) < np.array([[right], [wrong]])).astype(float)  # (2, LIMIT)
    return grad(lambda x: mean(x, mask))(np.zeros((2, LIMIT)))[:, 0]


def frame(right, wrong):
    """Three means of the same tokens."""
    both = [weights(mean, right, wrong) for mean in WAYS.values()]
    curves = {
        name: [weights(mean, right, length)[1] for length in LENGTHS] for name, mean in WAYS.items()
    }
    panels = [
        Panel("What one token weighs", "", "weight in the loss",
              [Bars("right answer", [pair[0] for pair in both]),
               Bars("wrong answer", [pair[1] for pair in both])], tuple(WAYS)),
        Panel("A token of the wrong answer", "tokens of the wrong answer", "weight in the loss",
              [*(Line(name, LENGTHS, curve) for name, curve in curves.items()),
               Points("this length", [wrong] * 3, [pair[1] for pair in both])]),
    ]  # fmt: skip
    return Frame(panels, {f"{name}, wrong": pair[1] for name, pair in zip(WAYS, both, strict=True)})
