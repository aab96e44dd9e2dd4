"""Page 24: a student with one bump learns from a teacher with two, by the distance between them."""

import numpy as np

from tinyalign.losses import generalized_js
from tinyalign.notes.dials.frame import Frame, Line, Panel

X = np.arange(21.0)
TRY = """
import numpy as np
from tinyalign.losses import generalized_js
x = np.arange(21.0)
bump = lambda at, wide: -((x - at) ** 2) / (2 * wide**2)
teacher = np.log(0.6 * np.exp(bump(10 - <gap>, 1.0)) + 0.4 * np.exp(bump(10 + <gap>, 1.0)))
tried = [(at, wide) for at in np.arange(4, 16.1, 0.25) for wide in np.arange(1, 8.1, 0.25)]
at, wide = min(tried, key=lambda t: generalized_js(bump(*t), teacher, beta=<β>))
probs, q = (np.exp(z) / np.exp(z).sum() for z in (bump(at, wide), teacher))
print("middle", at, "width", wide, "rare", probs[q < 0.01].sum())
"""


def bump(at, wide):
    """Logits of one bump over the numbers 0 to 20."""
    return -((X - at) ** 2) / (2 * wide**2)


def frame(beta, gap):
    """The bump that is nearest to the teacher, and its share where the teacher hardly ever is."""
    teacher = np.log(0.6 * np.exp(bump(10 - gap, 1.0)) + 0.4 * np.exp(bump(10 + gap, 1.0)))
    tried = np.array([(at, wide) for at in np.arange(4, 16.1, 0.25)
                      for wide in np.arange(1, 8.1, 0.25)])  # fmt: skip
    logits = np.stack([bump(*each) for each in tried])  # (tried, 21)
    apart = generalized_js(logits, np.broadcast_to(teacher, logits.shape), beta=beta)
    at, wide = tried[np.argmin(apart)]
    probs, q = (np.exp(z) / np.exp(z).sum() for z in (bump(at, wide), teacher))
    panel = Panel("Teacher and nearest student", "number", "probability",
                  [Line("teacher", X, q), Line("student", X, probs)])  # fmt: skip
    return Frame([panel], {"middle": at, "width": wide, "rare": probs[q < 0.01].sum()})
