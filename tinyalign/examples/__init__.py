"""English first names to try `--data` with, and a way to measure what was learned from them.

names_sft.jsonl    names from everyday use: the prompt is the initial, the completion the rest
names_pairs.jsonl  names with two spellings; the annotator likes Annie and not Anny

Both spellings of a pair are in names_sft.jsonl, so that a policy trained on it spells either way,
and preference learning has a habit to change.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def share_in_ie(names):
    """How often the liked spelling is used, among names that could have either.

    names    strings, e.g. a prompt with a sampled completion
    returns  share of those ending in -ie or -y that end in -ie, 0 … 1; NaN if there are none
    """
    either = [name for name in names if name.endswith(("ie", "y"))]
    return float(np.mean([name.endswith("ie") for name in either])) if either else np.nan
