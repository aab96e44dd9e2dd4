"""Tables, words and pictures: what they show, that they come out the same, what they load."""

import io
import itertools
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign import report
from tinyalign.cli import screen
from tinyalign.report import comparison_plots, html, plots, sentences, story, story_plot
from tinyalign.runs.compare import cost, results
from tinyalign.runs.config import Config


def row(method, family="pairs", accuracy=0.5, kl=1.0, seed=0, **other):
    """A finished run."""
    curve = ((0, 0.0, 0.4, 0.3), (3200, 0.5, 0.45, 0.4), (6400, 1.0, accuracy, accuracy))
    start = method == "start"
    fields = {
        "learns_from": "pairs", "samples": 0 if start else 6400, "models": "policy, ref",
        "bytes": 1_234_567, "seconds": 12.34, "curve": () if start else curve, "problems": 500,
        "online": family.startswith("rewards"), "entropy": 0.25,
    }  # fmt: skip
    return report.MethodResult(
        method, family=family, accuracy=accuracy, reward=accuracy, kl=kl, seed=seed,
        **fields | other,
    )  # fmt: skip


def seeds(method, accuracies, **other):
    """A method on several seeds."""
    return [row(method, accuracy=a, seed=i, **other) for i, a in enumerate(accuracies)]


START = seeds("start", [0.42, 0.41, 0.40, 0.43, 0.42], family="demonstrations")
ROWS = [
    *START,
    *seeds("dpo", [0.61, 0.63, 0.60, 0.66, 0.62]),
    *seeds("ipo", [0.62, 0.62, 0.61, 0.64, 0.63]),
    *seeds("grpo", [0.98, 0.99, 0.97, 0.99, 0.98], family="rewards, policy gradient"),
    *seeds("apo_down", [0.1, 0.43, 0.2, 0.1, 0.15]),
]
COSTS = {"dpo": cost.Cost(1, 256.0, 256.0, 0.0, 5_000_000)}


def cells(rows, method):
    """The main table's cells of a method, by column."""
    lines = {line[0]: line for line in report.main_cells(rows)}
    return dict(zip(report.COLUMNS, lines[method], strict=True))


def test_pictures_are_written_twice_and_the_same_bytes_each_time(tmp_path):
    for draw in (
        comparison_plots.overview,
        comparison_plots.scores,
        comparison_plots.frontier,
        comparison_plots.learning,
    ):
        first = comparison_plots.write(draw(ROWS), tmp_path / "a.b")
        again = comparison_plots.write(draw(ROWS), tmp_path / "again")
        assert [path.name for path in first] == ["a.b.svg", "a.b.png"]
        assert first[1].read_bytes()[:4] == b"\x89PNG"
        for a, b in zip(first, again, strict=True):
            assert a.read_bytes() == b.read_bytes()
        assert b"<dc:date>" not in first[0].read_bytes()


def test_a_picture_names_every_method(tmp_path):
    for figure in (
        comparison_plots.scores(ROWS),
        comparison_plots.frontier(ROWS),
        comparison_plots.costs(ROWS, COSTS),
    ):
        svg, _ = comparison_plots.write(figure, tmp_path / "x")
        for name in ("dpo", "grpo", "apo_down"):
            assert f"<!-- {name} -->" in svg.read_text()


def test_what_draws_nothing_is_drawn_at_0_and_a_pipeline_in_a_style_of_its_own():
    """SFT's line stays at 0 completions; `ppo` and `reward,ppo` share a colour, not a line."""
    flat = ((0, 0.0, 0.4, 0.3), (0, 0.5, 0.8, 0.4), (0, 1.0, 0.9, 0.9))
    critic = {"family": "rewards, with a critic", "online": True}
    some = [*START, row("sft", "demonstrations", curve=flat, samples=0, online=False)]
    some += [row("ppo", **critic), row("reward,ppo", **critic), row("dpo")]
    axes = dict(
        zip(["sft", "ppo", "reward,ppo", "dpo"], comparison_plots.learning(some).axes, strict=False)
    )
    assert [panel.get_title() for panel in axes.values()] == list(axes)
    lines = {method: panel.get_lines()[0] for method, panel in axes.items()}
    assert set(lines["sft"].get_xdata()) == {0}
    assert lines["ppo"].get_xdata()[-1] == 6400
    styles = {method: line.get_linestyle() for method, line in lines.items()}
    assert styles == {"sft": "-", "ppo": "-", "reward,ppo": "-.", "dpo": "--"}


