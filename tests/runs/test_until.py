"""--until: a stage ends at the first look that meets the target, and trains as it would without."""

import json

import numpy as np
import pytest
from sweeping import run

from tinyalign import cli
from tinyalign.errors import InputError
from tinyalign.report import rows, tables
from tinyalign.runs import files, plan, target, train
from tinyalign.runs.compare import comparison, executors
from tinyalign.runs.config import Config

pytestmark = pytest.mark.usefixtures("plain_curves")
BANDIT = {"env": "bandit", "batch_size": 8, "num_generations": 4, "eval_size": 40, "steps": 42}
BANDIT["beta"] = 0.01  # little KL, so that rewards rise
GOALS = ["accuracy:0.75", "reward:0.5"]


def trained(row):
    """What a row says of training: all but its time and the evaluation."""
    return {k: v for k, v in row.items() if k != "train_seconds" and not k.startswith("eval_")}


def untimed(folder):
    """Every row but its time."""
    return [
        {k: v for k, v in row.items() if k != "train_seconds"} for row in files.read_metrics(folder)
    ]


def first_met(evaluated, until, every):
    """The first step with a look, every fifth or every `every` steps, that meets the target."""
    score, _, amount = until.partition(":")
    met = [row["step"] for row in evaluated if row[f"eval_{score}"] >= float(amount)]
    return next(step for step in met if step % 5 == 0 or step % every == 0)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """The rows of GRPO to its end, every step evaluated."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(folder, "grpo", eval_every=1, **BANDIT)
    return files.read_metrics(folder)


@pytest.mark.parametrize("until", GOALS)
@pytest.mark.parametrize("every", [7, 1000])
def test_a_stage_stops_at_the_first_look_that_meets_the_target(tmp_path, evaluated, until, every):
    """And has trained the same until there, with the same evaluation in the end."""
    (summary,) = run(tmp_path, "grpo", eval_every=every, until=until, **BANDIT)
    stop = first_met(evaluated, until, every)
    assert 5 <= stop < 42 and summary["steps"] == stop
    assert (summary["until"], summary["reached"]) == (until, True)
    found = files.read_metrics(tmp_path)
    assert list(map(trained, found)) == list(map(trained, evaluated[:stop]))
    for row, same in zip(found, evaluated, strict=False):
        assert {k: v for k, v in row.items() if k.startswith("eval_")}.items() <= same.items()
        assert ("eval_kl" in row) == (row["step"] % every == 0 or row["step"] == stop)


@pytest.mark.parametrize("method", ["grpo", "dpo"])
def test_where_the_target_is_never_reached_nothing_changes(tmp_path, method):
    """Not a number and not a weight; and the summary says so."""
    settings = BANDIT | {"num_pairs": 20, "eval_every": 10}
    (plain,) = run(tmp_path / "plain", method, **settings)
    (summary,) = run(tmp_path / "until", method, until="reward:99", **settings)
    assert summary["steps"] == 42 and summary["reached"] is False and "until" not in plain
    assert untimed(tmp_path / "until") == untimed(tmp_path / "plain")
    one, other = (tmp_path / name / "model.safetensors" for name in ("plain", "until"))
    assert one.read_bytes() == other.read_bytes()


def test_a_target_met_by_the_last_step_is_reached_though_no_look_is_due(tmp_path):
    """Four steps have no look, and the last one is evaluated all the same."""
    settings = BANDIT | {"steps": 4}
    (plain,) = run(tmp_path / "plain", "grpo", **settings)
    for more, reached in ((0, True), (1e-6, False)):
        until = f"reward:{plain['eval_reward'] + more!r}"
        (summary,) = run(tmp_path / str(more), "grpo", until=until, **settings)
        assert (summary["steps"], summary["reached"]) == (4, reached)


class Killed(Exception):
    """In place of kill -9."""


def kill_at(step):
    def on_step(row, total):
        if row["step"] == step:
            raise Killed

    return on_step


@pytest.mark.parametrize("at", [6, 9, "stop"])
def test_a_run_that_was_killed_stops_at_the_same_place(tmp_path, evaluated, at):
    """Killed between looks, or at the stop before anything was saved: byte for byte the same."""
    until, settings = "accuracy:0.75", BANDIT | {"eval_every": 4}
    stop = first_met(evaluated, until, 4)
    job = plan.plan_run(["grpo"], Config(until=until, **settings))
    train.run(job, tmp_path / "whole")
    with pytest.raises(Killed):
        train.run(job, tmp_path / "cut", on_step=kill_at(stop if at == "stop" else min(at, stop)))
    train.run(job, tmp_path / "cut", resume=True)
    assert len(untimed(tmp_path / "cut")) == stop
    assert untimed(tmp_path / "cut") == untimed(tmp_path / "whole")
    one, other = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == other.read_bytes()


def test_another_target_is_another_run(tmp_path):
    """config.json holds it."""
    run(tmp_path, "grpo", until="reward:99", **BANDIT | {"steps": 2})
    assert json.loads((tmp_path / "config.json").read_text())["until"] == "reward:99"
    job = plan.plan_run(["grpo"], Config(until="reward:98", **BANDIT | {"steps": 2}))
    with pytest.raises(InputError, match="other settings \\(until\\)"):
        train.run(job, tmp_path, resume=True)


@pytest.mark.parametrize(
    "names, expected",
    [
        ("grpo", ["train", "held_out"]),
        ("sft", ["held_out"]),
        ("sft,dpo,grpo", ["train", None, "held_out"]),
        ("reward,ppo", ["train", None, "held_out"]),
        ("ppo,reward", ["train", "held_out", None]),
        ("sft,reward", ["held_out", None]),
    ],
)
def test_the_last_method_that_trains_a_policy_has_the_target(names, expected):
    """A warm start keeps its own, which is about the problems that it trains on."""
    stages = plan.plan_run(names.split(","), Config(until="accuracy:0.95")).stages
    assert [stage.target and stage.target.problems for stage in stages] == expected
    (asked,) = [stage for stage in stages if stage.target and stage.target.problems == "held_out"]
    assert asked.target[:2] == ("accuracy", 0.95)
    assert "until accuracy 0.95" in plan.settings_line(asked)
    plain = plan.plan_run(names.split(","), Config()).stages
    assert [stage.config.steps for stage in stages] == [stage.config.steps for stage in plain]


@pytest.mark.parametrize(
    "text, wanted",
    [("accuracy:1", ("accuracy", 1)), ("accuracy:1e-3", ("accuracy", 1e-3)),
     ("reward:-2.5", ("reward", -2.5)), ("reward:0", ("reward", 0))],
)  # fmt: skip
def test_targets_at_the_edge_are_accepted(text, wanted):
    assert target.parse_until(text)[:2] == wanted


@pytest.mark.parametrize(
    "text",
    ["", "0.95", "accuracy", "accuracy:", "accuracy:95", "accuracy:0", "accuracy:-0.1",
     "accuracy:nan", "accuracy:much", "reward:inf", "reward:nan", "kl:0.1", "eval_accuracy:0.9"],
)  # fmt: skip
def test_a_target_that_makes_no_sense_is_refused(text):
    with pytest.raises(InputError, match=r"--until is .*, want accuracy:S") as refusal:
        plan.plan_run(["grpo"], Config(until=text))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["reward", "best_of_n"])
def test_a_method_that_trains_no_policy_has_no_target(name):
    with pytest.raises(InputError, match=f"and {name} trains none"):
        plan.plan_run([name], Config(until="accuracy:0.95"))


def test_a_file_has_no_problems_to_solve(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    with pytest.raises(InputError, match="--until asks about held-out problems"):
        plan.plan_run(["sft"], Config(until="accuracy:0.5", data=tmp_path / "a.jsonl"))


def test_the_command_says_whether_the_target_was_reached(tmp_path, capsys):
    sizes = [text for k, v in BANDIT.items() for text in (f"--{k}", str(v))]
    typed = ["run", "grpo", "--output", str(tmp_path), *sizes]
    assert cli.main([*typed, "--name", "a", "--until", "reward:0.5", "--label_noise", "0.1"]) == 0
    said = capsys.readouterr().out
    assert ", until reward:0.5" in said.splitlines()[0] and "label_noise 0.1" in said
    (summary,) = files.read_summaries(tmp_path / "a")
    assert f"grpo: reward:0.5 reached after {summary['steps']} steps" in said
    assert cli.main([*typed, "--name", "b", "--until", "reward:99"]) == 0
    assert "grpo: reward:99 not reached after 42 steps" in capsys.readouterr().out


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison of two seeds: (its folder, results.Results)."""
    folder = tmp_path_factory.mktemp("compared") / "a"
    config = Config(until="reward:0.5", num_pairs=20, eval_every=None, **BANDIT)
    with executors.open_executor(1) as executor:
        names = ("grpo", "dpo", "reward")
        return folder, comparison.compare(names, config, folder, executor, seeds=2)


