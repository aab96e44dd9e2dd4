"""Page 09: where DPO and IPO stop when one answer wins with a certain share of the labels."""

import numpy as np

from tinyalign.losses import dpo, ipo
from tinyalign.losses.numerics import sigmoid
from tinyalign.notes.dials.frame import Frame, Line, Panel, Points
from tinyalign.optimum import ipo_policy

MARGINS = np.linspace(-2, 12, 57)
TRY = """
import numpy as np
from tinyalign.optimum import ipo_policy, optimal_policy
p, even = <p>, np.full(2, 0.5)
wins = np.array([[0.5, p], [1 - p, 0.5]])
pi = ipo_policy(even, wins, even, tau=<τ>)
print("IPO stops at", np.log(pi[0] / pi[1]), "P(first)", pi[0])
with np.errstate(divide="ignore"):
    margin = (np.log(p) - np.log(1 - p)) / <τ>
print("DPO stops at", margin, "P(first)", 1 / (1 + np.exp(-margin)))
"""


def mean_loss(loss, p):
    """A loss at each margin: the label is right with probability p, wrong otherwise."""
    right = loss(MARGINS, 0 * MARGINS, 0 * MARGINS, 0 * MARGINS)
    wrong = loss(0 * MARGINS, MARGINS, 0 * MARGINS, 0 * MARGINS)
    return p * right + (1 - p) * wrong


def frame(tau, p):
    """Both losses against the margin, scaled to their value at 0, and where each is least."""
    lines = {
        "DPO, β = τ": mean_loss(lambda *four: dpo(*four, beta=tau), p) / np.log(2),
        "IPO": mean_loss(lambda *four: ipo(*four, tau=tau), p) * (2 * tau) ** 2,
    }
    even, wins = np.full(2, 0.5), np.array([[0.5, p], [1 - p, 0.5]])
    ipo_pi = ipo_policy(even, wins, even, tau=tau)
    with np.errstate(divide="ignore"):
        dpo_margin = (np.log(p) - np.log(1 - p)) / tau
    ipo_margin = np.log(ipo_pi[0] / ipo_pi[1])
    marks = [Line(name, MARGINS, np.minimum(y, 4.0)) for name, y in lines.items()]
    ends = zip((dpo_margin, ipo_margin), lines.values(), strict=True)
    seen = [(at, np.interp(at, MARGINS, y)) for at, y in ends if at <= MARGINS[-1]]
    marks.append(Points("least", [at for at, _ in seen], [y for _, y in seen]))
    panel = Panel("Mean loss, relative to the start", "margin, nats", "loss / loss at 0", marks)
    numbers = {"IPO stops at": ipo_margin, "P(first), IPO": ipo_pi[0], "DPO stops at": dpo_margin,
               "P(first), DPO": sigmoid(np.array(dpo_margin))}  # fmt: skip
    return Frame([panel], numbers)