def test_ticks_are_short_and_do_not_touch():
    """In the narrow panels of many methods too."""
    many = [*START, *(r for i in range(6) for r in seeds(f"m{i}", [0.5], samples=131_072))]
    figure = comparison_plots.learning(many)
    figure.draw_without_rendering()
    lowest = figure.axes[0]
    shown = [tick.label1 for tick in lowest.xaxis.get_major_ticks()]
    shown = [text for text in shown if 0 <= text.get_position()[0] <= lowest.get_xlim()[1]]
    assert "50k" in [text.get_text() for text in shown]
    boxes = [text.get_window_extent() for text in shown]
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_curves_draw_the_panels_that_were_measured(tmp_path):
    metrics = [{"step": i, "reward": i / 9, "kl": 0.1, "unknown": 3} for i in range(300)]
    metrics[7]["eval_accuracy"] = 0.5
    report.curves(metrics, tmp_path / "curves.svg")
    report.curves(metrics, tmp_path / "again.svg")
    drawn = (tmp_path / "curves.svg").read_text()
    assert drawn == (tmp_path / "again.svg").read_text()
    shown = [title for title, _ in plots.PANELS if f"<!-- {title} -->" in drawn]
    assert shown == ["reward", "accuracy", "KL to the reference, nats"]
    with pytest.raises(ValueError, match="nothing to draw"):
        report.curves([{"step": 1, "unknown": 2}], tmp_path / "curves.svg")


def test_the_tables_show_the_same_cells():
    lines = report.main_cells(ROWS)
    table = report.table(report.COLUMNS, lines)
    shown = list(zip(*(column.cells for column in table.columns), strict=True))
    marked = report.markdown_table(report.COLUMNS, lines).splitlines()[2:]
    assert [line[2:-2].split(" | ") for line in marked] == [list(cell) for cell in shown]
    assert [line[0] for line in shown] == ["start", "dpo", "ipo", "grpo", "apo_down"]


@pytest.mark.parametrize("width", [80, 100])
def test_the_tables_fit_the_screen(width):
    """No line is longer than the screen, and no header is broken."""
    from rich.console import Console

    for columns, lines in (
        (report.COLUMNS, report.main_cells(ROWS)),
        (report.COSTS, report.cost_cells(ROWS, COSTS)),
    ):
        out = io.StringIO()
        Console(width=width, file=out).print(report.table(columns, lines, width))
        first, *rest = out.getvalue().splitlines()
        kept = report.columns_that_fit(columns, lines, width)
        assert [name for name in kept if name not in first] == []
        assert len(kept) < len(columns) or width == 100
        assert len(rest) == len(lines) and "…" not in out.getvalue()


def test_the_table_of_one_seed_is_whole_on_a_screen_of_100():
    """README's first command: five methods, one seed."""
    names = ("start", "sft", "dpo", "grpo", "ppo", "reward,ppo")
    lines = report.main_cells([row(name) for name in names])
    assert tuple(report.columns_that_fit(report.COLUMNS, lines, 100)) == report.COLUMNS


def test_an_interval_over_seeds_and_over_problems():
    dpo = cells(ROWS, "dpo")["accuracy, %"]
    mean, low, high = map(float, re.findall(r"[\d.]+", dpo))
    assert mean == 62.4 and low < 61.5 and high > 63.5
    (one,) = report.main_cells([row("dpo", accuracy=0.6)])
    assert one[1] == "60.0 [55.6, 64.2]"  # Wilson, 300 of 500
    assert one[2] == "0.600"  # of a reward nothing is known from one seed


def test_what_was_not_measured_is_a_dash():
    (none,) = report.main_cells([row("x", accuracy=np.nan, kl=np.nan, entropy=np.nan)])
    assert (none[1], none[3], none[6]) == ("–", "–", "–")
    (judge,) = report.main_cells([row("reward", accuracy=np.nan, pair_accuracy=0.93, curve=())])
    assert judge[1] == "of pairs 93.0" and judge[7] == "–"


def test_seeds_that_fail_are_counted():
    """Those that broke off, and those that end below their own start."""
    assert cells(ROWS, "apo_down")["failed seeds"] == "4/5"  # the second ends above its start
    broken = row("dpo", accuracy=np.nan, seed=1, failure="the loss is nan")
    rows = [*START, row("dpo", accuracy=0.6), broken]
    assert report.failures(rows) == [("dpo", 1)]
    assert cells(rows, "dpo")["failed seeds"] == "1/2"
    assert cells(rows, "start")["failed seeds"] == "0/5"


