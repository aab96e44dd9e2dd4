"""`tinyalign export-data`: the lines are those that --data reads, the reward is the task's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from model_folders import reward_in

from tinyalign import cli, methods
from tinyalign.exam.trainer_data import export_data, records
from tinyalign.runs import dataset, lookup, plan
from tinyalign.runs.config import Config

COLUMNS = {  # TRL's, and ours where TRL has none
    "demonstrations": ["prompt", "completion"],
    "pairs": ["prompt", "chosen", "rejected"],
    "thumbs": ["prompt", "completion", "label"],
    "rankings": ["prompt", "completions", "rewards"],
    "triples": ["prompt", "gold", "chosen", "rejected"],
    "rewards": ["prompt"],
}
ENVS = ["addition", "subtraction", "multiplication", "bandit", "programs", "hackable"]


def lines_of(folder):
    return [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)
def test_every_method_gets_its_columns_and_can_read_them_here(row, tmp_path):
    """On the bandit, whose candidates nearly never tie."""
    told = export_data(Config(env="bandit", num_generations=4), row.name, 12, tmp_path)
    assert lines_of(tmp_path) == told and len(told) >= 6
    assert {tuple(line) for line in told} == {tuple(COLUMNS[row.learns_from])}
    if row.learns_from in dataset.COLUMNS:
        read = dataset.load(tmp_path / "data.jsonl", row.learns_from)
        assert [prompt[1:] for prompt in read.prompts] == [line["prompt"] for line in told]


@pytest.mark.parametrize("env", ENVS)
def test_the_reward_is_the_tasks_own(env, tmp_path):
    """On right answers, wrong ones and those that were cut off before their end."""
    config = Config(env=env)
    export_data(config, "grpo", 5, tmp_path)
    task, reward = lookup.find_task(config), reward_in(tmp_path)
    prompts = [line["prompt"] for line in lines_of(tmp_path)] * 6
    rng = np.random.default_rng(0)
    texts = [task.candidates(prompt, rng, 1)[0] for prompt in prompts]
    finished = rng.random(len(prompts)) < 0.5
    ids = [[0, len(task.alphabet)] if end else [0, 1] for end in finished]
    expected = task.reward(prompts, texts, finished)
    assert reward(prompts, texts, completion_ids=ids, other_column=[1]) == list(expected)
    whole = reward(prompts=prompts, completions=texts)
    assert whole == list(task.reward(prompts, texts, np.ones(len(prompts), bool)))
    assert {type(number) for number in whole} == {float} and len(set(whole)) > 1


def test_the_reward_needs_neither_tinyalign_nor_torch(tmp_path):
    """In a process of its own, which sees NumPy and the folder alone."""
    export_data(Config(digits=1), "grpo", 5, tmp_path / "out")
    code = (
        "import sys, reward; print(reward.reward(['1+2=', '1+2='], ['03', '04']),"
        "[m for m in ('tinyalign', 'torch', 'autograd') if m in sys.modules],"
        "sys.modules['toy_envs'].__file__)"
    )
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "out", env=env, capture_output=True, text=True
    )
    copied = tmp_path / "out" / "toy_envs" / "__init__.py"
    assert done.stdout == f"[1.0, 0.0] [] {copied}\n", done.stderr


def stage_of(name, **settings):
    config = Config(**settings)
    return plan.resolve_config(lookup.find_method(name), config, "transformer")


def test_all_prompts_are_used_before_one_is_used_again():
    task = lookup.find_task(Config(digits=1))
    count = len(task.train)
    told = [line["prompt"] for line in records(stage_of("grpo", digits=1), task, 2 * count)]
    assert sorted(told[:count]) == sorted(told[count:]) == sorted(task.train)
    assert told[:count] != sorted(task.train)


def test_labels_follow_the_reward_and_noise_turns_them_round():
    task = lookup.find_task(Config())
    for noise, expected in ((0.0, 1.0), (1.0, 0.0)):
        told = records(stage_of("dpo", label_noise=noise), task, 50)
        prompts, chosen, rejected = (
            [line[column] for line in told] for column in ("prompt", "chosen", "rejected")
        )
        end = np.ones(len(told), bool)
        assert set(task.reward(prompts, chosen, end)) == {expected}
        assert set(task.reward(prompts, rejected, end)) == {1 - expected}


def test_a_ranking_is_told_by_the_rewards_of_its_places():
    """Label noise permutes the rewards; without it each candidate has its own."""
    task = lookup.find_task(Config(env="bandit"))
    for line in records(stage_of("rrhf", env="bandit", label_temperature=0.0), task, 8):
        count = len(line["completions"])
        own = task.reward([line["prompt"]] * count, line["completions"], np.ones(count, bool))
        np.testing.assert_allclose(line["rewards"], own, rtol=1e-12)


def test_the_seed_decides_the_lines(tmp_path):
    same, other = (
        export_data(Config(seed=seed), "kto", 10, tmp_path / name)
        for seed, name in ((0, "b"), (1, "c"))
    )
    assert export_data(Config(), "kto", 10, tmp_path / "a") == same != other


def test_the_command_says_what_it_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["export-data", "addition", "out", "--as", "kto", "--num_prompts", "7", "--seed", "3"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "out/data.jsonl: 28 lines of prompt, completion, label"
    assert said[1].startswith("out/reward.py: reward(prompts, completions)")


MISTAKES = {  # what is typed after export-data, and words of the sentence
    "no such task": (["chess", "out", "--as", "dpo"], "no environment 'chess'"),
    "no such method": (["addition", "out", "--as", "dpoo"], "did you mean dpo?"),
    "no prompts": (["addition", "out", "--as", "dpo", "--num_prompts", "0"], "--num_prompts is 0"),
    "noise": (["addition", "out", "--as", "dpo", "--label_noise", "2"], "--label_noise is 2"),
    "one candidate": (
        ["addition", "out", "--as", "dpo", "--num_generations", "1"],
        "--num_generations is 1",
    ),
    "two for three": (
        ["addition", "out", "--as", "tpo", "--num_generations", "2"],
        "the candidates give no examples to train on",
    ),
    "only ties": (
        [
            "addition",
            "out",
            "--as",
            "rso",
            "--num_prompts",
            "1",
            "--num_generations",
            "2",
            "--seed",
            "4",
        ],
        "got the same reward",
    ),
    "a full folder": (["addition", "full", "--as", "dpo"], "full is there and not empty"),
    "a file": (["addition", "full/a", "--as", "dpo"], "full/a is there and not empty"),
    "below a file": (["addition", "full/a/b", "--as", "dpo"], "cannot write to full/a/b"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_gives_a_sentence_and_writes_nothing(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/a").write_text("mine")
    words, expected = MISTAKES[case]
    assert cli.main(["export-data", *words]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("tinyalign: ") and expected in said
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "full"]
