"""Page 23: the rewards of an answer's tokens, and what GAE makes of them."""

import numpy as np

from tinyalign.losses import gae, kl_shaped_reward
from tinyalign.notes.dials.frame import Bars, Frame, Panel

SCORE, MASK = np.array([1.0]), np.ones((1, 3))
LOGP, REF_LOGP = np.array([[-0.2, -0.9, -0.1]]), np.array([[-0.5, -2.4, -0.1]])
VALUE = np.array([[0.6, 0.3, 0.8]])
TOKENS = ("1", "2", "end")
TRY = """
import numpy as np
from tinyalign.losses import gae, kl_shaped_reward
logp, ref_logp = np.array([[-0.2, -0.9, -0.1]]), np.array([[-0.5, -2.4, -0.1]])
mask, value = np.ones((1, 3)), np.array([[0.6, 0.3, 0.8]])
reward = kl_shaped_reward(np.array([1.0]), logp, ref_logp, mask, beta=<β>)
advantage, returns = gae(reward, value, mask, lam=<λ>)
print("sum of rewards", reward.sum(), "advantages", *advantage[0])
"""


def frame(beta, lam):
    """One answer of three tokens with the score 1."""
    reward = kl_shaped_reward(SCORE, LOGP, REF_LOGP, MASK, beta=beta)
    advantage, _ = gae(reward, VALUE, MASK, lam=lam)
    panels = [
        Panel("Reward of each token", "", "reward", [Bars("score − β · KL", [*reward[0]])], TOKENS),
        Panel("Advantage of each token", "", "advantage", [Bars("GAE", [*advantage[0]])], TOKENS),
    ]
    named = {f'advantage of "{t}"': a for t, a in zip(TOKENS, advantage[0], strict=True)}
    return Frame(panels, {"sum of rewards": reward.sum(), **named})
