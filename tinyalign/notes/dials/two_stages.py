"""Page 29: the optimum of two stages in a row, when each is held near the model it began with."""

import numpy as np

from tinyalign.notes.dials.frame import Bars, Frame, Panel
from tinyalign.optimum import kl, optimal_policy

NAMES = ("right", "near", "far")
SFT = np.array([0.3, 0.5, 0.2])
REWARD = np.array([1.0, 0.0, 0.0])
TRY = """
import numpy as np
from tinyalign.optimum import kl, optimal_policy
sft, reward = np.array([0.3, 0.5, 0.2]), np.array([1.0, 0.0, 0.0])
first = optimal_policy(sft, reward, beta=<β of the first>)
second = optimal_policy(first, reward, beta=<β of the second>)
print("first", first[0], "KL", kl(first, sft))
print("second", second[0], "KL", kl(second, sft))
print("one stage would need", 1 / (1 / <β of the first> + 1 / <β of the second>))
"""


def frame(beta_first, beta_second):
    """Three answers to one problem before, between and after the stages."""
    first = optimal_policy(SFT, REWARD, beta=beta_first)
    second = optimal_policy(first, REWARD, beta=beta_second)
    bars = [Bars("SFT", SFT), Bars("first stage", first), Bars("second stage", second)]
    numbers = {
        "right after the first": first[0], "its KL": kl(first, SFT),
        "right after the second": second[0], "KL of both": kl(second, SFT),
        "β of one stage": 1 / (1 / beta_first + 1 / beta_second),
    }  # fmt: skip
    return Frame([Panel("Answers to one problem", "answer", "probability", bars, NAMES)], numbers)
