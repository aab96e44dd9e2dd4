"""Page 31: a verifier that errs at random, and accepts some wrong answers."""

import numpy as np

from tinyalign.notes.dials.frame import Bars, Frame, Panel
from tinyalign.optimum import optimal_policy

NAMES = ("right", "accepted, wrong", "wrong")
BETA = 0.25
TRY = """
import numpy as np
from tinyalign.optimum import optimal_policy
sft = np.array([0.3, <accepted, wrong>, 0.7 - <accepted, wrong>])
verdict = np.array([1.0, 1.0, 0.0])
mean = (1 - <flips>) * verdict + <flips> * (1 - verdict)  # of a flipped verdict
best = optimal_policy(sft, mean, beta=0.25)
print("right", best[0], "passed", best[:2].sum(), "the same as β", 0.25 / (1 - 2 * <flips>))
"""


def frame(flips, accepted):
    """Three kinds of answers before and after perfect training on the verdicts."""
    sft, verdict = np.array([0.3, accepted, 0.7 - accepted]), np.array([1.0, 1.0, 0.0])
    best = optimal_policy(sft, (1 - flips) * verdict + flips * (1 - verdict), beta=BETA)
    panel = Panel("Kinds of answers", "", "probability",
                  [Bars("SFT", sft), Bars("optimum", best)], NAMES)  # fmt: skip
    numbers = {"right": best[0], "passed": best[:2].sum(), "as with β": BETA / (1 - 2 * flips)}
    return Frame([panel], numbers)
