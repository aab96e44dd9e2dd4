"""The ledger as a table on a terminal, and as the page docs/claims.md."""

from collections import Counter

from tinyalign.notes.claims.ledger import VERDICTS, read_measurements, users
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.notes.claims.verdicts import THEMES

COLOURS = dict(zip(VERDICTS, ("green", "red", "yellow", "cyan", "dim"), strict=True))
WIDE = 100  # columns from which claim and measurement stand side by side
HEAD = """# What the notes' comparisons say, and what was measured

Five community notes compare alignment methods. This page quotes each comparison, says how it was
read, and measures it on small tasks. `python docs/build_claims.py` writes the page from
`tinyalign/notes/claims/`, and `tinyalign claims` prints the same. Each verdict is computed from the
figures by a function in `tinyalign/notes/claims/verdicts/`.

- *Supported*: the figures show what the note says. The verdict is about these tasks and sizes only.
- *Contradicted*: the figures show the opposite. An interval that contains 0 (for a ratio 1)
  contradicts nothing: a rule in the code forbids it.
- *Undecided at this size*: the interval contains 0 (for a ratio 1), or the difference is smaller
  than what would matter, or the settings of the methods were not searched alike and may decide.
  Where the interval contains 0 and leaves out every difference that would matter, the row says so:
  no better, and no worse, is shown, and a difference that would matter is excluded. Such a row is
  not contradicted, because the figures do not show the opposite either. One method is steadier than
  another only if it is so both over three learning rates, which are multiples of its recipe's, and
  at the best of them.
- *Depends on a convention*: the claim holds under one way to count or to speak and not under
  another. The verdict names the convention.
- *Not testable here*: no small experiment can decide the claim, for instance because it speaks of
  large models.

Each claim is tested in its strongest reading, which the table gives in one line. The column
*interval* holds the 95 % interval of the difference over the seeds (99 % where steadiness is
compared); *exact* means that nothing is estimated. The column *would matter* holds the smallest
effect that would count; *yes or no* stands for a fact without a size. A number that the notes give
without a source is answered by its order of magnitude.

Quotes are the notes' own words, with the heading of their table or section in front. The first
column gives the id of the claim, the number of the note, and the line.
`tinyalign claims --measure ID` measures one claim again.

Words of the tables: a *pass* is one completion through one network, and a backward pass counts as
two. *K* is the number of completions in a group. The *expected reward* is that of a bandit with
eight answers to a prompt: {start:.2f} for a policy that gives all answers alike, {best:.2f} for the
best one. The *reward* on addition is the share of sums that are right. Log-probabilities are in
nats.
"""
COLUMNS = "claim", "the note says", "strongest reading", "measured", "interval", "would matter"


OTHER_LAYOUT = (
    "the recorded figures have another layout and cannot be compared; --write puts the new ones in "
    "their place"
)
PLACES = "001:39 is line 39 of community note 001; each claim quotes what its line says."


def print_ledger(rows, console):
    """Print a table for each theme, and how many verdicts there are of each kind."""
    console.print(f"\n{PLACES}")
    for theme, group in group_by_theme(rows):
        console.print(f"\n[bold]{theme}[/bold]")
        console.print(terminal_table(group, console.width))
    console.print("\n" + tally(rows))
    console.print("measure again: tinyalign claims --measure ID …")


def print_changes(pairs, console):
    """Print claims that were measured again: recorded and new figures, and changed verdicts.

    pairs  (ClaimRow by the recorded figures or None, ClaimRow by the new ones), see ledger.compare
    """
    for before, after in pairs:
        # Quotes contain brackets and stars, which rich would read as its markup.
        console.print(f"\n{after.claim.id}: {after.quotation}", markup=False, style="bold")
        for when, row in (("recorded", before), ("now", after)):
            words = f"{row.judgement}: {row.measured}" if row else OTHER_LAYOUT
            console.print(f"  {when:9} {words}", markup=False)
    changes = [
        after.claim.id for before, after in pairs if before and before.verdict != after.verdict
    ]
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
    table.add_column(width=14 if width < WIDE else 26, overflow="fold")
    for row in rows:
        claim, colour = row.claim, COLOURS[row.verdict]
        line, quote = f"{claim.note}:{claim.line}", escape(row.quotation)
        measured = escape(f"{claim.reading}\n{row.measured}")
        name = f"[cyan]{claim.id}[/cyan]"
        if width >= WIDE:
            cells = [f"{line}\n{name}", quote, measured]
        else:
            cells = [line, f"{name}\n{quote}\n[dim]{measured}[/dim]"]
        table.add_row(*cells, f"[{colour}]{escape(row.judgement)}[/{colour}]")
    return table


