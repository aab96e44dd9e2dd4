"""tinyalign exam make and grade, as they are typed."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from planted import paper_for

from tinyalign.cli import main
from tinyalign.exam import make
from tinyalign.exam.grade import optimum
from tinyalign.exam.guide import TRL, WITHOUT_REFERENCE, guide
from tinyalign.exam.methods import METHODS
from tinyalign.exam.paper import paper_as_data, read_paper, trim
from tinyalign.exam.reference import score, train_reference, vocabulary
from tinyalign.exam.suspects import suspects_for
from tinyalign.exam.tasks import SHARES, TASKS
from tinyalign.runs.hugging_face import read_model_folder


@pytest.fixture(scope="module")
def reference():
    """The weights of the words task, trained once."""
    return train_reference(TASKS["words"])


@pytest.fixture
def exam(reference, monkeypatch, tmp_path):
    """exam(method, *flags) makes an exam on the words and gives its folder."""
    monkeypatch.setattr(make, "train_reference", lambda task: reference)

    def made(method, *flags):
        folder = tmp_path / method
        assert main(["exam", "make", str(folder), "--as", method, "--task", "words", *flags]) == 0
        return folder

    return made


def table_of(paper, logp):
    """A JSON table of a policy that gives the answers these probabilities."""
    from planted import Tree

    tree = Tree(paper.tokens)
    rows = trim(tree.token_logp(tree.logits_of(np.exp(logp))), paper.mask)
    return {
        prompt: dict(zip(paper.answers, row, strict=True))
        for prompt, row in zip(paper.prompts, rows, strict=True)
    }


def written(folder, name, content):
    path = folder.parent / name
    path.write_text(json.dumps(content), encoding="utf8")
    return str(path)


def test_the_reference_has_its_shares(reference):
    """Nearly all of the probability, in the uneven shares that the task names."""
    task = TASKS["words"]
    logp = score(reference, vocabulary(task), task.prompts, task.answers, True).sum(axis=2)
    share = np.array(SHARES) / np.sum(SHARES, axis=1, keepdims=True)
    assert np.exp(logp).sum(axis=1).min() > 0.99
    assert abs(np.exp(logp) - share).max() < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_an_exam_is_complete(exam, method):
    folder = exam(method)
    paper, (params, words) = read_paper(folder), read_model_folder(folder / "model")
    lines = [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]
    assert lines == METHODS[method].rows(paper)
    if method != "reward":
        again = score(params, words, paper.prompts, paper.answers, paper.ends)
        assert abs(again - paper.reference).max() < 1e-5
    text = (folder / "README.md").read_text(encoding="utf8")
    assert "exam grade" in text and "{" not in text.replace('{"', "")
    assert (folder / "reward.py").exists() == METHODS[method].samples


def test_the_reward_file_is_a_table(exam):
    folder = exam("rloo")
    code = "from reward import reward; print(reward(['p', 'q', 'p'], ['a', 'b', 'no']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=True)
    first, second, other = json.loads(done.stdout)
    paper = read_paper(folder)
    assert (first, second) == (paper.reward[0, 0], paper.reward[1, 3])
    assert other < paper.reward.min()


def test_a_table_at_the_optimum_is_right_and_drawn(exam, capsys):
    folder = exam("dpo", "--beta", "0.25")
    paper = read_paper(folder)
    trained = written(folder, "trained.json", table_of(paper, optimum(paper)))
    picture = folder.parent / "picture.svg"
    assert main(["exam", "grade", str(folder), trained, "--picture", str(picture)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "right: It lands where DPO ends" in said
    assert "log π/π_ref of an answer against its reward: the right slope is 1/beta = 4." in said
    assert picture.read_text(encoding="utf8").startswith("<?xml")


def test_json_holds_the_numbers_and_the_verdict(exam, capsys):
    folder = exam("dpo")
    paper = read_paper(folder)
    half = paper.ref_logp + paper.reward  # beta 1 in place of 0.5
    half = half - np.logaddexp.reduce(half, axis=1)[:, None]
    near = half + 1e-3 * paper.weights
    near = near - np.logaddexp.reduce(near, axis=1)[:, None]
    now, before = (
        written(folder, name, table_of(paper, logp)) for name, logp in [("n", half), ("b", near)]
    )
    capsys.readouterr()
    command = ["exam", "grade", str(folder), now, "--json"]
    assert main(command) == 2  # one checkpoint
    assert json.loads(capsys.readouterr().out)["verdict"] == "undecided"
    assert main([*command, "--before", before]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "right at another beta" and found["exit_code"] == 1
    assert found["slope_over_right_slope"] == pytest.approx(0.5, abs=0.01)


def test_the_model_itself_is_not_trained(exam, capsys):
    folder = exam("sft")
    assert main(["exam", "grade", str(folder), str(folder / "model")]) == 2
    assert "not trained enough" in capsys.readouterr().out


WRONG = {  # what is typed after `exam make FOLDER`, and what is said
    "no method": (["--as", "grop"], "there is no method 'grop' here: choose one of sft, dpo"),
    "no task": (["--as", "dpo", "--task", "poems"], "there is no task 'poems'"),
    "foreign setting": (
        ["--as", "dpo", "--tau", "1"],
        "an exam of dpo has no --tau; it has: --beta",
    ),
    "beta": (["--as", "dpo", "--beta", "0"], "--beta is 0, but want a number from 0.1"),
    "nan": (["--as", "dpo", "--beta", "nan"], "--beta is nan, but want a number from 0.1"),
    "flip": (["--as", "cdpo", "--flip", "0.2"], "only 1/9, 1/10"),
    "gamma": (["--as", "simpo", "--gamma", "0.5"], "want the logarithm of a whole number"),
    "kto": (["--as", "kto", "--beta", "2"], "KTO has several optima"),
    "group": (["--as", "grpo", "--num_generations", "1"], "at least 2 completions"),
    "group of 2": (["--as", "rloo", "--num_generations", "2"], "looks like a doubled beta"),
    "large group": (["--as", "raft", "--num_generations", "257"], "a batch of the exam has 256"),
    "small flip": (["--as", "cdpo", "--flip", "0.005"], "only 1/9, 1/10"),
    "large gamma": (["--as", "simpo", "--gamma", "2.833213344056216"], "a whole number up to 16"),
}


@pytest.mark.parametrize(("flags", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_exam_is_one_sentence(flags, sentence, tmp_path, capsys):
    assert main(["exam", "make", str(tmp_path / "new"), *flags]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_no_exam_goes_where_something_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["exam", "make", str(tmp_path), "--as", "dpo"]) == 2
    assert "holds something already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


TABLES = {  # a table of trained log-probabilities, and what is said of it
    "no prompt": ({}, "has nothing for 'p'"),
    "a list": ([1], "has nothing for"),
    "too few tokens": ({"p": {"a": [-1.0]}}, "has nothing for 'ab'"),
    "positive": ("positive", "holds a number that is no log-probability"),
    "nan": ("nan", "holds a number that is no log-probability"),
    "one short": ("short", "answer 0 has 2 tokens, got 1"),
    "text": ("text", "want {"),
}


@pytest.mark.parametrize(("content", "sentence"), TABLES.values(), ids=TABLES)
def test_a_wrong_table_is_one_sentence(exam, content, sentence, capsys):
    folder = exam("dpo")
    if isinstance(content, str):
        paper = read_paper(folder)
        broken = {
            "positive": [0.5, 0.5],
            "nan": [float("nan"), -1.0],
            "short": [-1.0],
            "text": ["x", -1],
        }
        table = table_of(paper, optimum(paper))
        table["p"]["a"] = broken[content]
        content = table
    trained = written(folder, "trained.json", content)
    capsys.readouterr()
    assert main(["exam", "grade", str(folder), trained]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_what_is_missing_is_one_sentence(exam, tmp_path, capsys):
    folder = exam("dpo")
    for arguments, sentence in [
        ([tmp_path / "none", folder / "model"], "there is no exam in"),
        ([folder, tmp_path / "none"], "cannot be read: No such file"),
        ([folder, folder / "data.jsonl"], "is no JSON"),
        ([folder, folder], "is no folder that transformers saved"),
    ]:
        capsys.readouterr()
        assert main(["exam", "grade", *map(str, arguments)]) == 2
        said = capsys.readouterr().err
        assert sentence in said and said.count("\n") == 1, said


def test_a_folder_of_checkpoints_is_answered_with_the_last_one(exam, tmp_path, capsys):
    folder = exam("dpo")
    for step in ("80", "160"):
        shutil.copytree(folder / "model", tmp_path / "trained" / step)
    assert main(["exam", "grade", str(folder), str(tmp_path / "trained")]) == 2
    assert f"did you mean {tmp_path / 'trained' / '160'}?" in capsys.readouterr().err


def test_a_model_saved_without_its_tokenizer_is_told_to_save_both(exam, tmp_path, capsys):
    folder = exam("dpo")
    shutil.copytree(folder / "model", tmp_path / "trained")
    (tmp_path / "trained" / "tokenizer.json").unlink()
    assert main(["exam", "grade", str(folder), str(tmp_path / "trained")]) == 2
    assert "save the tokenizer there too" in capsys.readouterr().err


UNSOUND = {  # what is changed in exam.json, and what is said
    "method": ({"method": "poetry"}, "there is no method 'poetry'"),
    "task": ({"task": "poems"}, "there is no task 'poems'"),
    "settings": ({"settings": {"gamma": 1}}, "the settings of dpo are not gamma"),
    "settings that are a list": ({"settings": []}, "cannot be read as an exam"),
    "weights": ({"weights": [[1, 2]]}, "weights has shape (1, 2), want (4, 6)"),
    "reference": ({"reference": [[[-1.0]]]}, "reference has no table of shape (4, 6)"),
}


@pytest.mark.parametrize(("change", "sentence"), UNSOUND.values(), ids=UNSOUND)
def test_an_exam_that_was_damaged_is_one_sentence(change, sentence, tmp_path, capsys):
    paper, _, _ = paper_for("dpo")
    (tmp_path / "exam.json").write_text(json.dumps(paper_as_data(paper) | change))
    assert main(["exam", "grade", str(tmp_path), "trained.json"]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_guide_says_only_what_holds_for_its_method(method):
    paper, _, _ = paper_for(method, "bandit")
    text = guide(paper)
    assert ("the frozen reference:" in text) == (method not in WITHOUT_REFERENCE)
    assert ("in_trl" in text) == (method in TRL and method != "reward")
    assert ("[-0.7, -0.1]" in text) == (paper.ends and method != "reward")
    assert ("scores.json" in text) == (method == "reward")
    assert ("exam grade . trained/checkpoint" in text) == (method != "reward")


def test_only_a_deviation_that_is_looked_for_is_said_to_be_named():
    """The advantage over its standard deviation is worked out for answers of one token."""
    letters, words = (guide(paper_for("grpo", task)[0]) for task in ("bandit", "words"))
    assert "its own beta, and the grade names that" in letters and "its own beta." in words


@pytest.mark.parametrize("group", [3, 8, 24])
def test_a_batch_for_trl_holds_whole_groups(group):
    text = guide(paper_for("grpo", num_generations=group)[0])
    size = int(text.partition("per_device_train_batch_size=")[2].partition(",")[0])
    assert size % group == 0 and 232 < size <= 256


def test_a_large_group_is_graded_without_the_deviation_that_takes_hours():
    names = {s.name for s in suspects_for(paper_for("grpo", num_generations=64)[0])}
    assert "advantage over its standard deviation" not in names and "forward KL" in names


def test_a_late_earlier_checkpoint_is_refused(exam, capsys):
    """It would look settled in a run that has hardly begun."""
    folder = exam("dpo")
    for step in (100, 90, 50):
        shutil.copytree(folder / "model", folder / f"checkpoint-{step}")
    command = ["exam", "grade", str(folder), str(folder / "checkpoint-100"), "--before"]
    assert main([*command, str(folder / "checkpoint-90")]) == 2
    assert "is from step 90 of 100, too late" in capsys.readouterr().err
    assert main([*command, str(folder / "checkpoint-50")]) == 2  # not trained, and so it is said
    assert "stands where it began" in capsys.readouterr().out


def test_another_exams_model_is_refused(exam, tmp_path, capsys, monkeypatch):
    """The bandit's letters are not those of the words."""
    folder = exam("dpo")
    monkeypatch.undo()
    monkeypatch.setattr("tinyalign.exam.reference.STEPS", 1)
    assert main(["exam", "make", str(tmp_path / "b"), "--as", "dpo", "--task", "bandit"]) == 0
    assert main(["exam", "grade", str(folder), str(tmp_path / "b" / "model")]) == 2
    assert "was not trained on this exam's model" in capsys.readouterr().err


def test_a_reward_model_is_graded_from_its_scores(exam):
    folder = exam("reward")
    paper = read_paper(folder)
    scores = {p: dict(zip(paper.answers, r.tolist(), strict=True))
              for p, r in zip(paper.prompts, paper.reward + 7, strict=True)}  # fmt: skip
    assert main(["exam", "grade", str(folder), written(folder, "scores.json", scores)]) == 0
