"""Page 22: what one head of attention looks at. Queries and keys are written by hand."""

import numpy as np

from tinyalign.engine.ops.sequence import attention_weights
from tinyalign.notes.dials.frame import Bars, Frame, Panel

TEXT = "abbab"
NAMES = tuple(f"{letter} at {k}" for k, letter in enumerate(TEXT, 1))
HEADS = ("everything", "previous token", "same letter")
TRY = """
import numpy as np
from tinyalign.engine.ops.sequence import attention_weights
from tinyalign.notes.dials.heads import keys, queries
q, k = queries("<head>"), keys("<head>")  # (T, D) each, written by hand
for causal in (True, False):
    weight = attention_weights(q[None, None], k[None, None], causal, None)[0, 0, :, <token> - 1]
    print("weights", weight, "sum", weight.sum(), "on later tokens", weight[<token>:].sum())
"""


def keys(head):
    """What each token offers to a head: its letter or its place, (T, D)."""
    letters = np.array([[letter == "a", letter == "b"] for letter in TEXT], float)
    return {"everything": 0 * letters, "same letter": letters}.get(head, np.eye(len(TEXT)))


def queries(head):
    """What each token looks for; a product of 4 after the division by √D is a clear wish."""
    wanted = keys(head)
    if head == "previous token":
        wanted = np.roll(wanted, -1, axis=1)  # the token at t looks for the place t − 1
        wanted[0] = 0  # the first token has none before it, and no wish
    return 4 * np.sqrt(wanted.shape[1]) * wanted


def frame(head, token):
    """Attention of one token, causal and not."""
    q, k = queries(head)[None, None], keys(head)[None, None]  # (1, 1, T, D)
    causal, free = (
        attention_weights(q, k, causal, None)[0, 0, :, token - 1] for causal in (True, False)
    )
    panel = Panel(f"Where one token looks in {TEXT}", "token", "attention weight",
                  [Bars("causal", causal), Bars("without the mask", free)], NAMES)  # fmt: skip
    numbers = {"sum": causal.sum(), "on later tokens": causal[token:].sum()}
    return Frame([panel], {**numbers, "on later tokens, no mask": free[token:].sum()})
