"""The claims ledger: what the notes' comparisons say, what was measured here, and the verdicts.

    claims.json    the claims: quotes of the notes, and the rule that decides each
    measures/      how figures are measured; measured.json holds the last ones
    rules/         how figures decide a claim
    ledger         claims, figures and verdicts together

No file contains a verdict: verdicts are computed each time they are shown.
"""

from tinyalign.notes.claims.ledger import (
    MEASURED,
    VERDICTS,
    ClaimRow,
    as_json,
    compare,
    read_figures,
    remeasure,
    rows,
    select,
    write,
)

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
