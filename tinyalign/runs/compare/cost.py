"""What one update of a method costs: passes, sampled tokens and memory, measured in a real step.

No figure is written by hand: the stage runs with a model that counts its own passes.
"""

import contextlib
import dataclasses
import tracemalloc
import types
from collections import Counter
from typing import NamedTuple

import numpy as np
from autograd.tracer import isbox

from tinyalign import policy
from tinyalign.engine.tree import leaves
from tinyalign.runs import plan
from tinyalign.runs.train import held_bytes, steps_taken

PAIRS = 64  # prompts with comparisons: enough to draw a batch from


class Cost(NamedTuple):
    """One update is one gradient step of the policy; a rollout is shared by its updates."""

    updates: int  # gradient steps in one step of the training loop
    forward: float  # completions read in an update, by any network (policy, reference, critic …)
    backward: float  # completions that gradients are carried back through
    tokens: float  # completion tokens sampled
    peak: int  # bytes: the networks in memory, and the most that a step allocates on top


def measure(run_plan, stage=-1):
    """The Cost of a stage of a RunPlan, measured in the stage's second step.

    In the first step the trained and the frozen networks still share their arrays. The peak counts
    what Python and NumPy allocate on the host, without the training examples.
    """
    counts, inputs = Counter(), small_inputs(run_plan, stage)
    inputs = inputs._replace(model=counting_model(inputs.model, counts))
    prepared = inputs.method.stage(inputs)
    networks, _ = prepared.train_step(prepared.networks, inputs.rng, 0)
    before = steps_taken(networks)
    counts.clear()  # the passes of the first step
    with peak_allocation() as allocated:
        after, metrics = prepared.train_step(networks, inputs.rng, 1)
    # Best-of-n takes no gradient step: its one step counts as an update.
    updates = max(1, steps_taken(after) - before)
    # A step that samples nothing reports neither.
    completions = metrics.get("completions_sampled", 0)
    tokens = float(completions * metrics.get("completions/mean_length", 0))
    per_update = [total / updates for total in (counts["forward"], counts["backward"], tokens)]
    return Cost(updates, *per_update, held_bytes(networks, prepared.frozen) + allocated["bytes"])


def small_inputs(run_plan, stage):
    """The stage's inputs with few comparisons, and an untrained reward model if one is needed.

    No prompt is left out of a step for want of an advantage: a bonus for entropy, here as good as
    0, needs them all. DAPO, which draws again where rewards tie, finds rewards that differ.
    """
    stage = range(len(run_plan.stages))[stage]  # -1 becomes the last index
    stage_plan = run_plan.stages[stage]
    count = min(stage_plan.config.num_pairs or PAIRS, PAIRS)
    stages = list(run_plan.stages)
    stages[stage] = stage_plan._replace(
        config=dataclasses.replace(
            stage_plan.config,
            num_pairs=count,
            entropy_coef=max(stage_plan.config.entropy_coef, 1e-9),
        )
    )
    judge = {"reward_model": policy.scalar_init(run_plan.model, run_plan.initial_params["policy"])}
    inputs = plan.stage_inputs(
        run_plan._replace(stages=tuple(stages)), stage, judge | run_plan.initial_params
    )
    return inputs._replace(task=inputs.task and inputs.task._replace(reward=every_second))


def every_second(prompts, completions, finished):
    """A reward of 1 for every second completion: (N,)."""
    return np.arange(len(prompts)) % 2.0


def counting_model(model, counts):
    """The same model, but each pass through its trunk is counted in completions."""

    def count(params, completions):
        counts["forward"] += completions
        # Autograd boxes the parameters of a pass that it differentiates.
        differentiated = any(isbox(leaf) for leaf in leaves(params).values())
        counts["backward"] += completions * differentiated

    def trunk(params, tokens, **options):
        count(params, len(tokens))  # tokens (N, S): N completions
        return model.trunk(params, tokens, **options)

    def layout_trunk(params, layout):
        count(params, layout.shape[0])  # prompts are shared, but N completions are read
        return model.layout_trunk(params, layout)

    # A model is a module; its other functions stay as they are.
    counting = {"trunk": trunk, "layout_trunk": layout_trunk}
    return types.SimpleNamespace(
        **vars(model) | {name: counting[name] for name in counting if hasattr(model, name)}
    )


@contextlib.contextmanager
def peak_allocation():
    """A dict that holds under "bytes", after the block, the most that it had allocated at once."""
    peak, running = {}, tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield peak
    finally:
        peak["bytes"] = tracemalloc.get_traced_memory()[1] - before
        if not running:  # a caller that traces already goes on tracing
            tracemalloc.stop()
