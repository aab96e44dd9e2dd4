"""The claims ledger: what the notes' comparisons say, what was measured here, and the verdicts.

    measures/      how figures are measured; measured.json holds the last ones
    verdicts/      each claim, quoted, beside the function that judges it by the figures
    ledger         claims, figures and verdicts together
    measuring      figures taken again

No file contains a verdict: verdicts are computed each time they are shown.
"""

from tinyalign.notes.claims.ledger import (
    MEASURED,
    VERDICTS,
    ClaimRow,
    as_json,
    compare,
    rows,
    select,
)
from tinyalign.notes.claims.measuring import read_figures, remeasure, write

__all__ = [
    "MEASURED",
    "VERDICTS",
    "ClaimRow",
    "as_json",
    "compare",
    "read_figures",
    "remeasure",
    "rows",
    "select",
    "write",
]
