"""The parts of a comparison that a terminal, an HTML page and a Markdown page show alike."""

from typing import NamedTuple

from tinyalign.report import differences, score_tables, sentences, tables
from tinyalign.report.rows import by_table, fits_one_table


class Section(NamedTuple):
    """One table of scores with what belongs to it."""

    heading: str
    name: str  # of its picture
    rows: list  # of rows.MethodResult, the start among them
    columns: tuple
    cells: list
    footnotes: list = []  # noqa: RUF012
    sentences: list = []  # noqa: RUF012
    tests: list = []  # of differences.Difference; none for too few seeds  # noqa: RUF012
    differences: tuple = ()  # (columns, cells) of a table of them


def sections(rows, ranked=True):
    """One Section for a few methods on a few seeds, otherwise one for each kind of feedback.

    rows    of a whole comparison
    ranked  whether scores may be compared; not where runs ended at a score
    """
    if fits_one_table(rows):
        return [
            Section("Results", "scores", rows, tables.main_columns(rows), tables.main_cells(rows))
        ]
    return [table_section(own, ranked) for own in by_table(rows).values()]


def table_section(rows, ranked):
    """The Section of one table, from its results."""
    name = rows[0].table
    section = Section(
        score_tables.HEADINGS[name],
        score_tables.figure_name(name),
        rows,
        *score_tables.score_table(rows),
        score_tables.caveats(rows),
    )
    tests = differences.differences(rows) if ranked else []
    if differences.best_method(rows, tests) is None:
        return section
    return section._replace(
        tests=tests,
        sentences=sentences.table_sentences(rows, tests),
        differences=differences.difference_table(rows, tests),
    )


def all_columns(parts):
    """Every column of several sections, each once, in order."""
    return list(dict.fromkeys(name for part in parts for name in part.columns))
