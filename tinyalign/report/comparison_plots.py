"""The pictures of a comparison: scores, reward against KL, learning curves, what it costs.

Each function takes Rows and returns a matplotlib Figure. A family of methods has one colour
everywhere; inside a family a method is told by its name, which stands beside what is drawn.
"""

from pathlib import Path

import numpy as np

from tinyalign.report import intervals, plots
from tinyalign.report.rows import SCORES, by_method, judged_by
from tinyalign.report.tables import accuracy_interval

COLOURS = {  # of what a method learns from, and how
    "demonstrations": "#000000",
    "pairs": "#0072B2",
    "triples, thumbs, rankings": "#56B4E9",
    "rewards, policy gradient": "#D55E00",
    "rewards, with a critic": "#009E73",
    "rewards, samples picked": "#CC79A7",
    "pairs, a judge": "#E69F00",
}
FEW = 8  # methods that fit into one row of three panels
ACROSS = 6  # panels in a row of small multiples
NAMES = {"accuracy": "held-out accuracy, %", "reward": "mean reward"}  # of what is judged by
SCALE, DIGITS = {"accuracy": 100, "reward": 1}, {"accuracy": 1, "reward": 3}


def colours_of(groups):
    """{method: colour of its family}."""
    return {method: COLOURS[group[0].family] for method, group in groups.items()}


def legend(figure, groups, side="lower"):
    """What the colours mean, below or above everything else."""
    from matplotlib.patches import Patch

    seen = dict.fromkeys(group[0].family for group in groups.values())
    figure.legend(
        handles=[Patch(color=COLOURS[family], label=family) for family in seen],
        title="colour: what a method learns from",
        loc=f"outside {side} center",
        ncols=min(4, len(seen)),
        frameon=False,
    )


def height(groups):
    """Inches that a list of methods takes."""
    return max(3.6, 1.2 + 0.22 * len(groups))


def blank(width, tall):
    """An empty figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, tall), layout="constrained")


def overview(rows, exact=()):
    """Accuracy, reward against KL and learning curves side by side, for a few methods."""
    groups = by_method(rows)
    figure = blank(14, 0.6 + height(groups))
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.1, 1.1))
    draw_bars(left, groups)
    draw_frontier(middle, groups, exact)
    draw_together(right, groups)
    legend(figure, groups)
    return figure


def scores(rows):
    """What every method came to, with its interval."""
    groups = by_method(rows)
    figure = blank(10, height(groups))
    draw_bars(figure.subplots(), groups)
    legend(figure, groups)
    return figure


def frontier(rows, exact=()):
    """Reward against KL; `exact` is (kl, reward) of the best there can be, where that is known."""
    groups = {m: g for m, g in by_method(rows).items() if np.isfinite(mean_of(g, "kl"))}
    figure = blank(9, height(groups))
    draw_frontier(figure.subplots(), groups, exact)
    legend(figure, groups)
    return figure


def learning(rows):
    """Accuracy against completions drawn, one small panel a method, with a band over seeds."""
    groups = {m: g for m, g in by_method(rows).items() if any(r.curve for r in g)}
    down = -(-len(groups) // ACROSS)
    figure = blank(12, 1.2 + 1.5 * down)
    grid = figure.subplots(down, min(ACROSS, len(groups)), sharex=True, sharey=True, squeeze=False)
    panels = grid.ravel()
    judged, colours = judged_by(rows), colours_of(groups)
    start = SCALE[judged] * mean_of([row for row in rows if row.method == "start"], judged)
    for axes, (method, group) in zip(panels, groups.items(), strict=False):
        draw_band(axes, group, rows, colours[method])
        axes.axhline(start, color="0.6", lw=0.8, ls=":")
        axes.set_title(method, fontsize="medium")
        plots.count_in_thousands(axes, 3)
        plots.tidy(axes)
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(groups) - ACROSS) : len(groups)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
    figure.supylabel(NAMES[judged], fontsize="medium")
    figure.supxlabel(AXIS, fontsize="medium")
    legend(figure, groups, "upper")
    return figure


AXIS = (
    "completions drawn (dashed: before training, laid out along it; dash-dot: a pipeline; "
    "dot at 0: none; dotted: the start)"
)


def costs(rows, measured):
    """Bars: seconds, the networks' bytes and the peak, completions read in an update."""
    groups = {m: g for m, g in by_method(rows).items() if m != "start"}
    figure, colours = blank(12, height(groups)), colours_of(groups)
    panels = figure.subplots(1, 3, sharey=True)
    cost = [measured.get(method) for method in groups]
    values = (
        ("seconds of training", [mean_of(group, "seconds") for group in groups.values()]),
        ("memory at a step's peak, MB", [c.peak / 1e6 if c else np.nan for c in cost]),
        ("completions read in an update", [c.forward if c else np.nan for c in cost]),
    )
    for axes, (title, lengths) in zip(panels, values, strict=True):
        axes.barh(range(len(groups)), lengths, color=list(colours.values()), height=0.7)
        axes.set_title(title)
        plots.tidy(axes)
    held = [group[0].bytes / 1e6 for group in groups.values()]
    panels[1].plot(held, range(len(groups)), "|", color="black", ms=9)
    panels[1].set_xlabel("black: weights and optimizer state alone")
    read = [c.backward if c else np.nan for c in cost]
    panels[2].plot(read, range(len(groups)), "|", color="black", ms=9)
    panels[2].set_xlabel("black: those with a backward pass")
    panels[0].set_yticks(range(len(groups)), list(groups))
    panels[0].invert_yaxis()
    legend(figure, groups)
    return figure


