"""Samples and settings that nothing can be learned from are refused, at the very edge."""

import dataclasses

import numpy as np
import pytest
from preparation import setting

from tinyalign.errors import InputError
from tinyalign.runs import lookup, plan, train
from tinyalign.runs.config import RANGES, Config
from toy_envs import bandit

BANDIT = bandit.make()
LEVEL = BANDIT._replace(reward=lambda prompts, *_: np.ones(len(prompts)))


@pytest.mark.parametrize("name", ["reward", "dpo", "tpo", "rso", "rrhf"])
def test_completions_that_all_score_alike_are_nothing_to_compare(name):
    with pytest.raises(InputError, match="same reward, so there is nothing to compare"):
        made = setting(name, task=LEVEL, num_pairs=20)
        made.method.stage(made)


def test_thumbs_that_agree_are_refused():
    with pytest.raises(InputError, match="the samples give no examples to train on: all 80 comp"):
        made = setting("kto", task=LEVEL, num_pairs=20, label_temperature=0.0)
        made.method.stage(made)


def test_a_run_stops_with_the_same_sentence(tmp_path, monkeypatch):
    """Through train.run, which writes no checkpoint of it."""
    monkeypatch.setattr(plan, "find_task", lambda config: LEVEL)
    with pytest.raises(InputError, match="nothing to compare"):
        train.run(plan.plan_run(["dpo"], Config(env="bandit", num_pairs=20)), tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("settings", [{"temperature": 1e-3}, {"beta": 1e-6}], ids=str)
def test_samples_that_are_all_the_likeliest_or_all_the_best_are_nothing_to_compare(settings):
    """Comparisons are of completions at the temperature typed, RSO's of what its β accepts."""
    with pytest.raises(InputError, match="nothing to compare"):
        made = setting("rso", table_seed=1, num_pairs=20, **settings)
        made.method.stage(made)


def test_one_prompt_is_enough_to_compare():
    """The smallest set of pairs holds one."""
    made = setting("dpo", num_pairs=1, batch_size=3)
    stage = made.method.stage(made)
    _, metrics = stage.train_step(stage.networks, np.random.default_rng(0), 0)
    assert float(metrics["loss"]) == pytest.approx(np.log(2), rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 11])
def test_a_single_reward_that_is_no_number_is_named_with_its_prompt(bad, place):
    """The first completion of all, and the last one of the second prompt."""
    asked = []

    def reward(prompts, completions, finished):
        asked.append(prompts)
        return np.where(np.arange(len(prompts)) == place, bad, 1.0)

    with pytest.raises(InputError) as refusal:
        made = setting("dpo", task=BANDIT._replace(reward=reward), num_pairs=2, num_generations=6)
        made.method.stage(made)
    (prompts,) = asked
    assert f"completion of {prompts[place]!r} is {bad}" in str(refusal.value)


SIZES = ["digits", "width", "layers", "heads", "batch_size", "num_generations", "num_minibatches"]
COUNTS = ["steps", "num_iterations", "num_pairs", "num_labels", "eval_every", "eval_size"]
SHARES = ["gamma", "lam", "label_noise", "warm_start_accuracy", "warmup_ratio"]
POSITIVE = ["learning_rate", "max_grad_norm", "temperature", "epsilon"]
FROM_ZERO = ["seed", "warmup_steps", "beta", "entropy_coef", "label_temperature"]
LOWEST = {  # (the lowest value that makes sense, one that does not)
    **dict.fromkeys(SIZES + COUNTS, (1, 0)),
    **dict.fromkeys(SHARES, (0.0, -1e-9)),
    **dict.fromkeys(POSITIVE, (1e-2, 0.0)),
    **dict.fromkeys(FROM_ZERO, (0, -1)),
    "context": (2, 1),
}


def checked(name, value):
    return lookup.check_values(dataclasses.replace(Config(), **{name: value}))


def test_every_range_has_a_case():
    assert set(LOWEST) == set(RANGES)


@pytest.mark.parametrize("name", LOWEST)
def test_the_lowest_value_is_accepted_and_one_below_is_refused(name):
    """Also NaN, which compares with nothing, and a value above the upper end."""
    lowest, below = LOWEST[name]
    _, highest = RANGES[name]
    checked(name, lowest)
    checked(name, highest)
    for wrong in (below, float("nan"), *([highest + 1] if highest < np.inf else [])):
        with pytest.raises(InputError, match=f"--{name} is {wrong}"):
            checked(name, wrong)


@pytest.mark.parametrize("name", SHARES)
def test_a_share_ends_at_one(name):
    checked(name, 1.0)
    with pytest.raises(InputError, match=name):
        checked(name, 1.001)


def test_an_estimator_of_a_kl_of_weight_0_is_refused():
    """It would change nothing; with a weight above 0 it is taken."""
    with pytest.raises(InputError, match="--kl k1 estimates the KL in the loss, but --beta is 0"):
        plan.plan_run(["grpo"], Config(kl="k1"))
    assert plan.plan_run(["grpo"], Config(kl="k1", beta=0.1)).stages[-1].config.kl == "k1"
