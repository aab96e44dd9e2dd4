"""The figures of a comparison: scores, reward against KL, learning curves, costs.

Each public function takes MethodResults and returns a matplotlib Figure. A family of methods has
one colour everywhere; the methods of a family are told apart by their names in the figure.
"""

from pathlib import Path

import numpy as np

from tinyalign.report import intervals, plots
from tinyalign.report.rows import DIGITS, SCALE, SCORES, by_method, score_name
from tinyalign.report.tables import accuracy_interval

COLOURS = {  # of the families: what a method learns from, and how
    "demonstrations": "#000000",
    "pairs": "#0072B2",
    "triples, thumbs, rankings": "#56B4E9",
    "rewards, policy gradient": "#D55E00",
    "rewards, with a critic": "#009E73",
    "rewards, samples picked": "#CC79A7",
    "pairs, a judge": "#E69F00",
}
ACROSS = 6  # panels in a row of small multiples
NAMES = {"accuracy": "held-out accuracy, %", "reward": "mean reward"}  # of report.SCORES
SAMPLES_AXIS = (
    "completions drawn (dashed: before training, laid out along it; dash-dot: a pipeline; "
    "dot at 0: none; dotted: the start)"
)


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
    """Inches that a list of methods takes, a line each."""
    return max(3.6, 1.2 + 0.22 * len(groups))


def overview(rows, exact=()):
    """Accuracy, reward against KL and learning curves side by side, for a few methods."""
    groups = by_method(rows)
    figure = plots.new_figure(14, 0.6 + height(groups))
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.1, 1.1))
    draw_bars(left, groups)
    draw_frontier(middle, groups, exact)
    draw_together(right, groups)
    legend(figure, groups)
    return figure


def scores(rows):
    """The final score of every method, with its interval."""
    groups = by_method(rows)
    figure = plots.new_figure(10, height(groups))
    draw_bars(figure.subplots(), groups)
    legend(figure, groups)
    return figure


def frontier(rows, exact=()):
    """Reward against KL; `exact` is (kl, reward) of the best there can be, where that is known."""
    groups = {m: g for m, g in by_method(rows).items() if np.isfinite(mean_of(g, "kl"))}
    figure = plots.new_figure(9, height(groups))
    draw_frontier(figure.subplots(), groups, exact)
    legend(figure, groups)
    return figure


