"""Page 07: the clip of PPO, and which tokens still have a slope."""

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import clipped_surrogate
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

RATIOS = np.linspace(0.4, 1.8, 29)
TRY = """
import autograd.numpy as np
from autograd import grad
from tinyalign.losses import clipped_surrogate
old = np.zeros((1, 1))
loss = lambda logp: np.sum(clipped_surrogate(logp, old, <advantage>))
here = np.log(np.array([[<ratio>]]))
print("loss", loss(here), "slope", grad(loss)(here)[0, 0])
"""


def frame(ratio, advantage):
    """Loss and slope of one token."""

    def loss(logp):
        return np.sum(clipped_surrogate(logp, np.zeros((1, 1)), advantage))

    here = np.log(np.array([[ratio]]))
    curve = [loss(np.log(np.array([[r]]))) for r in RATIOS]
    value, slope = loss(here), grad(loss)(here)[0, 0]
    left = Panel("Loss of one token", "ratio π/π_old", "loss",
                 [Line("clipped", RATIOS, curve), Line("not clipped", RATIOS, -RATIOS * advantage),
                  Points("this token", [ratio], [value])])  # fmt: skip
    right = Panel("Slope in log π(token)", "", "d loss / d log π",
                  [Bars("clipped", [slope]), Bars("not clipped", [-ratio * advantage])],
                  ("this token",))  # fmt: skip
    return Frame([left, right], {"loss": value, "slope": slope})
