"""Numbers that a run works out of others: steps of its warm-up, bytes that it holds."""

from types import SimpleNamespace

import numpy as np
import pytest

from tinyalign import methods
from tinyalign.runs import plan, train
from tinyalign.runs.config import Config


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"warmup_ratio": 0.1, "steps": 200}, 20),
        ({"warmup_ratio": 0.5, "steps": 7}, 4),  # 3.5, to the even one
        ({"warmup_ratio": 0.1, "steps": 4}, 0),
        ({"warmup_ratio": 0.1, "steps": 200, "warmup_steps": 3}, 3),  # what is typed stays
        ({"warmup_ratio": 0.1, "steps": 200, "warmup_steps": 0}, 0),
    ],
)
def test_a_warm_up_is_its_share_of_the_steps(settings, steps):
    stage = plan.StagePlan(methods.find("dpo"), Config(**settings))
    warm = plan.with_warmup(stage)
    assert warm.config.warmup_steps == steps and warm.method is stage.method
    assert warm.config.steps == settings["steps"]


def test_a_run_holds_weights_and_both_moments_of_what_it_trains():
    """In bytes: each part has another length, so that none can stand for another."""

    def network(weights, mean, square):
        adam = SimpleNamespace(mean=np.zeros(mean), square=np.zeros(square))
        return SimpleNamespace(params={"w": np.zeros(weights, np.float32)}, adam=adam)

    networks = {"policy": network(1, 10, 100), "critic": network(1000, 2, 20)}
    frozen = {"reference": {"a": np.zeros(200), "b": {"c": np.zeros(3000)}}}
    floats, doubles = 1 + 1000, 10 + 100 + 2 + 20 + 200 + 3000
    assert train.held_bytes(networks, frozen) == 4 * floats + 8 * doubles
    assert train.held_bytes({}, {}) == 0
