"""Page 16: DPO, and DPO whose author forgot the reference."""

import numpy as np

from tinyalign.losses import dpo
from tinyalign.notes.dials.frame import Frame, Line, Panel, Points

MARGINS = np.linspace(-10, 10, 41)
TRY = """
import numpy as np
from tinyalign.losses import dpo
four = [np.array([x]) for x in (-10 + <policy>, -10.0, -10 + <reference>, -10.0)]
print("right", dpo(*four, beta=0.5)[0])
print("without the reference", dpo(*four[:2], 0 * four[2], 0 * four[3], beta=0.5)[0])
"""


def losses(policy, reference):
    """Both losses of one pair; the arguments are margins of log π, chosen − rejected."""
    four = [np.array([x]) for x in (-10 + policy, -10.0, -10 + reference, -10.0)]
    right = dpo(*four, beta=0.5)[0]
    return right, dpo(*four[:2], 0 * four[2], 0 * four[3], beta=0.5)[0]


def frame(policy, reference):
    """A loss that is log 2 at its reference, and one that is not."""
    right, wrong = zip(*(losses(margin, reference) for margin in MARGINS), strict=True)
    here = losses(policy, reference)
    panel = Panel("Loss of one pair, β = 0.5", "policy's margin log π(chosen) − log π(rejected)",
                  "loss, nats",
                  [Line("DPO", MARGINS, right), Line("without the reference", MARGINS, wrong),
                   Points("this policy", [policy, policy], here)])  # fmt: skip
    return Frame([panel], {"DPO": here[0], "without the reference": here[1]})
