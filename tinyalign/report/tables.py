"""The tables of a comparison: their cells as strings, for a terminal and in Markdown."""

import numpy as np

from tinyalign.report import intervals, plots
from tinyalign.report.rows import GOAL, by_method, failures, samples_to_goal, start_meets_goal

COLUMNS = (
    "method", "accuracy, %", "reward", "KL, nats", "completions", "failed seeds",
    "entropy", f"completions to {GOAL.words}",
)  # fmt: skip
COSTS = (
    "method", "stages", "networks", "memory", "peak memory", "seconds", "forward", "backward",
    "tokens", "learns from",
)  # fmt: skip
LEFT = {"method", "networks", "learns from", "settings", "was shown"}  # columns of words
PLAIN = {"box": None, "header_style": "bold", "pad_edge": False, "padding": (0, 1, 0, 0)}  # of rich
FOLD = {"networks"}  # columns whose cells may break in two lines
WIDE = 160  # characters of a line where no screen limits them
DROPPED = (  # how the columns begin that a narrow screen lacks, in the order in which they go
    "learns from", "tokens", "entropy", "completions to", "updates to", "sensitivity", "updates",
    "backward", "KL to optimum", "labels", "completions",
)  # fmt: skip


def main_columns(rows):
    """COLUMNS, with the goal of these rows in the last one."""
    return (*COLUMNS[:-1], f"completions to {rows[0].goal.words}")


def main_cells(rows):
    """The main table as tuples of strings, one for each method, in the order of main_columns."""
    groups = by_method(rows)
    # A method is in the list once for each of its seeds that failed.
    failed = [method for method, _ in failures(rows)]
    return [
        (
            method,
            accuracy_cell(group),
            mean_cell([r.reward for r in group], ".3f", ".2f"),
            mean_cell([r.kl for r in group], ".3f"),
            count_cell([r.samples for r in group]),
            f"{failed.count(method)}/{len(group)}",
            mean_cell([r.entropy for r in group], ".3f"),
            goal_cell(group, samples_to_goal),
        )
        for method, group in groups.items()
    ]


def cost_cells(rows, costs):
    """The table of costs, in the order of COSTS.

    costs  {method: cost.Cost} of the methods whose cost was measured
    """
    return [
        (
            method,
            str(group[0].stages),
            group[0].models,  # the same in every seed
            format_bytes(group[0].bytes),
            format_bytes(costs[method].peak) if method in costs else "–",
            mean_cell([r.seconds for r in group], ".1f"),
            *(
                count_cell([getattr(costs[method], name)]) if method in costs else "–"
                for name in ("forward", "backward", "tokens")
            ),
            group[0].learns_from,
        )
        for method, group in by_method(rows).items()
    ]


def measured_columns(columns):
    """(names, lines of cells) of {column: its cells}, without columns that hold dashes alone."""
    measured = {name: cells for name, cells in columns.items() if set(cells) != {"–"}}
    return tuple(measured), list(zip(*measured.values(), strict=True))


def columns_that_fit(columns, cells, width):
    """The columns for a screen: those in DROPPED go, one after another, until the rest fits."""
    needed = {
        name: max(map(len, [name, *(text for line in cells for text in pieces(name, line[i]))]))
        for i, name in enumerate(columns)
    }
    kept = list(columns)
    for start in DROPPED:
        # One character stands between two columns.
        if sum(needed[name] + 1 for name in kept) <= width + 1:
            break
        kept = [name for name in kept if not name.startswith(start)]
    return kept


def pieces(column, cell):
    """What of a cell must stay on one line: all of it, or in a column of FOLD a word."""
    return cell.split() if column in FOLD else [cell]


def table(columns, cells, width=WIDE):
    """A rich Table of the columns that fit."""
    from rich.table import Table

    shown = [columns.index(name) for name in columns_that_fit(columns, cells, width)]
    rich_table = Table(**PLAIN)
    for i in shown:
        side = "left" if columns[i] in LEFT else "right"
        fold = columns[i] in FOLD
        rich_table.add_column(columns[i], justify=side, overflow="fold", no_wrap=not fold)
    for line in cells:
        rich_table.add_row(*(line[i] for i in shown))
    return rich_table


def markdown_table(columns, cells):
    """The same table in Markdown; returns a string."""
    rule = ["---" if name in LEFT else "---:" for name in columns]
    return "\n".join("| " + " | ".join(line) + " |" for line in [columns, rule, *cells])


def accuracy_interval(group):
    """(low, high) over seeds, or for one seed over its held-out problems; 0 … 1."""
    if len(group) > 1:
        return np.clip(intervals.bootstrap([row.accuracy for row in group]), 0, 1)
    return intervals.wilson(group[0].accuracy, group[0].problems)


def accuracy_cell(group):
    """76.6 [70.1, 81.0]."""
    if np.isfinite([row.pair_accuracy for row in group]).any():
        # A reward model's accuracy is over pairs, and no other method's compares with it.
        return f"of pairs {mean_cell([100 * row.pair_accuracy for row in group], '.1f')}"
    values = [row.accuracy for row in group]
    low, high = accuracy_interval(group)  # NaN where accuracy was not measured
    mean = mean_cell([100 * value for value in values], ".1f")
    return f"{mean} [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else mean


def mean_cell(values, form, interval_form=""):
    """0.504, for several seeds with its interval if asked for, – if not measured."""
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return "–"
    text = f"{np.mean(known):{form}}"
    if not interval_form or len(known) == 1:
        return text
    low, high = intervals.bootstrap(known)
    return f"{text} [{low:{interval_form}}, {high:{interval_form}}]"


def count_cell(values):
    """32,000."""
    mean = plots.finite_mean(values)
    return f"{mean:,.0f}" if np.isfinite(mean) else "–"


def goal_cell(group, cost_to_goal):
    """Median cost of the goal to the seeds that reached it, and how many did.

    cost_to_goal  rows.samples_to_goal or rows.updates_to_goal
    """
    reached = [value for value in map(cost_to_goal, group) if np.isfinite(value)]
    # A seed whose start meets the goal has nothing left to reach.
    asked = len(group) - sum(map(start_meets_goal, group))
    if not reached:
        missed = any(row.curve and not start_meets_goal(row) for row in group)
        return "not reached" if missed else "–"
    share = "" if len(reached) == asked else f" ({len(reached)}/{asked})"
    return f"{np.median(reached):,.0f}{share}"


def format_bytes(count):
    """Bytes for people: 1536 → 1.5 kB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