def group_by_theme(rows):
    """(theme, its rows), in the order of the themes."""
    theme_of = {claim.id: theme for theme, claims in THEMES.items() for claim in claims}
    groups = {theme: [row for row in rows if theme_of[row.claim.id] == theme] for theme in THEMES}
    return [(theme, group) for theme, group in groups.items() if group]


def tally(rows):
    """A sentence: how many rows have which verdict, and how many measurements they rest on."""
    counts = Counter(row.verdict for row in rows)
    # One claim depends, several depend.
    words = {verdict: verdict.replace("depends", "depend") for verdict in VERDICTS}
    parts = [
        f"{counts[verdict]} {words[verdict] if counts[verdict] > 1 else verdict}"
        for verdict in VERDICTS
        if counts[verdict]
    ]
    measures = {name for row in rows for name in row.claim.measures}
    measured = sum(bool(row.claim.measures) for row in rows)
    claims, measurements = (
        f"{n} {noun}{'s' * (n != 1)}"
        for n, noun in ((len(rows), "claim"), (len(measures), "independent measurement"))
    )
    return f"{claims}: {', '.join(parts)}; {measured} of them rest on {measurements}"


def markdown(rows):
    """The text of the page docs/claims.md."""
    figures = read_measurements("figures")
    start, best = figures["thumbs"]["start"][0], figures["references"]["best"]
    parts = [HEAD.format(start=start, best=best), f"**{tally(rows)}.**\n"]
    header = [" | ".join(("", *COLUMNS, "verdict", "")).strip(), "| --- " * 7 + "|"]
    for theme, group in group_by_theme(rows):
        measures = {name for row in group for name in row.claim.measures}
        parts.append(f"## {theme[0].upper()}{theme[1:]}\n")
        counts = (len(group), "row"), (len(measures), "measurement")
        parts.append(", ".join(f"{n} {noun}{'s' * (n != 1)}" for n, noun in counts) + ".\n")
        parts += [*header, *map(markdown_row, group), ""]
    return "\n".join([*parts, settings_section()]) + "\n"


def markdown_row(row):
    """One line of the page's tables."""
    claim, finding = row
    cells = (
        f"{claim.id}<br>note {claim.note}, line {claim.line}",
        f"{claim.heading}: `{claim.quote}`",
        claim.reading,
        finding.statement + (f"; {finding.doubt}" if finding.doubt else ""),
        interval_words(row),
        finding.matters,
        f"**{row.verdict}**" + (f": {finding.convention}" if finding.convention else ""),
    )
    # A bar inside a cell would end the cell.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def interval_words(row):
    """The interval of a row, or what stands in its place."""
    if row.finding.interval:
        return str(row.finding.interval)
    if not row.claim.judge:
        return "–"
    exact = all(MEASURES[name].exact for name in row.claim.measures)
    return "exact" if exact else "measured once"


def settings_section():
    """A table of the measures: their settings and the claims that they decide; the machines."""
    lines = [
        "## Measurements\n",
        "Each line is a measurement of its own; the last column names the rows that rest on it. "
        "Two cases serve twice: DPO on all pairs without noise in `thumbs` and `wrong_pairs`, and "
        "K = 8 with a scorer that is never wrong in `group_sizes` and `noisy_scorer`.\n",
        "| measure | task, model, seeds | repeatable to the digit | decides |",
        "| --- " * 4 + "|",
    ]
    for name, measure in MEASURES.items():
        exact = "yes" if measure.exact else "no"
        ids = users(name)
        lines.append(f"| {name} | {measure.setting} | {exact} | {len(ids)}: {', '.join(ids)} |")
    # Measures taken on one machine share its line.
    machines = dict.fromkeys(tuple(on.items()) for on in read_measurements("on").values())
    lines += ["", "Computed on:\n"]
    lines += ["- " + ", ".join(f"{key} {value}" for key, value in on) for on in machines]
    return "\n".join(lines)
