"""Page 00: a baseline changes the noise of the policy gradient and not its mean."""

import functools

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import reinforce
from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points
from tinyalign.optimum import policy_gradient

LOGITS, REWARD = np.array([0.5, 0.0, 0.3, -0.2]), np.array([3.0, 2.0, 4.0, 2.5])
NAMES = ("A", "B", "C", "D")
BASELINES = np.linspace(-2, 8, 41)
TRY = """
import autograd.numpy as np
from autograd import grad
from tinyalign.losses import reinforce
from tinyalign.losses.numerics import log_softmax, softmax
logits, reward = np.array([0.5, 0.0, 0.3, -0.2]), np.array([3.0, 2.0, 4.0, 2.5])
loss = lambda z, a: np.sum(reinforce(log_softmax(z)[a : a + 1], reward[a : a + 1] - <baseline>))
each = -np.array([grad(loss)(logits, a) for a in range(4)])  # the estimate, if arm a is drawn
mean = softmax(logits) @ each
print("gradient", mean, "noise", np.sqrt(np.sum(softmax(logits) @ (each - mean) ** 2)))
"""


@functools.cache
def moments(baseline):
    """Mean (4,) and standard deviation (4,) of the estimate from one sample."""

    def loss(z, arm):
        return np.sum(reinforce(log_softmax(z)[arm : arm + 1], REWARD[arm : arm + 1] - baseline))

    each = -np.array([grad(loss)(LOGITS, arm) for arm in range(4)])  # (arm drawn, logit)
    mean = softmax(LOGITS) @ each
    return mean, np.sqrt(softmax(LOGITS) @ (each - mean) ** 2)


def frame(baseline):
    """Mean and noise of the gradient; the mean is the exact gradient for every baseline."""
    mean, noise = moments(baseline)
    curve = [np.sqrt(np.sum(moments(b)[1] ** 2)) for b in BASELINES]
    total = np.sqrt(np.sum(noise**2))
    panels = [
        Panel("The gradient of each logit", "arm (rewards 3, 2, 4, 2.5)", "gradient",
              [Bars("exact", policy_gradient(LOGITS, REWARD)), Bars("mean of the estimate", mean),
               Bars("its standard deviation", noise)], NAMES),
        Panel("Noise against baseline", "baseline", "standard deviation, all logits",
              [Line("one sample", BASELINES, curve), Points("this baseline", [baseline], [total])]),
    ]  # fmt: skip
    return Frame(panels, {"noise": total, "mean for arm C": mean[2]})
