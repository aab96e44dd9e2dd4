"""Runs through the command's own stages: every method, every task, and stages one after another."""

import json

import numpy as np
import pytest
from sweeping import run

from tinyalign import cli, methods, policy
from tinyalign.engine.tree import leaves
from tinyalign.runs import files, plan, train
from tinyalign.runs.files import read_metrics
from toy_envs import hackable, programs

pytestmark = pytest.mark.usefixtures("plain_curves")
TINY = {"width": 16, "layers": 1, "heads": 2, "eval_size": 20, "eval_every": 100}
ON_BANDIT = {"env": "bandit", "model": "transformer"}  # where every policy's rewards differ
SHORT = {"steps": 3, "num_pairs": 40, "batch_size": 12, "warm_start_accuracy": 0.0}
each_row = pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)


@each_row
def test_every_method_runs_on_the_bandit(tmp_path, row):
    """It holds the networks that the table says, and its metrics are numbers."""
    (summary,) = run(tmp_path, row.name, env="bandit", **SHORT)
    held = {name.replace("_", " ") for name in summary["networks"]}
    assert held == set(methods.holds(row))
    assert np.isfinite([v for k, v in summary.items() if k.startswith("eval_")]).all()
    (trained,) = {"policy", "reward_model"} & set(summary["networks"])
    tree, _ = files.load_tree(tmp_path / "model.safetensors")
    moved = any(
        np.abs(leaf).max() > 0 for leaf in leaves(tree[trained]).values()
    )  # the table starts at 0
    assert moved or row.name == "best_of_n"  # which trains nothing


@pytest.mark.parametrize("names", ["sft,dpo,grpo", "sft,reward,ppo", "sft,kto,raft"])
def test_a_stage_starts_from_the_weights_that_the_last_one_left(tmp_path, names, monkeypatch):
    """The start of stage k + 1, its reference too, is what stage k trained, bit for bit."""
    starts, ends, prepare, finish = [], [], plan.stage_inputs, train.finish_stage

    def preparing(job, index, params):
        starts.append(params)
        return prepare(job, index, params)

    def finishing(*args):
        (progress,) = (arg for arg in args if isinstance(arg, files.Progress))
        ends.append({name: network.params for name, network in progress.networks.items()})
        return finish(*args)

    monkeypatch.setattr(plan, "stage_inputs", preparing)
    monkeypatch.setattr(train, "finish_stage", finishing)
    reward = "model" if "reward" in names else "exact"
    summaries = run(tmp_path, names, reward=reward, **ON_BANDIT, **TINY, **SHORT)
    assert [summary["method"] for summary in summaries] == names.split(",")
    for end, start in zip(ends, starts[1:], strict=False):
        for name in end:
            before, after = leaves(end[name]), leaves(start[name])
            assert all(np.array_equal(before[path], after[path]) for path in before)
    assert ("reward_model" in summaries[-1]["networks"]) == (reward == "model")


@pytest.mark.parametrize("method", ["grpo", "dapo", "raft", "remax", "ppo", "dpo", "kto", "reward"])
def test_every_sample_is_counted(tmp_path, method, monkeypatch):
    """What dynamic sampling throws away and ReMax's greedy baseline too: nobody got them free."""
    drawn, sample, looking = [], policy.sample, []

    def counting(*args, **options):
        rollout = sample(*args, **options)
        drawn.append(0 if looking else len(rollout.tokens))
        return rollout

    def uncounted(evaluate):
        def look(*args):
            looking.append(True)
            seen = evaluate(*args)
            looking.clear()
            return seen

        return look

    for name in ("evaluate_networks", "reached_target"):
        monkeypatch.setattr(train, name, uncounted(getattr(train, name)))
    monkeypatch.setattr(policy, "sample", counting)
    summary = run(tmp_path, method, **ON_BANDIT, **TINY, **SHORT)[-1]
    assert summary["completions_sampled"] == sum(drawn) > 0


def test_programs_report_pass_at_1_and_pass_at_k(tmp_path):
    """Between 0 and 1, and more attempts never help less."""
    run(tmp_path, "grpo", env="programs", **TINY, **SHORT)
    (row,) = [
        row for row in read_metrics(tmp_path) if row["stage"] == "grpo" and "eval_pass@1" in row
    ]
    assert 0 <= row["eval_pass@1"] <= row[f"eval_pass@{programs.make().attempts}"] <= 1


def test_a_hackable_run_shows_the_proxy_beside_the_truth(tmp_path):
    """eval_reward is what is trained on, eval_accuracy what people think."""
    run(tmp_path, "grpo", env="hackable", **TINY, **SHORT)
    (row,) = [
        row for row in read_metrics(tmp_path) if row["stage"] == "grpo" and "eval_reward" in row
    ]
    most = hackable.fit_proxy() * hackable.LONGEST
    assert 0 <= row["eval_reward"] <= most
    assert 0 <= row["eval_accuracy"] <= 1


def test_a_pipeline_can_be_typed(tmp_path, capsys):
    """tinyalign run sft,dpo,grpo: a line of the table for each stage."""
    settings = {**ON_BANDIT, **TINY, **SHORT, "output": tmp_path}
    typed = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    argv = ["run", "sft, dpo,grpo ", "--name", "three", *typed]
    assert cli.main(argv) == 0
    out, told = capsys.readouterr()
    assert [out.find(f"\n{name} ") > 0 for name in ("sft", "dpo", "grpo")] == [True] * 3
    lines = {line.split()[0]: line for line in told.splitlines() if " 3/3 " in line}
    # one line for a look, and no bar; the optimum of DPO is known here, that of GRPO is not
    assert "to optimum" in lines["dpo"] and "held-out kl" in lines["grpo"]
    assert "accuracy" not in lines["dpo"] + lines["grpo"] and "━" not in told
    typed_line, sft_line, *_ = out.splitlines()
    assert typed_line.startswith("typed: env bandit, model transformer, width 16, ")
    assert sft_line.startswith("sft: steps 3, learning_rate 0.003, batch_size 12, until accuracy 0")
    assert (
        "\ngrpo: steps 3, learning_rate 0.0015, batch_size 12, beta 1, num_generations 4\n" in out
    )
    assert "0.00 MB" not in out
    stages = json.loads((tmp_path / "three" / "summary.json").read_text())
    assert [stage["settings"]["learning_rate"] for stage in stages] == [3e-3, 1e-3, 1.5e-3]
    assert [stage["settings"]["beta"] for stage in stages] == [None, 1.0, 1.0]
    assert json.loads((tmp_path / "three" / "config.json").read_text())["beta"] is None  # as typed


def test_a_small_run_says_how_many_bytes_it_held(tmp_path, capsys):
    argv = ["run", "sft", "--env", "bandit", "--steps", "2", "--output", str(tmp_path)]
    assert cli.main(argv) == 0
    assert "768 B" in capsys.readouterr().out
