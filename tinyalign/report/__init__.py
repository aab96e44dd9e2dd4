"""What a run or a comparison leaves to read: rows, tables, words, pictures and a page.

rich and matplotlib are imported inside the functions that need them. Figures are made without
pyplot, so there is no global state and no window, and the same data give the same SVG bytes.
"""

from tinyalign.report.panels import curves
from tinyalign.report.rows import Row, by_method, failures, judged_by, reached
from tinyalign.report.tables import (
    COLUMNS,
    COSTS,
    LEFT,
    PLAIN,
    cost_cells,
    fitting,
    main_cells,
    markdown_table,
    size,
    table,
)

__all__ = [
    "COLUMNS",
    "COSTS",
    "LEFT",
    "PLAIN",
    "Row",
    "by_method",
    "cost_cells",
    "curves",
    "failures",
    "fitting",
    "judged_by",
    "main_cells",
    "markdown_table",
    "reached",
    "size",
    "table",
]
