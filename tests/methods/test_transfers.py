"""What crosses between host and device inside a training step: nothing, counted for every method.

"Inside the step" is from the call of a function of tinyalign.methods.steps to its return: forward,
backward, clipping and Adam. The batch that it is given lies on the device already and its metrics
are left there; sampling, rewards, advantages and the choice of minibatches happen before it.
"""

from collections import Counter

import numpy as np
import pytest

from tinyalign import methods
from tinyalign.engine import strict_cupy
from tinyalign.engine.backend import using
from tinyalign.methods import steps
from tinyalign.runs import plan
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

STEPS = [name for name in vars(steps) if name.endswith("_step")]
TINY = {
    "env": "bandit", "width": 8, "layers": 2, "heads": 2, "num_pairs": 16, "batch_size": 4,
    "num_generations": 4, "label_temperature": 1.0, "warm_start_accuracy": 0.0,
}  # fmt: skip
TRAINED = [row for row in methods.METHODS if row.name != "best_of_n"]  # which takes no step
deep_models = pytest.mark.parametrize("model", ["transformer", "lstm"])


@pytest.fixture
def counted(monkeypatch):
    """{step: calls}, {step: GPU calls} and {step: copies} of every step taken on the stand-in."""
    taken, calls, copies = Counter(), Counter(), Counter()

    def watched(name, step):
        def run(*args, **settings):
            strict_cupy.reset()
            with monkeypatch.context() as inside:
                inside.setattr(strict_cupy, "allow_float64", False)
                result = step(*args, **settings)
            taken[name] += 1
            calls[name] += strict_cupy.stats.calls
            copies[name] += strict_cupy.stats.h2d + strict_cupy.stats.d2h
            return result

        return run

    for name in STEPS:
        monkeypatch.setattr(steps, name, watched(name, getattr(steps, name)))
    with using("strict"):
        yield taken, calls, copies


def take_two_steps(name, model):
    """Two turns of the loop of a method, as `tinyalign run` would do them."""
    job = plan.plan_run([name], Config(**TINY, model=model))
    setting = cost.small_inputs(job._replace(stages=job.stages[-1:]), -1)
    stage = setting.method.stage(setting)
    networks = stage.networks
    for step in range(2):
        networks, _ = stage.train_step(networks, setting.rng, step)


@deep_models
@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_a_step_of_no_method_copies_anything_or_makes_a_float64(row, model, counted):
    """(host→device) + (device→host) = 0 in every step, and float64 would have raised in it."""
    taken, calls, copies = counted
    take_two_steps(row.name, model)
    assert taken, "the method took no step"
    assert all(calls[name] > 50 * taken[name] for name in taken)
    assert copies == dict.fromkeys(taken, 0)


@deep_models
def test_every_step_there_is_was_counted(model, counted):
    """The methods above take all the steps of methods/steps.py; PPO takes its critic's besides."""
    taken, _, _ = counted
    of = {}
    for name in ("sft", "reward", "dpo", "kto", "nca", "ppo"):
        taken.clear()
        take_two_steps(name, model)
        of[name] = set(taken)
    assert of["ppo"] == {"policy_gradient_step", "critic_step"}
    assert set.union(*of.values()) == set(STEPS)


@pytest.mark.parametrize(
    "leak", [lambda x: float(x.sum()), lambda x: x[np.zeros(1, int)], lambda x: x.tolist()]
)
def test_a_copy_inside_a_step_would_be_counted(leak, counted, monkeypatch):
    """A hidden float(), a NumPy index, a list: each planted in Adam is seen in every step."""
    taken, _, copies = counted
    adam = steps.adam

    def leaking(params, *args, **settings):
        leak(next(iter(params.values())).reshape(-1))
        return adam(params, *args, **settings)

    monkeypatch.setattr(steps, "adam", leaking)
    take_two_steps("sft", "transformer")
    assert copies["sft_step"] == taken["sft_step"] > 0


def test_a_float64_inside_a_step_would_raise(counted, monkeypatch):
    """A NumPy float64 that meets a float32 array on the device is refused where it happens."""
    adam = steps.adam

    def widening(params, *args, **settings):
        next(iter(params.values())) * np.float64(2)
        return adam(params, *args, **settings)

    monkeypatch.setattr(steps, "adam", widening)
    with pytest.raises(TypeError, match="float64 array"):
        take_two_steps("sft", "transformer")
