"""A run: stages one after another in one folder, with metrics, checkpoints and resuming.

The folder holds config.json, metrics.jsonl (a line per step), checkpoint.safetensors (everything
needed to go on), model.safetensors (the result), summary.json and curves.svg.
"""

import ctypes
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign import evaluate, plan, report, weights
from tinyalign.backend import to_host
from tinyalign.errors import InputError
from tinyalign.optim import AdamState
from tinyalign.steps import Learner
from tinyalign.tree import nbytes

STOP_CHECK = 5  # steps between looks at whether a warm start is good enough


class Progress(NamedTuple):
    """Where a run stands between two steps; a checkpoint is one of these on disk."""

    phase: int  # index of the stage
    step: int  # steps done in it
    networks: dict[str, Learner]  # in training; {} before the stage begins
    carried: dict[str, Any]  # parameters that earlier stages left: "policy", "reward_model"
    rng: dict  # the generator's state
    rows: int  # lines of metrics.jsonl so far
    samples: int  # completions drawn so far
    seconds: float  # time spent, interruptions aside


def keep_freed_memory():
    """Ask glibc to hold on to freed memory: a step frees and takes back the same large arrays.

    Left alone it returns them to the system each time, and the page faults cost as much as the
    arithmetic. Elsewhere this does nothing.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if hasattr(libc, "mallopt"):
        trim_threshold, mmap_threshold = -1, -3  # glibc's names for the two settings
        libc.mallopt(trim_threshold, 1 << 30)
        libc.mallopt(mmap_threshold, 1 << 25)


def run(job, folder, *, resume=False, on_step=lambda row, total: None):
    """Carry out a job in its folder and return the summary of each stage.

    job      plan.Job
    folder   Path of the run; made if missing
    resume   go on from the folder's checkpoint where there is one
    on_step  called after each step with its metrics and the stage's number of steps
    """
    keep_freed_memory()
    folder = Path(folder)
    progress = open_folder(job, folder, resume)
    with open(folder / "metrics.jsonl", "a", encoding="utf-8") as log:
        while progress.phase < len(job.phases):
            progress = run_phase(job, folder, progress, log, on_step)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    last = [row for row in rows if row["phase"] == len(job.phases) - 1]
    report.curves(last, folder / "curves.svg")
    return json.loads((folder / "summary.json").read_text())


def open_folder(job, folder, resume):
    """Make the folder, or find out how far it got."""
    checkpoint, settings = folder / "checkpoint.safetensors", folder / "config.json"
    if settings.exists() and not resume:
        raise InputError(f"{folder} already holds a run: add --resume to go on, or --name another")
    described = plan.describe(job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings.exists():
            require_same_settings(folder, described)
        weights.write_atomically(settings, json.dumps(described, indent=1).encode())
        progress = restore(checkpoint) if checkpoint.exists() else beginning(job)
        lines = (folder / "metrics.jsonl").read_bytes().splitlines(True) if progress.rows else []
        weights.write_atomically(folder / "metrics.jsonl", b"".join(lines[: progress.rows]))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    return progress


def require_same_settings(folder, described):
    """InputError unless the folder's run was started with these settings."""
    try:
        before = json.loads((folder / "config.json").read_text())
    except ValueError:
        raise InputError(f"{folder}/config.json is damaged: choose another --name") from None
    changed = sorted(key for key in described if before.get(key) != described[key])
    if changed:
        raise InputError(
            f"{folder} was started with other settings ({', '.join(changed)}): resume with the "
            "same ones, or choose another --name"
        )


def beginning(job):
    """The state of a run before its first step."""
    rng = np.random.default_rng([job.config.seed, 0, 1])
    return Progress(0, 0, {}, dict(job.carried), rng.bit_generator.state, 0, 0, 0.0)


def run_phase(job, folder, progress, log, on_step):
    """Prepare one stage, train it to its end or its stop, and hand its networks on."""
    phase, started = job.phases[progress.phase], time.perf_counter() - progress.seconds
    setting = plan.setting(job, progress.phase, progress.carried)
    stage = phase.method.stage(setting)
    rng = np.random.default_rng()
    rng.bit_generator.state = progress.rng
    if not progress.networks:
        drawn = progress.samples + stage.samples
        progress = progress._replace(networks=stage.networks, samples=drawn)
    row, finished = {}, False
    while not finished:
        progress, metrics, finished = take_step(setting, phase, stage, progress, rng)
        seconds = time.perf_counter() - started
        place = {"phase": progress.phase, "stage": phase.method.name, "step": progress.step}
        row = {**place, **metrics, "seconds": seconds}
        log.write(json.dumps(row) + "\n")
        log.flush()
        progress = progress._replace(seconds=seconds)
        on_step(row, stage.steps)
        if progress.step % setting.config.eval_every == 0 and not finished:
            keep(folder, progress)
    return finish(job, folder, setting, progress, stage, row)


