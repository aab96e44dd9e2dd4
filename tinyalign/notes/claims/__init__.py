"""The claims ledger: what the notes' comparisons say, what was measured here, and the verdict.

`claims.json` holds what was read, `measured.json` what was measured, `measures/` how, and the rules
that make a verdict of figures. A verdict stands in no file: it is computed when it is shown.
"""

from tinyalign.notes.claims.ledger import (
    MEASURED,
    VERDICTS,
    Row,
    as_json,
    compare,
    remeasure,
    rows,
    select,
    write,
)

__all__ = [
    "MEASURED",
    "VERDICTS",
    "Row",
    "as_json",
    "compare",
    "remeasure",
    "rows",
    "select",
    "write",
]
