"""The picture of one run, how one set of axes is drawn, and how a figure is written."""

import contextlib
import io
import os
from pathlib import Path

import numpy as np

PART = ".tinyalign-part-"  # what the name of a file that is not finished begins with
# Okabe and Ito's colours: colour-blind readers tell them apart. Their yellow fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")

# The panels of `curves`: a title, and the metrics that are lines in the panel.
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


def finite_mean(values):
    """Mean of the values that are finite; NaN if none is."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else np.nan


def new_figure(width, height):
    """An empty figure, sizes in inches. (matplotlib is imported where a figure is made.)"""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def draw_line(axes, step, value, colour, label):
    """A line; where it has many points, a running mean over the faint original."""
    reach = len(value) // 50  # points on either side
    if reach < 2:  # a mean of so few points would hide more than it shows
        axes.plot(step, value, color=colour, label=label)
        return
    axes.plot(step, value, color=colour, alpha=0.25, linewidth=0.8)
    window = 2 * reach + 1
    mean = np.convolve(value, np.ones(window) / window, mode="valid")  # shorter by 2·reach
    axes.plot(step[reach:-reach], mean, color=colour, label=label)


def curves(metrics, path):
    """One SVG of small panels against the step: those of PANELS that occur in the metrics.

    metrics  list of dicts with "step" and some of the names in PANELS; a name may be missing from
             some of them (evaluations are rare)
    path     where the figure goes; its folder exists
    raises   ValueError if no known metric is there
    """
    titled = [(title, _lines(metrics, names)) for title, names in PANELS]
    titled = [(title, lines) for title, lines in titled if lines]
    if not titled:
        raise ValueError("metrics hold nothing to draw: want 'step' and a name such as 'reward'")
    save(panels(titled), path)


def _lines(metrics, names):
    """{name: (steps, values)} of the names that occur."""
    points = {n: [(m["step"], m[n]) for m in metrics if m.get(n) is not None] for n in names}
    # (points, 2) -> (2, points): steps and values
    return {name: np.array(pairs, dtype=float).T for name, pairs in points.items() if pairs}


def panels(titled):
    """A figure of small panels against the step: titled = [(title, {name: (steps, values)})]."""
    columns = min(3, len(titled))
    rows = -(-len(titled) // columns)  # rounded up
    figure = new_figure(3.6 * columns, 2.5 * rows)
    for i, (title, lines) in enumerate(titled):
        axes = figure.add_subplot(rows, columns, i + 1, title=title, xlabel="step")
        for (name, (step, value)), colour in zip(lines.items(), COLOURS, strict=False):
            draw_line(axes, step, value, colour, name)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize="small")
        style_axes(axes)
    return figure


def label_line_ends(axes, ends, colours):
    """Write each method's name in the right margin, at the height of its line's end if free."""
    ends = {method: point for method, point in ends.items() if np.isfinite(point).all()}
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda method: ends[method][1])
    gap = 0.26 / max(2.4, 0.3 * len(colours))  # of the axes' height: about one line of small text
    # Heights as fractions of the axes, lowest first: 0 is the bottom, 1 the top.
    levels = [(ends[name][1] - low) / (high - low) for name in names]
    # Push up the names that overlap, then push down those that left the axes.
    for i in range(1, len(levels)):
        levels[i] = max(levels[i], levels[i - 1] + gap)
    for i in reversed(range(len(levels))):
        levels[i] = min(levels[i], 1 - gap * (len(levels) - 1 - i))
    for name, level in zip(names, levels, strict=True):
        axes.annotate(
            name,
            ends[name],
            xytext=(1.06, level),
            textcoords="axes fraction",
            va="center",
            fontsize="small",
            color=colours[name],
            arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.6, "relpos": (0, 0.5)},
        )


def linestyle(row):
    """A method's line style; a pipeline has the colour of its last stage, so its dashes differ."""
    if "," in row.method:
        return "-."
    return "-" if row.online or not row.samples else "--"


def thousands(value):
    """A count for a tick: 50000 → "50k", 2500 → "2.5k", 800 → "800"."""
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


def count_in_thousands(axes, most):
    """At most so many steps on the axis below, its counts written short so that none touch."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(most))
    axes.xaxis.set_major_formatter(lambda value, position: thousands(value))


def style_axes(axes):
    """Remove the frame above and on the right, and draw a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def save(figure, path):
    """Write the figure; an SVG without a date and with fixed ids, so that it can be compared.

    The file is there as a whole or not at all: who finds a picture does not draw it again.
    """
    import matplotlib

    # Let the layout run once, then fix its result, rounded: its last digits depend on where
    # objects lie in memory.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position().bounds, 4))
    path, drawn = Path(path), io.BytesIO()
    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "tinyalign"}):
        figure.savefig(drawn, format=path.suffix[1:], dpi=110, facecolor="white", metadata=metadata)
    write_whole(path, drawn.getvalue())


def write_whole(path, content):
    """Write bytes to a temporary file, then rename it: nobody ever sees half of them."""
    # A name that no other process has, opened as a new file: no link is followed.
    half = path.with_name(f"{PART}{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(half, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, path)
    except BaseException:  # a full disk, Ctrl-C: what is not finished goes
        with contextlib.suppress(OSError):
            half.unlink()
        raise
