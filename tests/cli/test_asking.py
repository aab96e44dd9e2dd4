"""`tinyalign write` and `tinyalign runs`; the numbers of a loss, typed with --set."""

import io
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tinyalign import cli
from tinyalign.cli import telling
from tinyalign.methods import find
from tinyalign.runs import asking, listing
from tinyalign.runs.config import Config

B = ["--env", "bandit", "--steps", "40", "--num_pairs", "64", "--eval_size", "8"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of dpo on the bandit, and one of its loss with another number."""
    out = tmp_path_factory.mktemp("runs")
    for extra in (["dpo", "--name", "one"], ["cdpo", "--set", "flip=0.3"]):
        assert cli.main(["run", *extra, *B, "--output", str(out)]) == 0
    return out


def test_a_model_is_asked_before_and_after_training(place, capsys):
    """The start gives every letter one time in eight; the optimum of the run stands below."""
    assert cli.main(["write", str(place / "one"), "a", "--before", "--samples", "20"]) == 0
    said = capsys.readouterr().out
    before, after = said.split("after training: ")
    assert before.startswith("before training: a") and "12.5 %" in before
    assert "12.5 %" not in after.split("20 samples")[0] and "\nknown answer: g " in after
    counts = [int(line.split("×")[0]) for line in after.splitlines() if " × " in line]
    assert sum(counts) == 20


def test_the_start_is_not_told_as_the_end_of_best_of_n(tmp_path, capsys):
    """It trains no policy, so there is no end point of one, and nothing to ask."""
    typed = ["run", "best_of_n", "--name", "best", *B[:2], *B[-2:], "--output", str(tmp_path)]
    assert cli.main(typed) == 0 and asking.end_points(tmp_path / "best") is None
    said = capsys.readouterr().out
    assert "What it takes has a mean reward of" in said and "To ask it" not in said


def test_the_answer_is_the_likeliest_and_the_known_one_is_the_optimum(place):
    trained = asking.read_trained(place / "one")
    answer = asking.likeliest_answer(trained, "a")
    ((_, probs),) = answer.choices
    np.testing.assert_allclose(probs.sum(), 1)
    assert answer.text == trained.task.alphabet[probs.argmax()] and answer.finished
    known = asking.known_answer(place / "one", trained)
    # From a uniform start the optimum at beta 1 is softmax(reward).
    table = [trained.task.reward(["a"], [letter], [True])[0] for letter in trained.task.alphabet]
    np.testing.assert_allclose(known["a"], np.exp(table) / np.exp(table).sum(), rtol=1e-6)
    assert asking.known_answer(next(place.glob("cdpo*")), trained) == {}  # another loss


def test_samples_without_a_reward_are_printed_too(place, capsys):
    """Nobody judges the answer to a prompt that is not of the task."""
    assert cli.main(["write", str(place / "one"), "ab", "--samples", "3"]) == 0
    _, said = capsys.readouterr().out.split("3 samples at temperature 1:")
    assert " × " in said and "reward" not in said


def test_a_wrong_sum_has_the_probability_of_the_right_one_beside_it(tmp_path, capsys):
    """That of the whole answer with its end: as often as samples show it."""
    typed = ["run", "sft", "--digits", "1", "--steps", "60", "--width", "16", "--heads", "1"]
    typed += ["--layers", "1", "--eval_size", "4", "--name", "sums", "--output", str(tmp_path)]
    assert cli.main(typed) == 0
    capsys.readouterr()
    trained, checked = asking.read_trained(tmp_path / "sums"), 0
    for prompt in trained.task.held_out[:4]:
        assert cli.main(["write", str(tmp_path / "sums"), prompt, "--samples", "2000"]) == 0
        said, right = capsys.readouterr().out, trained.task.solution(prompt)
        told = re.search(rf"right: {right}, which it writes with probability ([\d.]+) %", said)
        is_right = asking.likeliest_answer(trained, prompt).text == right
        assert bool(told) != is_right
        if told:
            drawn = asking.sampled_answers(trained, prompt, 2000, 0).count((right, True)) / 2000
            share, checked = float(told[1]) / 100, checked + 1
            assert abs(share - drawn) < 5 * np.sqrt(share / 2000) + 1e-3
    assert checked


def test_a_comparison_is_listed_and_its_runs_are_named_as_they_are_typed(
    place, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    both = tmp_path / "runs" / "both"  # a comparison on two tasks has a folder for each
    shutil.copytree(place / "one", both / "bandit" / "seed0" / "dpo")
    (both / "bandit" / "compare.json").write_text("{}")
    assert cli.main(["runs"]) == 0
    assert "the runs of a comparison: tinyalign runs runs/COMPARISON" in capsys.readouterr().out
    assert [row[0] for row in listing.list_runs("runs")] == ["both"]
    assert [row[0] for row in listing.list_runs(both / "bandit")] == ["seed0/dpo"]
    assert cli.main(["runs", "runs/both/bandit"]) == 0
    assert "tinyalign write runs/both/bandit/RUN PROMPT" in capsys.readouterr().out
    for typed in ("both", "runs/both"):
        assert cli.main(["write", typed, "a"]) == 2
        said = capsys.readouterr().err
        assert f"{typed} is a comparison: name one of its runs, such as runs/both/bandit" in said
        assert cli.main(["write", said.split("such as ")[1].strip(), "a"]) == 0


def test_prompts_come_from_standard_input_too(place, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a\nz\nb\n"))
    assert cli.main(["write", str(place / "one")]) == 0
    said = capsys.readouterr().out
    assert "this policy knows no 'z'" in said and "\nb" in said
    assert re.search(r"its characters are '[ab]", said) and "\\n" not in said


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (["nothing", "a"], "there is no run nothing: `tinyalign runs` lists"),
        (["one", ""], "the prompt is empty"),
        (["one", "ä"], "this policy knows no 'ä'"),
        (["one", "a", "--samples", "-1"], "--samples is -1"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(place, typed, why, capsys):
    name, *rest = typed
    folder = str(place / name) if name == "one" else name
    assert cli.main(["write", folder, *rest]) == 2
    assert why in capsys.readouterr().err


def test_runs_lists_what_was_typed(place, capsys):
    """The name of a folder tells the settings that differ, and so does the list."""
    names = sorted(path.name for path in place.iterdir())
    cdpo = "cdpo-bandit-tabular-steps40-set_flip0.3-num_pairs64-eval_size8-seed0"
    assert names == [cdpo, "one"]
    rows = {row[0]: row for row in listing.list_runs(place)}
    assert rows[cdpo][1].startswith("cdpo --env bandit --steps 40 --set flip=0.3")
    summary = json.loads((place / "one" / "summary.json").read_text())[-1]
    assert rows["one"][3] == f"{summary['eval_reward']:.3f}"
    assert cli.main(["runs", str(place)]) == 0 and "one" in capsys.readouterr().out
    assert cli.main(["runs", str(place / "one")]) == 2


def test_a_comparison_is_listed_as_typed_and_half_a_file_is_passed_over(tmp_path):
    """None is what nobody typed; the accuracy of a judge is over pairs, so it is not listed."""
    whole = {"methods": ["dpo"], "seeds": 1, "config": {"env": "bandit", "eval_every": None}}
    for name, content in (("a", whole), ("b", {"methods": ["dpo"]})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "compare.json").write_text(json.dumps(content))
    ((name, typed, *_),) = listing.list_runs(tmp_path)
    assert (name, typed) == ("a", "compare dpo --env bandit")
    (tmp_path / "config.json").write_text('{"methods": ["reward"]}')
    (tmp_path / "model.safetensors").touch()
    judge = {"eval_accuracy": 0.9, "networks": ["reward_model"]}
    (tmp_path / "summary.json").write_text(json.dumps([judge]))
    assert listing.score_cells(tmp_path) == ("–", "–", "–")


def test_a_run_with_a_stage_to_go_is_not_finished(place, tmp_path, capsys):
    """It is listed as such, and is not asked."""
    half = Path(shutil.copytree(place / "one", tmp_path / "half"))
    marker = json.loads((half / "config.json").read_text())
    (half / "config.json").write_text(json.dumps(marker | {"methods": ["dpo", "grpo"]}))
    ((_, typed, *scores),) = listing.list_runs(tmp_path)
    assert typed.startswith("dpo,grpo") and scores == ["not finished", "–", "–"]
    assert cli.main(["write", str(half), "a"]) == 2
    assert "is not finished: type the command" in capsys.readouterr().err


def test_the_accuracy_before_is_of_a_policy_on_the_same_problems(tmp_path):
    """Neither a reward model's, which is over pairs, nor one with more digits."""

    def stage(method, accuracy, digits=1):
        settings = {"env": "addition", "digits": digits, "data": None, "eval_size": 500}
        return {"method": method, "eval_accuracy": accuracy, "settings": settings}

    (tmp_path / "summary.json").write_text(json.dumps([stage("sft", 0.4), stage("reward", 0.9)]))
    started = SimpleNamespace(config=Config(init_from=tmp_path))
    assert telling.accuracy_before(started, [stage("dpo", 0.5)]) == 0.4
    assert telling.accuracy_before(started, [stage("dpo", 0.5, digits=2)]) is None
    both = [stage("sft", 0.6), stage("reward", 0.8), stage("ppo", 0.7)]
    assert telling.accuracy_before(started, both) == 0.6


def test_a_learned_score_is_called_one():
    for reward, word in (("exact", ""), ("model", "learned ")):
        stage = {"learns_from": "rewards", "completions_judged": 0, "completions_sampled": 64}
        said = telling.amount_shown(stage | {"settings": {"reward": reward}})
        assert said == f"a {word}score of each of its own 64 tries"


def test_set_reaches_the_loss_and_nothing_else():
    row, config = find("cdpo"), Config(set="flip=0.3", beta=1.0)
    assert row.bind_loss(config).keywords == {"flip": 0.3, "beta": 1.0}
    assert find("dpo").bind_loss(config).keywords == {"beta": 1.0}
    assert find("infonca").bind_loss(config).keywords["alpha"] == 0.2  # of its row


@pytest.mark.parametrize(
    ("method", "typed", "why"),
    [
        ("simpo", "gama=1", "the loss of sft, simpo has gamma"),
        ("dpo", "gamma=1", "the loss of sft, dpo has none"),
        ("simpo", "gamma", "want NAME=NUMBER"),
        ("simpo", "gamma=nan", "want NAME=NUMBER"),
        ("cdpo", "flip=2", "flip must be in [0, 1)"),
        ("simpo", "gamma=0.5,gamma=0.7", "sets gamma twice"),
    ],
)
def test_a_number_that_no_loss_has_is_refused(method, typed, why, tmp_path, capsys):
    assert cli.main(["run", method, "--set", typed, "--output", str(tmp_path)]) == 2
    assert why in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_the_help_of_a_method_has_the_numbers_that_it_reads(capsys):
    assert cli.main(["run", "SimPO", "--help"]) == 0
    said = capsys.readouterr().out
    assert "--beta 30 " in said and "gamma=1.375" in said and "--lam" not in said
    assert cli.main(["run", "ppo", "-h"]) == 0
    assert "--lam 0.95" in capsys.readouterr().out


def test_of_equal_tokens_the_answer_stands_first(place, capsys):
    """The start gives every letter one time in eight, and argmax takes the first."""
    assert cli.main(["write", str(place / "one"), "e", "--before"]) == 0
    said = capsys.readouterr().out
    assert "ea   (no prompt of bandit: its prompts are a, b, c, d)\n  e  a 12.5 %  b 12.5 %" in said


def test_a_run_without_a_known_answer_says_why(place):
    """The loss of cdpo with a number of one's own: no formula gives its best policy."""
    folder = next(place.glob("cdpo*"))
    summary = json.loads((folder / "summary.json").read_text())[-1]
    _, why = telling.bandit_sentences(folder, summary)
    assert why.startswith("tinyalign has no formula for the best policy of cdpo under these")
