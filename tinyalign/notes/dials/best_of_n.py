"""Page 06: best of n draws moves the policy along the frontier, and never far."""

import numpy as np

from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points
from tinyalign.optimum import best_of_n, best_of_n_kl_bound, expectation, kl

NAMES = ("A", "B", "C", "D", "E")
REF, REWARD = np.array([0.35, 0.3, 0.2, 0.1, 0.05]), np.array([0.0, 0.5, 1.0, 2.0, 1.5])
TRY = """
import numpy as np
from tinyalign.optimum import best_of_n, best_of_n_kl_bound, expectation, kl
ref, reward = np.array([0.35, 0.3, 0.2, 0.1, 0.05]), np.array([0.0, 0.5, 1.0, 2.0, 1.5])
policy = best_of_n(ref, reward, <n>)
print("KL", kl(policy, ref), "bound", best_of_n_kl_bound(<n>))
print("reward", expectation(policy, reward))
"""


def frame(n):
    """The policy of best-of-n, its KL and the bound."""
    policy, draws = best_of_n(REF, REWARD, n), np.geomspace(1, 64, 40)
    moved = [kl(best_of_n(REF, REWARD, draw), REF) for draw in draws]
    bound = [best_of_n_kl_bound(draw) for draw in draws]
    here = kl(policy, REF)
    answers = Panel("Five answers", "answer (rewards 0, 0.5, 1, 2, 1.5)", "probability",
                    [Bars("reference", REF), Bars("best of n", policy)], NAMES)  # fmt: skip
    curve = Panel("How far it moves", "log n", "KL to the reference, nats",
                  [Line("the bound", np.log(draws), bound), Line("best of n", np.log(draws), moved),
                   Points("this n", [np.log(n)], [here])])  # fmt: skip
    numbers = {"KL": here, "bound": best_of_n_kl_bound(n), "reward": expectation(policy, REWARD)}
    return Frame([answers, curve], numbers)
