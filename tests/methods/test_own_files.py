"""Own files: each kind is fed as its lines say, measured where it is held out, and read."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from devices import fetched, sent
from preparation import log_softmax, table
from recorder import record, take_one_step
from sweeping import run

from tinyalign import policy
from tinyalign.methods import evaluate
from tinyalign.runs import plan
from tinyalign.runs.config import Config

__all__ = ["record"]  # a fixture


LINES = {
    "sft": [{"prompt": p, "completion": c} for p, c in ("ab", "cd", "ee")],
    "dpo": [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in ("abc", "cde", "eef")],
    "tpo": [
        {"prompt": p, "gold": g, "chosen": c, "rejected": r} for p, g, c, r in ("abcd", "cdef")
    ],
    "kto": [
        {"prompt": p, "completion": c, "label": c in "bd"} for p, c in ("ab", "cd", "ee", "fa")
    ],
    "rrhf": [
        {"prompt": "a", "completions": ["b", "cc", "d"], "rewards": [3, 1, 2]},
        {"prompt": "e", "completions": ["f", "a", "bb"], "rewards": [0, 5, 4.5]},
    ],
}  # fmt: skip


def own_file(tmp_path, name, **settings):
    """StageInputs of a method on LINES, all of which are trained on."""
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES[name] * 10))
    job = plan.plan_run([name], Config(data=path, model="tabular", **settings))
    (index,) = (i for i, stage in enumerate(job.stages) if stage.method.name == name)
    return plan.stage_inputs(job, index, job.initial_params)


def read(made, tokens, mask):
    """[(prompt, completion)] of rows, each of which ends by itself."""
    found, letters = [], made.vocabulary.alphabet + "$"
    for row, kept in zip(tokens, mask > 0, strict=True):
        own = np.flatnonzero(kept) + 1
        prompt, text = ("".join(letters[i] for i in ids) for ids in (row[: own[0]], row[own]))
        assert prompt[0] == "\n" and text[-1] == "$"
        found.append((prompt[1:], text[:-1]))
    return found


@pytest.mark.parametrize("name", ["sft", "dpo", "tpo"])
def test_lines_of_a_file_are_fed_as_they_are(tmp_path, record, name):
    """Every role of a row comes from one line; nothing was sampled."""
    step = {"sft": "sft_step"}.get(name, "preference_step")
    calls, made = record(step), own_file(tmp_path, name, batch_size=50)
    columns = [key for key in LINES[name][0] if key != "prompt"]
    assert made.method.stage(made).samples == 0
    take_one_step(made)
    rows = read(made, *calls[0].arrays[:2])
    parts = [rows[i : i + 50] for i in range(0, len(rows), 50)]
    fed = {(group[0][0], *(text for _, text in group)) for group in zip(*parts, strict=True)}
    assert fed == {(line["prompt"], *(line[key] for key in columns)) for line in LINES[name]}


def test_thumbs_of_a_file_are_fed_as_they_are(tmp_path, record):
    calls, made = record("unpaired_step"), own_file(tmp_path, "kto", batch_size=60)
    take_one_step(made)
    tokens, mask, _, desirable, *_ = calls[0].arrays[0]
    fed = {(*row, like == 1) for row, like in zip(read(made, tokens, mask), desirable, strict=True)}
    assert fed == {(line["prompt"], line["completion"], line["label"]) for line in LINES["kto"]}


def test_rankings_of_a_file_are_fed_with_their_rewards(tmp_path, record):
    calls, made = record("ranked_step"), own_file(tmp_path, "rrhf", batch_size=20)
    take_one_step(made)
    tokens, mask, _, reward = calls[0].arrays
    assert tokens.shape[:2] == (20, 3) and reward.dtype == mask.dtype
    fed = {
        (*(text for _, text in read(made, *row)), *earned)
        for *row, earned in zip(tokens, mask, reward.tolist(), strict=True)
    }
    assert fed == {(*line["completions"], *line["rewards"]) for line in LINES["rrhf"]}


@pytest.mark.parametrize("name", LINES)
def test_lines_with_two_completions_to_compare_have_an_accuracy(tmp_path, name):
    """A policy that has not moved likes none more than before: 0. The others have only an nll, a
    uniform policy's being the log of the number of tokens."""
    made = own_file(tmp_path, name)
    found = evaluate.evaluate_lines(made, made.initial_policy)
    accuracy = {"eval_accuracy": 0.0} if name in ("dpo", "tpo") else {}
    size = len(made.vocabulary.alphabet) + 1
    assert found == {"eval_nll": pytest.approx(np.log(size), rel=1e-5), **accuracy}


