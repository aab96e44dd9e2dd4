"""Page 13: groups of equal rewards are silent, and four baselines on one group."""

import numpy as np

from tinyalign.losses import group_center, group_rank, group_standardize, leave_one_out
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

NAMES = tuple(map(str, range(1, 9)))
SHARES = np.linspace(0, 1, 41)
TRY = """
import numpy as np
from tinyalign.losses import group_center, group_rank, group_standardize, leave_one_out
p, K = <p>, <K>
reward = (np.random.default_rng(0).random(8)[:K] < p).astype(float)[None]
print("rewards", reward[0], "right", reward.sum())
for advantage in (group_center, group_standardize, leave_one_out, group_rank):
    print(advantage.__name__, advantage(reward)[0])
print("silent share", p**K + (1 - p)**K)
"""


def frame(size, success):
    """One group of answers, its advantages, and the share of groups that are silent."""
    draws = np.random.default_rng(0).random(8)[:size]
    reward = (draws < success).astype(float)[None]  # (1, K)
    ways = {"mean": group_center, "mean and std": group_standardize,
            "leave-one-out": leave_one_out, "rank": group_rank}  # fmt: skip
    bars = [Bars(name, advantage(reward)[0]) for name, advantage in ways.items()]
    curve = SHARES**size + (1 - SHARES) ** size
    here = success**size + (1 - success) ** size
    panels = [
        Panel("One group of answers", "answer", "advantage", bars, NAMES),
        Panel("Groups in which all rewards are equal", "p, chance of success", "share",
              [Line("this K", SHARES, curve), Points("this p", [success], [here])]),
    ]  # fmt: skip
    right = int(reward.sum())
    return Frame(panels, {"right in this group": right, "silent share": here})
