"""A report as a person reads it, and as data."""

import io

from tinyalign.laws.diagnosis.one_reason import one_reason
from tinyalign.laws.harness.judge import BROKEN, HOLDS, UNJUDGED

WHERE = "docs/kill_matrix.md of tinyalign says which known bugs each law catches."


def as_data(report):
    return {
        "function": report.label,
        "method": report.spec.name,
        "exit_code": report.exit_code,
        "reduced": report.reduced,
        "laws": [
            {
                "law": v.law.name,
                "ref": v.law.ref,
                "verdict": v.status,
                "sentence": v.law.sentence,
                "message": v.message,
                # None where the law holds
                "counterexample": report.examples.get(v.law.name),
            }
            for v in report.verdicts
        ],
        "notes": report.notes,
        # options that were judged at this one value only
        "left_at_default": report.defaults,
        "diagnosis": report.diagnosis,
        "undecided": report.undecided,
    }


def as_text(report, width, colour):
    """The report for a terminal of this width."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=colour)
    print_report(report, console)
    return console.file.getvalue()


def print_report(report, console):
    from rich.syntax import Syntax
    from rich.text import Text

    if report.reduced:
        console.print(Text(f"{report.reduced}\n", style="bold"))
    # first the whole table, then code for a few, then what it probably is
    console.print(_table(report))
    console.print(Text(WHERE, style="dim"))
    broken = report.unexplained
    # three are enough to see the pattern, one where they have one reason
    shown = 1 if one_reason(broken) else 3
    for verdict in broken[:shown]:
        law = verdict.law
        console.print(Text(f"\nBreaks {law.name}: {law.sentence}. For instance:", style="bold"))
        console.print(Syntax(report.examples[verdict.law.name], "python", word_wrap=True))
    if len(broken) > shown:
        console.print(Text(f"… {len(broken) - shown} more with --json", style="dim"))
    for note in report.notes:
        console.print(Text(f"\n{note}"))
    if report.diagnosis:
        console.print(Text(f"\n{report.diagnosis}", style="bold"))
    console.print(Text(_summary(report)))


def _table(report):
    from rich.table import Table
    from rich.text import Text

    colours = {HOLDS: "green", BROKEN: "red", UNJUDGED: "yellow"}
    table = Table(title=f"{report.label} as {report.spec.name}", title_justify="left")
    table.add_column("verdict", no_wrap=True)
    table.add_column("law, and what it says", overflow="fold")
    for v in report.verdicts:
        law = Text(v.law.name, style="bold").append(f"\n{v.law.sentence}", style="not bold")
        # why it is broken, silent or unjudged
        if v.status != HOLDS:
            law.append(f"\n{v.message}", style="not bold")
        table.add_row(Text(v.status, style=colours.get(v.status, "dim")), law)
    return table


def _summary(report):
    holding = sum(v.status == HOLDS for v in report.verdicts)
    # one law that hangs ends the judgement: the counts would mislead
    stuck = [v for v in report.verdicts if v.status == UNJUDGED]
    if stuck:
        return f"Could not be judged: {report.label}: {stuck[0].message} (law {stuck[0].law.name})."
    if report.silent:
        return f"Could not be judged: no law applies to {report.label} with these conventions."
    said = f"{holding} laws hold, {len(report.broken)} broken."
    return f"{said} {report.undecided}" if report.undecided else said
