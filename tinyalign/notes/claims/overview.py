"""What `tinyalign claims` begins with: ten lines, and where the rest is."""

from collections import Counter

from tinyalign.notes.claims.ledger import rows
from tinyalign.notes.claims.report import COLOURS, group_by_theme
from tinyalign.notes.claims.verdicts.finding import CONTRADICTED, SUPPORTED, UNDECIDED, VERDICTS

OPENING = (
    "Five notes that many readers arrive with compare alignment methods. Their sentences are "
    "quoted, and measured on tasks small enough to know the answer."
)
# Ten that a reader may have heard; which of them hold is computed each time.
HEADLINES = (
    "grpo-memory", "dpo-low-cost", "critic-reduces-noise", "clip-prevents-destruction",
    "overoptimisation-everywhere", "k2-no-signal", "dpo-kl-term", "kto-almost-dpo", "ipo-better",
    "grpo-best",
)  # fmt: skip
TITLES = {
    SUPPORTED: "holds",
    CONTRADICTED: "does not hold",
    UNDECIDED: "cannot be told",
}
SHORT = ("hold", "do not", "cannot be told", "depend on words", "not tested")  # of VERDICTS


def print_overview(everything, console):
    """Print ten claims with their verdicts, then how many of each theme have which verdict.

    everything  a ClaimRow for each claim
    """
    console.print(OPENING + "\n")
    console.print(headline_table())
    console.print()
    console.print(theme_table(everything))
    console.print("\ntinyalign claims memory   the claims of a theme, with quotes and figures")
    console.print("tinyalign claims dpo      those about a method")
    console.print("tinyalign claims all      all of them; docs/claims.md has them too")


def headline_table():
    """A line for each of HEADLINES, those that hold first."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for verdict, title in TITLES.items():
        for row in rows(HEADLINES):
            if row.verdict == verdict:
                colour = COLOURS[verdict]
                sentence = f"{row.claim.reading} [dim]({row.claim.id})[/dim]"
                table.add_row(f"[{colour}]{title}[/{colour}]", sentence)
    return table


def theme_table(everything):
    """A line for each theme: how many claims have which verdict."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("theme")
    for name in SHORT:
        table.add_column(name, justify="right")
    for theme, group in [*group_by_theme(everything), ("all", everything)]:
        counts = Counter(row.verdict for row in group)
        table.add_row(theme, *(str(counts[verdict] or "") for verdict in VERDICTS))
    return table
