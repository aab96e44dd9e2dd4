"""One's own data: the lines that are held out are not trained on, and are what is measured."""

import json
from itertools import pairwise

import numpy as np
import pytest
from devices import fetched
from preparation import log_softmax
from sweeping import run

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
