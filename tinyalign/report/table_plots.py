"""Pictures of tables: scores with intervals and seeds, scores at the matched KL, frontiers."""

import numpy as np

from tinyalign.report import comparison_plots, differences, intervals, matched, plots
from tinyalign.report.rows import DIGITS, SCALE, by_method, by_table, score_name
from tinyalign.report.score_tables import HEADINGS
from tinyalign.report.tables import accuracy_interval

TITLES = {"accuracy": "held-out accuracy, %", "reward": "reward of held-out prompts"}


def table_scores(rows, tests=()):
    """A figure with a line for each method of a table, the highest at the top.

    rows   of one table, the start among them
    tests  their differences: the names of the best group are bold
    """
    groups = {m: g for m, g in by_method(rows).items() if judged(g, score_name(rows))}
    ordered = sorted(groups, key=lambda m: -mean_score(groups[m]))
    figure = plots.new_figure(10, 1.6 + 0.24 * len(groups))
    axes = figure.subplots()
    draw_scores(axes, rows, ordered)
    draw_matched(axes, rows, ordered)
    style_table(axes, rows, ordered, differences.best_group(rows, tests))
    comparison_plots.legend(figure, groups)
    return figure


def judged(group, score):
    """Whether a method was measured on any seed: a reward model was not."""
    return np.isfinite([getattr(row, score) for row in group]).any()


def mean_score(group):
    """The mean over seeds, in units of the axis."""
    score = score_name(group)
    return SCALE[score] * comparison_plots.mean_of(group, score)


def draw_scores(axes, rows, names):
    """Each method's mean as a dot, its interval as a bar, its seeds as small pale dots."""
    groups, score = by_method(rows), score_name(rows)
    colours = comparison_plots.colours_of(groups)
    for i, name in enumerate(names):
        values = SCALE[score] * np.array([getattr(row, score) for row in groups[name]])
        over = accuracy_interval if score == "accuracy" else reward_interval
        low, high = SCALE[score] * np.array(over(groups[name]))
        mean = mean_score(groups[name])
        axes.plot([low, high], [i, i], color=colours[name], lw=5, alpha=0.35)
        axes.plot(values, [i] * len(values), "o", color=colours[name], ms=3, alpha=0.6, mew=0)
        axes.plot(mean, i, "o", color=colours[name], ms=7, mec="white")
        # The number stands in the right margin, at the height of its line.
        at = ("axes fraction", "data")
        text = f"{mean:.{DIGITS[score]}f}"
        axes.annotate(text, (1.01, i), xycoords=at, va="center", fontsize="small")


def reward_interval(group):
    """(low, high) of the mean reward over seeds."""
    return intervals.bootstrap([row.reward for row in group])


def draw_matched(axes, rows, names):
    """A hollow diamond at the score at the matched KL of each method whose seeds all reach it."""
    at_kl, scale = matched.means_at_kl(rows), SCALE[score_name(rows)]
    for i, name in enumerate(names):
        if name in at_kl:
            axes.plot(scale * at_kl[name], i, "D", mfc="white", mec="black", ms=5, mew=1, zorder=4)


def style_table(axes, rows, names, best):
    """The title says what the marks are; the names in `best` are bold."""
    groups, score, kl = by_method(rows), score_name(rows), matched.matched_kl(rows)
    title = f"{TITLES[score]}: mean, 95 % interval, seeds"
    if np.isfinite(kl):
        title += f"; diamond: at KL {kl:.2g}"
    if "start" in groups:
        axes.axvline(mean_score(groups["start"]), color="0.3", linestyle="--", lw=1)
        title += "; dashed: start"
    axes.set_title(title, fontsize="medium")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    if len(names) > 2:  # one method beside the start is no group
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() in best else "normal")
        axes.set_xlabel("bold: the highest and those not told from it" if best else "")
    plots.style_axes(axes)


def frontiers(rows, exact=()):
    """Reward against KL, a panel for each table with several methods, one below the other.

    rows   of a whole comparison; methods that have a table to themselves stand in every panel
    exact  (kl, reward) of the best there can be, where that is known
    """
    tables = {name: by_method(own) for name, own in by_table(rows).items()}
    alone = [groups for groups in tables.values() if len(groups) == 2]  # the start and one method
    several = {name: groups for name, groups in tables.items() if len(groups) > 2}
    panels = {name: merge([*alone, groups]) for name, groups in (several or tables).items()}
    heights = [comparison_plots.height(groups) for groups in panels.values()]
    figure = plots.new_figure(9, sum(heights))
    grid = figure.subplots(len(panels), squeeze=False, height_ratios=heights).ravel()
    for axes, (name, groups) in zip(grid, panels.items(), strict=True):
        comparison_plots.draw_frontier(axes, groups, exact)
        axes.set_title(f"{HEADINGS[name]}: {axes.get_title()}")
    comparison_plots.legend(figure, by_method(rows))
    return figure


def merge(tables):
    """The groups of several tables in one, without those whose KL was not measured."""
    groups = {method: group for own in tables for method, group in own.items()}
    return {m: g for m, g in groups.items() if np.isfinite(comparison_plots.mean_of(g, "kl"))}
