"""What a run or a comparison leaves to read: results, tables, sentences, plots and a page.

rich and matplotlib are imported inside the functions that need them. Figures are made without
pyplot, so there is no global state and no window, and the same data give the same SVG bytes.
"""

from tinyalign.report.plots import curves
from tinyalign.report.rows import (
    TABLES,
    Goal,
    MethodResult,
    by_method,
    failures,
    samples_to_goal,
    score_name,
)
from tinyalign.report.section import all_columns, sections
from tinyalign.report.tables import (
    COLUMNS,
    COSTS,
    LEFT,
    PLAIN,
    columns_that_fit,
    cost_cells,
    format_bytes,
    main_cells,
    main_columns,
    markdown_table,
    table,
)

__all__ = [
    "COLUMNS",
    "COSTS",
    "LEFT",
    "PLAIN",
    "TABLES",
    "Goal",
    "MethodResult",
    "all_columns",
    "by_method",
    "columns_that_fit",
    "cost_cells",
    "curves",
    "failures",
    "format_bytes",
    "main_cells",
    "main_columns",
    "markdown_table",
    "samples_to_goal",
    "score_name",
    "sections",
    "table",
]
