"""`tinyalign metrics` and docs/metrics.md: every key of metrics.jsonl in a table."""

from tinyalign.errors import InputError
from tinyalign.methods.metrics import SECTIONS

COLUMNS = ("key", "what it is", "unit", "TRL's key", "look closer when it")
WIDE = 120  # columns of a screen from which every fact has a column of its own
HEAD = """# Every number that training logs

A run appends a line to `metrics.jsonl` after each step. This page says what each key of a line
means. `python docs/build_metrics.py` writes the page from `tinyalign/methods/metrics.py`, and
`tinyalign metrics` prints the same.
"""
NOTES = (
    "An online method takes several gradient steps a rollout; the metrics of the last one are "
    "logged.",
    "A metric that a step leaves undefined is left out, for example the mean over rejected "
    "completions where all are liked.",
    "TRL's keys are those of TRL 1.16; keys of its PPO trainer are those of TRL 1.12.",
    "TRL's key is listed even where TRL computes the quantity with another estimator.",
)


def metrics(name=""):
    """Print the table of all metrics, or of those with `name` in their key, section by section."""
    from tinyalign.cli import screen

    found = {title: rows_with(name, section) for title, section in SECTIONS.items()}
    if not any(found.values()):
        raise InputError(f"no metric has {name!r} in its key: `tinyalign metrics` lists all")
    console = screen.printer()
    for title, section in found.items():
        if not section:
            continue
        console.print(f"[bold]{title}[/bold]")
        console.print(section_table(section, console.width))
        console.print()
    for note in NOTES:
        console.print(note)
    return 0


def rows_with(name, section):
    """The metrics of a section whose key, or TRL's, has `name` in it."""
    word = name.casefold()
    return [metric for metric in section if word in f"{metric.key} {metric.trl}".casefold()]


def section_table(section, width):
    """A rich Table of metrics; a narrow one has all facts about a metric in one cell."""
    from rich.markup import escape
    from rich.table import Table

    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=wide)
    table.add_column(COLUMNS[0], width=23)  # fixed, so that all sections stand under one another
    if not wide:
        table.add_column(width=width - 25)
        for metric in section:
            table.add_row(f"[cyan]{metric.key}[/cyan]", "\n".join(map(escape, lines(metric))))
        return table
    free = width - 23 - 11 - 25 - 2 * 4
    widths = (free - free // 2, 11, 25, free // 2)
    for name, column in zip(COLUMNS[1:], widths, strict=True):
        table.add_column(name, width=column)
    for metric in section:
        table.add_row(f"[cyan]{metric.key}[/cyan]", *map(escape, metric[1:]))
    return table


def lines(metric):
    """Everything about a metric but its key: a list of one to three lines."""
    facts = {"unit: ": metric.unit, "TRL: ": metric.trl}
    facts = " · ".join(label + text for label, text in facts.items() if text)
    worry = f"look closer when it {metric.worry}" if metric.worry else ""
    return [line for line in (metric.meaning, facts, worry) if line]


def markdown():
    """The page docs/metrics.md."""
    parts = [HEAD, "\n".join(f"- {note}" for note in NOTES)]
    for title, section in SECTIONS.items():
        rows = [(f"`{m.key}`", m.meaning, m.unit, code(m.trl), m.worry) for m in section]
        parts.append(f"\n## {title[0].upper()}{title[1:]}\n")
        parts += ["| " + " | ".join(row) + " |" for row in (COLUMNS, ["---"] * 5, *rows)]
    return "\n".join(parts) + "\n"


def code(key):
    """A key of TRL in code style, without what stands behind it: kl (KTO) → `kl` (KTO)."""
    name, space, trainer = key.partition(" ")
    return f"`{name}`{space}{trainer}" if name else ""
