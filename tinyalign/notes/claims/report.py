"""The ledger as a table on a terminal, and as the page docs/claims.md."""

from collections import Counter

from tinyalign.notes.claims.ledger import FAILS, HOLDS, NOT_TESTABLE, VERDICTS, read_measurements
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.notes.claims.rules import RULES

COLOURS = dict(zip(VERDICTS, ("green", "red", "dim"), strict=True))
# The words of the summary: for one claim, and for several.
SUMMARY = {
    HOLDS: ("holds", "hold"),
    FAILS: ("does not hold", "do not hold"),
    NOT_TESTABLE: ("not testable", "not testable"),
}
WIDE = 100  # columns from which claim and measurement stand side by side
HEAD = """# What the notes' comparisons say, and what was measured

Five community notes compare alignment methods. This page quotes each comparison, and measures it on
small tasks. `python docs/build_claims.py` writes the page from `tinyalign/notes/claims/`, and
`tinyalign claims` prints the same. Each verdict is computed from the figures by the claim's rule.

- *Holds here* and *does not hold here* are about these tasks and sizes only.
- Where seeds are compared, a difference counts only if its 95 % interval leaves out 0. A difference
  in steadiness counts only if its 99 % interval does, whichever seed is left out.
- A claim whose two sides *cannot be told apart* does not hold. Its opposite need not hold either.
- *Not testable at toy scale* means that no small experiment can decide the claim.

Quotes are the notes' own words. The column *where* gives the number of the note and the line.
"""


def print_ledger(rows, console):
    """Print a table for each theme, and how many verdicts there are of each kind."""
    for theme, group in group_by_theme(rows):
        console.print(f"\n[bold]{theme}[/bold]")
        console.print(terminal_table(group, console.width))
    console.print("\n" + tally(rows))
    console.print("measure again: tinyalign claims --measure ID …")


def print_changes(pairs, console):
    """Print claims that were measured again: recorded and new figures, and changed verdicts.

    pairs  (ClaimRow by the recorded figures, ClaimRow by the new ones)
    """
    for before, after in pairs:
        # Quotes contain brackets and stars, which rich would read as its markup.
        console.print(f"\n{after.claim.id}: “{after.claim.quote}”", markup=False, style="bold")
        for when, row in (("recorded", before), ("now", after)):
            console.print(f"  {when:9} {row.verdict}: {row.measured}", markup=False)
    changes = [after.claim.id for before, after in pairs if before.verdict != after.verdict]
    console.print(f"\n{tally([after for _, after in pairs])}")
    console.print(f"changed verdicts: {', '.join(changes) or 'none'}")


def terminal_table(rows, width):
    """One line a claim; on a narrow terminal the measurement stands below the quote."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    # Columns are fixed at the sides and share the rest in the middle: 2 parts quote, 3 figures.
    table.add_column(width=8 if width < WIDE else 18, overflow="fold")
    table.add_column(ratio=2, overflow="fold")
    if width >= WIDE:
        table.add_column(ratio=3, overflow="fold")
    table.add_column(width=12, overflow="fold")
    for row in rows:
        claim, colour = row.claim, COLOURS[row.verdict]
        line, quote = f"{claim.note}:{claim.line}", f"“{escape(claim.quote)}”"
        measured, name = escape(row.measured), f"[cyan]{claim.id}[/cyan]"
        if width >= WIDE:
            cells = [f"{line}\n{name}", quote, measured]
        else:
            cells = [line, f"{name}\n{quote}\n[dim]{measured}[/dim]"]
        table.add_row(*cells, f"[{colour}]{row.verdict}[/{colour}]")
    return table


def group_by_theme(rows):
    """(theme, its rows), themes in the order in which they first occur."""
    groups = {}
    for row in rows:
        groups.setdefault(row.claim.theme, []).append(row)
    return groups.items()


def tally(rows):
    """A sentence: how many rows have which verdict."""
    counts = Counter(row.verdict for row in rows)
    return f"{len(rows)} claim{'s' * (len(rows) != 1)}: " + ", ".join(
        f"{counts[verdict]} {SUMMARY[verdict][counts[verdict] != 1]}"
        for verdict in VERDICTS
        if counts[verdict]
    )


def markdown(rows):
    """The text of the page docs/claims.md."""
    parts = [HEAD, f"**{tally(rows)}.**\n"]
    for theme, group in group_by_theme(rows):
        parts.append(f"## {theme[0].upper()}{theme[1:]}\n")
        parts += ["| where | claim | asked here | measured | verdict |", "| --- " * 5 + "|"]
        parts += [markdown_row(row) for row in group]
        parts.append("")
    return "\n".join([*parts, settings_section()]) + "\n"


def markdown_row(row):
    """One line of the page's tables."""
    claim = row.claim
    cells = (
        f"{claim.note}, line {claim.line}",
        f"`{claim.quote}`",
        claim.question,
        f"{row.measured}. `{row.command}`",
        row.verdict,
    )
    # A bar inside a cell would end the cell.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def settings_section():
    """A table of the measures: their settings and the rules that need them; and the machines."""
    lines = [
        "## Settings\n",
        "| measure | task, model, seeds | repeatable to the digit | used by the rules |",
        "| --- " * 4 + "|",
    ]
    # A rule may need several measures, and a measure may serve several rules.
    for name, measure in MEASURES.items():
        users = ", ".join(rule for rule, (_, measures) in RULES.items() if name in measures)
        exact = "yes" if measure.exact else "no"
        lines.append(f"| {name} | {measure.setting} | {exact} | {users} |")
    # Measures taken on one machine share its line.
    machines = dict.fromkeys(tuple(on.items()) for on in read_measurements("on").values())
    lines += ["", "Computed on:\n"]
    lines += ["- " + ", ".join(f"{key} {value}" for key, value in on) for on in machines]
    return "\n".join(lines)
