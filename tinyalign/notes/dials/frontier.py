"""Page 05: β chooses a point on the frontier."""

import numpy as np

from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points
from tinyalign.optimum import expectation, kl, optimal_policy, rlhf_objective

NAMES = ("A", "B", "C", "D", "E")
REF, REWARD = np.array([0.35, 0.3, 0.2, 0.1, 0.05]), np.array([0.0, 0.5, 1.0, 2.0, 1.5])
TRY = """
import numpy as np
from tinyalign.optimum import expectation, kl, optimal_policy, rlhf_objective
ref, reward = np.array([0.35, 0.3, 0.2, 0.1, 0.05]), np.array([0.0, 0.5, 1.0, 2.0, 1.5])
best = optimal_policy(ref, reward, beta=<β>)
print("KL", kl(best, ref), "reward", expectation(best, reward))
print("J", rlhf_objective(best, ref, reward, beta=<β>))
"""


def place(policy):
    """KL to the reference and expected reward."""
    return float(kl(policy, REF)), float(expectation(policy, REWARD))


def frame(beta):
    """Reference, optimum, and where the optimum stands on the frontier."""
    best = optimal_policy(REF, REWARD, beta=beta)
    policies = [optimal_policy(REF, REWARD, beta=b) for b in np.geomspace(0.03, 100, 40)]
    x, y = zip(*map(place, policies), strict=True)
    moved, earned = place(best)
    answers = Panel("Five answers", "answer (rewards 0, 0.5, 1, 2, 1.5)", "probability",
                    [Bars("reference", REF), Bars("optimum", best)], NAMES)  # fmt: skip
    marks = [Line("the most at this KL", x, y), Points("this β", [moved], [earned])]
    curve = Panel("The frontier", "KL to the reference, nats", "expected reward", marks)
    objective = rlhf_objective(best, REF, REWARD, beta=beta)
    return Frame([answers, curve], {"KL": moved, "reward": earned, "J": objective})
