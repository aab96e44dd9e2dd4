"""Page 25: how much variety rounds of full fits to few right answers leave."""

import numpy as np

from tinyalign.notes.dials.frame import Frame, Line, Panel, Points

SHARES = np.array([0.5, 0.25, 0.15, 0.1])  # of four right answers
MOST = 20
TRY = """
import numpy as np
shares, kept, rounds = np.array([0.5, 0.25, 0.15, 0.1]), <kept>, <rounds>
differ = (1 - shares @ shares) * (1 - 1 / kept) ** rounds  # the mean over many prompts
print("two differ", differ, "left", (1 - 1 / kept) ** rounds)
rng, tried = np.random.default_rng(0), np.tile(shares, (2000, 1))
for _ in range(rounds):
    tried = rng.multinomial(kept, tried) / kept
print("tried", np.mean(1 - np.sum(tried**2, axis=1)))
"""


def frame(kept, rounds):
    """The chance that two right answers differ, by the law and by trying."""
    law = (1 - SHARES @ SHARES) * (1 - 1 / kept) ** np.arange(MOST + 1)
    rng, tried = np.random.default_rng(0), np.tile(SHARES, (2000, 1))
    for _ in range(rounds):
        tried = rng.multinomial(kept, tried) / kept
    found = np.mean(1 - np.sum(tried**2, axis=1))
    marks = [Line("law", np.arange(MOST + 1), law), Points("tried", [rounds], [found])]
    panel = Panel("Two right answers differ", "round", "probability", marks)
    numbers = {"two differ": law[rounds], "left": (1 - 1 / kept) ** rounds, "tried": found}
    return Frame([panel], numbers)
