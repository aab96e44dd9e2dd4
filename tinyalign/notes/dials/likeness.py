"""Page 10: the chosen answer falls when the rejected one is like it."""

import numpy as np

from tinyalign.losses.numerics import log_softmax
from tinyalign.notes.dials.frame import Frame, Line, Panel, Points

MARGINS = np.linspace(0, 20, 41)
TRY = """
import numpy as np
from tinyalign.losses.numerics import log_softmax
rng = np.random.default_rng(1)
x = rng.normal(size=(30, 8))
x[1] = <likeness> * x[0] + 0.25 * rng.normal(size=8)  # the rejected answer
d = x[0] - x[1]  # the direction in which DPO moves
along = x @ d / (d @ d)
print("chosen, rejected", log_softmax(<margin> * along)[:2] + np.log(30))
print("in the end, per nat of margin", along[0] - along.max())
"""


def along(likeness):
    """How far each of thirty answers goes for one nat of margin, before they are normalised."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(30, 8))
    features[1] = likeness * features[0] + 0.25 * rng.normal(size=8)
    direction = features[0] - features[1]
    return features @ direction / (direction @ direction)


def frame(likeness, margin):
    """Change of log π of the chosen and of the rejected answer along the path of DPO."""
    go = along(likeness)
    moves = np.array([log_softmax(m * go) for m in MARGINS]) + np.log(30)  # (margins, answers)
    here = log_softmax(margin * go) + np.log(30)
    panel = Panel("DPO on one pair", "margin that DPO has reached, nats", "change of log π, nats",
                  [Line("chosen", MARGINS, moves[:, 0]), Line("rejected", MARGINS, moves[:, 1]),
                   Points("this margin", [margin, margin], here[:2])])  # fmt: skip
    numbers = {"chosen": here[0], "rejected": here[1], "chosen, in the end, per nat of margin":
               go[0] - go.max()}  # fmt: skip
    return Frame([panel], numbers)
