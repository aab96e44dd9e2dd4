"""The files of a run: parameters, checkpoints and metrics, written whole or not at all.

config.json, metrics.jsonl (a line per step), checkpoint.safetensors (everything needed to go on),
model.safetensors (the result), summary.json and curves.svg. Also the random numbers that a run goes
on with when it is resumed.
"""

import itertools
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign.engine.backend import to_device, to_host
from tinyalign.engine.optim import AdamState
from tinyalign.engine.tree import leaves, rebuild
from tinyalign.errors import InputError
from tinyalign.methods.steps import TrainState

TAIL_BYTES = 1 << 16  # more than a row of metrics takes
# What random numbers are for; none is 0, see random_stream.
WEIGHTS, EXAMPLES, TRAINING, EVALUATION, COMPLETIONS = range(1, 6)
# In config.json. It rises when a run of the same settings draws other numbers than before, because
# a checkpoint of the older kind cannot go on with the newer.
STREAMS_VERSION = 2


def write_atomically(path, content):
    """Write bytes to a temporary file, then rename it: nobody ever sees half of them."""
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save_tree(path, tree, note):
    """Write a tree of arrays and a note (anything JSON can hold) to a safetensors file."""
    from safetensors.numpy import save

    arrays = {name: to_host(leaf).copy() for name, leaf in leaves(tree).items()}
    note = {"order": list(arrays), "note": note}  # the file format sorts names
    write_atomically(path, save(arrays, {"note": json.dumps(note)}))


def load_tree(path):
    """Read what `save_tree` wrote: (tree, note).

    raises  InputError if the file is missing, cut short or of another kind
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="np") as file:
            flat = {name: to_device(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
            saved = json.loads(file.metadata()["note"])
            # The order of the leaves is the order in which gradients are laid out.
            return rebuild({name: flat[name] for name in saved["order"]}), saved["note"]
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give the folder of a finished run") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as saved weights ({error}): it was cut short or is another "
            "kind of file, so delete the folder and train again"
        ) from None


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


def initial_progress(run_plan, stage_index=0, params=None, rows=0):
    """The state of a run before the first step of a stage."""
    rng = random_stream(TRAINING, run_plan.config.seed, stage_index)
    params = dict(run_plan.initial_params) if params is None else params
    return Progress(stage_index, 0, {}, params, rng.bit_generator.state, rows, 0, 0.0)


def save_checkpoint(folder, progress):
    """Write a checkpoint: the arrays as a tree, everything else as its note."""
    tree = {"params": progress.params} if progress.params else {}
    for name, network in progress.networks.items():
        adam = {"mean": network.adam.mean, "square": network.adam.square}
        tree[name] = {"params": network.params, "adam": adam}
    note = progress._replace(
        networks={name: int(n.adam.step) for name, n in progress.networks.items()}, params=None
    )
    save_tree(folder / "checkpoint.safetensors", tree, note._asdict())


def load_checkpoint(path):
    """Read a checkpoint back: Progress."""
    tree, note = load_tree(path)
    networks = {
        name: TrainState(tree[name]["params"], AdamState(**tree[name]["adam"], step=step))
        for name, step in note["networks"].items()
    }
    return Progress(**note | {"networks": networks, "params": tree.get("params", {})})


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


def open_folder(folder, run_plan, content, resume):
    """Make the folder of a run, or find out how far the run got: Progress.

    content  of config.json, which a run that is resumed must share
    """
    checkpoint, settings = folder / "checkpoint.safetensors", folder / "config.json"
    if not resume:
        require_unused(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings.exists():
            require_same_settings(folder, content)
        write_atomically(settings, json.dumps(content, indent=1).encode())
        new = not checkpoint.exists()
        progress = initial_progress(run_plan) if new else load_checkpoint(checkpoint)
        # Lines that were written after the checkpoint are written again.
        lines = (folder / "metrics.jsonl").read_bytes().splitlines(True) if progress.rows else []
        write_atomically(folder / "metrics.jsonl", b"".join(lines[: progress.rows]))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    return progress


def require_unused(folder):
    """InputError if a run was begun in the folder."""
    if (folder / "config.json").exists():
        raise InputError(f"{folder} already holds a run: add --resume to go on, or --name another")


def require_same_settings(folder, content):
    """InputError unless the folder's run was started with these settings."""
    try:
        # A half-written or foreign file is refused as damaged, whatever is wrong with it.
        before = json.loads((folder / "config.json").read_text())
        if not isinstance(before, dict):
            raise ValueError("no object")
    except ValueError:
        raise InputError(f"{folder}/config.json is damaged: choose another --name") from None
    if before.get("random_streams") != content["random_streams"]:
        raise InputError(
            f"{folder} was begun by another version of tinyalign, which draws other random "
            "numbers: resume with that version, or choose another --name"
        )
    changed = sorted(key for key in content if before.get(key) != content[key])
    if changed:
        raise InputError(
            f"{folder} was started with other settings ({', '.join(changed)}): resume with the "
            "same ones, or choose another --name"
        )


def free_folder(output, stem, resume, exact):
    """The folder of a run below `output`.

    stem     its name; a new run whose name was not typed takes stem-2, stem-3 … where it is taken
    resume   the newest of these
    exact    the name was typed: take it as it is
    """
    if exact:
        return named_folder(Path(output), stem, resume)
    tries = (Path(output) / (stem if i == 1 else f"{stem}-{i}") for i in itertools.count(1))
    taken = list(itertools.takewhile(Path.exists, tries))
    if not resume:
        return Path(output) / (f"{stem}-{len(taken) + 1}" if taken else stem)
    if not taken:
        raise InputError(f"there is no run {Path(output) / stem} to resume: leave --resume away")
    return taken[-1]


def named_folder(output, name, resume):
    """The folder of that name; InputError where it is no name, or where nothing can be resumed."""
    if name in (".", "..") or any(mark in name for mark in "/\\"):
        raise InputError(f"--name is {name!r}, want the name of one folder below --output")
    if resume and not (output / name).exists():
        raise InputError(f"there is no run {output / name} to resume: leave --resume away")
    return output / name
