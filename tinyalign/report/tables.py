"""The tables of a comparison: their cells as strings, for a terminal and in Markdown."""

import numpy as np

from tinyalign.report import intervals, plots
from tinyalign.report.rows import GOAL, by_method, failures, samples_to_goal, start_meets_goal

COLUMNS = (
    "method", "accuracy, %", "reward", "KL, nats", "samples", "failed runs", "entropy",
    f"samples to {GOAL.words}",
)  # fmt: skip
COSTS = (
    "method", "stages", "networks", "memory", "peak memory", "seconds", "forward", "backward",
    "tokens", "learns from",
)  # fmt: skip
LEFT = {"method", "networks", "learns from"}  # columns of words
PLAIN = {"box": None, "header_style": "bold", "pad_edge": False, "padding": (0, 1, 0, 0)}  # of rich
WIDE = 100  # characters; a narrower screen gets fewer columns
DROPPED = ("entropy", "samples to", "tokens", "learns from")  # how columns that it lacks begin


def main_columns(rows):
    """COLUMNS, with the goal of these rows in the last one."""
    return (*COLUMNS[:-1], f"samples to {rows[0].goal.words}")


def main_cells(rows):
    """The main table as tuples of strings, one for each method, in the order of main_columns."""
    groups = by_method(rows)
    # A method is in the list once for each of its seeds that failed.
    failed = [method for method, _ in failures(rows)]
    return [
        (
            method,
            _accuracy(group),
            _mean([r.reward for r in group], ".3f", ".2f"),
            _mean([r.kl for r in group], ".3f"),
            _count([r.samples for r in group]),
            f"{failed.count(method)}/{len(group)}",
            _mean([r.entropy for r in group], ".3f"),
            _goal_cell(group),
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
            _mean([r.seconds for r in group], ".1f"),
            *(
                _count([getattr(costs[method], name)]) if method in costs else "–"
                for name in ("forward", "backward", "tokens")
            ),
            group[0].learns_from,
        )
        for method, group in by_method(rows).items()
    ]


def columns_that_fit(columns, width):
    """The columns for a screen: one narrower than WIDE goes without those in DROPPED."""
    return [name for name in columns if width >= WIDE or not name.startswith(DROPPED)]


def table(columns, cells, width=WIDE):
    """A rich Table of the columns that fit."""
    from rich.table import Table

    shown = [columns.index(name) for name in columns_that_fit(columns, width)]
    rich_table = Table(**PLAIN)
    for i in shown:
        side = "left" if columns[i] in LEFT else "right"
        fold = columns[i] == "networks"  # the one column whose cells may break in two lines
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


def _accuracy(group):
    """76.6 [70.1, 81.0]."""
    if np.isfinite([row.pair_accuracy for row in group]).any():
        # A reward model's accuracy is over pairs, and no other method's compares with it.
        return f"of pairs {_mean([100 * row.pair_accuracy for row in group], '.1f')}"
    values = [row.accuracy for row in group]
    low, high = accuracy_interval(group)  # NaN where accuracy was not measured
    mean = _mean([100 * value for value in values], ".1f")
    return f"{mean} [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else mean


def _mean(values, form, interval_form=""):
    """0.504, for several seeds with its interval if asked for, – if not measured."""
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return "–"
    text = f"{np.mean(known):{form}}"
    if not interval_form or len(known) == 1:
        return text
    low, high = intervals.bootstrap(known)
    return f"{text} [{low:{interval_form}}, {high:{interval_form}}]"


def _count(values):
    """32,000."""
    mean = plots.finite_mean(values)
    return f"{mean:,.0f}" if np.isfinite(mean) else "–"


def _goal_cell(group):
    """Median samples to the goal of the seeds that reached it, and how many did."""
    reached = [value for value in map(samples_to_goal, group) if np.isfinite(value)]
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
