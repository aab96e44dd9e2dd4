"""Page 11: what a longer chosen answer does to losses on means and to losses on sums."""

import autograd.numpy as np

from tinyalign.losses import dpo, odds_ratio, simpo
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

LENGTHS = np.arange(2, 61, 2)
TRY = """
import numpy as np
from tinyalign.losses import dpo, odds_ratio, simpo
good, bad, zero = np.array([<per token>]), np.array([-3.0]), np.zeros(1)
print("SimPO, means", simpo(good, bad)[0])
print("ORPO's odds, means", odds_ratio(good, bad)[0])
print("ORPO's odds, sums", odds_ratio(good * <tokens>, bad * 10)[0])
print("DPO, sums", dpo(good * <tokens>, bad * 10, zero, zero, beta=0.1)[0])
"""


def losses(tokens, per_token):
    """Four losses: the chosen answer has so many tokens, the rejected one 10 of −3 nats each."""
    good, bad, zero = np.array([per_token]), np.array([-3.0]), np.zeros(1)
    return {
        "SimPO, means": simpo(good, bad)[0],
        "ORPO's odds, means": odds_ratio(good, bad)[0],
        "ORPO's odds, sums": odds_ratio(good * tokens, bad * 10)[0],
        "DPO, sums": dpo(good * tokens, bad * 10, zero, zero, beta=0.1)[0],
    }


def frame(tokens, per_token):
    """Four losses against the length of the chosen answer; which of them know of it?"""
    here = losses(tokens, per_token)
    curves = [losses(length, per_token) for length in LENGTHS]
    chosen = ("SimPO, means", "ORPO's odds, means", "DPO, sums")
    lines = [Line(name, LENGTHS, [curve[name] for curve in curves]) for name in chosen]
    dots = Points("this length", [tokens] * 3, [here[name] for name in chosen])
    panels = [
        Panel("Loss against length", "tokens of the chosen answer", "loss, nats", [*lines, dots]),
        Panel("log π of both answers", "", "nats",
              [Bars("sum", [tokens * per_token, -30.0])], ("chosen", "rejected")),
    ]  # fmt: skip
    return Frame(panels, here)
