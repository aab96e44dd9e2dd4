"""The memory ledger against what is really allocated, and the counted costs against hand counts."""

import gc
import tracemalloc

import numpy as np
import pytest

from tinyalign import methods
from tinyalign.engine.tree import tree_map
from tinyalign.notes.claims import memory
from tinyalign.runs import plan, train
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

NUMPY = 389047  # the domain under which NumPy reports its arrays to tracemalloc
SMALL = {"width": 32, "layers": 2, "num_pairs": 40, "digits": 1}


def lone(name, **settings):
    """A job of one method, its warm start left away."""
    job = plan.plan_run([name], Config(**settings))
    return job._replace(stages=job.stages[-1:])


@pytest.mark.parametrize("reward", ["exact", "model"])
@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_the_ledger_agrees_with_measured_allocations(name, reward):
    """Arrays alive after a step, as tracemalloc saw them come and go: within 5 %."""
    sizes = SMALL | {"width": 64, "beta": 0.01}
    lone(name, **sizes)  # whatever is cached, is cached now
    gc.collect()
    tracemalloc.start()
    job = lone(name, reward=reward, **sizes)
    setting = cost.small_inputs(job, -1)
    if reward == "model":  # a judge of its own: one that was trained shares nothing with the start
        setting = setting._replace(
            reward_model=tree_map(lambda leaf: leaf.copy(), setting.reward_model)
        )
    stage = setting.method.stage(setting)
    networks, _ = stage.train_step(stage.networks, setting.rng, 0)
    networks, _ = stage.train_step(networks, setting.rng, 1)
    stage = stage._replace(networks={})
    del job
    gc.collect()
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    arrays = snapshot.filter_traces([tracemalloc.DomainFilter(True, NUMPY)])
    measured = sum(trace.size for trace in arrays.traces)
    wanted = sum(memory.bytes_by_network(lone(name, reward=reward, **sizes)).values())
    assert abs(measured - wanted) < 0.05 * wanted
    assert networks and stage.frozen and setting  # alive until here


@pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: row.name)
def test_the_ledger_of_every_method_is_what_its_stage_holds(row):
    """To the byte, with the judge where there is one."""
    for reward in ("exact", "model"):
        settings = {"env": "bandit", "num_pairs": 40, "batch_size": 8, "reward": reward}
        job = lone(row.name, **settings)
        setting = cost.small_inputs(job, -1)
        stage = setting.method.stage(setting)
        names = {name.replace("_", " ") for name in (*stage.networks, *stage.frozen)}
        ledger = memory.bytes_by_network(job)
        assert set(ledger) == names
        assert sum(ledger.values()) == train.held_bytes(stage.networks, stage.frozen)


def test_when_grpo_needs_40_percent_less_than_ppo():
    """In copies of one network: with a head so small that it does not count."""
    rows = memory.compare_memory(Config(width=64), activations=False)
    savings = {(row["counted"], row["reward"]): row["saving"] for row in rows}
    copies = {  # PPO's and GRPO's: policy, critic, reference, and the judge
        ("weights", "exact"): (3, 2),
        ("weights, adam", "exact"): (3 + 3 + 1, 3 + 1),
        ("weights, adam, gradients", "exact"): (4 + 4 + 1, 4 + 1),
        ("weights", "model"): (4, 3),
        ("weights, adam", "model"): (3 + 3 + 2, 3 + 2),
        ("weights, adam, gradients", "model"): (4 + 4 + 2, 4 + 2),
    }
    assert set(savings) == set(copies)
    for key, (ppo, grpo) in copies.items():
        np.testing.assert_allclose(savings[key], 1 - grpo / ppo, atol=1e-3)


def test_activations_count_for_both():
    """A step takes more than the networks. GRPO's takes less on top than PPO's for as many
    completions: it has no critic to step, and reads each prompt once for eight of them."""
    rows = memory.compare_memory(Config(digits=1, width=16, layers=1))
    for reward in ("exact", "model"):
        of = {row["counted"]: row for row in rows if row["reward"] == reward}
        peak, held = of["everything at a step's peak"], of["weights, adam"]
        assert peak["ppo"] > held["ppo"] and peak["grpo"] > held["grpo"]
        assert peak["grpo"] - held["grpo"] < peak["ppo"] - held["ppo"]


# Passes and tokens of one update, in completions, by hand. P prompts, G each, N = P·G.
BATCH = {"env": "bandit", "batch_size": 6, "num_generations": 4}
COUNTS = {
    # reference N once, policy twice over N; two passes in two minibatches are 4 updates
    "grpo": (4, (24 + 2 * 24) / 4, 2 * 24 / 4, 24 / 4),
    # reference N, critic N, and both twice over N
    "ppo": (4, (2 * 24 + 4 * 24) / 4, 4 * 24 / 4, 24 / 4),
    "rloo": (1, 24 + 24, 24, 24),
    "remax": (1, 24 + 24, 24, 24 + 6),  # a greedy completion of each prompt besides
    "dpo": (1, 12, 12, 0),  # chosen and rejected; the reference was read before
    "tpo": (1, 18, 18, 0),
    "kto": (1, 6 + 6, 6, 0),  # and the mismatched ones, forward only
    "sft": (1, 6, 6, 0),
    "reward": (1, 12, 12, 0),
}


@pytest.mark.parametrize("model", ["tabular", "transformer"])
@pytest.mark.parametrize("name", COUNTS)
def test_passes_and_tokens_are_counted(name, model):
    """Against the count by hand; with a model that reads each prompt once too."""
    updates, *counts = COUNTS[name]
    batch = {"num_iterations": 2, "num_minibatches": 2} if updates == 4 else {}
    taken = cost.measure(lone(name, model=model, **BATCH, **batch))
    assert taken.updates == updates
    assert [taken.forward, taken.backward, taken.tokens] == counts


def test_the_peak_is_the_networks_and_what_a_step_allocates():
    """It grows with the batch; the networks do not."""
    small, large = (cost.measure(lone("grpo", batch_size=b, **SMALL)) for b in (4, 64))
    assert memory.saving({"a": large.peak}, {"a": small.peak}) > 0.3
    assert small.peak > sum(memory.bytes_by_network(lone("grpo", **SMALL)).values())
