"""A run: stages one after another in one folder, with metrics, checkpoints and resuming.

The folder holds config.json, metrics.jsonl (a line per step), checkpoint.safetensors (everything
needed to go on), model.safetensors (the result), summary.json and curves.svg.
"""

import ctypes
import json
import sys
import time
from pathlib import Path

import numpy as np

from tinyalign import report
from tinyalign.engine.backend import to_host, xp
from tinyalign.engine.tree import leaves
from tinyalign.errors import InputError
from tinyalign.methods import evaluate
from tinyalign.runs import budget, files, logs, plan
from tinyalign.runs.checkpoint import beginning, keep, restore
from tinyalign.runs.compare.cost import held

STOP_CHECK = 5  # steps between looks at whether a warm start is good enough


class Diverged(InputError):
    """A loss or a weight is no number any more."""


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
    last = [row for row in logs.metrics(folder) if row["phase"] == len(job.phases) - 1]
    report.curves(last, folder / "curves.svg")
    return logs.summaries(folder)


def open_folder(job, folder, resume):
    """Make the folder, or find out how far it got."""
    checkpoint, settings = folder / "checkpoint.safetensors", folder / "config.json"
    if not resume:
        require_unused(folder)
    described = plan.describe(job)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings.exists():
            require_same_settings(folder, described)
        files.write_atomically(settings, json.dumps(described, indent=1).encode())
        progress = restore(checkpoint) if checkpoint.exists() else beginning(job)
        lines = (folder / "metrics.jsonl").read_bytes().splitlines(True) if progress.rows else []
        files.write_atomically(folder / "metrics.jsonl", b"".join(lines[: progress.rows]))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    return progress


def require_unused(folder):
    """InputError if a run was begun in the folder."""
    if (folder / "config.json").exists():
        raise InputError(f"{folder} already holds a run: add --resume to go on, or --name another")


def require_same_settings(folder, described):
    """InputError unless the folder's run was started with these settings."""
    try:
        before = json.loads((folder / "config.json").read_text())
        if not isinstance(before, dict):
            raise ValueError("no object")
    except ValueError:
        raise InputError(f"{folder}/config.json is damaged: choose another --name") from None
    changed = sorted(key for key in described if before.get(key) != described[key])
    if changed:
        raise InputError(
            f"{folder} was started with other settings ({', '.join(changed)}): resume with the "
            "same ones, or choose another --name"
        )


def run_phase(job, folder, progress, log, on_step):
    """Prepare one stage, train it to its end or its stop, and hand its networks on."""
    phase, begun = job.phases[progress.phase], time.perf_counter()
    setting = plan.setting(job, progress.phase, progress.carried)
    stage = phase.method.stage(setting)
    rng = np.random.default_rng()
    rng.bit_generator.state = progress.rng
    if not progress.networks:
        progress = progress._replace(
            networks=stage.networks, samples=stage.samples, seconds=time.perf_counter() - begun
        )
    row, finished = {}, False
    while not finished:
        progress, metrics = take_step(phase, stage, progress, rng)
        finished, looks = look(setting, phase, stage, progress)
        place = {"phase": progress.phase, "stage": phase.method.name, "step": progress.step}
        used = {"samples": progress.samples, "seconds": progress.seconds}
        row = {**place, **metrics, **looks, **used}
        log.write(json.dumps(row) + "\n")
        log.flush()
        on_step(row, stage.steps)
        if progress.step % setting.config.eval_every == 0 and not finished:
            keep(folder, progress)
    return finish(job, folder, setting, progress, stage, row)


def take_step(phase, stage, progress, rng):
    """Advance a stage by one step: (progress, metrics as plain numbers)."""
    begun = time.perf_counter()
    pace = budget.place(phase.limit, stage.steps, progress)
    networks, metrics = stage.advance(progress.networks, rng, pace)
    metrics = {name: float(to_host(value)) for name, value in metrics.items()}
    progress = progress._replace(
        step=progress.step + 1,
        networks=networks,
        rng=rng.bit_generator.state,
        rows=progress.rows + 1,
        samples=progress.samples + int(metrics.pop("samples", 0)),
        seconds=progress.seconds + time.perf_counter() - begun,
    )
    require_numbers(phase.method.name, progress, metrics)
    return progress, metrics


def require_numbers(name, progress, metrics):
    """Diverged unless the losses and every weight are finite numbers."""
    losses = {key: metrics[key] for key in ("loss", "policy_loss", "value_loss") if key in metrics}
    found = {f"the {key.replace('_', ' ')}": value for key, value in losses.items()}
    for network, learner in progress.networks.items():
        total = float(to_host(sum(xp.sum(leaf) for leaf in leaves(learner.params).values())))
        found[f"the sum of the weights of the {network.replace('_', ' ')}"] = total
    for what, value in found.items():
        if not np.isfinite(value):
            raise Diverged(
                f"{name}: {what} is {value} at step {progress.step}: lower --learning_rate"
            )


def look(setting, phase, stage, progress):
    """Whether a stage is finished, and what it can do where it is time to look."""
    finished = budget.is_over(phase.limit, stage.steps, progress)
    finished = finished or good_enough(setting, phase, progress)
    if not finished and progress.step % setting.config.eval_every:
        return finished, {}
    found = measure(setting, stage, progress)
    if progress.phase == 0 and setting.config.start is None and phase.method.name == "sft":
        found.pop("eval_kl", None)  # of untrained parameters: no one asks how far from those it is
    return finished, found


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
    before = logs.summaries(folder)[: progress.phase] if progress.phase else []
    every = json.dumps([*before, summary], indent=1)
    files.write_atomically(folder / "summary.json", every.encode())
    carried = progress.carried | {name: params[name] for name in params if name != "critic"}
    files.save(folder / "model.safetensors", carried, plan.model_note(job))
    progress = beginning(job, progress.phase + 1, carried, progress.rows)
    keep(folder, progress)
    return progress


def summarise(setting, progress, stage, row):
    """A finished stage in a dict: how good it got, and what it took."""
    summary = {name: value for name, value in row.items() if name.startswith("eval_")}
    summary |= {
        "method": setting.method.name,
        "learns_from": setting.method.learns_from,
        "steps": progress.step,
        "samples": progress.samples,
        "models": [*progress.networks, *stage.frozen],
        "bytes": held(progress.networks, stage.frozen),
        "seconds": progress.seconds,
        "settings": plan.plain(setting.config),
    }
    if setting.data is not None and "policy" in progress.networks:
        rng = fresh_rng(setting, progress, 4)
        params = progress.networks["policy"].params
        summary["written"] = evaluate.written(setting, params, rng)
    return summary
