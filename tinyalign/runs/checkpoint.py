"""Where a run stands between two steps, in memory and on disk."""

from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine.optim import AdamState
from tinyalign.methods.steps import Learner
from tinyalign.runs import files


class Progress(NamedTuple):
    """Where a run stands between two steps; a checkpoint is one of these on disk."""

    phase: int  # index of the stage
    step: int  # steps done in it
    networks: dict[str, Learner]  # in training; {} before the stage begins
    carried: dict[str, Any]  # parameters that earlier stages left: "policy", "reward_model"
    rng: dict  # the generator's state
    rows: int  # lines of metrics.jsonl so far
    samples: int  # completions drawn in this stage so far
    seconds: float  # time spent in it, evaluation and interruptions aside


def beginning(job, phase=0, carried=None, rows=0):
    """The state of a run before the first step of a stage."""
    rng = np.random.default_rng([job.config.seed, phase, 1])
    carried = dict(job.carried) if carried is None else carried
    return Progress(phase, 0, {}, carried, rng.bit_generator.state, rows, 0, 0.0)


def keep(folder, progress):
    """Write a checkpoint."""
    tree = {"carried": progress.carried} if progress.carried else {}
    for name, network in progress.networks.items():
        adam = {"mean": network.adam.mean, "square": network.adam.square}
        tree[name] = {"params": network.params, "adam": adam}
    note = progress._replace(
        networks={name: int(n.adam.step) for name, n in progress.networks.items()}, carried=None
    )
    files.save(folder / "checkpoint.safetensors", tree, note._asdict())


def restore(path):
    """Read a checkpoint back."""
    tree, note = files.load(path)
    networks = {
        name: Learner(tree[name]["params"], AdamState(**tree[name]["adam"], step=step))
        for name, step in note["networks"].items()
    }
    return Progress(**note | {"networks": networks, "carried": tree.get("carried", {})})
