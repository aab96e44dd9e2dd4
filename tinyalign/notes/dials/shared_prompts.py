"""Page 17: tokens that a model reads when completions share their prompt."""

import numpy as np

from tinyalign.models.layout import share_prompts
from tinyalign.notes.dials.frame import Bars, Frame, Line, Panel, Points

ANSWER, GROUPS = 8, (2, 4, 8, 16, 32)
TRY = """
import numpy as np
from tinyalign.models.layout import share_prompts
P, G, answer = <prompt>, <G>, 8
tokens, mask = np.zeros((G, P + answer), int), np.zeros((G, P + answer - 1))
mask[:, P - 1 :] = 1
shared = share_prompts(tokens, mask, np.arange(G)[None]).ids.size
print("rows", G * (P + answer - 1), "shared", shared, "ratio", G * (P + answer - 1) / shared)
"""


def counts(prompt, group):
    """Tokens read to score a group: row by row, and with the prompt read once."""
    tokens = np.zeros((group, prompt + ANSWER), int)
    mask = np.zeros((group, prompt + ANSWER - 1))
    mask[:, prompt - 1 :] = 1
    return mask.size, share_prompts(tokens, mask, np.arange(group)[None]).ids.size


def frame(prompt, group):
    """How much less there is to read."""
    rows, shared = counts(prompt, group)
    ratios = [np.divide(*counts(prompt, size)) for size in GROUPS]
    panels = [
        Panel("Tokens read for one prompt", "", "tokens", [Bars("tokens", [rows, shared])],
              ("row by row", "prompt read once")),
        Panel("How many times fewer", "G, completions of a prompt", "ratio",
              [Line("this prompt", GROUPS, ratios), Points("this G", [group], [rows / shared])]),
    ]  # fmt: skip
    return Frame(panels, {"rows": rows, "shared": shared, "ratio": rows / shared})
