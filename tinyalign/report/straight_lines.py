"""The picture of an exam: is a statistic a straight line in the reward?"""

import numpy as np

from tinyalign.report.plots import COLOURS, new_figure, save, style_axes


def straight_lines(panels, prompts, answers, path):
    """Write a figure with one scatter a panel, a prompt a colour, and the line to compare with.

    panels   [(title, score (P, K), statistic (P, K), slope of the line, or None for the best)];
             both are drawn less their mean over the answers of a prompt, which says nothing
    prompts  P names, for the legend
    answers  K names, written beside the points of the first prompt
    path     where the figure goes
    """
    figure = new_figure(4.4 * len(panels), 3.6)
    for i, (title, score, statistic, slope) in enumerate(panels):
        axes = figure.add_subplot(
            1,
            len(panels),
            i + 1,
            title=title,
            xlabel="reward less its mean",
            ylabel="statistic less its mean",
        )
        x, y = (a - a.mean(axis=1, keepdims=True) for a in (score, statistic))
        for prompt, across, up, colour in zip(prompts, x, y, COLOURS, strict=False):
            axes.plot(across, up, "o", color=colour, label=prompt, markersize=4)
        for name, across, up in zip(answers, x[0], y[0], strict=True):
            axes.annotate(name, (across, up), (3, 3), textcoords="offset points", fontsize="small")
        ends = np.array([x.min(), x.max()])
        steep = np.sum(x * y) / np.sum(x * x) if slope is None else slope
        axes.plot(ends, steep * ends, color="0.6", linewidth=1, zorder=0)
        axes.legend(title="prompt", frameon=False, fontsize="small")
        style_axes(axes)
    save(figure, path)
