"""What a run or a comparison leaves to look at: tables and figures.

rich and matplotlib are imported inside the functions that need them. Figures are made without
pyplot, so there is no global state and no window, and the same data give the same SVG bytes.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinyalign import figures

# What is drawn by `curves`: the title of a panel, and the metrics that are lines in it.
PANELS = (
    ("reward", ("reward", "eval_reward", "rewards/chosen", "rewards/rejected")),
    ("accuracy", ("accuracy", "eval_accuracy", "rewards/accuracies")),
    ("KL to the reference, nats", ("kl", "eval_kl")),
    ("policy loss", ("loss", "policy_loss")),
    ("value loss", ("value_loss",)),
    ("entropy, nats", ("entropy",)),
    ("reward margin", ("rewards/margins", "margin")),
    ("held-out loss, nats per token", ("eval_nll",)),
)
COLUMNS = (
    "method",
    "learns from",
    "accuracy",
    "reward",
    "KL, nats",
    "samples",
    "models held",
    "memory",
    "seconds",
)


class Row(NamedTuple):
    """One finished run in a comparison. Rows of one method are its seeds and are summed up."""

    method: str  # e.g. "grpo"
    needs: str  # what it learns from, e.g. "pairs", "rewards"; gives the colour
    accuracy: float  # on held-out prompts, 0 … 1
    reward: float  # mean on held-out prompts
    kl: float  # nats per completion to the reference; NaN if not measured
    samples: int  # completions drawn from a policy while training
    models: str  # e.g. "policy, reference"
    bytes: int  # of those models' weights and optimizer state
    seconds: float
    curve: tuple = ()  # (step, held-out accuracy) pairs, in order
    seed: int = 0


def curves(metrics, path):
    """One SVG of small panels against the step: those of PANELS that occur in the metrics.

    metrics  list of dicts with "step" and some of the names in PANELS; a name may be missing from
             some of them (evaluations are rare)
    path     where the figure goes; its folder exists
    raises   ValueError if no known metric is there
    """
    from matplotlib.figure import Figure

    found = [(title, _lines(metrics, names)) for title, names in PANELS]
    found = [(title, lines) for title, lines in found if lines]
    if not found:
        raise ValueError("metrics hold nothing to draw: want 'step' and a name such as 'reward'")
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.5 * rows), layout="constrained")
    for i, (title, lines) in enumerate(found):
        axes = figure.add_subplot(rows, columns, i + 1, title=title, xlabel="step")
        for (name, (step, value)), colour in zip(lines.items(), figures.COLOURS, strict=False):
            figures.draw_line(axes, step, value, colour, name)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize="small")
        figures.tidy(axes)
    figures.save(figure, path)


def comparison(rows, path_stem):
    """`compare.svg` and `.png`: accuracy per method, reward against KL, learning curves.

    rows       list of Row; the first is the common start, drawn as a line and a cross
    path_stem  e.g. runs/compare: the two suffixes are appended
    returns    the two paths, SVG first
    raises     ValueError for an empty list
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    groups = _by_method(rows)
    height = max(3.6, 1.2 + 0.3 * len(groups))
    figure = Figure(figsize=(14, height), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.1, 1.1))
    styles = figures.styles_of(groups)
    figures.draw_bars(left, groups, styles)
    figures.draw_frontier(middle, groups, styles)
    figures.draw_learning(right, groups, styles)
    seen = {group[0].needs: styles[method][0] for method, group in groups.items()}
    figure.legend(
        handles=[Patch(color=colour, label=needs) for needs, colour in seen.items()],
        title="colour: what the method learns from",
        loc="outside lower center",
        ncols=len(seen),
        frameon=False,
    )
    paths = [Path(f"{path_stem}{suffix}") for suffix in (".svg", ".png")]
    for path in paths:
        figures.save(figure, path)
    return paths


def comparison_table(rows):
    """The comparison as a rich Table, one line a method; several seeds as mean (lowest–highest).

    rows     list of Row
    returns  rich.table.Table
    """
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for i, column in enumerate(COLUMNS):
        side = "left" if i in (0, 1, 6) else "right"
        table.add_column(column, justify=side, overflow="fold", no_wrap=i < 2)
    for cells in _cells(rows):
        table.add_row(*cells)
    return table


def markdown_table(rows):
    """The same table as `comparison_table` in Markdown, for a README; returns a string."""
    rule = ["---" if i in (0, 1, 6) else "---:" for i in range(len(COLUMNS))]
    lines = [COLUMNS, rule, *_cells(rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _by_method(rows):
    if not rows:
        raise ValueError("nothing to compare: want at least one row")
    return {row.method: [r for r in rows if r.method == row.method] for row in rows}


def _cells(rows):
    return [
        (
            method,
            group[0].needs,
            _spread([100 * r.accuracy for r in group], ".1f", " %"),
            _spread([r.reward for r in group], ".3f"),
            _spread([r.kl for r in group], ".3f"),
            f"{figures.known_mean([r.samples for r in group]):,.0f}",
            group[0].models,
            _size(group[0].bytes),
            f"{figures.known_mean([r.seconds for r in group]):.1f}",
        )
        for method, group in _by_method(rows).items()
    ]


def _spread(values, form, unit=""):
    """97.0 % for one seed, 97.0 % (95.9–98.1) for several, – if not measured."""
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return "–"
    text = f"{np.mean(known):{form}}{unit}"
    return text if len(known) == 1 else f"{text} ({min(known):{form}}–{max(known):{form}})"


def _size(count):
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
