"""The files of a run: parameters, checkpoints and metrics.

config.json, metrics.jsonl (a line per step), checkpoint.safetensors (everything needed to go on),
model.safetensors (the result), before.safetensors (the policy with which the last stage began),
summary.json and curves.svg. Also the random numbers that a run goes
on with when it is resumed.

A checkpoint vouches for the other files: it holds the SHA-256 of config.json and of the lines of
metrics.jsonl so far, and the summaries of finished stages.
"""

import hashlib
import json
import math
import os
from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine.optim import AdamState
from tinyalign.engine.tree import leaves, size
from tinyalign.errors import InputError
from tinyalign.methods.steps import TrainState
from tinyalign.runs.storage import load_tree, read_regular, save_tree, write_atomically

TAIL_BYTES = 1 << 16  # more than a row of metrics takes
# What random numbers are for; none is 0, see random_stream.
WEIGHTS, EXAMPLES, TRAINING, EVALUATION, COMPLETIONS = range(1, 6)
# In config.json. It rises when a run of the same settings draws other numbers than before, because
# a checkpoint of the older kind cannot go on with the newer.
STREAMS_VERSION = 2


class Progress(NamedTuple):
    """Where a run stands between two steps; a checkpoint is one of these on disk."""

    stage_index: int
    step: int  # steps done in the stage
    networks: dict[str, TrainState]  # in training; {} before the stage begins
    params: dict[str, Any]  # that earlier stages left: "policy", "reward_model"
    rng: dict  # the generator's state
    rows: int  # lines of metrics.jsonl so far
    samples: int  # completions drawn in this stage so far
    seconds: float  # time spent in it, evaluation and interruptions aside
    summaries: tuple = ()  # of finished stages, a dict each


def random_stream(purpose, seed, stage=0, step=0):
    """A numpy Generator of its own for every purpose, seed, stage and step.

    Always all four: NumPy fills a short seed up with zeros, so [seed] and [seed, 0, 0] are one.

    purpose  WEIGHTS the initial parameters; EXAMPLES what a stage draws before its first step;
             TRAINING its steps; EVALUATION of the policy that a step leaves; COMPLETIONS of that
             policy to read
    stage    index of the stage, 0 for the first
    step     steps done in the stage
    """
    return np.random.default_rng([purpose, seed, stage, step])


def initial_progress(run_plan, stage_index=0, params=None, rows=0, summaries=()):
    """The state of a run before the first step of a stage."""
    rng = random_stream(TRAINING, run_plan.config.seed, stage_index)
    params = dict(run_plan.initial_params) if params is None else params
    return Progress(stage_index, 0, {}, params, rng.bit_generator.state, rows, 0, 0.0, summaries)


def save_checkpoint(folder, progress, log):
    """Write a checkpoint: the arrays as a tree, everything else as its note.

    log  MetricsLog with the lines so far, which reach the disk first
    """
    tree = {"params": progress.params} if progress.params else {}
    for name, network in progress.networks.items():
        adam = {"mean": network.adam.mean, "square": network.adam.square}
        tree[name] = {"params": network.params, "adam": adam}
    note = progress._replace(
        networks={name: int(n.adam.step) for name, n in progress.networks.items()}, params=None
    )
    vouched = {"config_sha256": settings_digest(folder), "metrics_sha256": log.digest()}
    save_tree(folder / "checkpoint.safetensors", tree, note._asdict() | vouched)


def settings_digest(folder):
    """The SHA-256 of config.json."""
    return hashlib.sha256(read_regular(folder / "config.json")).hexdigest()


def require_settings(folder, digest):
    """InputError unless config.json has this SHA-256, that of a checkpoint."""
    if digest != settings_digest(folder):
        raise InputError(
            f"{folder}/config.json is damaged, or the checkpoint beside it is of another run: take "
            "both from one copy, or begin again under another --name"
        )


def require_vouched_settings(folder):
    """InputError where a checkpoint holds the SHA-256 of another config.json than the folder's."""
    try:
        digest = load_tree(folder / "checkpoint.safetensors")[1]["config_sha256"]
    except (InputError, KeyError, TypeError):  # no checkpoint, or one that is damaged itself
        return
    require_settings(folder, digest)


def load_checkpoint(folder, run_plan=None):
    """Read the checkpoint of a folder: Progress.

    run_plan  of the run, or None where only the files are looked at
    raises    InputError if it is damaged, not of this run, or if lines of metrics.jsonl are missing
    """
    path = folder / "checkpoint.safetensors"
    tree, note = load_tree(path)
    try:
        config, metrics = note.pop("config_sha256"), note.pop("metrics_sha256")
        progress = from_note(tree, note)
        require_possible(progress, run_plan)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is no checkpoint of this run ({error}): take it from a copy, or begin again "
            "under another --name"
        ) from None
    require_settings(folder, config)
    require_lines(folder, progress.rows, metrics)
    return progress


