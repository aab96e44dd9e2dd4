"""Page 03: the loss of a reward model knows the difference of two rewards and nothing else."""

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import bradley_terry
from tinyalign.losses.numerics import sigmoid
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

MARGINS = np.linspace(-4, 4, 41)
TRY = """
import autograd.numpy as np
from autograd import grad
from tinyalign.losses import bradley_terry
loss = lambda r: bradley_terry(r[:1], r[1:])[0]
rewards = np.array([<shift> + <margin>, <shift>])  # chosen, rejected
print("P(chosen wins)", np.exp(-loss(rewards)), "loss", loss(rewards))
print("slope of the chosen reward", grad(loss)(rewards)[0])
"""


def frame(margin, shift):
    """Loss and slopes of one pair; `shift` is added to both rewards."""

    def loss(rewards):
        return bradley_terry(rewards[:1], rewards[1:])[0]

    rewards = np.array([shift + margin, shift])
    value, slopes = loss(rewards), grad(loss)(rewards)
    curve = bradley_terry(MARGINS, 0 * MARGINS)
    panels = [
        Panel("Loss of one pair", "margin r(chosen) − r(rejected)", "loss, nats",
              [Line("Bradley and Terry", MARGINS, curve), Points("this pair", [margin], [value])]),
        Panel("Rewards and slopes", "", "reward, and slope of the loss",
              [Bars("reward", rewards), Bars("slope", slopes)], ("chosen", "rejected")),
    ]  # fmt: skip
    won = sigmoid(np.array(margin))
    return Frame(panels, {"P(chosen wins)": won, "loss": value, "slope": slopes[0]})
