"""Three tables and one at test time: their cells, the matched KL, sentences, pictures, pages."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyalign import methods, report
from tinyalign.cli import screen
from tinyalign.report import (
    comparison_page,
    differences,
    intervals,
    matched,
    rows,
    score_tables,
    sentences,
    table_plots,
)
from tinyalign.runs.compare import comparison, results
from tinyalign.runs.config import Config

ROOT = Path(__file__).parents[2]
SEEDS = 6


def path_to(kl, score, looks=7):
    """A straight path from (0, 0.4, 0.3) to (kl, score, score − 0.1)."""
    share = np.linspace(0, 1, looks)
    ends = zip(kl * share, 0.4 + (score - 0.4) * share, 0.3 + (score - 0.4) * share, strict=True)
    return tuple((float(a), float(b), float(c)) for a, b, c in ends)


def run(method, score, kl=1.0, seed=0, **other):
    """A finished run; its score moves a little with the seed."""
    path = path_to(kl, score)
    curve = tuple((16384 * i / 6, i / 6, *point[1:]) for i, point in enumerate(path))
    fields = {
        "family": "rewards, policy gradient", "learns_from": "rewards", "accuracy": score,
        "reward": score - 0.1, "kl": kl, "samples": 16384, "curve": curve, "path": path,
        "problems": 500, "updates": 64, "table": "rewards", "models": "policy",
    }  # fmt: skip
    return report.MethodResult(method=method, seed=seed, **fields | other)


def runs(method, score, count=SEEDS, **other):
    """The method on several seeds."""
    rng = np.random.default_rng(list(method.encode()))
    noise = rng.normal(0, 0.01, size=count)
    return [run(method, score + noise[i], seed=i, **other) for i in range(count)]


PAIRS = {
    "family": "pairs", "learns_from": "pairs", "online": False, "table": "fixed feedback",
    "labels": 8192, "updates": 128,
}  # fmt: skip
ROWS = [
    *runs("start", 0.4, kl=0.0, samples=0, curve=(), path=(), updates=70, labels=0,
          family="demonstrations"),
    *runs("sft", 0.99, **PAIRS | {"family": "demonstrations", "table": "demonstrations"}),
    *runs("reward", 0.5, **PAIRS | {"accuracy": np.nan, "reward": np.nan, "kl": np.nan},
          curve=(), path=(), pair_accuracy=0.74, caveat="it trains a judge"),
    *runs("dpo", 0.62, kl=0.8, **PAIRS, sensitivity=-0.031, settings="rate 0.001, beta 0.3"),
    *runs("ipo", 0.625, kl=0.4, **PAIRS, optimum_kl=0.0012),
    *runs("grpo@1", 0.70, kl=0.5),
    *runs("grpo@4", 0.85, kl=1.5),
    *runs("rloo@1", 0.70, kl=0.2),
    *runs("best_of_n", 0.77, curve=(), path=(), table="test time", updates=np.nan),
]  # fmt: skip
TABLES = rows.by_table(ROWS)


def lines_of(table, rows_=None):
    """{method: {column: cell}} of one table."""
    columns, cells = score_tables.score_table(rows_ or TABLES[table])
    return {line[0]: dict(zip(columns, line, strict=True)) for line in cells}


def made(rows_=ROWS, **config):
    """The results of a comparison."""
    return results.Results(rows_, {}, (), Config(eval_size=500, **config), SEEDS)


def test_every_method_stands_in_its_table_and_the_start_in_each():
    assert tuple(TABLES) == report.TABLES
    assert {name: list(rows.by_method(own)) for name, own in TABLES.items()} == {
        "demonstrations": ["start", "sft"],
        "fixed feedback": ["start", "reward", "dpo", "ipo"],
        "rewards": ["start", "grpo@1", "grpo@4", "rloo@1"],
        "test time": ["start", "best_of_n"],
    }
    assert all({row.table for row in own} == {name} for name, own in TABLES.items())
    assert set(score_tables.HEADINGS) == set(report.TABLES)


def test_few_methods_on_few_seeds_have_one_table():
    names = ["start", *(f"m{i}" for i in range(rows.FEW - 1))]
    few = [run(name, 0.5, seed=seed) for name in names for seed in range(intervals.ENOUGH - 1)]
    (part,) = report.sections(few)
    assert part.columns == report.COLUMNS and not part.tests
    assert len(report.sections([*few, run("another", 0.5)])) == 1  # one kind of feedback
    assert report.sections([*few, run("another", 0.5)])[0].columns != report.COLUMNS
    assert report.sections(ROWS)[0].heading == "From demonstrations"


def test_the_columns_of_each_table():
    columns = {name: score_tables.score_table(own)[0] for name, own in TABLES.items()}
    kl = f"at KL {matched.matched_kl(TABLES['rewards']):.2g}"
    assert columns["rewards"] == (
        "method", "accuracy, %", kl, "KL, nats", "completions", "updates", "completions to 90 %",
        "failed seeds",
    )  # fmt: skip
    assert columns["fixed feedback"] == (
        "method", "accuracy, %", "at KL 0.4", "KL, nats", "KL to optimum", "labels", "updates",
        "sensitivity", "updates to 90 %", "failed seeds",
    )  # fmt: skip
    assert columns["test time"] == (
        "method", "accuracy, %", "KL, nats", "completions", "failed seeds",
    )  # fmt: skip


def test_the_cells_of_a_table():
    fixed = lines_of("fixed feedback")
    assert fixed["start"]["labels"] == fixed["start"]["updates"] == "–"
    assert fixed["dpo"]["sensitivity"] == "-3.1" and fixed["ipo"]["sensitivity"] == "–"
    assert fixed["ipo"]["KL to optimum"] == "0.0012" and fixed["ipo"]["labels"] == "8,192"
    assert fixed["reward *"]["accuracy, %"] == "of pairs 74.0"
    assert fixed["dpo"]["updates to 90 %"] == "not reached"
    assert lines_of("demonstrations")["sft"]["updates to 90 %"] == "128"
    assert score_tables.caveats(TABLES["fixed feedback"]) == ["* reward: it trains a judge"]
    assert score_tables.settings_cells(ROWS) == [("dpo", "rate 0.001, beta 0.3")]
    few = [row._replace(problems=4) for row in TABLES["rewards"]]
    assert re.fullmatch(r"0\.7\d\d \[0\.7\d, 0\.7\d\]", lines_of("", few)["grpo@4"]["reward"])


def test_updates_to_the_goal_are_those_before_the_look_that_found_it():
    curve = ((0, 0.0, 0.4, 0.4), (8192, 0.25, 0.93, 0.9), (8192, 1.0, 0.99, 0.9))
    sft = run("sft", 0.99, curve=curve, updates=200)
    assert rows.updates_to_goal(sft) == 50
    assert np.isnan(rows.updates_to_goal(sft._replace(curve=curve[1:])))  # the start had it
    assert np.isnan(rows.updates_to_goal(run("dpo", 0.6)))


def test_the_matched_kl_is_reached_by_nine_tenths_of_the_runs():
    own = [run("a", 0.5, kl=k / 10, seed=k) for k in range(1, 11)]
    own += [run("b", 0.5, kl=3.0, seed=k) for k in range(10)]
    kl = matched.matched_kl(own)
    assert kl == pytest.approx(0.3) and sum(row.kl >= kl for row in own) == 18  # of 20
    assert np.isnan(matched.matched_kl(TABLES["test time"]))
    assert np.isnan(matched.matched_kl(TABLES["demonstrations"]))  # nobody to match


@given(st.floats(0, 2), st.floats(0.1, 2), st.floats(0, 1))
def test_a_score_at_a_kl_is_interpolated_on_the_runs_own_path(asked, kl, score):
    found = matched.score_at_kl(run("a", score, kl=kl), asked)
    if asked > kl:
        assert np.isnan(found)
    else:
        np.testing.assert_allclose(found, 0.4 + (score - 0.4) * asked / kl, atol=1e-9)


def test_a_path_that_goes_back_counts_where_it_first_was():
    back = ((0.0, 0.4, 0.3), (0.4, 0.6, 0.5), (0.2, 0.5, 0.4), (0.4, 0.9, 0.8))
    assert matched.score_at_kl(run("a", 0.9, path=back), 0.3) == pytest.approx(0.55)
    assert matched.score_at_kl(run("a", 0.9, path=back, problems=4), 0.3) == pytest.approx(0.45)


def test_seeds_that_never_go_so_far_are_said_and_their_methods_not_compared():
    mixed = [run("c", 0.6, kl=0.05 if seed == 0 else 0.5, seed=seed) for seed in range(SEEDS)]
    own = [*TABLES["rewards"], *mixed]
    cell = lines_of("", own)["c"]
    assert next(text for name, text in cell.items() if name.startswith("at KL")).endswith("(5/6)")
    assert set(matched.means_at_kl(own)) == {"grpo@1", "grpo@4", "rloo@1"}


def test_the_sentences_of_a_table_say_what_its_numbers_say():
    own = TABLES["rewards"]
    said = sentences.table_sentences(own, differences.differences(own))
    assert said[0] == "3 methods (grpo@1, grpo@4, rloo@1) are better than the start."
    assert re.fullmatch(r"grpo@4 is highest with 8\d\.\d %\.", said[1])
    assert said[2] == "grpo@4 is better than 2 methods (grpo@1, rloo@1)."
    assert re.fullmatch(
        r"1 of 6 tests tell no difference; the widest of their intervals is that of grpo@1 minus "
        r"rloo@1, [+-]\d\.\d \[-\d\.\d, \d\.\d\] points\.",
        said[3],
    )
    assert (
        re.fullmatch(
            r"At KL 0\.2 rloo@1 leads with 70\.\d % before grpo@4 with 46\.\d %; 3 of 3 pairs of "
            r"methods stand the other way round than at the end\.",
            said[4],
        )
        or "2 of 3 pairs" in said[4]
    )
    fixed = TABLES["fixed feedback"]
    said = sentences.table_sentences(fixed, differences.differences(fixed))
    assert said[0] == "1 of 1 methods with a known optimum end within 0.02 nats of it on average."
    assert "not told from it" in said[2]
    alone = TABLES["test time"]
    said = sentences.table_sentences(alone, differences.differences(alone))
    assert said == ["best_of_n is better than the start."]


def test_a_method_is_called_near_its_optimum_only_if_every_seed_says_so():
    near, far = runs("dpo", 0.6, optimum_kl=0.01), runs("nca", 0.6, optimum_kl=0.5)
    lost = [*near[:-1], near[-1]._replace(method="dpo", optimum_kl=np.nan)]
    assert sentences.optimum_sentence(TABLES["rewards"]) == ""
    said = "methods with a known optimum end within 0.02 nats of it on average"
    assert sentences.optimum_sentence([*near, *far]) == f"1 of 2 {said}; the others: nca 0.5."
    assert sentences.optimum_sentence(lost) == f"0 of 1 {said}; the others: dpo 0.01."


def test_no_list_is_longer_than_eight_names():
    many = [r for i in range(12) for r in runs(f"m{i}", 0.6 + 0.02 * i)]
    own = [*TABLES["rewards"], *many]
    said = sentences.table_sentences(own, differences.differences(own))
    assert len(said) <= 5 and "15 methods (listed under Differences) are better" in said[0]
    for line in said:
        assert (
            max((len(names.split(", ")) for names in re.findall(r"\((.*?)\)", line)), default=0)
            <= 8
        )


@pytest.mark.parametrize("columns", [None, "80"])
def test_the_terminal_shows_each_table_with_its_words(columns, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    parts, lines = report.sections(ROWS), comparison.closing_sentences(made())
    screen.print_comparison(made(), parts, lines, "folder")
    out = capsys.readouterr().out
    headings = [out.index(f"{heading}\n\nmethod") for heading in score_tables.HEADINGS.values()]
    assert headings == sorted(headings)
    assert "* reward: it trains a judge" in out and "Holm's correction" in " ".join(out.split())
    assert "Differences in report.html" in out and "too few seeds" not in out
    assert ("completions to 90 %: " in out) == (columns is None)
    assert ("more columns and Differences in report.html" in out) == (columns is not None)
    assert "method@4: with four updates" in out
    assert "at KL k: " in out and "KL to optimum: " in out


def test_a_table_with_a_best_method_has_sentences_and_differences():
    for part in comparison.sections(made()):
        assert bool(part.tests) == bool(part.sentences) == bool(part.differences)
    (part,) = [part for part in comparison.sections(made()) if part.heading == "From rewards"]
    assert any("grpo@4" in sentence for sentence in part.sentences)


def test_runs_that_ended_at_one_score_are_not_ranked():
    parts = comparison.sections(made(until="accuracy:0.9"))
    assert len(parts) == 4 and not any(part.tests or part.sentences for part in parts)


def test_a_picture_names_every_method_of_its_table_and_marks_the_best(tmp_path):
    own = TABLES["rewards"]
    figure = table_plots.table_scores(own, differences.differences(own))
    labels = figure.axes[0].get_yticklabels()
    assert labels[0].get_text() == "grpo@4"
    assert {label.get_text() for label in labels} == {"start", "grpo@1", "grpo@4", "rloo@1"}
    assert [label.get_text() for label in labels if label.get_fontweight() == "bold"] == ["grpo@4"]
    diamonds = [line for line in figure.axes[0].get_lines() if line.get_marker() == "D"]
    at_kl = matched.means_at_kl(own)
    np.testing.assert_allclose(
        sorted(float(line.get_xdata()[0]) for line in diamonds),
        sorted(100 * value for value in at_kl.values()),
    )


def test_frontiers_have_a_panel_for_each_table_with_several_methods():
    figure = table_plots.frontiers(ROWS)
    titles = [axes.get_title() for axes in figure.axes]
    assert [title.split(":")[0] for title in titles] == ["From fixed feedback", "From rewards"]
    names = [{text.get_text() for text in axes.texts} for axes in figure.axes]
    assert names[0] == {"start", "sft", "best_of_n", "dpo", "ipo"}
    assert names[1] == {"start", "sft", "best_of_n", "grpo@1", "grpo@4", "rloo@1"}


def test_the_report_holds_every_table_once(tmp_path, monkeypatch):
    def write(figure, stem):  # an empty picture: drawing them all takes seconds
        Path(f"{stem}.svg").write_text(f'<svg id="a"><!-- {len(figure.axes)} axes --></svg>')
        return Path(f"{stem}.svg"), None

    monkeypatch.setattr(comparison.comparison_plots, "write", write)
    comparison.write_report(made(), tmp_path)
    text = (tmp_path / "report.html").read_text()
    headings = re.findall("<h2>(.*?)</h2>", text)
    assert headings == [
        *score_tables.HEADINGS.values(), "In words", "Differences", "Settings", "What it costs",
        "Pictures",
    ]  # fmt: skip
    for name in ("rewards", "fixed_feedback", "demonstrations", "test_time"):
        assert (tmp_path / f"scores_{name}.svg").exists() and text.count(f'"scores_{name}-') > 0
    assert (tmp_path / "differences.csv").read_text().count("\n") == 1 + 1 + 3 + 6 + 1
    assert comparison_page.DIFFERENCES.split(".")[0] in text


def test_the_page_of_the_documentation_has_a_table_for_each_kind_of_feedback(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    build = importlib.import_module("build")
    text = build.page("addition", made(budget="samples:16384"), report.sections(ROWS))
    sys.modules.pop("build")
    headings = re.findall("^## (.*)$", text, re.MULTILINE)
    assert headings == [
        *score_tables.HEADINGS.values(), "Differences", "Settings", "On the way", "What it costs",
        "What the columns are",
    ]  # fmt: skip
    assert "compare --all --seeds 6 --env addition" in text
    assert "\\* reward: it trains a judge" in text and "\n* " not in text
    pictures = set(re.findall(r"\]\(([\w.]+)\)", text))
    figures = comparison.captioned_figures(made(), report.sections(ROWS))
    assert pictures == {f"compare_addition_{name}.svg" for name in figures}


def test_every_caveat_of_a_method_is_one_line():
    """It stands below a table."""
    assert all("\n" not in row.caveat for row in methods.METHODS)


def test_the_page_of_wrong_labels_says_who_is_better_than_dpo_at_which_share(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    build = importlib.import_module("build_noise")
    accuracy = {"0": (0.8, 0.7), "0.1": (0.7, 0.7), "0.2": (0.6, 0.7), "0.3": (0.5, 0.7)}
    comparisons = {
        share: made([*runs("start", 0.4), *runs("dpo", dpo), *runs("cdpo", dpo),
                     *runs("robust_dpo", robust)])
        for share, (dpo, robust) in accuracy.items()
    }  # fmt: skip
    page = build.page(comparisons)
    assert "- Better than DPO: robust_dpo, 20 % swapped; robust_dpo, 30 % swapped." in page
    assert "- Worse than DPO: robust_dpo, 0 % swapped." in page
    assert "robust_dpo, 10 % swapped; cdpo, 20 % swapped" in page  # not told from DPO
    assert page.count("| cdpo, ") == page.count("| robust_dpo, ") == len(build.SHARES)
    assert len(build.tests_of(comparisons)) == 8
    sys.modules.pop("build_noise")
