"""Whatever is typed wrong: one sentence, exit status 2, no traceback, nothing overwritten."""

import json
import os
import re

import numpy as np
import pytest

from tinyalign import cli
from tinyalign.engine.tree import tree_map
from tinyalign.methods import steps
from tinyalign.runs import files, plan
from toy_envs import arithmetic

SMALL = ["--width", "8", "--layers", "1", "--heads", "1", "--steps", "2", "--eval_size", "5"]
PAIR = '{"prompt": "a", "chosen": "b", "rejected": "c"}\n'

# What is typed, and words that the sentence must hold.
CASES = {
    "unknown method": (["run", "dpoo"], "no method 'dpoo'"),
    "no method": (["run"], "which method"),
    "unknown method in a pipeline": (["run", "sft,nope"], "no method 'nope'"),
    "unknown environment": (["run", "sft", "--env", "chess"], "no environment 'chess'"),
    "unknown model": (["run", "sft", "--model", "mamba"], "no model 'mamba'"),
    "a model without a name": (["run", "sft", "--model", ""], "no model ''"),
    "unknown device": (["run", "sft", "--device", "tpu"], "tpu"),
    "negative beta": (["run", "dpo", "--beta", "-1"], "--beta"),
    "zero beta where a loss divides by it": (["run", "dpo", "--beta", "0"], "--beta"),
    "batch of nothing": (["run", "sft", "--batch_size", "0"], "--batch_size"),
    "no steps": (["run", "sft", "--steps", "0"], "--steps"),
    "negative learning rate": (["run", "sft", "--learning_rate", "-1"], "--learning_rate"),
    "learning rate that is no number": (
        ["run", "sft", "--learning_rate", "nan"],
        "--learning_rate",
    ),
    "negative seed": (["run", "sft", "--seed", "-1"], "--seed"),
    "four digits": (["run", "sft", "--digits", "4"], "--digits"),
    "heads that do not divide the width": (["run", "sft", "--width", "10"], "--heads"),
    "temperature 0": (["run", "grpo", "--temperature", "0"], "--temperature"),
    "clip range above 10": (["run", "grpo", "--epsilon", "20"], "--epsilon"),
    "gamma above 1": (["run", "ppo", "--gamma", "1.5"], "--gamma"),
    "lambda below 0": (["run", "ppo", "--lam", "-0.1"], "--lam"),
    "noise above 1": (["run", "dpo", "--label_noise", "1.5"], "--label_noise"),
    "one completion in a group": (["run", "grpo", "--num_generations", "1"], "--num_generations"),
    "unknown advantage": (["run", "grpo", "--advantage", "best"], "--advantage"),
    "unknown reward": (["run", "ppo", "--reward", "human"], "--reward"),
    "a target in per cent": (["run", "grpo", "--until", "accuracy:95"], "--until is 'accuracy:95'"),
    "a target for a judge": (["run", "reward", "--until", "accuracy:0.9"], "reward trains none"),
    "no target to compare by": (["compare", "--until", "kl:1"], "--until is 'kl:1'"),
    "start that is not there": (["run", "grpo", "--init_from", "nowhere"], "nowhere"),
    "data that is not there": (["run", "sft", "--data", "nowhere.jsonl"], "nowhere.jsonl"),
    "rewards from a file": (["run", "grpo", "--data", "pairs.jsonl"], "--data"),
    "resume nothing": (["run", "sft", "--resume"], "to resume"),
    "resume nothing of a name": (["run", "sft", "--resume", "--name", "no"], "to resume"),
    "resume no comparison": (["compare", "--resume", "--name", "no"], "to resume"),
    "a name outside": (["run", "sft", "--name", "../../esc"], "--name"),
    "a name that is a path": (["run", "sft", "--name", "a/b"], "--name"),
    "a comparison's name outside": (["compare", "--name", ".."], "--name"),
    "a pipeline with a hole": (["run", "sft,,grpo"], "between two commas"),
    "a pipeline with an end": (["compare", "sft,"], "beside one"),
    "not a number": (["run", "sft", "--steps", "many"], "many"),
    "unknown flag": (["run", "sft", "--stepz", "3"], "--stepz"),
    "unknown command": (["train"], "train"),
    "unknown method to show": (["show", "dpoo"], "no method 'dpoo'"),
    "unknown method to compare": (["compare", "sft", "nope"], "no method 'nope'"),
    "no jobs": (["compare", "--jobs", "0"], "--jobs"),
}


