"""Capstone: the networks that a method holds in memory while it trains."""

import numpy as np

from tinyalign import methods
from tinyalign.engine.tree import size
from tinyalign.models import transformer
from tinyalign.notes.dials.frame import Bars, Frame, Panel

HELD = ("policy", "critic", "reference")
TRY = """
import numpy as np
from tinyalign import methods
from tinyalign.engine.tree import size
from tinyalign.models import transformer
policy = transformer.init(np.random.default_rng(0), vocab=16, width=<width>)
print("networks", methods.holds(methods.find("<method>")), "parameters of each", size(policy))
"""


def frame(method, width):
    """How many parameters each network has."""
    held = methods.holds(methods.find(method))
    each = size(transformer.init(np.random.default_rng(0), vocab=16, width=width))
    bars = [each / 1000 if name in held else 0 for name in HELD]
    panel = Panel("In memory", "", "thousand parameters", [Bars("parameters", bars)], HELD)
    return Frame([panel], {"networks": ", ".join(held), "parameters of each": each})