def take_step(setting, phase, stage, progress, rng):
    """Advance a stage by one step: (progress, metrics as plain numbers, whether it is finished)."""
    networks, metrics = stage.advance(progress.networks, rng, progress.step)
    metrics = {name: float(to_host(value)) for name, value in metrics.items()}
    step, samples = progress.step + 1, progress.samples + int(metrics.pop("samples", 0))
    if not np.isfinite(metrics.get("loss", 0.0)):
        raise InputError(
            f"{phase.method.name}: the loss is {metrics['loss']} at step {step}: "
            "lower --learning_rate"
        )
    progress = progress._replace(
        step=step,
        networks=networks,
        rng=rng.bit_generator.state,
        rows=progress.rows + 1,
        samples=samples,
    )
    finished = step == stage.steps or good_enough(setting, phase, progress)
    if finished or step % setting.config.eval_every == 0:
        metrics |= measure(setting, stage, progress)
    return progress, {**metrics, "samples": samples}, finished


def fresh_rng(setting, progress, use):
    """Randomness that depends on nothing but the seed and the place: looks do not change a run."""
    return np.random.default_rng([setting.config.seed, progress.phase, progress.step, use])


def good_enough(setting, phase, progress):
    """Whether a warm start already solves enough of the problems that it trains on."""
    if phase.stop_at is None or progress.step % STOP_CHECK:
        return False
    prompts = evaluate.some(setting.task.train, setting.config.eval_size)
    params = progress.networks["policy"].params
    solved = evaluate.solved(setting, params, prompts, fresh_rng(setting, progress, 3))
    return solved >= phase.stop_at


def measure(setting, stage, progress):
    """What the networks can do on examples they were not trained on."""
    rng = fresh_rng(setting, progress, 2)
    if stage.evaluate is not None:
        return stage.evaluate(progress.networks, rng)
    if "policy" in progress.networks and setting.data is not None:
        return evaluate.evaluate_lines(setting, progress.networks["policy"].params)
    if "policy" in progress.networks:
        return evaluate.evaluate_policy(setting, progress.networks["policy"].params, rng)
    return evaluate.evaluate_reward_model(setting, progress.networks["reward_model"].params, rng)


def finish(job, folder, setting, progress, stage, row):
    """Write down what a stage came to, and start the next one from its networks."""
    params = {name: network.params for name, network in progress.networks.items()}
    summary = summarise(setting, progress, stage, row)
    path = folder / "summary.json"
    before = json.loads(path.read_text())[: progress.phase] if progress.phase else []
    weights.write_atomically(path, json.dumps([*before, summary], indent=1).encode())
    carried = progress.carried | {name: params[name] for name in params if name != "critic"}
    weights.save(folder / "model.safetensors", carried, plan.model_note(job))
    rng = np.random.default_rng([job.config.seed, progress.phase + 1, 1])
    progress = progress._replace(
        phase=progress.phase + 1,
        step=0,
        networks={},
        carried=carried,
        rng=rng.bit_generator.state,
        seconds=0.0,
    )
    keep(folder, progress)
    return progress


def summarise(setting, progress, stage, row):
    """A finished stage in a dict: how good it got, and what it took."""
    trained = list(progress.networks.values())
    moments = sum(n.adam.mean.nbytes + n.adam.square.nbytes for n in trained)
    held = [*(network.params for network in trained), *stage.frozen.values()]
    summary = {name: value for name, value in row.items() if name.startswith("eval_")}
    summary |= {
        "method": setting.method.name,
        "learns_from": setting.method.learns_from,
        "steps": progress.step,
        "samples": progress.samples,
        "models": [*progress.networks, *stage.frozen],
        "bytes": sum(map(nbytes, held)) + moments,
        "seconds": progress.seconds,
    }
    if setting.data is not None and "policy" in progress.networks:
        rng = fresh_rng(setting, progress, 4)
        params = progress.networks["policy"].params
        summary["written"] = evaluate.written(setting, params, rng)
    return summary


def keep(folder, progress):
    """Write a checkpoint."""
    tree = {"carried": progress.carried} if progress.carried else {}
    for name, network in progress.networks.items():
        adam = {"mean": network.adam.mean, "square": network.adam.square}
        tree[name] = {"params": network.params, "adam": adam}
    note = progress._replace(
        networks={name: int(n.adam.step) for name, n in progress.networks.items()}, carried=None
    )
    weights.save(folder / "checkpoint.safetensors", tree, note._asdict())


def restore(path):
    """Read a checkpoint back."""
    tree, note = weights.load(path)
    networks = {
        name: Learner(tree[name]["params"], AdamState(**tree[name]["adam"], step=step))
        for name, step in note["networks"].items()
    }
    return Progress(**note | {"networks": networks, "carried": tree.get("carried", {})})