def test_samples_to_90_percent():
    """At the look that found it; offline methods had drawn all of theirs by then."""
    assert cells(ROWS, "grpo")["completions to 90 %"] == "6,400"
    assert cells(ROWS, "dpo")["completions to 90 %"] == "not reached"
    curve = ((0, 0.0, 0.4, 0.4), (3200, 0.5, 0.93, 0.9), (6400, 1.0, 0.95, 0.9))
    assert report.samples_to_goal(row("kto", curve=curve)) == 6400
    assert report.samples_to_goal(row("ppo", "rewards, with a critic", curve=curve)) == 3200
    had = ((0, 0.0, 1.0, 0.4), (3200, 0.5, 0.93, 0.9))
    assert cells([row("ppo", curve=had)], "ppo")["completions to 90 %"] == "–"
    mixed = [row("ppo", accuracy=a, seed=i) for i, a in enumerate((0.95, 0.5))]
    assert cells(mixed, "ppo")["completions to 90 %"] == "6,400 (1/2)"


@pytest.mark.parametrize("count", range(1, 5))
def test_few_seeds_are_never_called_better(count):
    """However far apart."""
    few = [r for r in ROWS if r.seed < count]
    assert not any(part.tests or part.sentences for part in report.sections(few))
    assert sentences.ranking_sentence(few) == (
        f"too few seeds to rank methods: 5 needed, {count} run (--seeds 5)"
    )


def test_few_problems_are_judged_by_reward():
    """Four prompts, as the bandit has: accuracy moves by 25 points."""
    rows = [r._replace(problems=4) for r in ROWS]
    assert report.score_name(rows) == "reward" and report.score_name(ROWS) == "accuracy"
    assert "below their start in reward" in " ".join(sentences.notes(rows, report.COLUMNS))
    assert "below their start in accuracy" in " ".join(sentences.notes(ROWS, report.COLUMNS))


def test_notes_are_about_the_columns_that_are_shown():
    tables_shown = (
        (report.COLUMNS, report.main_cells(ROWS)),
        (report.COSTS, report.cost_cells(ROWS, COSTS)),
    )
    every = " ".join(sentences.notes(ROWS, [*report.COLUMNS, *report.COSTS]))
    shown = [name for pair in tables_shown for name in report.columns_that_fit(*pair, 70)]
    few = " ".join(sentences.notes(ROWS, shown))
    for name in ("entropy: ", "completions to 90 %: ", "tokens: "):
        assert name in every and name not in few
    assert "peak memory: " in few


