"""Comparisons: methods × seeds × tasks from shared starts, and what is left in their folder."""

import dataclasses
import importlib
import json
import shutil
import sys
from concurrent import futures
from pathlib import Path

import numpy as np
import pytest

from tinyalign import cli, methods, report
from tinyalign.cli import comparing
from tinyalign.engine.tree import leaves
from tinyalign.errors import InputError
from tinyalign.methods.one_letter import letter_rewards
from tinyalign.report import comparison_plots, story
from tinyalign.runs import files
from tinyalign.runs.compare import comparison, executors, jobs, known, results
from tinyalign.runs.compare.sweep import JobsFailed
from tinyalign.runs.config import Config
from toy_envs import bandit

ROOT = Path(__file__).parents[3]
SMALL = {"batch_size": 4, "num_generations": 4, "eval_size": 40}
TINY = Config(env="bandit", budget="samples:160", eval_every=None, **SMALL)
METHODS = ("dpo", "grpo", "reward", "reward,ppo")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A comparison of two seeds: (its folder, results.Results)."""
    folder = tmp_path_factory.mktemp("compared") / "a"
    with executors.open_executor(1) as executor:
        outcome = comparison.compare(METHODS, TINY, folder, executor, seeds=2)
    return folder, outcome


def saved(folder):
    return files.load_tree(folder / "model.safetensors")[0]


def test_there_is_a_row_for_every_method_and_seed(finished):
    _, outcome = finished
    assert [(row.method, row.seed) for row in outcome.rows] == [
        (name, seed) for seed in (0, 1) for name in ("start", *METHODS)
    ]
    assert {row.problems for row in outcome.rows} == {4}
    assert {row.labels for row in outcome.rows if row.method == "start"} == {0}  # nobody judges
    assert set(outcome.costs) == set(METHODS)
    networks = {row.method: row.models for row in outcome.rows}
    assert networks["dpo"] == "policy, ref" and networks["reward"] == "RM"
    assert set(networks["reward,ppo"].split(", ")) == {"policy", "critic", "ref", "RM"}


def test_each_seed_has_its_own_start_which_its_methods_share(finished, tmp_path):
    folder, _ = finished
    for seed in (0, 1):
        for name in METHODS:
            typed = json.loads((folder / f"seed{seed}" / name / "config.json").read_text())
            assert typed["seed"] == seed
            assert typed["init_from"].endswith(f"seed{seed}/start")
    first, second = (leaves(saved(folder / f"seed{seed}" / "start")) for seed in (0, 1))
    assert any(not np.array_equal(first[path], second[path]) for path in first)


def test_budgets_are_matched_and_said(finished):
    _, outcome = finished
    drawn = {row.method: row.samples for row in outcome.rows}
    assert drawn == {"start": 0, "dpo": 160, "grpo": 160, "reward": 160, "reward,ppo": 160}
    assert comparison.budget_sentences(outcome)[0] == (
        "budget: at most 160 completions drawn by each, to within one rollout "
        "(--budget samples:160)"
    )


def test_curves_begin_at_the_start_of_their_seed_and_end_at_the_result(finished):
    _, outcome = finished
    start = {row.seed: row for row in outcome.rows if row.method == "start"}
    for row in outcome.rows:
        if row.curve:
            assert row.curve[0] == (0, 0.0, start[row.seed].accuracy, start[row.seed].reward)
            assert row.curve[-1] == (row.samples, 1.0, row.accuracy, row.reward)
            assert list(row.curve) == sorted(row.curve)
        if row.method == "reward,ppo":  # nothing is learned while a judge's samples are drawn
            assert row.curve[1] == (80, *row.curve[0][1:])


def test_the_folder_holds_a_report_and_can_be_read_again(finished):
    folder, outcome = finished
    text = (folder / "report.html").read_text()
    assert len(text) < 2_000_000 and all(f'<td class="words">{m}</td>' in text for m in METHODS)
    for name in ("scores", "frontier", "learning", "costs", "compare"):
        assert (folder / f"{name}.svg").exists() and (folder / f"{name}.png").exists()
    again = results.read(folder)
    np.testing.assert_equal(again._replace(exact=()), outcome._replace(exact=()))
    np.testing.assert_array_equal(again.exact, outcome.exact)


def test_the_pages_of_the_documentation_are_made_of_a_comparison(finished, tmp_path, monkeypatch):
    """docs/build.py writes a page and its pictures from a folder, and README's part."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    build = importlib.import_module("build")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"before\n{build.BEGIN}old\n{build.END}\nafter\n")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    build.write_page("bandit", finished[1])
    build.write_readme(finished[1], finished[1])
    made = {path.name for path in (tmp_path / "docs").iterdir()}
    pictures_made = {f"compare_bandit_{n}.svg" for n in ("scores", "frontier", "learning", "costs")}
    assert made == {"compare_bandit.md", "compare.svg", "compare.png"} | pictures_made
    readme = (tmp_path / "README.md").read_text()
    assert "| reward,ppo |" in readme and "old" not in readme and readme.endswith("after\n")
    sys.modules.pop("build")


