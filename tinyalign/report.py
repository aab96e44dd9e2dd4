"""What a run or a comparison leaves to read: rows of results, and tables of them.

rich and matplotlib are imported inside the functions that need them. Figures are made without
pyplot, so there is no global state and no window, and the same data give the same SVG bytes.
"""

from typing import NamedTuple

import numpy as np

from tinyalign import figures, intervals

# What is drawn by `curves`: the title of a panel, and the metrics that are lines in it.
PANELS = (
    ("reward", ("reward", "eval_reward", "rewards/chosen", "rewards/rejected")),
    ("accuracy", ("accuracy", "eval_accuracy", "rewards/accuracies")),
    ("KL to the reference, nats", ("kl", "eval_kl")),
    ("policy loss", ("loss", "policy_loss")),
    ("value loss", ("value_loss",)),
    ("entropy, nats", ("entropy", "eval_entropy")),
    ("reward margin", ("rewards/margins", "margin")),
    ("held-out loss, nats per token", ("eval_nll",)),
)
COLUMNS = (
    "method", "accuracy, %", "reward", "KL, nats", "samples", "failed", "entropy", "to 90 %",
)  # fmt: skip
COSTS = (
    "method", "stages", "models held", "memory", "peak", "seconds", "forward", "backward", "tokens",
    "learns from",
)  # fmt: skip
LEFT = {"method", "models held", "learns from"}  # columns of words
WIDE = 100  # characters; a narrower screen gets fewer columns
NARROW = {"entropy", "to 90 %", "tokens", "learns from"}  # that it goes without
ENOUGH_PROBLEMS = 100  # held-out ones, for accuracy to be what methods are compared by
SCORES = ("accuracy", "reward")  # what a learning curve tells
GOAL = 0.9  # of the held-out problems: what "to 90 %" asks for


class Row(NamedTuple):
    """One finished run in a comparison. Rows of one method are its seeds and are summed up."""

    method: str  # e.g. "grpo"
    needs: str  # what it learns from, e.g. "pairs", "rewards"
    family: str  # how: gives the colour
    accuracy: float  # on held-out prompts, 0 … 1; NaN where it was not measured
    reward: float  # mean on held-out prompts
    kl: float  # nats per completion to the reference
    samples: int  # completions drawn from a policy while training
    models: str  # e.g. "policy, ref"
    bytes: int  # of those models' weights and optimizer state
    seconds: float
    curve: tuple = ()  # (samples, share of the training, *SCORES), in order
    seed: int = 0
    entropy: float = np.nan  # nats per token
    online: bool = True  # whether it draws its samples while it trains
    stages: int = 1  # warm start included
    problems: int = 0  # held-out ones that accuracy was measured on
    pair_accuracy: float = np.nan  # of a reward model
    diverged: str = ""  # why it has no result


def curves(metrics, path):
    """One SVG of small panels against the step: those of PANELS that occur in the metrics.

    metrics  list of dicts with "step" and some of the names in PANELS; a name may be missing from
             some of them (evaluations are rare)
    path     where the figure goes; its folder exists
    raises   ValueError if no known metric is there
    """
    found = [(title, _lines(metrics, names)) for title, names in PANELS]
    found = [(title, lines) for title, lines in found if lines]
    if not found:
        raise ValueError("metrics hold nothing to draw: want 'step' and a name such as 'reward'")
    figures.save(figures.panels(found), path)


def by_method(rows):
    """{method: its rows}, in the order of the comparison."""
    if not rows:
        raise ValueError("nothing to compare: want at least one row")
    return {row.method: [r for r in rows if r.method == row.method] for row in rows}


def judged_by(rows):
    """What methods are compared by: accuracy, or reward where accuracy moves in leaps."""
    return "accuracy" if max(row.problems for row in rows) >= ENOUGH_PROBLEMS else "reward"


def failures(rows):
    """[(method, seed)] of runs that broke off, or ended below the start of their seed."""
    name = judged_by(rows)
    start = {row.seed: getattr(row, name) for row in rows if row.method == "start"}
    return [
        (row.method, row.seed)
        for row in rows
        if row.diverged or getattr(row, name) < start.get(row.seed, np.nan)
    ]


def reached(row):
    """Samples at the first look at which GOAL was met, or NaN; offline ones were drawn before."""
    if had_it(row):
        return np.nan
    at = [samples for samples, _, accuracy, _ in row.curve if accuracy >= GOAL]
    if not at:
        return np.nan
    return at[0] if row.online or at[0] == 0 else row.samples


def had_it(row):
    """Whether the start that a curve begins with has met GOAL already."""
    return bool(row.curve) and row.curve[0][1] == 0 and row.curve[0][2] >= GOAL


def main_cells(rows):
    """The comparison as lists of texts, one for each method, in the order of COLUMNS."""
    groups = by_method(rows)
    bad = [method for method, _ in failures(rows)]
    return [
        (
            method,
            _accuracy(group),
            _mean([r.reward for r in group], ".3f", ".2f"),
            _mean([r.kl for r in group], ".3f"),
            _count([r.samples for r in group]),
            f"{bad.count(method)}/{len(group)}",
            _mean([r.entropy for r in group], ".3f"),
            _reach(group),
        )
        for method, group in groups.items()
    ]


def cost_cells(rows, costs):
    """What it costs, in the order of COSTS. `costs`: {method: cost.Cost}, where it was measured."""
    return [
        (
            method,
            str(group[0].stages),
            group[0].models,
            size(group[0].bytes),
            size(costs[method].peak) if method in costs else "–",
            _mean([r.seconds for r in group], ".1f"),
            *(
                _count([getattr(costs[method], name)]) if method in costs else "–"
                for name in ("forward", "backward", "tokens")
            ),
            group[0].needs,
        )
        for method, group in by_method(rows).items()
    ]


def fitting(columns, width):
    """The columns for a screen: one narrower than WIDE goes without those in NARROW."""
    return [name for name in columns if width >= WIDE or name not in NARROW]


def table(columns, cells, width=WIDE):
    """A rich Table of the columns that fit."""
    from rich.table import Table

    shown = [columns.index(name) for name in fitting(columns, width)]
    out = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for i in shown:
        side = "left" if columns[i] in LEFT else "right"
        fold = columns[i] == "models held"
        out.add_column(columns[i], justify=side, overflow="fold", no_wrap=not fold)
    for line in cells:
        out.add_row(*(line[i] for i in shown))
    return out


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
        return f"of pairs {_mean([100 * row.pair_accuracy for row in group], '.1f')}"
    values = [row.accuracy for row in group]
    low, high = accuracy_interval(group)
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
    mean = figures.known_mean(values)
    return f"{mean:,.0f}" if np.isfinite(mean) else "–"


def _reach(group):
    """Median samples to GOAL of the seeds that reached it, and how many did."""
    found = [value for value in map(reached, group) if np.isfinite(value)]
    if not found:
        return "not reached" if any(row.curve and not had_it(row) for row in group) else "–"
    asked = len(group) - sum(map(had_it, group))
    share = "" if len(found) == asked else f" ({len(found)}/{asked})"
    return f"{np.median(found):,.0f}{share}"


def size(count):
    """Bytes for people: 1536 → 1.5 kB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _lines(metrics, names):
    """{name: (steps, values)} of the names that occur."""
    found = {n: [(m["step"], m[n]) for m in metrics if m.get(n) is not None] for n in names}
    return {name: np.array(pairs, dtype=float).T for name, pairs in found.items() if pairs}
