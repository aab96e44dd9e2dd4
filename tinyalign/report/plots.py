"""How one set of axes is drawn, and how a figure is written."""

from pathlib import Path

import numpy as np

# Okabe and Ito's colours: colour-blind readers tell them apart. Their yellow fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def known_mean(values):
    """Mean of what was measured; NaN if nothing was."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def draw_line(axes, step, value, colour, label):
    """A line; where it has many points, a running mean over the faint original."""
    reach = len(value) // 50  # points on either side
    if reach < 2:
        axes.plot(step, value, color=colour, label=label)
        return
    axes.plot(step, value, color=colour, alpha=0.25, linewidth=0.8)
    window = 2 * reach + 1
    mean = np.convolve(value, np.ones(window) / window, mode="valid")
    axes.plot(step[reach:-reach], mean, color=colour, label=label)


def panels(found):
    """A figure of small panels against the step: found = [(title, {name: (steps, values)})]."""
    from matplotlib.figure import Figure

    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.5 * rows), layout="constrained")
    for i, (title, lines) in enumerate(found):
        axes = figure.add_subplot(rows, columns, i + 1, title=title, xlabel="step")
        for (name, (step, value)), colour in zip(lines.items(), COLOURS, strict=False):
            draw_line(axes, step, value, colour, name)
        if len(lines) > 1:
            axes.legend(frameon=False, fontsize="small")
        tidy(axes)
    return figure


def name_ends(axes, ends, colours):
    """Write each method's name in the right margin, level with its point unless that is taken."""
    ends = {method: point for method, point in ends.items() if np.isfinite(point).all()}
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda method: ends[method][1])
    gap = 0.26 / max(2.4, 0.3 * len(colours))  # of the axes' height: about one line of small text
    levels = [(ends[name][1] - low) / (high - low) for name in names]
    for i in range(1, len(levels)):  # push up what overlaps, then down what left the axes
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


def dash(row):
    """A method's line: a pipeline has the colour of its last stage, and must not look like it."""
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
    axes.xaxis.set_major_formatter(lambda value, place: thousands(value))


def tidy(axes):
    """No frame above and on the right, a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def save(figure, path):
    """Write the figure; an SVG without a date and with fixed ids, so that it can be compared."""
    import matplotlib

    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:  # the layout's last digits depend on where objects lie in memory
        axes.set_position(np.round(axes.get_position().bounds, 4))
    svg = Path(path).suffix == ".svg"
    with matplotlib.rc_context({"svg.hashsalt": "tinyalign"}):
        figure.savefig(
            path,
            dpi=110,
            facecolor="white",
            metadata={"Date": None, "Creator": None} if svg else {"Software": None},
        )
