"""Page 18: leave-one-out is the centred advantage times K/(K − 1)."""

import numpy as np

from tinyalign.losses import group_center, leave_one_out
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

NAMES, SIZES = tuple(map(str, range(1, 9))), (2, 3, 4, 6, 8, 16, 32)
TRY = """
import numpy as np
from tinyalign.losses import group_center, leave_one_out
K, right = <K>, 1
reward = (np.arange(K) < right).astype(float)[None]
centred, left_out = group_center(reward)[0], leave_one_out(reward)[0]
print("centred", centred, "leave-one-out", left_out, "ratio", left_out[0] / centred[0])
"""


def frame(size, right=1):
    """Two advantages of one group, and their ratio for groups of every size."""
    reward = (np.arange(size) < right).astype(float)[None]
    centred, left_out = group_center(reward)[0], leave_one_out(reward)[0]
    ratio = left_out[0] / centred[0]
    panels = [
        Panel("One group", "answer, right ones first", "advantage",
              [Bars("centred", centred[:8]), Bars("leave-one-out", left_out[:8])], NAMES),
        Panel("The ratio of the two", "K, answers of a group", "ratio",
              [Line("K / (K − 1)", SIZES, [k / (k - 1) for k in SIZES]),
               Points("this K", [size], [ratio])]),
    ]  # fmt: skip
    numbers = {"centred, a right answer": centred[0], "leave-one-out": left_out[0]}
    return Frame(panels, {**numbers, "ratio": ratio})
