"""Searches of settings: what is tried, what is chosen, and what a failure means."""

import json

import pytest

from tinyalign import report
from tinyalign.errors import InputError
from tinyalign.runs import lookup, recipes, train, tuned
from tinyalign.runs.compare import executors, jobs, tune
from tinyalign.runs.compare.sweep import JobsFailed
from tinyalign.runs.config import Config

TRAINED = [row.name for row in jobs.METHODS if row.trains]
BANDIT = Config(env="bandit", seed=100, eval_size=5)


@pytest.mark.parametrize("env", ["addition", "bandit"])
def test_every_method_has_twelve_different_tries(env):
    names = [*TRAINED, *(name for name in jobs.every_name() if "@" in name)]
    for name in names:
        settings = tune.settings_to_try(name, Config(env=env))
        wanted = 6 if "@" in name else 12
        assert len({tuple(sorted(tried.items())) for tried in settings}) == wanted, name
        assert len(settings) == wanted, name


def test_no_clip_is_searched_where_none_is_read():
    assert "epsilon" not in tune.settings_to_try("sapo", Config())[0]
    assert "epsilon" in tune.settings_to_try("dapo", Config())[0]


@pytest.fixture
def search(tmp_path, monkeypatch):
    """A function that searches the settings of DPO: six tries, few labels, no pictures."""
    monkeypatch.setattr(tune, "shared_budget", lambda env: "labels:256,samples:256")
    monkeypatch.setattr(tune, "RATES", {12: (0.5, 1.0)})
    monkeypatch.setattr(tune, "SEEDS", 1)
    monkeypatch.setattr(report, "curves", lambda rows, path: path.touch())

    def carry_out(resume=False):
        with executors.open_executor(1) as executor:
            return tune.tune(["dpo"], BANDIT, tmp_path / "a", executor, resume=resume)

    carry_out.folder = tmp_path / "a"
    return carry_out


def test_a_search_keeps_all_that_was_tried_and_repeats_nothing(search, monkeypatch):
    entry = search()["dpo"]
    assert json.loads((search.folder / "tuned.json").read_text()) == {"dpo": entry}
    assert len(entry["tried"]) == 6
    assert [len(scores) for _, scores in entry["finalists"]] == [1, 1, 1]
    tried = [setting for setting, _ in entry["tried"]]
    # A folder's number is the place of its setting among all that were tried.
    places = sorted(tried.index(setting) for setting, _ in entry["finalists"])
    folders = (search.folder / "seed101").glob("dpo-share1-*")
    assert sorted(int(folder.name.rpartition("-")[2]) for folder in folders) == places
    monkeypatch.setattr(train, "run", None)  # nothing is left to do
    assert search(resume=True)["dpo"] == entry


def failing(monkeypatch, error):
    """Every run after the starts fails."""
    run = train.run

    def faulty(run_plan, folder, **settings):
        if folder.name != "start":
            raise error
        return run(run_plan, folder, **settings)

    monkeypatch.setattr(train, "run", faulty)


def test_a_failure_that_is_no_divergence_ends_a_search(search, monkeypatch):
    failing(monkeypatch, MemoryError("no memory"))
    with pytest.raises(JobsFailed, match="not enough memory"):
        search()


def test_nothing_is_chosen_where_everything_diverged(search, monkeypatch):
    failing(monkeypatch, train.Diverged("the loss is nan"))
    with pytest.raises(InputError, match="nothing is chosen"):
        search()
    assert not (search.folder / "tuned.json").exists()


def test_every_trained_method_can_be_searched():
    for name in TRAINED:
        jobs.require_job(name, tune.base_config(name, BANDIT))
        assert lookup.find_method(name).trains


def test_a_recipe_takes_the_best_search_that_fits(monkeypatch):
    """None for examples or sizes that no search had."""
    usual = {"model": "transformer", "budget": "recipe"}
    found = {
        f"grpo@{count}": usual | {"chosen": jobs.UPDATES[count], "score": score}
        for count, score in (("1", 0.2), ("4", 0.7))
    }
    monkeypatch.setattr(tuned, "entries", lambda: {"addition": found})

    def entry(**settings):
        row = lookup.find_method("grpo")
        return tuned.entry_for(row, Config(**settings), "transformer")

    assert entry() is found["grpo@4"]
    assert entry(num_iterations=1) is found["grpo@1"]
    for other in ({"digits": 1}, {"width": 8}, {"layers": 1}, {"data": "mine.jsonl"}):
        assert entry(**other) is None


def test_a_search_starts_from_one_recipe_whatever_was_chosen_before(tmp_path):
    """Else the same search would find other scores once its choice is saved."""
    job = tune.start_of_search(Config(env="addition"), tmp_path)
    row = lookup.find_method("sft")
    recipe = recipes.family_recipe(row, job.config, "transformer")
    assert job.config.learning_rate == recipe["learning_rate"]
    assert job.config.batch_size == recipe["batch_size"]
    assert tuned.entries()["addition"]["sft"]["chosen"] != {
        name: recipe[name] for name in ("learning_rate", "batch_size")
    }
