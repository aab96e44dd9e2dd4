"""Page 15: one program in k tries, and what the group learns from."""

import numpy as np

from tinyalign.losses import group_standardize
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points
from toy_envs.programs import pass_at_k

SIZE = 16
NAMES = tuple(map(str, range(1, SIZE + 1)))
TRY = """
import numpy as np
from tinyalign.losses import group_standardize
from toy_envs.programs import pass_at_k
reward = (np.arange(16) < <right of 16>).astype(float)[None]
print("pass@1", pass_at_k(16, <right of 16>, 1), "pass@k", pass_at_k(16, <right of 16>, <k>))
print("advantages", group_standardize(reward)[0])
"""


def frame(right, k):
    """Sixteen programs of one task, some of them right."""
    tries = list(range(1, SIZE + 1))
    reward = (np.arange(SIZE) < right).astype(float)[None]
    advantage = group_standardize(reward)[0]
    panels = [
        Panel("What sixteen programs say", "k, tries", "pass@k",
              [Line("this task", tries, [pass_at_k(SIZE, right, n) for n in tries]),
               Points("this k", [k], [pass_at_k(SIZE, right, k)])]),
        Panel("What GRPO makes of them", "program, right ones first", "advantage",
              [Bars("advantage", advantage)], NAMES),
    ]  # fmt: skip
    numbers = {"pass@1": pass_at_k(SIZE, right, 1), "pass@k": pass_at_k(SIZE, right, k)}
    return Frame(panels, {**numbers, "advantage of the first": advantage[0]})
