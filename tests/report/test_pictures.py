"""What the figures hold, read from matplotlib's objects: nothing is drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from tinyalign import report
from tinyalign.report import comparison_plots, plots, story_plot, straight_lines, table_plots
from tinyalign.runs.compare import cost, results
from tinyalign.runs.config import Config

FAMILIES = {
    "start": "demonstrations",
    "dpo": "pairs",
    "ppo": "rewards, with a critic",
    "reward,ppo": "rewards, with a critic",
}
SCORES = {
    "start": (0.25, 0.5),
    "dpo": (0.5, 0.75),
    "ppo": (0.75, 1.0),
    "reward,ppo": (0.375, 0.625),
}


def row(method, seed):
    """A finished run: accuracy of SCORES, and a curve that rises to the accuracy."""
    score = SCORES[method][seed]
    start = method == "start"
    curve = ((0, 0.0, 0.25, 0.1), (400, 1.0, score, score - 0.1))
    return report.MethodResult(
        method, family=FAMILIES[method], learns_from="pairs", accuracy=score, reward=score - 0.1,
        kl=0.0 if start else 1.0 + seed, seed=seed, samples=0 if start else 400, problems=500,
        curve=() if start else curve, online=not start, bytes=3_000_000, seconds=2.0 + 2 * seed,
        models="policy", entropy=0.25,
    )  # fmt: skip


ROWS = [row(method, seed) for method in SCORES for seed in (0, 1)]
EXACT = np.array([[0.0, 1.0], [0.3, 0.9]])
COLOURS = {method: comparison_plots.COLOURS[family] for method, family in FAMILIES.items()}


def marks(axes, marker):
    """{colour: points} of the lines of a marker."""
    lines = [line for line in axes.get_lines() if line.get_marker() == marker]
    return [(to_hex(line.get_color()).upper(), line.get_xydata().tolist()) for line in lines]


def written(axes):
    """What stands in the margin of a panel, by its height there."""
    return [text.get_text() for text in sorted(axes.texts, key=lambda text: text.xyann[1])]


@pytest.fixture(scope="module")
def overview():
    return comparison_plots.overview(ROWS, EXACT)


def test_the_bars_are_the_means_with_a_dot_for_each_seed(overview):
    axes = overview.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(SCORES)
    assert [bar.get_width() for bar in axes.patches] == [37.5, 62.5, 87.5, 50.0]
    assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == list(COLOURS.values())
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [False, False, False, True]
    assert written(axes) == ["37.5", "62.5", "87.5", "50.0"]
    seeds = [points for _, points in marks(axes, "o")]
    assert seeds == [[[100 * x, i] for x in SCORES[m]] for i, m in enumerate(SCORES)]
    (start,) = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert set(start.get_xdata()) == {37.5} and "dashed: start" in axes.get_title()
    assert axes.get_ylim() == (3.5, -0.5)  # the first method is at the top


def test_an_interval_lies_at_its_bar_around_the_mean(overview):
    axes = overview.axes[0]
    across = [line for line in axes.get_lines() if to_hex(line.get_color()) == "#595959"]
    assert [set(line.get_ydata()) for line in across] == [{0}, {1}, {2}, {3}]
    for line, bar in zip(across, axes.patches, strict=True):
        low, high = line.get_xdata()
        assert low < bar.get_width() < high


def test_the_frontier_marks_start_methods_and_pipelines(overview):
    """A cross, dots and a square at the means; the seeds are dots of their own."""
    axes = overview.axes[1]
    assert marks(axes, "X") == [(COLOURS["start"], [[0.0, pytest.approx(0.275)]])]
    assert marks(axes, "D") == [(COLOURS["ppo"], [[1.5, pytest.approx(0.4)]])]
    sizes = [line.get_markersize() for line in axes.get_lines() if line.get_marker() == "o"]
    dots = [points for _, points in marks(axes, "o")]
    ends = [points for points, size in zip(dots, sizes, strict=True) if size > 5]
    assert ends == [[[1.5, pytest.approx(0.525)]], [[1.5, pytest.approx(0.775)]]]
    assert [len(points) for points, size in zip(dots, sizes, strict=True) if size < 5] == [2] * 4
    (best,) = [line for line in axes.get_lines() if line.get_marker() == "None"]
    np.testing.assert_array_equal(best.get_xydata().T, EXACT)
    assert "line: best possible" in axes.get_title()
    assert {text.get_text() for text in axes.texts} == set(SCORES)


def test_without_the_best_possible_no_line_is_promised():
    axes = comparison_plots.frontier(ROWS).axes[0]
    assert "best" not in axes.get_title()
    assert all(line.get_marker() != "None" for line in axes.get_lines())


def test_the_curves_of_few_methods_end_at_their_means_inside_a_band(overview):
    axes = overview.axes[2]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 1]
    assert [line.get_xydata()[0].tolist() for line in lines] == [[0.0, 25.0]] * 3
    assert [line.get_xydata()[-1].tolist() for line in lines] == [
        [400.0, 62.5], [400.0, 87.5], [400.0, 50.0]
    ]  # fmt: skip
    assert [line.get_linestyle() for line in lines] == ["-", "-", "-."]
    heights = [band.get_paths()[0].vertices[:, 1] for band in axes.collections]
    assert [(y.min(), y.max()) for y in heights] == [(25.0, 75.0), (25.0, 100.0), (25.0, 62.5)]
    assert {text.get_text() for text in axes.texts} == {"dpo", "ppo", "reward,ppo"}
    assert axes.get_title() == "held-out accuracy, %, while training"


@pytest.mark.parametrize(
    "draw",
    [
        comparison_plots.overview, comparison_plots.scores, comparison_plots.frontier,
        table_plots.table_scores, table_plots.frontiers,
    ],
)  # fmt: skip
def test_the_legend_names_each_family_once_beside_its_colour(draw):
    figure = draw(ROWS)
    (legend,) = figure.legends
    families = list(dict.fromkeys(FAMILIES.values()))
    assert [text.get_text() for text in legend.get_texts()] == families
    colours = [to_hex(patch.get_facecolor()).upper() for patch in legend.get_patches()]
    assert colours == [comparison_plots.COLOURS[family] for family in families]
    assert legend.get_title().get_text() == "colour: what a method learns from"


def test_the_curves_of_many_methods_say_what_their_axes_are():
    """The start is a dotted line in each panel; a legend stands above all of them."""
    figure = comparison_plots.learning(ROWS)
    assert [axes.get_title() for axes in figure.axes if axes.get_visible()] == list(SCORES)[1:]
    assert figure.get_supylabel() == "held-out accuracy, %"
    assert figure.get_supxlabel().startswith("completions drawn (dashed: before training")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["pairs", "rewards, with a critic"]
    for axes in figure.axes:
        (start,) = [line for line in axes.get_lines() if line.get_linestyle() == ":"]
        assert set(start.get_ydata()) == {37.5}


def test_the_first_picture_has_the_exact_ends_of_one_task_and_the_scores_of_another():
    """On the left stand KL and reward of the policy itself, not of its samples."""
    exact = [row._replace(exact_kl=2 * row.kl, exact_reward=row.reward / 2) for row in ROWS]
    known = results.Results(exact, {}, EXACT, Config(env="bandit"), 5)
    figure = story_plot.picture(known, results.Results(ROWS, {}, (), Config(), 5))
    left, middle, right = figure.axes
    assert marks(left, "X") == [(COLOURS["start"], [[0.0, pytest.approx(0.1375)]])]
    assert marks(left, "D") == [(COLOURS["ppo"], [[3.0, pytest.approx(0.2)]])]
    assert any(np.array_equal(line.get_xydata().T, EXACT) for line in left.get_lines())
    assert [bar.get_width() for bar in middle.patches] == [37.5, 62.5, 87.5, 50.0]
    assert {text.get_text() for text in right.texts} == {"dpo", "ppo", "reward,ppo"}
    assert len(figure.legends) == 1


def test_the_panels_stand_side_by_side(overview):
    """Left to right, none narrower than two thirds of another."""
    boxes = [axes.get_subplotspec().get_position(overview) for axes in overview.axes]
    assert boxes[0].x0 < boxes[1].x0 < boxes[2].x0
    widths = [box.width for box in boxes]
    assert min(widths) > 0.66 * max(widths)


def test_the_costs_are_bars_with_a_mark_for_the_part():
    measured = {"dpo": cost.Cost(1, 256.0, 128.0, 0.0, 5_000_000)}
    seconds, memory, read = comparison_plots.costs(ROWS, measured).axes
    assert [bar.get_width() for bar in seconds.patches] == [3.0, 3.0, 3.0]
    assert [label.get_text() for label in seconds.get_yticklabels()] == list(SCORES)[1:]
    np.testing.assert_array_equal([b.get_width() for b in memory.patches], [5.0, np.nan, np.nan])
    np.testing.assert_array_equal([b.get_width() for b in read.patches], [256.0, np.nan, np.nan])
    assert memory.get_lines()[0].get_xdata().tolist() == [3.0, 3.0, 3.0]
    assert read.get_lines()[0].get_xdata()[0] == 128.0
    assert "weights" in memory.get_xlabel() and "backward" in read.get_xlabel()


def test_the_picture_of_a_table_orders_its_methods_and_leaves_out_what_was_not_measured():
    blank = report.MethodResult("reward", "pairs", "pairs", seed=0)
    axes = table_plots.table_scores([*ROWS, blank]).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["ppo", "dpo", "reward,ppo", "start"]
    assert written(axes) == ["87.5", "62.5", "50.0", "37.5"]
    large = [line for line in axes.get_lines() if line.get_markersize() == 7]
    assert [line.get_xydata().tolist() for line in large] == [
        [[87.5, 0.0]], [[62.5, 1.0]], [[50.0, 2.0]], [[37.5, 3.0]]
    ]  # fmt: skip
    assert "dashed: start" in axes.get_title()


@pytest.mark.parametrize(("slope", "drawn"), [(None, 2.0), (0.5, 0.5)])
def test_the_line_of_an_exam_is_the_best_or_the_one_given(monkeypatch, slope, drawn):
    """The statistic is twice the score and a number of the prompt's own, which says nothing."""
    score = np.array([[0.0, 1.0, 5.0], [2.0, 2.0, 5.0]])
    statistic = 2 * score + np.array([[7.0], [-3.0]])
    saved = []
    monkeypatch.setattr(straight_lines, "save", lambda figure, path: saved.append((figure, path)))
    panels = [("log-ratio", score, statistic, slope)]
    straight_lines.straight_lines(panels, ["p", "q"], ["a", "b", "c"], "there.svg")
    ((figure, path),) = saved
    (axes,) = figure.axes
    *points, line = axes.get_lines()
    assert path == "there.svg" and axes.get_title() == "log-ratio"
    assert [dots.get_label() for dots in points] == ["p", "q"]
    assert [dots.get_xdata().tolist() for dots in points] == [[-2, -1, 3], [-1, -1, 2]]
    assert [dots.get_ydata().tolist() for dots in points] == [[-4, -2, 6], [-2, -2, 4]]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c"]
    assert [text.xy for text in axes.texts] == [(-2, -4), (-1, -2), (3, 6)]
    np.testing.assert_allclose(line.get_xydata(), [[-2, -2 * drawn], [3, 3 * drawn]])


@pytest.mark.parametrize(("count", "reach"), [(60, 0), (250, 5)])
def test_a_long_line_is_a_running_mean_over_the_faint_original(count, reach):
    step, value = np.arange(count) + 1.0, np.arange(count) % 2.0
    figure = plots.panels([("reward", {"a": (step, value), "b": (step, 1 - value)})])
    (axes,) = figure.axes
    lines = axes.get_lines()
    assert [line.get_label() for line in lines if not line.get_label().startswith("_")] == [
        "a",
        "b",
    ]
    assert len(lines) == (4 if reach else 2)
    np.testing.assert_array_equal(lines[0].get_ydata(), value)
    assert (lines[0].get_alpha() is None) == (not reach)
    if reach:
        mean = lines[1]
        assert (mean.get_xdata()[0], mean.get_xdata()[-1]) == (1 + reach, count - reach)
        window = value[: 2 * reach + 1]
        assert mean.get_ydata()[0] == pytest.approx(window.mean())
