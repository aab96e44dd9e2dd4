"""One picture of the first command: end points on the known answer, then what was learned."""

from tinyalign.report import plots
from tinyalign.report.comparison_plots import (
    draw_bars,
    draw_frontier,
    draw_together,
    height,
    legend,
)
from tinyalign.report.rows import by_method


def picture(known, learned):
    """The exact end points of one comparison; accuracy and learning curves of another.

    known    runs.compare.results.Results where the best policies are known
    learned  the same where they are not
    """
    exact_rows = [row._replace(kl=row.exact_kl, reward=row.exact_reward) for row in known.rows]
    groups = by_method(learned.rows)
    figure = plots.new_figure(14, 0.9 + height(groups))
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.1, 1, 1.1))
    draw_frontier(left, by_method(exact_rows), known.exact)
    left.set_title(f"{known.config.env}: expected reward\n(line: the known answer)")
    draw_bars(middle, groups)
    middle.set_title(f"{learned.config.env}: held-out accuracy, %\n(dashed: start)")
    draw_together(right, groups)
    right.set_title(f"{learned.config.env}: held-out accuracy, %\nwhile training")
    legend(figure, groups)
    return figure