def typed(argv, capsys):
    """(exit status, what stood on stderr)."""
    try:
        status = cli.main(argv)
    except SystemExit as error:
        status = error.code
    return status, capsys.readouterr().err


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_gives_one_sentence_and_status_2(case, tmp_path, monkeypatch, capsys):
    """Nothing is written, and the sentence names what was wrong."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text(PAIR * 3)
    argv, words = CASES[case]
    status, said = typed(argv, capsys)
    assert status == 2
    assert words in said
    assert "Traceback" not in said
    assert os.listdir(tmp_path) == ["pairs.jsonl"]


LINES = {
    "not JSON": ("{", "line 2"),
    "a missing column": ('{"prompt": "a", "chosen": "b"}', '"rejected"'),
    "an empty completion": ('{"prompt": "a", "chosen": "", "rejected": "c"}', "empty"),
    "a line longer than the context": (
        json.dumps({"prompt": "a" * 50, "chosen": "b", "rejected": "c"}),
        "context",
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_a_bad_line_is_named_by_file_line_and_reason(case, tmp_path, monkeypatch, capsys):
    """The sentence holds the file, the number of the line and what is wrong with it."""
    monkeypatch.chdir(tmp_path)
    line, words = LINES[case]
    (tmp_path / "mine.jsonl").write_text(PAIR + line + "\n")
    status, said = typed(["run", "dpo", "--data", "mine.jsonl"], capsys)
    assert status == 2
    assert "mine.jsonl, line 2" in said
    assert words in said


def finished_run(folder, *extra):
    argv = ["run", "sft", "--output", str(folder), "--name", "done", *SMALL, *extra]
    assert cli.main(argv) == 0
    return folder / "done"


def test_a_run_is_not_overwritten(tmp_path, capsys):
    """The same --name again is refused, and the files stay as they are."""
    run = finished_run(tmp_path)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    argv = ["run", "sft", "--output", str(tmp_path), "--name", "done", *SMALL]
    status, said = typed(argv, capsys)
    assert (status, before) == (2, {path.name: path.read_bytes() for path in run.iterdir()})
    assert "--resume" in said


def test_other_settings_cannot_be_resumed(tmp_path, capsys):
    """--resume with another learning rate names the setting that differs."""
    finished_run(tmp_path)
    argv = ["run", "sft", "--output", str(tmp_path), "--name", "done", *SMALL]
    status, said = typed([*argv, "--learning_rate", "0.5", "--resume"], capsys)
    assert status == 2
    assert "learning_rate" in said


def test_a_file_that_changed_cannot_be_resumed(tmp_path, capsys):
    """The lines of --data are part of the settings, whatever the file is called."""
    data = tmp_path / "pairs.jsonl"
    data.write_text(PAIR * 6)
    argv = ["run", "sft", "--data", str(data), "--output", str(tmp_path), "--name", "own", *SMALL]
    assert cli.main(argv) == 0
    assert cli.main([*argv, "--resume"]) == 0
    data.write_text(PAIR * 7)
    status, said = typed([*argv, "--resume"], capsys)
    assert status == 2 and "data_sha256" in said


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_a_damaged_config_is_named(tmp_path, capsys, text):
    run = finished_run(tmp_path)
    (run / "config.json").write_text(text)
    argv = ["run", "sft", "--output", str(tmp_path), "--name", "done", *SMALL, "--resume"]
    status, said = typed(argv, capsys)
    assert status == 2 and "config.json is damaged" in said


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--model", "lstm"], "model"),
        (["--env", "multiplication"], "alphabet"),
        (["--digits", "3"], "tokens"),
    ],
)
def test_the_start_must_be_of_the_same_kind(tmp_path, capsys, extra, words):
    """A checkpoint of another model, another alphabet or a shorter context is named as such."""
    run = finished_run(tmp_path, "--context", "10")
    argv = ["run", "grpo", "--init_from", str(run), "--output", str(tmp_path), *extra]
    status, said = typed(argv, capsys)
    assert status == 2
    assert words in said


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.safetensors"])
def test_a_truncated_file_is_named(tmp_path, capsys, name):
    """Half a file of weights is refused in one sentence, as a start and as a checkpoint."""
    run = finished_run(tmp_path)
    whole = (run / name).read_bytes()
    (run / name).write_bytes(whole[: len(whole) // 2])
    argv = ["run", "sft", "--output", str(tmp_path), *SMALL]
    argv += (
        ["--init_from", str(run)] if name.startswith("model") else ["--name", "done", "--resume"]
    )
    status, said = typed(argv, capsys)
    assert status == 2
    assert name in said
    assert (run / name).stat().st_size == len(whole) // 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    """A file stands where the folder of runs should be."""
    (tmp_path / "runs").write_text("in the way")
    status, said = typed(["run", "sft", "--output", str(tmp_path / "runs"), *SMALL], capsys)
    assert status == 2
    assert "cannot write" in said
    assert (tmp_path / "runs").read_text() == "in the way"


def test_a_reward_that_is_no_number_stops_the_run(tmp_path, capsys, monkeypatch):
    """NaN from a reward function: the completion's prompt is named before any update."""
    task = arithmetic.make(1)
    broken = task._replace(reward=lambda prompts, *_: np.full(len(prompts), np.nan))
    monkeypatch.setattr(plan, "find_task", lambda config: broken)
    argv = ["run", "grpo", "--output", str(tmp_path), *SMALL, "--warm_start_accuracy", "0"]
    status, said = typed(argv, capsys)
    assert status == 2
    assert re.search("the reward of a completion of '.+' is nan", said)


