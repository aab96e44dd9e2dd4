"""Methods side by side: one start, one run folder for each method, one table, one figure."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np

from tinyalign import plan, report
from tinyalign.errors import InputError
from tinyalign.sweep import Job, sweep

METHODS = ("sft", "dpo", "grpo", "ppo", "reward,ppo")


def compare(names, config, folder, executor, *, resume=False, on_poll=lambda rows: None):
    """Train every method from one and the same SFT start: list of report.Row, the start first.

    names     methods, or several joined by commas: stages one after another. Each is a run of its
              own below `folder`; where one stage is `reward`, later stages maximise the learned
              reward
    config    config.Config shared by all
    executor  concurrent.futures.Executor that carries them out
    on_poll   see sweep.sweep
    """
    if len(set(names)) < len(names):
        raise InputError(f"a method is named twice in {', '.join(names)}: name each once")
    folder = Path(folder)
    for name in names:  # every mistake shows before any work
        plan.make(name.split(","), config)
    begin = dataclasses.replace(config, steps=None, learning_rate=None, batch_size=None)
    start = Job(folder / "start", ("sft",), begin, stop_early=True)
    sweep([start], executor, resume=resume, on_poll=on_poll)
    jobs = [job_of(name, config, folder) for name in names]
    jobs.sort(key=lambda job: -len(job.methods))  # pipelines take longest
    sweep(jobs, executor, resume=resume, on_poll=on_poll)
    rows = rows_of(folder, names)
    report.comparison(rows, folder / "compare")
    return rows


def job_of(name, config, folder):
    """The job of one method, from the common start."""
    reward = "model" if "reward," in name else config.reward
    settings = dataclasses.replace(config, start=folder / "start", reward=reward)
    return Job(folder / name, tuple(name.split(",")), settings)


def rows_of(folder, names):
    """The rows of a finished comparison: the start, then each method's curve from there."""
    first = row_of("start", folder / "start")._replace(kl=0.0, curve=())
    rows = [row_of(name, folder / name) for name in names]
    return [first, *(row._replace(curve=((0, first.accuracy), *row.curve)) for row in rows)]


def row_of(name, folder):
    """What a finished run came to: its last stage's result, the cost of all."""
    stages = json.loads((folder / "summary.json").read_text())
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["phase"] == len(stages) - 1]
    last = stages[-1]
    return report.Row(
        method=name,
        needs=last["learns_from"],
        accuracy=last.get("eval_accuracy", np.nan),
        reward=last.get("eval_reward", np.nan),
        kl=last.get("eval_kl", np.nan),
        samples=last["samples"],
        models=", ".join(last["models"]).replace("_", " ").replace("reference", "ref"),
        bytes=max(stage["bytes"] for stage in stages),
        seconds=sum(stage["seconds"] for stage in stages),
        curve=tuple((m["step"], m["eval_accuracy"]) for m in rows if "eval_accuracy" in m),
    )


def free_folder(output, stem, resume, exact):
    """The folder of a run below `output`.

    stem     its name; a new run whose name was not typed takes stem-2, stem-3 … where it is taken
    resume   the newest of these
    exact    the name was typed: take it as it is
    """
    if exact:
        return Path(output) / stem
    tries = (Path(output) / (stem if i == 1 else f"{stem}-{i}") for i in itertools.count(1))
    taken = list(itertools.takewhile(Path.exists, tries))
    if not resume:
        return Path(output) / (f"{stem}-{len(taken) + 1}" if taken else stem)
    if not taken:
        raise InputError(f"there is no run {Path(output) / stem} to resume: leave --resume away")
    return taken[-1]