def test_the_exact_frontier_is_above_every_policy(finished):
    """It rises from the start, and no table of probabilities is above it."""
    folder, outcome = finished
    kl, reward = outcome.exact
    assert np.all(np.diff(kl) > 0) and np.all(np.diff(reward) > 0) and kl[0] < 1e-3
    task, table = bandit.make(), bandit.reward_table()
    np.testing.assert_allclose(letter_rewards(task), table)
    rng = np.random.default_rng(0)
    ref = known.run_probs(folder / "seed0" / "start", task)
    best_kl, best_reward = known.frontier_of(ref, table)
    for _ in range(50):
        policy = ref * np.exp(rng.normal(size=ref.shape) * rng.uniform(0, 2))
        policy /= policy.sum(axis=1, keepdims=True)
        at = np.mean(np.sum(policy * np.log(policy / ref), axis=1))
        assert np.mean(np.sum(policy * table, axis=1)) <= np.interp(at, best_kl, best_reward) + 2e-3


def test_a_resumed_comparison_repeats_nothing(finished, monkeypatch):
    folder, outcome = finished
    with executors.open_executor(1) as executor:
        monkeypatch.setattr("tinyalign.runs.train.run", None)  # nobody calls it
        again = comparison.compare(METHODS, TINY, folder, executor, seeds=2, resume=True)
        monkeypatch.undo()
    np.testing.assert_equal(again._replace(exact=()), outcome._replace(exact=()))


def diverging(monkeypatch, which):
    """Make runs for which which(config) is true lose their loss."""
    from tinyalign.methods import method

    usual = method.step_size

    def step_size(config, step):
        size = usual(config, step)
        return size._replace(learning_rate=np.nan) if which(config) else size

    for module in ("train_offline", "train_online"):
        monkeypatch.setattr(f"tinyalign.methods.{module}.step_size", step_size)


def test_a_seed_that_diverges_is_counted_and_the_others_stand(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda config: config.seed == 1 and config.init_from is not None)
    with executors.open_executor(1) as executor, np.errstate(all="ignore"):
        outcome = comparison.compare(("grpo", "sft"), TINY, tmp_path / "a", executor, seeds=2)
    told = {(row.method, row.seed): row.failure for row in outcome.rows}
    broken = {key for key, reason in told.items() if " is nan" in reason}
    assert broken == {("grpo", 1), ("sft", 1)}
    assert set(report.failures(outcome.rows)) >= broken


def test_nothing_is_reported_where_nothing_finished(tmp_path, monkeypatch):
    diverging(monkeypatch, lambda config: config.init_from is not None)
    opened = executors.open_executor(1)
    with np.errstate(all="ignore"), opened as executor, pytest.raises(JobsFailed, match="is nan"):
        comparison.compare(("grpo",), TINY, tmp_path / "a", executor, seeds=2)


def test_several_tasks_have_a_table_each(tmp_path, capsys):
    """--env a,b: a comparison below a folder each."""
    small = ["--width", "8", "--layers", "1", "--heads", "1", "--warm_start_accuracy", "0"]
    small += ["--eval_size", "20", "--batch_size", "4", "--num_generations", "4", "--jobs", "1"]
    argv = ["compare", "sft", "grpo", "--env", "bandit,addition", "--digits", "1", *small]
    argv += ["--budget", "samples:64", "--output", str(tmp_path), "--name", "two"]
    assert cli.main(argv) == 0
    said = capsys.readouterr().out
    assert said.count("entropy, memory, seconds, curves and pictures: ") == 2
    for env in ("bandit", "addition"):
        assert (tmp_path / "two" / env / "report.html").exists()