def mean_of(group, name):
    """Mean of a field over seeds."""
    return plots.known_mean([getattr(row, name) for row in group])


def draw_bars(axes, groups):
    """Mean score of each method, its interval, a dot for each seed, the start dashed."""
    colours, judged = colours_of(groups), judged_by(rows_in(groups))
    for i, (method, group) in enumerate(groups.items()):
        values = [SCALE[judged] * getattr(row, judged) for row in group]
        mean = plots.known_mean(values)
        hatch = "//" if "," in method else None
        axes.barh(i, mean, color=colours[method], height=0.7, hatch=hatch, edgecolor="white", lw=0)
        told = f"{mean:.{DIGITS[judged]}f}" if np.isfinite(mean) else "–"
        at = ("axes fraction", "data")
        axes.annotate(told, (1.01, i), xycoords=at, va="center", fontsize="small")
        accurate = judged == "accuracy"
        found = accuracy_interval(group) if accurate else intervals.bootstrap(values)
        axes.plot(SCALE[judged] * np.array(found), [i, i], color="0.35", lw=1.5)
        if len(group) > 1:
            axes.plot(values, [i] * len(group), "o", color="white", mec="black", ms=3.5, mew=0.7)
    if "start" in groups:
        start = SCALE[judged] * mean_of(groups["start"], judged)
        axes.axvline(start, color="0.3", linestyle="--", lw=1)
    axes.set(title=f"{NAMES[judged]} (dashed: start)")
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    plots.tidy(axes)


def rows_in(groups):
    """The rows of all groups."""
    return [row for group in groups.values() for row in group]


def draw_frontier(axes, groups, exact=()):
    """Mean reward and KL of each method, seeds as small dots; a cross is the start, a square a
    pipeline."""
    ends, colours = {}, colours_of(groups)
    for method, group in groups.items():
        kl, reward = [row.kl for row in group], [row.reward for row in group]
        ends[method] = (plots.known_mean(kl), plots.known_mean(reward))
        mark = "X" if method == "start" else "D" if "," in method else "o"
        axes.plot(*ends[method], mark, color=colours[method], ms=8, mec="white")
        if len(group) > 1:
            axes.plot(kl, reward, "o", color=colours[method], ms=3, alpha=0.5, mew=0)
    title = "reward against KL"
    if len(exact):
        axes.plot(*exact, color="0.4", lw=1.2, zorder=1)
        title += " (line: best possible)"
    axes.set(title=title, xlabel="KL to the start, nats per completion")
    plots.name_ends(axes, ends, colours)
    plots.tidy(axes)


def draw_together(axes, groups):
    """The learning curves of a few methods in one panel, each with its name."""
    rows, colours = rows_in(groups), colours_of(groups)
    ends = {
        method: draw_band(axes, group, rows, colours[method])
        for method, group in groups.items()
        if any(row.curve for row in group)
    }
    axes.set(title=f"{NAMES[judged_by(rows)]}, while training")
    axes.set_xlabel(
        "completions drawn\ndashed: before training; dash-dot: a pipeline; dot at 0: none"
    )
    plots.count_in_thousands(axes, 6)
    plots.name_ends(axes, ends, colours)
    plots.tidy(axes)


def draw_band(axes, group, rows, colour):
    """The mean over a method's seeds, and from the lowest to the highest; returns where it ends.

    A method that draws nothing is a dot at 0.

    rows  of all methods: they say what all are judged by
    """
    end = plots.known_mean([row.samples for row in group])
    judged = judged_by(rows)
    grid, lines = np.linspace(0, end, 41), []
    for row in group:
        if row.curve:
            drawn, share, *scores = np.array(row.curve, dtype=float).T
            score = SCALE[judged] * scores[SCORES.index(judged)]
            lines.append(np.interp(grid, drawn if row.online else share * end, score))
    mean = np.mean(lines, axis=0)
    axes.fill_between(grid, np.min(lines, axis=0), np.max(lines, axis=0), color=colour, alpha=0.2)
    axes.plot(grid, mean, plots.dash(group[0]), color=colour, linewidth=1.5)
    if end == 0:
        axes.plot(0, mean[-1], "o", color=colour, ms=5, clip_on=False)
    return grid[-1], mean[-1]


def write(figure, path_stem):
    """Save as .svg and .png and return the two paths."""
    paths = [Path(f"{path_stem}{suffix}") for suffix in (".svg", ".png")]
    for path in paths:
        plots.save(figure, path)
    return paths
