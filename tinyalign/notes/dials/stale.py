"""Page 26: bias and error of a capped weight, by the age of the samples and the cap."""

import numpy as np

from tinyalign.losses import truncated_rollout_weight
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel

NOW, SAMPLES = 0.5, 16
CAPS = np.linspace(1.0, 12.0, 45)
TRY = """
import numpy as np
from tinyalign.losses import truncated_rollout_weight
now, old, samples = 0.5, <before>, 16  # probability of the good answer, and answers drawn
weight = truncated_rollout_weight(np.log(np.array([[now]])), np.log(np.array([[old]])), cap=<cap>)
weight = weight[0, 0]
mean, variance = old * weight, weight**2 * old * (1 - old)
print("mean", mean, "bias", mean - now)
print("error", np.sqrt((mean - now) ** 2 + variance / samples))
"""


def estimate(before, cap):
    """Mean of the estimate of the good answer's probability now, and its error at 16 samples."""
    now, old = np.log(np.array([[NOW]])), np.log(np.array([[before]]))
    weight = truncated_rollout_weight(now, old, cap=cap)[0, 0]
    mean, variance = before * weight, weight**2 * before * (1 - before)
    return mean, np.sqrt((mean - NOW) ** 2 + variance / SAMPLES)


def frame(before, cap):
    """What the capped estimate gives on average, and its error at every cap."""
    mean, error = estimate(before, cap)
    errors = [estimate(before, each)[1] for each in CAPS]
    panels = [
        Panel("The good answer's probability", "", "probability",
              [Bars("probability", [before, mean, NOW])], ("old", "estimate", "now")),
        Panel("Error with 16 answers", "cap", "root of the mean squared error",
              [Line("error", CAPS, errors)]),
    ]  # fmt: skip
    return Frame(panels, {"mean": mean, "bias": mean - NOW, "error": error})
