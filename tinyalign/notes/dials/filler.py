"""Page 27: how many lines the optimum of a reward for lines writes, where fillers are allowed."""

from math import comb

import numpy as np

from tinyalign.notes.dials.frame import Frame, Line, Panel
from tinyalign.optimum import optimal_policy

MOST = np.arange(9)  # fillers beside four columns, in at most twelve lines
TRY = """
import numpy as np
from math import comb
from tinyalign.optimum import optimal_policy
m, filler = np.arange(9), <filler>  # all columns follow, and every line earns 1/4
ref = [comb(k + 3, 3) * filler**k * (1 - filler) ** 4 for k in m]
ref = np.array([*ref, 1 - sum(ref)])  # the last one is cut off after twelve lines
best = optimal_policy(ref, np.append((4 + m) / 4, 3.0), beta=<β>)
print("lines", best @ np.append(4 + m, 12), "cut off", best[-1])
print("edge", 1 / (4 * np.log(1 / filler)))
"""


def frame(beta, filler):
    """The number of lines under the reference and at the optimum of the sum over lines."""
    ref = [comb(k + 3, 3) * filler**k * (1 - filler) ** 4 for k in MOST]
    ref = np.array([*ref, 1 - sum(ref)])
    best = optimal_policy(ref, np.append((4 + MOST) / 4, 3.0), beta=beta)
    marks = [Line(name, 4 + MOST, p[:-1]) for name, p in (("reference", ref), ("optimum", best))]
    panel = Panel("Finished sums", "lines", "probability", marks)
    numbers = {
        "lines": best @ np.append(4 + MOST, 12),
        "cut off": best[-1],
        "edge": 1 / (4 * np.log(1 / filler)),
    }
    return Frame([panel], numbers)
