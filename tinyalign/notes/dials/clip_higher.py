"""Page 20: how far one batch may raise a token, by its probability before."""

import autograd.numpy as np
from autograd import grad

from tinyalign.losses import clipped_surrogate
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel

SHARES = np.linspace(0.002, 0.998, 84)
TRY = """
import autograd.numpy as np
from autograd import grad
from tinyalign.losses import clipped_surrogate
old, end = np.log(np.array([[<before>]])), min(<before> * (1 + <clip_high>), 1.0)
loss = lambda logp: np.sum(clipped_surrogate(logp, old, 1.0, clip_high=<clip_high>))
for after in (end - 1e-6, end + 1e-6):  # probabilities of one good token
    print("slope at", after, "is", grad(loss)(np.log(np.array([[after]])))[0, 0])
print("the push ends at", end, "raised by", end - <before>)
"""


def slopes(before, clip_high):
    """Slope of the loss of a good token at every probability after."""
    old = np.full((len(SHARES), 1), np.log(before))

    def loss(logp):
        return np.sum(clipped_surrogate(logp, old, 1.0, clip_high=clip_high))

    return grad(loss)(np.log(SHARES)[:, None])[:, 0]


def frame(before, clip_high):
    """Where the push on a good token ends, for a symmetric clip and for this one."""
    here, usual = slopes(before, clip_high), slopes(before, 0.2)
    end = min(before * (1 + clip_high), 1.0)
    panels = [
        Panel("Push on one good token", "its probability after", "push, −slope / ratio",
              [Line("this clip", SHARES, -here * before / SHARES),
               Line("clip at 0.2", SHARES, -usual * before / SHARES)]),
        Panel("How far one batch may go", "", "probability",
              [Bars("probability", [before, end])], ("before", "at most after")),
    ]  # fmt: skip
    return Frame(panels, {"the push ends at": end, "raised by": end - before})
