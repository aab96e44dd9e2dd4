"""A report as a person reads it, and as data."""

from tinyalign.laws.judge import BROKEN, HOLDS, UNJUDGED

IDS = "Ids such as D1 and C.D6 are laws; docs/kill_matrix.md says which bugs each one catches."


def as_data(report):
    return {
        "function": report.label,
        "method": report.method.name,
        "exit_code": report.exit_code,
        "reduced": report.reduced,
        "laws": [
            {
                "law": v.law.name,
                "verdict": v.status,
                "sentence": v.law.sentence,
                "message": v.message,
                "counterexample": report.examples.get(v.law.name),
            }
            for v in report.verdicts
        ],
        "notes": report.notes,
        "diagnosis": report.diagnosis,
    }


def print_report(report):
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.text import Text

    console = Console()
    if report.reduced:
        console.print(Text(f"{report.reduced}\n", style="bold"))
    console.print(_table(report))
    console.print(Text(IDS, style="dim"))
    broken = report.telling
    for verdict in broken[:3]:
        law = verdict.law
        console.print(Text(f"\nBreaks {law.name}: {law.sentence}. For instance:", style="bold"))
        console.print(Syntax(report.examples[verdict.law.name], "python", word_wrap=True))
    if len(broken) > 3:
        console.print(Text(f"… {len(broken) - 3} more with --json", style="dim"))
    for note in report.notes:
        console.print(Text(f"\n{note}"))
    if report.diagnosis:
        console.print(Text(f"\n{report.diagnosis}", style="bold"))
    console.print(Text(_summary(report)))


def _table(report):
    from rich.table import Table
    from rich.text import Text

    colours = {HOLDS: "green", BROKEN: "red", UNJUDGED: "yellow"}
    table = Table(title=f"{report.label} as {report.method.name}", title_justify="left")
    for heading in ("law", "verdict", "what it says"):
        table.add_column(heading, overflow="fold")
    for v in report.verdicts:
        said = v.law.sentence if v.status == HOLDS else f"{v.law.sentence}\n{v.message}"
        table.add_row(v.law.name, Text(v.status, style=colours.get(v.status, "dim")), Text(said))
    return table


def _summary(report):
    held = sum(v.status == HOLDS for v in report.verdicts)
    stuck = [v for v in report.verdicts if v.status == UNJUDGED]
    if stuck:
        return f"Could not be judged: {report.label}: {stuck[0].message} (law {stuck[0].law.name})."
    if report.silent:
        return f"Could not be judged: no law applies to {report.label} with these conventions."
    return f"{held} laws hold, {len(report.broken)} broken."
