"""Page 28: how near a change of low rank comes to the optimum, by the rank of the reward."""

import numpy as np

from tinyalign.notes.dials.frame import Bars, Frame, Panel
from tinyalign.optimum import kl, optimal_policy

WIDTH, BETA, SHOWN = 24, 0.5, 8
TRY = """
import numpy as np
from tinyalign.optimum import kl, optimal_policy
rank, patterns = <rank>, <patterns>
rng = np.random.default_rng(28)
reward = rng.standard_normal((24, patterns)) @ rng.standard_normal((patterns, 24)) / patterns**0.5
u, s, v = np.linalg.svd(reward)
cut = (u[:, :rank] * s[:rank]) @ v[:rank]  # the nearest matrix of this rank
uniform = np.full((24, 24), 1 / 24)
near, best = (optimal_policy(uniform, r, beta=0.5) for r in (cut, reward))
print("numbers", rank * 48, "KL left", kl(near, best).mean())
"""


def frame(rank, patterns):
    """The reward's largest singular values, and what the cut leaves of the way to the optimum."""
    rng = np.random.default_rng(28)
    left, right = rng.standard_normal((WIDTH, patterns)), rng.standard_normal((patterns, WIDTH))
    reward = left @ right / patterns**0.5
    u, s, v = np.linalg.svd(reward)
    cut = (u[:, :rank] * s[:rank]) @ v[:rank]
    uniform = np.full(reward.shape, 1 / WIDTH)
    near, best = (optimal_policy(uniform, each, beta=BETA) for each in (cut, reward))
    kept = np.where(np.arange(SHOWN) < rank, s[:SHOWN], 0.0)
    rest = kl(near, best).mean()
    names = tuple(str(i + 1) for i in range(SHOWN))
    panels = [
        Panel("Singular values of the reward", "", "size",
              [Bars("reward", s[:SHOWN]), Bars("kept", kept)], names),
        Panel("KL to the optimum", "", "nats",
              [Bars("KL", [kl(uniform, best).mean(), rest])], ("base", "best cut")),
    ]  # fmt: skip
    return Frame(panels, {"numbers": rank * 2 * WIDTH, "KL left": rest})
