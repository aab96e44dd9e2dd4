"""Randomness: weights, data, training and looks draw from streams of their own."""

import hashlib
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from sweeping import run

from tinyalign.errors import InputError
from tinyalign.models import tabular
from tinyalign.notes.claims import runs
from tinyalign.runs import files, lookup, plan, storage, train
from tinyalign.runs.config import Config

PURPOSES = (files.WEIGHTS, files.EXAMPLES, files.TRAINING, files.EVALUATION, files.COMPLETIONS)
MEASURES = (runs.SCORER, runs.ANSWERS)


def initial_generator(job, monkeypatch):
    """The generator that a run's initial weights are drawn from."""
    seen = []
    with monkeypatch.context() as patch:
        patch.setattr(tabular, "init", lambda rng, **sizes: seen.append(rng))
        lookup.init_params(job.config, "tabular", job.vocabulary, 2)
    return seen[0]


def evaluation_generator(inputs, place):
    """The generator that an evaluation after some steps is given."""
    seen = []
    stage = SimpleNamespace(evaluate=lambda networks, rng: seen.append(rng))
    train.evaluate_networks(inputs, stage, place)
    return seen[0]


def first_draws(seed, monkeypatch):
    """{what it is for: the first three uniform draws} of weights and of two stages."""
    job = plan.plan_run(["dpo", "grpo"], Config(env="bandit", seed=seed))
    found = {("weights",): initial_generator(job, monkeypatch)}
    for stage in range(2):
        setting = plan.stage_inputs(job, stage, job.initial_params)
        found["data", stage] = setting.rng
        progress = files.initial_progress(job, stage)
        found["training", stage] = np.random.default_rng()
        found["training", stage].bit_generator.state = progress.rng
        for step in range(3):
            place = progress._replace(step=step)
            found["look", stage, step] = evaluation_generator(setting, place)
    return {name: tuple(rng.random(3)) for name, rng in found.items()}


def test_no_two_streams_are_the_same(monkeypatch):
    """Of one seed or of several: 44 generators, 44 different beginnings."""
    draws = [draw for seed in range(4) for draw in first_draws(seed, monkeypatch).values()]
    assert len(draws) == len(set(draws)) == 44


def test_every_purpose_has_streams_of_its_own():
    """Also at places whose numbers are those of another purpose, where NumPy's zeros could hide."""
    purposes = (*PURPOSES, *MEASURES)
    places = itertools.product(purposes, range(4), range(4), range(4))
    draws = [files.random_stream(*place).random() for place in places]
    assert len(draws) == len(set(draws)) and 0 not in purposes


def test_a_stream_is_a_function_of_seed_and_place(monkeypatch):
    assert first_draws(3, monkeypatch) == first_draws(3, monkeypatch)


@pytest.mark.parametrize("version", [None, 1, 3])
def test_a_run_of_other_random_numbers_is_not_gone_on_with(tmp_path, version):
    """Its checkpoint holds the old numbers; its examples would be drawn with the new ones."""
    settings = {"env": "bandit", "steps": 4, "num_pairs": 20, "eval_every": 2}
    run(tmp_path, "dpo", **settings)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    assert content.pop("random_streams") == files.STREAMS_VERSION
    path.write_text(json.dumps(content | ({"random_streams": version} if version else {})))
    before = path.read_bytes()
    tree, note = storage.load_tree(checkpoint := tmp_path / "checkpoint.safetensors")
    digest = hashlib.sha256(before).hexdigest()  # as the older version would have written it
    storage.save_tree(checkpoint, tree, note | {"config_sha256": digest})
    job = plan.plan_run(["dpo"], Config(**settings))
    with pytest.raises(InputError, match="another version of tinyalign") as refusal:
        train.run(job, tmp_path, resume=True)
    assert str(refusal.value).count("\n") == 0 and path.read_bytes() == before
