"""Page 14: the proxy only rises, what people think rises and falls."""

import functools

import numpy as np

from tinyalign.notes.dials.frame import Frame, Line, Panel, Points
from tinyalign.optimum import best_of_n, expectation, kl, optimal_policy
from toy_envs import hackable

LENGTH = np.arange(hackable.LONGEST + 1)
REF, GOLD = hackable.reference(), hackable.gold(LENGTH)
PROXY = hackable.fit_proxy() * LENGTH
TRY = """
import numpy as np
from tinyalign.optimum import best_of_n, expectation, optimal_policy
from toy_envs import hackable
length, ref = np.arange(hackable.LONGEST + 1), hackable.reference()
gold, proxy = hackable.gold(length), hackable.fit_proxy() * length
best, tilted = best_of_n(ref, proxy, <n>), optimal_policy(ref, proxy, beta=<β>)
print("best of n: proxy", expectation(best, proxy), "gold", expectation(best, gold))
print("RLHF: proxy", expectation(tilted, proxy), "gold", expectation(tilted, gold))
"""


def place(policy):
    """√KL, proxy and gold of a policy."""
    moved = np.sqrt(max(kl(policy, REF), 0.0))
    return moved, expectation(policy, PROXY), expectation(policy, GOLD)


@functools.cache
def paths():
    """Places of many policies by n, and of many by β: √KL, proxy, gold; (3, 30) each."""
    by_n = [place(best_of_n(REF, PROXY, draws)) for draws in np.geomspace(1, 1024, 30)]
    by_beta = [place(optimal_policy(REF, PROXY, beta=b)) for b in np.geomspace(0.08, 20, 30)]
    return np.array(by_n).T, np.array(by_beta).T


def answers(policy):
    """Three answers that the policy writes: a short one, the median, a long one."""
    cumulated = np.cumsum(policy)
    lengths = np.searchsorted(cumulated, (0.1, 0.5, 0.9))
    return " · ".join(hackable.MARK * int(n) or "(nothing)" for n in lengths)


def frame(n, beta):
    """Two policies, pushed by n draws and by β, on their curves."""
    best, tilted = best_of_n(REF, PROXY, n), optimal_policy(REF, PROXY, beta=beta)
    by_n, by_beta = paths()
    (d_n, proxy_n, gold_n), (d_b, proxy_b, gold_b) = place(best), place(tilted)
    panels = [
        Panel("Best of n", "d = √KL", "reward",
              [Line("proxy", by_n[0], by_n[1]), Line("gold, what people think", by_n[0], by_n[2]),
               Points("this n", [d_n, d_n], [proxy_n, gold_n])]),
        Panel("RLHF optimum", "d = √KL", "reward",
              [Line("proxy", by_beta[0], by_beta[1]),
               Line("gold, what people think", by_beta[0], by_beta[2]),
               Points("this β", [d_b, d_b], [proxy_b, gold_b])]),
    ]  # fmt: skip
    return Frame(panels, {
        "proxy, best of n": proxy_n, "gold, best of n": gold_n,
        "proxy, RLHF": proxy_b, "gold, RLHF": gold_b,
        "best of n writes": answers(best), "RLHF writes": answers(tilted),
    })  # fmt: skip
