"""What a scan found, as a table and as data."""

from tinyalign.laws.scan.judging import BROKEN, LAWFUL, NOT_JUDGED

COLOURS = {LAWFUL: "green", BROKEN: "red", NOT_JUDGED: "yellow"}
NOTHING = (
    "No loss, advantage, KL estimator or aggregation was found by its name and its arguments. "
    "`tinyalign check FILE.py:FUNCTION --as METHOD` judges a function of any name."
)


def as_data(rows, status, unread=()):
    functions = [row.as_data() for row in rows]
    return {"exit_code": status, "functions": functions, "unread": list(unread)}


def print_rows(rows, path, unread=()):
    """The whole report of each where there are any, then the table, then what was not read."""
    for text in filter(None, (row.text for row in rows)):
        print(text)
    if rows:
        _print_table(rows, path)
    else:
        print(NOTHING)
    if unread:
        files = "1 file" if len(unread) == 1 else f"{len(unread)} files"
        print(f"{files} could not be read as Python: {', '.join(unread)}")


def _print_table(rows, path):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=f"Losses found in {path}", title_justify="left", show_lines=True)
    for name in ("function", "judged as", "verdict", "why", "where"):
        table.add_column(name, overflow="fold", ratio=3 if name == "why" else None)
    # what has to be looked at first
    for row in sorted(rows, key=lambda r: [BROKEN, LAWFUL, NOT_JUDGED].index(r.verdict)):
        judged = f"{row.method}\n{row.said}" if row.said else row.method
        verdict = Text(row.verdict, style=COLOURS[row.verdict])
        # plain text: a name in brackets is no markup
        cells = [Text(text) for text in (row.function, judged, row.sentence, row.where)]
        table.add_row(*cells[:2], verdict, *cells[2:])
    console.print(table)
    console.print(Text(summary(rows)))


def summary(rows):
    """How many of each, and what to do next."""
    count = {v: sum(row.verdict == v for row in rows) for v in COLOURS}
    first = next((row for row in rows if row.verdict == BROKEN), None)
    judgements = "1 judgement" if len(rows) == 1 else f"{len(rows)} judgements"
    said = (
        f"{judgements}: {count[LAWFUL]} lawful, {count[BROKEN]} broken, "
        f"{count[NOT_JUDGED]} not judged."
    )
    if first is not None:
        where = first.where.rpartition(":")[0]
        said += f" For the counterexamples: tinyalign scan {where}:{first.function}"
    return said
