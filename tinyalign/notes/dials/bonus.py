"""Page 30: the optimum of reward plus an entropy bonus."""

import numpy as np

from tinyalign.losses.numerics import softmax
from tinyalign.notes.dials.frame import Bars, Frame, Panel

NAMES = ("best", "second", "third", "wrong")
TRY = """
import numpy as np
from tinyalign.losses.numerics import softmax
reward = np.array([1.0, 1 - <gap>, 1 - <gap>, 0.0])
best = softmax(reward / <α>)
print("mean reward", best @ reward, "entropy", -best @ np.log(best), "best answer", best[0])
"""


def frame(weight, gap):
    """Four answers at the optimum of mean reward plus weight times entropy."""
    reward = np.array([1.0, 1 - gap, 1 - gap, 0.0])
    best = softmax(reward / weight)
    bars = [Bars("reward", reward), Bars("best policy", best)]
    numbers = {"mean reward": best @ reward, "entropy": -best @ np.log(best)}
    return Frame([Panel("Four answers", "answer", "", bars, NAMES)], numbers | {"best": best[0]})