def test_a_weight_that_is_no_number_stops_the_run(tmp_path, capsys, monkeypatch):
    """Though the loss, worked out before the update, was a number still."""
    take = steps.update

    def broken(*args):
        state, metrics = take(*args)
        return state._replace(params=tree_map(lambda leaf: leaf * np.nan, state.params)), metrics

    monkeypatch.setattr(steps, "update", broken)
    status, said = typed(["run", "sft", "--output", str(tmp_path), *SMALL], capsys)
    assert status == 2
    assert "the sum of the weights of the policy is nan at step 1" in said


def test_a_comparison_of_one_method_with_itself_is_refused(tmp_path, capsys):
    """Two runs would share one folder."""
    status, said = typed(["compare", "dpo", "dpo", "--output", str(tmp_path)], capsys)
    assert status == 2
    assert "twice" in said


def test_more_minibatches_than_prompts_are_as_many_as_there_are(tmp_path):
    """One prompt in fifty minibatches: one step a pass, not a division by zero."""
    argv = ["run", "grpo", "--output", str(tmp_path), *SMALL, "--warm_start_accuracy", "0"]
    few = ["--batch_size", "1", "--num_generations", "2", "--num_minibatches", "50"]
    assert cli.main([*argv, *few]) == 0


UNREAD = {  # method: options that it does not read (finding 27)
    "sft": ["--num_generations 4", "--beta 0.3", "--epsilon 0.3", "--advantage rank", "--kl k1"],
    "dpo": ["--reward model", "--gamma 0.5", "--entropy_coef 0.1", "--num_minibatches 2"],
    "rrhf": ["--beta 0.3"],
    "grpo": ["--gamma 0.5", "--lam 0.1", "--num_pairs 20"],
    "dapo": ["--beta 0.3"],
    "rloo": ["--epsilon 0.3", "--kl k1"],
    "ppo": ["--advantage rank"],
    "raft": ["--num_iterations 2"],
}


@pytest.mark.parametrize("method", UNREAD)
def test_an_option_that_nothing_reads_is_refused(tmp_path, capsys, method):
    """It would be written down as if it had done something."""
    for option in UNREAD[method]:
        argv = ["run", method, "--env", "bandit", *option.split(), "--output", str(tmp_path)]
        status, said = typed(argv, capsys)
        assert status == 2 and option.split()[0] in said and method in said, option
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("option", ["--digits 3", "--layers 4", "--heads 2", "--width 128"])
def test_an_option_of_another_task_or_model_is_refused(tmp_path, capsys, option):
    argv = ["run", "grpo", "--env", "bandit", *option.split(), "--output", str(tmp_path)]
    status, said = typed(argv, capsys)
    assert status == 2 and option.split()[0] in said
    assert os.listdir(tmp_path) == []


def test_an_option_that_one_of_several_methods_reads_is_taken(capsys, tmp_path):
    """A comparison hands its settings to all."""
    argv = ["compare", "sft", "grpo", "--env", "bandit", "--kl", "k1", "--jobs", "0"]
    status, said = typed(argv, capsys)
    assert status == 2 and "--jobs" in said
    status, said = typed([*argv, "--gamma", "0.5"], capsys)
    assert status == 2 and "--gamma is read by ppo, not by sft, grpo" in said


def test_a_stage_that_comes_twice_is_told_apart(tmp_path):
    """Every row of metrics says which stage of the run it belongs to."""
    argv = ["run", "dpo,dpo", "--env", "bandit", "--steps", "2", "--num_pairs", "20"]
    assert cli.main([*argv, "--output", str(tmp_path), "--name", "twice"]) == 0
    assert [row["stage_index"] for row in files.read_metrics(tmp_path / "twice")] == [0, 0, 1, 1]
