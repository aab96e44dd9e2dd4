"""What stands in report.html of a comparison, as html.page takes it."""

from tinyalign.report import html, score_tables, sentences, story, tables
from tinyalign.report.section import all_columns

DIFFERENCES = (
    "Seeds are paired. The intervals hold for all tests of a table at once (95 %, Bonferroni). "
    "p is adjusted for them all too (Holm), which tells a little more."
)


def page_parts(comparison, parts, lines, figures):
    """[(heading, [HTML of each piece])] in order.

    comparison  with rows and costs, as runs.compare.results.Results
    parts       its report.sections
    lines       its closing sentences
    figures     {name: HTML of a captioned figure}
    """
    rows = comparison.rows
    costs = tables.cost_cells(rows, comparison.costs)
    columns = [*all_columns(parts), *tables.COSTS]
    notes = html.paragraphs(sentences.notes(rows, columns))
    several = len(parts) > 1
    own = {part.name for part in parts} if several else set()
    return [
        *story_part(comparison),
        *((part.heading, table_pieces(part, figures if several else {})) for part in parts),
        ("In words", [html.paragraphs(lines)]),
        *difference_parts(parts),
        *settings_part(rows),
        ("What it costs", [html.table(tables.COSTS, costs, tables.LEFT), notes]),
        ("Pictures", [figure for name, figure in figures.items() if name not in own]),
    ]


def story_part(comparison):
    """The table of five columns and its sentences; nothing for many methods or seeds."""
    if not story.has_story(comparison):
        return []
    table = html.table(*story.table(comparison.rows), tables.LEFT)
    lines = story.sentences(comparison.rows, comparison.problems)
    return [("In short", [table, html.paragraphs(lines)])]


def table_pieces(part, figures):
    """A table, its footnotes and sentences, and its picture where there is one."""
    return [
        html.table(part.columns, part.cells, tables.LEFT),
        html.paragraphs([*part.footnotes, *part.sentences]),
        figures.get(part.name, ""),
    ]


def difference_parts(parts):
    """The section of paired differences; none where no table was tested."""
    tested = [part for part in parts if part.tests]
    if not tested:
        return []
    pieces = [html.paragraphs([f"{DIFFERENCES} Every pair of methods is in differences.csv."])]
    for part in tested:
        pieces += [html.paragraphs([part.heading]), html.table(*part.differences, tables.LEFT)]
    return [("Differences", pieces)]


def settings_part(rows):
    """The section of the settings that methods ran with; none where they are not known."""
    cells = score_tables.settings_cells(rows)
    table = html.table(score_tables.SETTINGS, cells, tables.LEFT)
    return [("Settings", [table])] if cells else []
