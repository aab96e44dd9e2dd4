"""The panels of `report`'s figures: how one set of axes is drawn.

`groups` is {method: rows}, in the order of the comparison; `styles` is {method: (colour, dash)}.
"""

from pathlib import Path

import numpy as np

# Okabe and Ito's colours: colour-blind readers tell them apart. Their yellow fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", ":", "-.")


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


def styles_of(groups):
    """{method: (colour, dash)}: one colour for each kind of data, dashes tell its methods apart."""
    needs = list(dict.fromkeys(group[0].needs for group in groups.values()))
    members = {n: [m for m, group in groups.items() if group[0].needs == n] for n in needs}
    return {
        method: (COLOURS[i % len(COLOURS)], DASHES[members[n].index(method) % len(DASHES)])
        for i, n in enumerate(needs)
        for method in members[n]
    }


def draw_bars(axes, groups, styles):
    """Mean accuracy of each method, a dot for each seed, the start as a dashed line."""
    for i, (method, group) in enumerate(groups.items()):
        percent = [100 * row.accuracy for row in group]
        axes.barh(i, known_mean(percent), color=styles[method][0], height=0.7)
        axes.text(103, i, f"{known_mean(percent):.1f}", va="center", fontsize="small")
        if len(group) > 1:
            axes.plot(percent, [i] * len(group), "o", color="white", mec="black", ms=3.5, mew=0.7)
    start = next(iter(groups))
    axes.axvline(
        100 * known_mean([row.accuracy for row in groups[start]]), color="0.3", linestyle="--", lw=1
    )
    axes.set(title=f"held-out accuracy, % (dashed: {start})", xlim=(0, 116))
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(len(groups)), list(groups))
    axes.invert_yaxis()
    tidy(axes)


def draw_frontier(axes, groups, styles):
    """Mean reward and KL of each method, seeds as small dots; the start is a cross."""
    ends = {}
    for i, (method, group) in enumerate(groups.items()):
        colour = styles[method][0]
        kl, reward = [row.kl for row in group], [row.reward for row in group]
        ends[method] = (known_mean(kl), known_mean(reward))
        axes.plot(*ends[method], "o" if i else "X", color=colour, ms=8, mec="white")
        if len(group) > 1:
            axes.plot(kl, reward, "o", color=colour, ms=3, alpha=0.5, mew=0)
    axes.set(title="reward against KL to the reference", xlabel="KL, nats per completion")
    name_ends(axes, ends, styles)
    tidy(axes)


def draw_learning(axes, groups, styles):
    """Accuracy against the step, the mean over seeds of each method."""
    ends = {}
    for method, group in groups.items():
        at = {}
        for step, accuracy in sorted(point for row in group for point in row.curve):
            at.setdefault(step, []).append(100 * accuracy)
        if not at:
            continue
        colour, dash = styles[method]
        height = [known_mean(values) for values in at.values()]
        axes.plot(list(at), height, dash, color=colour, linewidth=1.5)
        ends[method] = (max(at), height[-1])
    axes.set(title="held-out accuracy while training, %", xlabel="step")
    name_ends(axes, ends, styles)
    tidy(axes)


def name_ends(axes, ends, styles):
    """Write each method's name in the right margin, level with its point unless that is taken."""
    ends = {method: point for method, point in ends.items() if np.isfinite(point).all()}
    low, high = axes.get_ylim()
    names = sorted(ends, key=lambda method: ends[method][1])
    gap = 0.26 / max(2.4, 0.3 * len(styles))  # of the axes' height: about one line of small text
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
            color=styles[name][0],
            arrowprops={"arrowstyle": "-", "color": "0.75", "linewidth": 0.6, "relpos": (0, 0.5)},
        )


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