def test_looks_are_spread_over_a_run():
    """Eight of them, unless it was typed how often."""
    for steps, every in ((16, 2), (300, 38), (3, 1)):
        assert jobs.with_eval_every(TINY, steps).eval_every == every
    assert jobs.with_eval_every(dataclasses.replace(TINY, eval_every=7), 16).eval_every == 7


def test_every_family_has_a_colour():
    """And those that learn from rewards do not all have the same."""
    families = {row.family for row in methods.METHODS}
    assert families == set(comparison_plots.COLOURS)
    assert len(set(comparison_plots.COLOURS.values())) == len(families)


@pytest.mark.parametrize(
    "names, seeds, said",
    [
        (("dpo", "dpo"), 1, "named twice"),
        (("dpo",), 0, "--seeds is 0"),
        (("grpo@1,dpo",), 1, "not the last stage"),
    ],
)
def test_mistakes_show_before_any_work(tmp_path, names, seeds, said):
    with pytest.raises(InputError, match=said):
        comparison.compare(names, TINY, tmp_path / "a", None, seeds=seeds)
    assert not (tmp_path / "a").exists()


def test_an_at_and_typed_updates_exclude_each_other():
    with pytest.raises(InputError, match="sets --num_iterations itself"):
        jobs.own_config("grpo@4", dataclasses.replace(TINY, num_iterations=2))


def test_every_stage_is_counted_and_measured(finished, monkeypatch):
    """That of a reward model, which --reward model puts in front, too."""
    folder, outcome = finished
    stages = {row.method: row.stages for row in outcome.rows}
    assert stages == {"start": 1, "dpo": 2, "grpo": 2, "reward": 2, "reward,ppo": 3}
    measure, measured = jobs.cost.measure, []

    def measuring(run_plan, stage):
        measured.append(run_plan.stages[stage].method.name)
        return measure(run_plan, stage)

    monkeypatch.setattr(jobs.cost, "measure", measuring)
    job = jobs.method_job("grpo", dataclasses.replace(TINY, reward="model"), folder)
    assert jobs.job_cost(job) is not None
    assert measured == ["reward", "grpo"]


class Broken(futures.Executor):
    """Its workers are gone."""

    def submit(self, fn, /, *args, **kwargs):
        raise futures.BrokenExecutor


def test_costs_are_left_out_where_the_workers_are_gone(finished, tmp_path):
    folder, _ = finished
    shutil.copytree(folder / "seed0" / "start", tmp_path / "seed0" / "start")
    jobs.measure_costs(("dpo",), TINY, tmp_path, Broken())
    assert json.loads((tmp_path / "costs.json").read_text()) == {}


def test_spaces_between_budgets_are_allowed(finished):
    _, outcome = finished
    config = dataclasses.replace(TINY, budget="labels:64, samples:160")
    said, _ = comparison.budget_sentences(outcome._replace(config=config))
    assert "at most 160 completions drawn" in said and "at most 64 judged" in said


def test_a_file_has_no_shared_budget():
    assert comparing.Compare(all=True).default_budget("addition") != "recipe"
    assert comparing.Compare(all=True, data=Path("a")).default_budget("addition") == "recipe"


def test_the_first_command_shows_the_known_answers_first():
    """On the bandit, then on addition, one budget for all; whoever types more gets one task."""
    first = comparing.Compare()
    assert first.tasks() == ["bandit", "addition"]
    for env in first.tasks():
        assert first.default_budget(env).startswith("labels:")
    for more in ({"methods": ("dpo", "grpo")}, {"beta": 0.1}, {"seeds": 5}, {"steps": 10}):
        assert comparing.Compare(**more).tasks() == ["addition"]
    assert comparing.Compare(steps=10).default_budget("addition") == "recipe"


def test_the_story_of_a_comparison_is_told_in_five_columns(finished):
    """The known answer is no lower than what was reached, and exact; three sentences."""
    _, outcome = finished
    columns, cells = story.table(outcome.rows)
    assert columns == story.KNOWN and all(len(line) == 5 for line in cells)
    for row in outcome.rows:
        if np.isfinite(row.known_reward):
            assert row.exact_reward <= row.known_reward + 1e-4
            assert story.gap(row) >= 0
    start = outcome.rows[0]
    assert start.exact_kl == 0 and abs(start.exact_reward - start.known_reward) < 1e-3
    assert 2 <= len(story.sentences(outcome.rows)) <= 3
    # The folder of a method at test time holds the start, which is not what the method takes.
    best = outcome.rows[1]._replace(table="test time")
    assert known.with_known_answer(best, None, None, None, None, None) is best
