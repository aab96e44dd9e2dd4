"""Page 04: three estimators of the KL, and what their derivatives are."""

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import k1, k2, k3
from tinyalign.losses.numerics import log_softmax
from tinyalign.notes.dials.frame import Bars, Frame, Panel
from tinyalign.optimum import kl

NAMES = ("A", "B", "C", "D", "E")
DIRECTION = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
REF = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
TRY = """
import autograd.numpy as np
from autograd import grad
from tinyalign.losses import k1, k2, k3
from tinyalign.losses.numerics import log_softmax
ref, direction = np.log(np.array([0.3, 0.25, 0.2, 0.15, 0.1])), np.array([-1, -0.5, 0, 0.5, 1])
logp = lambda drift: log_softmax(ref + drift * direction)
pi = np.exp(logp(<drift>))  # the samples come from here
for k in (k1, k2, k3):
    mean = lambda drift: np.sum(pi * k(logp(drift), ref))
    print(k.__name__, mean(<drift>), "slope", grad(mean)(<drift>))
"""


def logp(drift):
    """The policy that has moved so far from the reference."""
    return log_softmax(np.log(REF) + drift * DIRECTION)


def frame(drift):
    """Mean and spread of k1, k2, k3 under the policy, and the derivative of each."""
    pi, ref = np.exp(logp(drift)), np.log(REF)
    values = np.array([k(logp(drift), ref) for k in (k1, k2, k3)])  # (3, answers)
    means = values @ pi
    spread = np.sqrt((values - means[:, None]) ** 2 @ pi)
    slopes = [grad(lambda x, k=k: np.sum(pi * k(logp(x), ref)))(drift) for k in (k1, k2, k3)]
    true = grad(lambda x: kl(np.exp(logp(x)), REF))(drift)
    panels = [
        Panel("Policy and reference", "answer", "probability",
              [Bars("reference", REF), Bars("policy", pi)], NAMES),
        Panel("What one sample says", "", "nats",
              [Bars("mean", [kl(pi, REF), *means]), Bars("standard deviation", [0, *spread])],
              ("KL", "k1", "k2", "k3")),
        Panel("What its derivative says", "", "d / d drift", [Bars("mean", [true, *slopes])],
              ("KL", "k1", "k2", "k3")),
    ]  # fmt: skip
    numbers = {"KL": kl(pi, REF), "slope of KL": true}
    for name, mean, slope in zip(("k1", "k2", "k3"), means, slopes, strict=True):
        numbers |= {name: mean, f"slope of {name}": slope}
    return Frame(panels, numbers)