def from_note(tree, note):
    """The Progress that a checkpoint's arrays and the rest of its note hold."""
    networks = {
        name: TrainState(tree[name]["params"], AdamState(**tree[name]["adam"], step=step))
        for name, step in note["networks"].items()
    }
    params, summaries = tree.get("params", {}), tuple(note["summaries"])
    return Progress(**note | {"networks": networks, "params": params, "summaries": summaries})


def require_possible(progress, run_plan):
    """ValueError for numbers that no run can have, and for weights of other shapes than planned."""
    counts = [progress.stage_index, progress.step, progress.rows, progress.samples]
    counts += [network.adam.step for network in progress.networks.values()]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError("a count is no whole number")
    if not 0 <= progress.seconds < math.inf or progress.rows < progress.step:
        raise ValueError("its time or its rows cannot be")
    if len(progress.summaries) != progress.stage_index:
        raise ValueError("it does not have a summary for each finished stage")
    if progress.step and not progress.networks:
        raise ValueError("no network has taken its steps")
    np.random.default_rng().bit_generator.state = progress.rng
    for network in progress.networks.values():
        adam = network.adam.mean, network.adam.square
        if any(moment.shape != (size(network.params),) for moment in adam):
            raise ValueError("the optimizer's state is not as long as the weights")
    if run_plan is None:
        return
    if progress.stage_index > len(run_plan.stages):
        raise ValueError("it has more stages than the plan")
    wanted, found = (shapes(p["policy"]) for p in (run_plan.initial_params, progress.params))
    if wanted != found:
        raise ValueError("the policy has other shapes")


def require_same_networks(found, wanted):
    """InputError unless the networks of a checkpoint are those that the stage trains."""
    found, wanted = ({n: shapes(net.params) for n, net in nets.items()} for nets in (found, wanted))
    if found != wanted:
        raise InputError(
            f"the checkpoint holds {', '.join(found)}, in other shapes than this stage trains "
            f"{', '.join(wanted)}: take it from a copy, or begin again under another --name"
        )


def shapes(tree):
    """{path: (shape, dtype)} of every leaf."""
    return {path: (leaf.shape, str(leaf.dtype)) for path, leaf in leaves(tree).items()}


def require_lines(folder, count, digest):
    """InputError unless metrics.jsonl begins with so many lines that have this SHA-256."""
    if hashlib.sha256(b"".join(first_lines(folder, count))).hexdigest() != digest:
        raise InputError(
            f"{folder}/metrics.jsonl lacks lines that the checkpoint counts, or they were changed: "
            "take it from a copy, or begin again under another --name"
        )


def first_lines(folder, count):
    """The first lines of metrics.jsonl, as bytes; fewer where there are fewer."""
    if count == 0 or not (folder / "metrics.jsonl").exists():
        return []
    content = read_regular(folder / "metrics.jsonl")
    return [line + b"\n" for line in content.split(b"\n")[:-1][:count]]


class MetricsLog:
    """metrics.jsonl while a run appends to it; knows the SHA-256 of its lines."""

    def __init__(self, folder, rows):
        """Cut the file back to its first rows: lines after the checkpoint are written again."""
        kept = b"".join(first_lines(folder, rows))
        write_atomically(folder / "metrics.jsonl", kept)
        self.total = hashlib.sha256(kept)
        self.file = open(folder / "metrics.jsonl", "ab")  # noqa: SIM115 (closed by __exit__)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def append(self, row):
        """Write a row of metrics."""
        line = json.dumps(row).encode() + b"\n"
        self.file.write(line)
        self.file.flush()
        self.total.update(line)

    def digest(self):
        """The SHA-256 of all lines, which are on the disk when this returns."""
        os.fsync(self.file.fileno())
        return self.total.hexdigest()


def read_metrics(folder):
    """The rows of metrics.jsonl, a dict for each step."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def newest_metrics(folder):
    """The last complete row of a run's metrics, or {} before the first."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return {}
    with open(path, "rb") as file:
        # Only the end is read: the file grows to megabytes, and this is asked twice a second.
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        lines = file.read().split(b"\n")[:-1]
    return json.loads(lines[-1]) if lines else {}


def read_summaries(folder):
    """The summary of each finished stage, a dict each."""
    return json.loads((folder / "summary.json").read_text())
