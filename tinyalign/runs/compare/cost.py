"""What one update of a method takes: passes, sampled tokens and memory, counted in a real step.

Nothing here is typed in: the stage runs with a model that counts how often it is read.
"""

import contextlib
import dataclasses
import tracemalloc
import types
from collections import Counter
from typing import NamedTuple

from autograd.tracer import isbox

from tinyalign import policy
from tinyalign.engine.tree import leaves
from tinyalign.runs import plan
from tinyalign.runs.train import held_bytes

PAIRS = 64  # prompts that comparisons are made of: enough for a batch to be drawn from


class Cost(NamedTuple):
    """One update is one gradient step of the policy; a rollout is shared by its updates."""

    updates: int  # gradient steps for one step of the loop
    forward: float  # completions that a network reads in an update, the reference's and so on too
    backward: float  # completions that gradients are carried back through
    tokens: float  # completion tokens sampled
    peak: int  # bytes: the networks held, and the most that a step allocates on top


def measure(job, stage=-1):
    """The Cost of a stage of a RunPlan, from its second step: in the first, networks are shared.

    The peak is of memory that Python and NumPy allocate on the host; the examples are not in it.
    """
    counts, setting = Counter(), small(job, stage)
    setting = setting._replace(model=counting(setting.model, counts))
    prepared = setting.method.stage(setting)
    networks, _ = prepared.train_step(prepared.networks, setting.rng, 0)
    before = steps_taken(networks)
    counts.clear()
    with counted_samples(counts), traced() as most:
        after, _ = prepared.train_step(networks, setting.rng, 1)
    updates = max(1, steps_taken(after) - before)
    per_update = (counts[name] / updates for name in ("forward", "backward", "tokens"))
    return Cost(updates, *per_update, held_bytes(networks, prepared.frozen) + most["bytes"])


def small(job, stage):
    """The stage's setting with few comparisons, and an untrained judge where one is needed."""
    stage = range(len(job.stages))[stage]
    phase = job.stages[stage]
    count = min(phase.config.num_pairs or PAIRS, PAIRS)
    phases = list(job.stages)
    phases[stage] = phase._replace(config=dataclasses.replace(phase.config, num_pairs=count))
    judge = {"reward_model": policy.scalar_init(job.model, job.initial_params["policy"])}
    return plan.stage_inputs(job._replace(stages=tuple(phases)), stage, judge | job.initial_params)


def counting(model, counts):
    """The same model, but each pass through its trunk is counted in completions."""

    def trunk(params, tokens, **options):
        counts["forward"] += len(tokens)
        traced = any(isbox(leaf) for leaf in leaves(params).values())
        counts["backward"] += len(tokens) * traced
        return model.trunk(params, tokens, **options)

    return types.SimpleNamespace(**{**vars(model), "trunk": trunk})


@contextlib.contextmanager
def counted_samples(counts):
    """Count the tokens that are sampled while the block lasts."""
    sample = policy.sample

    def counted(*args, **options):
        rollout = sample(*args, **options)
        counts["tokens"] += int(rollout.mask.sum())
        return rollout

    policy.sample = counted
    try:
        yield
    finally:
        policy.sample = sample


@contextlib.contextmanager
def traced():
    """A dict that holds under "bytes", after the block, the most that it had allocated at once."""
    most, running = {}, tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield most
    finally:
        most["bytes"] = tracemalloc.get_traced_memory()[1] - before
        if not running:
            tracemalloc.stop()


def steps_taken(networks):
    """Gradient steps of the policy so far, or of the reward model where that is trained."""
    return int(networks.get("policy", next(iter(networks.values()))).adam.step)