@pytest.mark.parametrize("columns", [None, "80"])
def test_a_file_gets_every_column_and_a_narrow_screen_is_told_of_more(columns, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    config, some = Config(eval_size=500), [r for r in ROWS if r.seed < 2]
    comparison = results.Results(some, COSTS, (), config, 2)
    screen.print_comparison(comparison, report.sections(some), ["said"], "folder")
    out = capsys.readouterr().out
    assert ("entropy" in out, "completions to 90 %" in out) == ((columns is None,) * 2)
    assert ("more columns in report.html" in out) == (columns is not None)


class Reader(HTMLParser):
    """Finds what a page would fetch or run, its ids, and tags that are not closed."""

    def __init__(self):
        super().__init__()
        self.fetched, self.ids, self.tags, self.open = [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        values = dict(attributes)
        links = [values.get(name) for name in ("src", "href", "xlink:href")]
        self.fetched += [link for link in links if link and not link.startswith("#")]
        self.ids += [values["id"]] if "id" in values else []


def test_the_page_stands_alone(tmp_path):
    """No script, nothing fetched, no id twice, every method in it, and it knows the dark."""
    parts = []
    for name, draw in (("a", comparison_plots.scores), ("b", comparison_plots.learning)):
        svg, _ = comparison_plots.write(draw(ROWS), tmp_path / name)
        parts.append(html.figure(svg.read_text(), name, "a <caption>"))
    table = html.table(report.COLUMNS, report.main_cells(ROWS), report.LEFT)
    text = html.page("a & b", [("Table", [table]), ("Pictures", parts)])
    reader = Reader()
    reader.feed(text)
    assert reader.fetched == [] and "script" not in reader.tags
    assert "@import" not in text and not re.findall(r"url\((?!#)", text)
    assert len(reader.ids) == len(set(reader.ids)) > 10
    for target in re.findall(r'(?:href="#|url\(#)([^")]+)', text):
        assert target in reader.ids
    assert "prefers-color-scheme: dark" in text and "apo_down" in text and "a &amp; b" in text


def test_an_empty_comparison_is_refused():
    for call in (report.main_cells, comparison_plots.scores):
        with pytest.raises(ValueError, match="at least one row"):
            call([])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(0, 12))
def test_names_in_the_margin_never_overlap_nor_leave_the_axes(heights, others):
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    axes.set_ylim(0, 1)
    colours = {str(i): "black" for i in range(len(heights) + others)}
    plots.label_line_ends(axes, {str(i): (0, y) for i, y in enumerate(heights)}, colours)
    levels = np.sort([text.get_position()[1] for text in axes.texts])
    assert np.all(np.diff(levels) > 0.26 / max(2.4, 0.3 * len(colours)) - 1e-9)
    assert levels[-1] <= 1 + 1e-9 and levels[0] >= -0.05


@pytest.mark.parametrize("count, text", [(999, "999 B"), (1536, "1.5 kB"), (2.5e9, "2.5 GB")])
def test_sizes_are_readable(count, text):
    assert report.format_bytes(count) == text


def test_importing_report_loads_neither_matplotlib_nor_rich():
    code = "import sys, tinyalign.runs.compare.comparison; "
    code += "print({'matplotlib', 'rich'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_a_run_that_broke_off_has_reached_nothing_in_the_story():
    """Neither has a reward model; of a method with one failed seed, the other one counts."""
    ended = {"exact_kl": 1.0, "exact_reward": 0.6, "known_reward": 0.7}
    failed = [report.MethodResult(m, "pairs", "pairs", failure="killed") for m in ("dpo", "ipo")]
    judge = report.MethodResult("reward", "pairs", "pairs", pair_accuracy=0.9)
    _, said = story.sentences([*failed, row("ipo", seed=1, **ended), judge])
    assert said == (
        "No method reached it: ipo (by 0.100) fell short of it; dpo broke off; ipo broke off on 1 "
        "of 2 seeds, and its figures are of the rest; reward trains no policy."
    )
    _, after, _ = story.sentences([row("start"), *failed, row("ipo", accuracy=0.8, seed=1)])
    assert after.startswith("After: ipo 80.0 %; dpo broke off; ipo broke off on 1 of 2 seeds")


def test_what_a_pipeline_was_shown_has_no_sum_over_its_stages():
    """Its samples and labels are those of all stages; of a judge alone they are its pairs."""
    counts = {"learns_from": "rewards", "samples": 4096, "labels": 64}
    assert story.shown_words(row("grpo", **counts)) == "a score of each of its own 4,096 tries"
    assert story.shown_words(row("dpo,grpo", **counts)) == "a score of its own tries"
    learned = "32 pairs, and scores learned from them"
    assert story.shown_words(row("reward,ppo@4", **counts)) == learned
    assert story.shown_words(row("dpo,reward,ppo", **counts)) == learned[3:]


def test_methods_were_shown_different_things_only_where_they_were():
    differ = "methods were shown different things"
    same = [row("start"), row("dpo", labels=64), row("ipo", labels=64)]
    assert differ not in story.sentences(same)[-1]
    assert differ in story.sentences([*same, row("cpo", labels=128)])[-1]


def test_a_goal_is_reached_by_the_methods_of_which_a_run_ends_there():
    """A judge has no policy, and the start is no method; a run that broke off counts."""
    broken = report.MethodResult("grpo", "rewards", "rewards", seed=1, failure="killed")
    runs = [row("start"), *seeds("dpo", [0.6, 0.95]), row("grpo", accuracy=0.5), broken]
    assert sentences.goal_sentences([*runs, row("reward", curve=())]) == [
        "accuracy 0.9 reached: dpo (1/2)",
        "accuracy 0.9 not reached: grpo (0/2)",
    ]


def test_the_costs_of_one_run_and_of_one_that_broke_off():
    """A run that broke off holds no bytes and learned from what its method learns from."""
    broken = report.MethodResult("ipo", "pairs", "pairs", failure="killed")
    one, none = report.cost_cells([row("dpo", bytes=2_000), broken], {})
    assert one[3] == report.format_bytes(2_000) and none[3] == report.format_bytes(0)
    assert one[-1] == none[-1] == "pairs"
    assert broken.problems == 0


def test_learning_has_a_panel_for_each_of_few_methods_and_none_is_empty():
    figure = comparison_plots.learning([*START, *ROWS[5:10], *ROWS[15:20]])
    assert [axes.get_title() for axes in figure.axes] == ["dpo", "grpo"]


def test_the_story_says_over_each_panel_what_it_shows():
    config = Config()
    learned = results.Results(ROWS, COSTS, (), config, 5)
    known = results.Results(ROWS, COSTS, (), Config(env="bandit"), 5)
    titles = [axes.get_title() for axes in story_plot.picture(known, learned).axes]
    assert [title.partition(":")[0] for title in titles] == ["bandit", "addition", "addition"]
    assert "start" in titles[1] and "training" in titles[2]