def learning(rows):
    """Accuracy against completions drawn, one small panel a method, with a band over seeds."""
    groups = {m: g for m, g in by_method(rows).items() if any(r.curve for r in g)}
    down = -(-len(groups) // ACROSS)  # rounded up
    figure = plots.new_figure(12, 1.2 + 1.5 * down)
    grid = figure.subplots(down, min(ACROSS, len(groups)), sharex=True, sharey=True, squeeze=False)
    panels = grid.ravel()
    score, colours = score_name(rows), colours_of(groups)
    start = SCALE[score] * mean_of([row for row in rows if row.method == "start"], score)
    for axes, (method, group) in zip(panels, groups.items(), strict=False):
        draw_band(axes, group, rows, colours[method])
        axes.axhline(start, color="0.6", lw=0.8, ls=":")
        axes.set_title(method, fontsize="medium")
        plots.count_in_thousands(axes, 3)
        plots.style_axes(axes)
    for axes in panels[len(groups) :]:  # the last row may have empty places
        axes.set_visible(False)
    for axes in panels[max(0, len(groups) - ACROSS) : len(groups)]:  # the lowest of each column
        axes.tick_params(labelbottom=True)
    figure.supylabel(NAMES[score], fontsize="medium")
    figure.supxlabel(SAMPLES_AXIS, fontsize="medium")
    legend(figure, groups, "upper")
    return figure


def costs(rows, measured):
    """Bars: seconds, the networks' bytes and the peak, completions read in an update."""
    groups = {m: g for m, g in by_method(rows).items() if m != "start"}
    figure, colours = plots.new_figure(12, height(groups)), colours_of(groups)
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
        plots.style_axes(axes)
    # A black mark inside a bar: the part of it that the axis label names.
    networks = [group[0].bytes / 1e6 for group in groups.values()]
    panels[1].plot(networks, range(len(groups)), "|", color="black", ms=9)
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
    return plots.finite_mean([getattr(row, name) for row in group])


def draw_bars(axes, groups):
    """Mean score of each method, its interval, a dot for each seed, the start dashed."""
    colours, score = colours_of(groups), score_name(rows_in(groups))
    for i, (method, group) in enumerate(groups.items()):
        values = [SCALE[score] * getattr(row, score) for row in group]
        mean = plots.finite_mean(values)
        hatch = "//" if "," in method else None  # a pipeline
        axes.barh(i, mean, color=colours[method], height=0.7, hatch=hatch, edgecolor="white", lw=0)
        # The number stands in the right margin, at the height of its bar.
        text = f"{mean:.{DIGITS[score]}f}" if np.isfinite(mean) else "–"
        at = ("axes fraction", "data")
        axes.annotate(text, (1.01, i), xycoords=at, va="center", fontsize="small")
        accurate = score == "accuracy"
        interval = accuracy_interval(group) if accurate else intervals.bootstrap(values)
        axes.plot(SCALE[score] * np.array(interval), [i, i], color="0.35", lw=1.5)
        if len(group) > 1:
            axes.plot(values, [i] * len(group), "o", color="white", mec="black", ms=3.5, mew=0.7)
    title = NAMES[score]
    if "start" in groups:
        start = SCALE[score] * mean_of(groups["start"], score)
        axes.axvline(start, color="0.3", linestyle="--", lw=1)
        title += " (dashed: start)"
    axes.set(title=title)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_ylim(len(groups) - 0.5, -0.5)
    plots.style_axes(axes)


def rows_in(groups):
    """The results of all groups in one list."""
    return [row for group in groups.values() for row in group]


def draw_frontier(axes, groups, exact=()):
    """Mean reward and KL of each method, seeds as small dots.

    A cross is the start, a square a pipeline.
    """
    ends, colours = {}, colours_of(groups)
    for method, group in groups.items():
        kl, reward = [row.kl for row in group], [row.reward for row in group]
        ends[method] = (plots.finite_mean(kl), plots.finite_mean(reward))
        mark = "X" if method == "start" else "D" if "," in method else "o"
        axes.plot(*ends[method], mark, color=colours[method], ms=8, mec="white")
        if len(group) > 1:
            axes.plot(kl, reward, "o", color=colours[method], ms=3, alpha=0.5, mew=0)
    title = "reward against KL"
    if len(exact):  # an array of two rows, or ()
        axes.plot(*exact, color="0.4", lw=1.2, zorder=1)
        title += " (line: best possible)"
    axes.set(title=title, xlabel="KL to the start, nats per completion")
    plots.label_line_ends(axes, ends, colours)
    plots.style_axes(axes)


def draw_together(axes, groups):
    """The learning curves of a few methods in one panel, each with its name."""
    rows, colours = rows_in(groups), colours_of(groups)
    ends = {
        method: draw_band(axes, group, rows, colours[method])
        for method, group in groups.items()
        if any(row.curve for row in group)
    }
    axes.set(title=f"{NAMES[score_name(rows)]}, while training")
    # Two lines, because a panel of three is narrow.
    axes.set_xlabel(
        "completions drawn\ndashed: before training; dash-dot: a pipeline; dot at 0: none"
    )
    plots.count_in_thousands(axes, 6)
    plots.label_line_ends(axes, ends, colours)
    plots.style_axes(axes)


def draw_band(axes, group, rows, colour):
    """A method's mean curve over a band from its lowest to its highest seed; returns its end.

    A method that draws no samples is a dot at 0.

    rows  of all methods: they decide which score is drawn
    """
    end = plots.finite_mean([row.samples for row in group])
    score = score_name(rows)
    grid, lines = np.linspace(0, end, 41), []  # seeds evaluate at different samples: one grid
    for row in group:
        if row.curve:
            drawn, share, *scores = np.array(row.curve, dtype=float).T
            values = SCALE[score] * scores[SCORES.index(score)]
            # Offline methods draw before they train, so their training is stretched over the axis.
            lines.append(np.interp(grid, drawn if row.online else share * end, values))
    mean = np.mean(lines, axis=0)
    axes.fill_between(grid, np.min(lines, axis=0), np.max(lines, axis=0), color=colour, alpha=0.2)
    axes.plot(grid, mean, plots.linestyle(group[0]), color=colour, linewidth=1.5)
    if end == 0:
        axes.plot(0, mean[-1], "o", color=colour, ms=5, clip_on=False)
    return grid[-1], mean[-1]


def write(figure, path_stem):
    """Save as .svg and .png and return the two paths."""
    paths = [Path(f"{path_stem}{suffix}") for suffix in (".svg", ".png")]
    for path in paths:
        plots.save(figure, path)
    return paths
