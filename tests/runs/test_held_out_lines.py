"""One's own data: the lines that are held out are not trained on, and are what is measured."""

import json
from itertools import pairwise

import numpy as np
import pytest
from devices import fetched
from preparation import log_softmax
from sweeping import run

from tinyalign.errors import InputError
from tinyalign.runs import files, plan
from tinyalign.runs.config import Config

pytestmark = pytest.mark.usefixtures("plain_curves")
LETTERS = "abcdefgh"


@pytest.fixture
def pairs(tmp_path):
    """A file of forty pairs with different prompts, and completions of one to four letters."""
    rng, lines = np.random.default_rng(0), []
    for number in range(40):
        chosen, rejected = ("".join(rng.choice(list(LETTERS), rng.integers(1, 5))) for _ in "wl")
        lines.append({"prompt": f"{number:02d}", "chosen": chosen, "rejected": rejected + "!"})
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("name", ["sft", "reward", "dpo"])
def test_held_out_lines_are_not_trained_on(pairs, name):
    """One line in ten is held out; with the lines trained on they are the file, each line once."""
    (stage,) = plan.plan_run([name], Config(data=pairs, model="tabular")).stages
    train, rest = stage.data.prompts, stage.held_out_data.prompts
    assert (len(train), len(rest)) == (36, 4)
    assert sorted(train + rest) == [f"\n{number:02d}" for number in range(40)]


def test_held_out_lines_are_measured_against_a_count_by_hand(pairs, tmp_path):
    """eval_nll: nats per token of chosen completions, end included. eval_accuracy: share of lines
    whose chosen completion rose more since the start, a uniform policy, than the rejected one."""
    settings = {"data": pairs, "model": "tabular", "steps": 5, "batch_size": 8}
    (summary,) = run(tmp_path / "run", "dpo", **settings)
    job = plan.plan_run(["dpo"], Config(**settings))
    tree, _ = files.load_tree(tmp_path / "run" / "model.safetensors")
    logp = log_softmax(fetched(tree["policy"]["table"]).astype(float))
    lines = job.stages[0].held_out_data
    places = {character: i for i, character in enumerate(job.vocabulary.alphabet)}

    def total(prompt, completion):
        ids = [places[c] for c in prompt[-1] + completion] + [len(places)]
        return sum(logp[before, after] for before, after in pairwise(ids))

    nll, tokens, rose = 0.0, 0, []
    for prompt, (chosen, rejected) in zip(lines.prompts, lines.completions, strict=True):
        nll, tokens = nll - total(prompt, chosen), tokens + len(chosen) + 1
        rises = [
            total(prompt, text) + (len(text) + 1) * np.log(len(logp)) for text in (chosen, rejected)
        ]
        rose.append(rises[0] > rises[1])
    assert summary["eval_nll"] == pytest.approx(nll / tokens, rel=1e-5)
    assert summary["eval_accuracy"] == np.mean(rose)


def thumb(number):
    """A liked "aa", or a disliked "b"."""
    liked = number % 3 == 0
    return {"prompt": "p", "completion": "aa" if liked else "b", "label": liked}


def ranking(number):
    """The best completion, "aa", in any of three places."""
    completions = ["aa" if number % 3 == place else "b" for place in range(3)]
    rewards = [float(completion == "aa") for completion in completions]
    return {"prompt": "p", "completions": completions, "rewards": rewards}


@pytest.mark.parametrize("name, line", [("kto", thumb), ("rrhf", ranking)])
def test_liked_and_best_completions_are_those_whose_likelihood_is_measured(tmp_path, name, line):
    """Every liked or best completion of the file is "aa" and its end, three tokens."""
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(line(number)) + "\n" for number in range(60)))
    settings = {"data": path, "model": "tabular", "steps": 5, "batch_size": 9}
    (summary,) = run(tmp_path / "run", name, **settings)
    tree, note = files.load_tree(tmp_path / "run" / "model.safetensors")
    logp = log_softmax(fetched(tree["policy"]["table"]).astype(float))
    ids = [*map(note["alphabet"].index, "paa"), len(note["alphabet"])]
    total = sum(logp[before, after] for before, after in pairwise(ids))
    assert summary["eval_nll"] == pytest.approx(-total / 3, rel=1e-5)


def test_no_likelihood_is_measured_where_every_held_out_completion_is_disliked(tmp_path):
    path = tmp_path / "lines.jsonl"
    (held_out,) = np.random.default_rng(0).permutation(10)[:1]  # as the plan draws the line
    lines = [thumb(1 if number == held_out else number % 2) for number in range(10)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (summary,) = run(tmp_path / "run", "kto", data=path, model="tabular", steps=5, batch_size=4)
    assert "eval_nll" not in summary and "NaN" not in (tmp_path / "run/metrics.jsonl").read_text()


def test_the_only_liked_line_of_a_file_is_trained_on(tmp_path):
    """Drawn to be held out, it is exchanged for another: KTO needs both labels."""
    path = tmp_path / "lines.jsonl"
    held_out = np.random.default_rng(0).permutation(10)[0]
    lines = [thumb(0 if number == held_out else 1) for number in range(10)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (summary,) = run(tmp_path / "run", "kto", data=path, model="tabular", steps=5, batch_size=4)
    assert "eval_nll" not in summary  # every line that is held out now is disliked


def test_a_thumb_up_and_a_thumb_down_are_too_few(tmp_path):
    """One of the two is held out, and the other alone is nothing to learn from."""
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(thumb(number)) + "\n" for number in range(2)))
    with pytest.raises(InputError, match="want at least three"):
        run(tmp_path / "run", "kto", data=path, model="tabular", steps=5, batch_size=4)