def test_the_tables_of_a_comparison_say_what_was_reached(compared):
    """Exactly what the summary of each run says, and up to the step where it ended."""
    folder, outcome = compared
    reached = {}
    for row in outcome.rows:
        if row.method in ("grpo", "dpo"):
            (summary,) = files.read_summaries(folder / f"seed{row.seed}" / row.method)
            assert rows.ends_at_goal(row) == summary["reached"]
            reached.setdefault(row.method, []).append(summary["reached"])
            drawn = summary["completions_sampled"]
            asked = drawn if summary["reached"] else np.nan
            np.testing.assert_equal([row.samples, rows.samples_to_goal(row)], [drawn, asked])
    assert reached == {"grpo": [True, True], "dpo": [False, False]}
    assert tables.main_columns(outcome.rows)[-1] == "completions to reward 0.5"
    cells = {line[0]: line[-1] for line in tables.main_cells(outcome.rows)}
    drawn = [row.samples for row in outcome.rows if row.method == "grpo"]
    assert max(drawn) < 42 * 8 * 4
    assert cells == {
        "start": "–", "grpo": f"{np.median(drawn):,.0f}", "dpo": "not reached", "reward": "–",
    }  # fmt: skip


def test_the_sentences_of_a_comparison_name_the_target_and_rank_nothing(compared):
    folder, outcome = compared
    lines = comparison.closing_sentences(outcome)
    assert "reward 0.5 reached: grpo (2/2)" in lines
    assert "reward 0.5 not reached: dpo (0/2)" in lines
    assert not any("better than" in line or "seeds to rank" in line for line in lines)
    text = (folder / "report.html").read_text()
    assert "completions to reward 0.5" in text and "completions to 90" not in text


def test_the_start_and_a_judge_have_no_target(compared):
    folder, _ = compared
    for name, asked in (("start", None), ("reward", None), ("grpo", "reward:0.5")):
        typed = json.loads((folder / "seed0" / name / "config.json").read_text())
        assert typed["until"] == asked


def test_a_comparison_refuses_a_target_before_any_work(tmp_path):
    config = Config(env="bandit", until="accuracy:95", eval_every=None)
    for name in ("grpo", "reward"):
        with pytest.raises(InputError, match="--until is"):
            comparison.compare((name,), config, tmp_path / "a", None)
    assert not (tmp_path / "a").exists()
