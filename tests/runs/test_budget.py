"""Budgets: what a run has used when it ends is what was given, to the sample and to the step."""

import pytest
from sweeping import run

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.methods import train_offline
from tinyalign.runs import budget, files, plan, train
from tinyalign.runs.config import Config
from toy_envs import bandit

pytestmark = pytest.mark.usefixtures("plain_curves")
BANDIT = {"env": "bandit", "batch_size": 6, "num_generations": 4, "eval_every": 1000}
BY_SAMPLES = [m for m in methods.METHODS if m.name not in ("sft", "dft", "best_of_n", "dapo")]


@pytest.mark.parametrize("row", BY_SAMPLES, ids=lambda row: row.name)
def test_samples_are_matched(tmp_path, row):
    """Never more than the budget, and less by no more than one draw; offline methods' count too."""
    (summary,) = run(tmp_path, row.name, budget="samples:250", **BANDIT)
    greedy = 6 if row.name == "remax" else 0
    one = 24 + greedy if row in methods.ONLINE else 4
    assert summary["completions_sampled"] == 250 // one * one


def test_dynamic_sampling_ends_with_the_rollout_that_reaches_the_budget(tmp_path, monkeypatch):
    """Where rewards often tie a rollout of DAPO takes up to four draws of 24 completions: fewer
    rollouts than the ten that a budget of 250 would pay for, and the last draws may go past it."""
    task = bandit.make()
    monkeypatch.setattr(plan, "find_task", lambda config: task._replace(reward=task.success))
    (summary,) = run(tmp_path, "dapo", budget="samples:250", **BANDIT)
    used = [row["completions_sampled"] for row in files.read_metrics(tmp_path)]
    each = [b - a for a, b in zip([0, *used], used, strict=False)]
    assert set(each) <= {24, 48, 72, 96} and max(each) > 24
    assert used[-1] == summary["completions_sampled"] >= 240 > used[-2]
    assert summary["steps"] == len(used) < 10


@pytest.mark.parametrize(
    "row", [m for m in methods.METHODS if m.name != "best_of_n"], ids=lambda row: row.name
)
def test_gradient_steps_are_matched(tmp_path, row, monkeypatch):
    """Counted by Adam itself."""
    counts, finish = [], train.finish_stage

    def finishing(run_plan, folder, inputs, stage, progress, *rest):
        counts.append({int(network.adam.step) for network in progress.networks.values()})
        return finish(run_plan, folder, inputs, stage, progress, *rest)

    monkeypatch.setattr(train, "finish_stage", finishing)
    run(tmp_path, row.name, budget="steps:8", **BANDIT | {"num_pairs": 30}, warmup_steps=1)
    assert counts == [{8}]
    (stage,) = plan.plan_run([row.name], Config(budget="steps:8", **BANDIT)).stages
    assert stage.stop_rule is None and stage.config.steps == len(files.read_metrics(tmp_path))


@pytest.mark.parametrize("name", ["dpo", "grpo"])
def test_seconds_end_a_run_at_the_first_step_after_them(tmp_path, name):
    """Neither before nor a step later, and the learning rate has fallen by then."""
    (summary,) = run(tmp_path, name, budget="seconds:0.4", **BANDIT)
    assert summary["train_seconds"] >= 0.4
    assert all(row["train_seconds"] < 0.4 for row in files.read_metrics(tmp_path)[:-1])


def test_stages_share_a_budget(tmp_path):
    """The reward model's comparisons and PPO's rollouts come to the same as one method's."""
    stages_ = run(tmp_path, "reward,ppo", budget="samples:480", reward="model", **BANDIT)
    assert [summary["completions_sampled"] for summary in stages_] == [240, 240]


def test_the_learning_rate_falls_to_the_end_of_the_budget():
    """By samples as by steps; where rollouts cost more than planned, it falls faster."""
    limit = budget.StopRule("samples", 240)
    progress = files.Progress(0, 0, {}, {}, {}, 0, 0, 0.0)
    for step in range(10):
        assert budget.schedule_position(limit, 10, progress._replace(samples=24 * step)) == step
    assert budget.schedule_position(limit, 10, progress._replace(step=2, samples=120)) == 5
    assert budget.schedule_position(limit, 10, progress._replace(samples=500)) == 9
    assert budget.schedule_position(None, 10, progress._replace(step=4, samples=9000)) == 4
    assert not budget.is_over(limit, 10, progress._replace(step=10, samples=239))
    assert budget.is_over(limit, 10, progress._replace(samples=240))


def test_a_warm_start_has_no_budget():
    """It comes before the comparison, and is the same for all."""
    plain, short = (plan.plan_run(["grpo"], Config(budget=b)) for b in ("recipe", "samples:4096"))
    assert short.stages[0].stop_rule is None and short.stages[0].target.amount == 0.4
    assert plain.stages[0].config.steps == short.stages[0].config.steps
    assert short.stages[1].config.steps == 4 and plain.stages[1].config.steps == 180


def test_supervised_fine_tuning_draws_nothing():
    plain, short = (plan.plan_run(["sft"], Config(budget=b)) for b in ("recipe", "samples:9"))
    assert [p.config.steps for p in plain.stages] == [p.config.steps for p in short.stages]
    assert short.stages[0].method.stage is train_offline.supervised_stage


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"budget": "samples"}, "want recipe"),
        ({"budget": "samples:-3"}, "want recipe"),
        ({"budget": "samples:1.5"}, "want recipe"),
        ({"budget": "samples:nan"}, "want recipe"),
        ({"budget": "seconds:inf"}, "want recipe"),
        ({"budget": "tokens:8"}, "want recipe"),
        ({"budget": "labels:8,labels:9"}, "want every unit once"),
        ({"budget": "samples:100"}, "draws 1024 at once"),
        ({"budget": "steps:3"}, "takes 4 for a rollout"),
        ({"budget": "steps:8", "steps": 8}, "sets --steps itself"),
        ({"budget": "samples:2048", "num_pairs": 8}, "sets --num_pairs itself"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(settings, said):
    with pytest.raises(InputError, match=said):
        plan.plan_run(["grpo"], Config(**settings))