def test_lines_with_a_ranking_are_measured_by_their_best_completion(tmp_path):
    """The one with the highest reward: "b" after "a", and "a" after "e"; nats per token."""
    made = own_file(tmp_path, "rrhf")
    params, best = table(made, 1), {"a": "b", "e": "a"}
    letters = made.vocabulary.alphabet + "$"
    logp = log_softmax(fetched(params["table"]).astype(float))
    total, tokens = 0.0, 0
    for prompt in made.held_out_data.prompts:
        said = prompt[-1] + best[prompt[-1]] + "$"
        total += sum(logp[letters.index(a), letters.index(b)] for a, b in pairwise(said))
        tokens += 2
    found = evaluate.evaluate_lines(made, params)
    assert found == {"eval_nll": pytest.approx(-total / tokens, rel=1e-5)}


@pytest.mark.usefixtures("plain_curves")
@pytest.mark.parametrize("name", LINES)
def test_a_run_on_a_file_of_ones_own_comes_to_its_end(tmp_path, name):
    """Each kind of file: what is learned from is what is measured."""
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES[name] * 10))
    settings = {"data": path, "model": "tabular", "steps": 2, "batch_size": 6}
    summary = run(tmp_path / "run", name, **settings)[-1]
    assert summary["method"] == name and np.isfinite(summary["eval_nll"])


def talkative(made, letter):
    """Parameters of a table that says one letter for ever; without a letter, nothing."""
    size = len(made.vocabulary.alphabet) + 1
    logits = np.full((size, size), -50, np.float32)
    logits[:, made.vocabulary.alphabet.index(letter) if letter else -1] = 50
    return {"table": sent(logits)}


@pytest.mark.parametrize("context, room", [(32, 3 + 4), (7, 7 - 3)])
def test_samples_to_read_are_prompts_with_what_the_policy_says(
    tmp_path, context, room, monkeypatch
):
    """As long as the longest answer of the held-out lines and four more, or what the longest prompt
    leaves of the context; eight lines, or as many as asked for."""
    prompts = ["a", "bc", "d", "ef", "g", "h"] * 20
    lines = [{"prompt": prompt, "completion": "yyy"} for prompt in prompts]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job = plan.plan_run(["sft"], Config(data=path, model="tabular", context=context))
    made = plan.stage_inputs(job, 0, job.initial_params)
    data = made.held_out_data
    answers = [["yyy"] if i == 1 else ["y"] for i in range(len(data.prompts))]
    made = made._replace(held_out_data=data._replace(completions=answers))
    sample, told = policy.sample, []

    def watched(*args, **options):
        told.append(options["eos"])
        return sample(*args, **options)

    monkeypatch.setattr(policy, "sample", watched)
    found = evaluate.sample_held_out(made, talkative(made, "y"), np.random.default_rng(0))
    assert [text.count("y") for text in found] == [room] * 8
    assert Counter("\n" + text.rstrip("y") for text in found) <= Counter(data.prompts)
    few = evaluate.sample_held_out(made, talkative(made, "y"), np.random.default_rng(0), 3)
    assert few == found[:3]
    silent = evaluate.sample_held_out(made, talkative(made, None), np.random.default_rng(0))
    assert silent == [text.rstrip("y") for text in found]
    assert set(told) == {len(made.vocabulary.alphabet)}  # and rows that ended cost nothing more
