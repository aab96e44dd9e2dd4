"""Methods side by side: one start, one run folder for each method, one table, one figure."""

import contextlib
import dataclasses
import itertools
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from tinyalign import experiment, plan, report
from tinyalign.errors import InputError

METHODS = ("sft", "dpo", "grpo", "ppo", "reward,ppo")


def compare(names, config, folder, *, resume=False, workers=2, on_poll=lambda rows: None):
    """Train every method from one and the same SFT start: list of report.Row, the start first.

    names    methods, or several joined by commas: stages one after another. Each is a run of its
             own below `folder`, several at a time; where one stage is `reward`, later stages
             maximise the learned reward
    config   config.Config shared by all
    workers  processes
    on_poll  called twice a second with {run: its newest metrics}
    """
    if workers < 1:
        raise InputError(f"--workers is {workers}, want 1 or more")
    if len(set(names)) < len(names):
        raise InputError(f"a method is named twice in {', '.join(names)}: name each once")
    folder = Path(folder)
    for name in names:  # every mistake shows before any work
        plan.make(name.split(","), config)
    start = folder / "start"
    begin = dataclasses.replace(config, steps=None, learning_rate=None, batch_size=None)
    with ending(ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))) as pool:
        wait({"start": pool.submit(work, ["sft"], begin, start, True, resume)}, folder, on_poll)
        running = {}
        for name in sorted(names, key=lambda name: -name.count(",")):  # pipelines take longest
            reward = "model" if "reward," in name else config.reward
            settings = dataclasses.replace(config, start=start, reward=reward)
            stages = name.split(",")
            running[name] = pool.submit(work, stages, settings, folder / name, False, resume)
        wait(running, folder, on_poll)
    rows = rows_of(folder, names)
    report.comparison(rows, folder / "compare")
    return rows


@contextlib.contextmanager
def ending(pool):
    """A pool whose workers end with the block: after a failure or Ctrl-C nothing goes on alone."""
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    pool.shutdown()


def work(names, config, folder, stop_early, resume):
    """One run, in a process of its own."""
    job = plan.make(names, config)
    if stop_early:
        job = plan.stopping(job)
    experiment.run(job, folder, resume=resume and (folder / "config.json").exists())


def wait(running, folder, on_poll):
    """Look at the runs' metrics until all are done; a run that fails ends the comparison."""
    while True:
        on_poll({name: newest(folder / name) for name in running})
        done = [future for future in running.values() if future.done()]
        for future in done:
            future.result()
        if len(done) == len(running):
            return
        time.sleep(0.5)


def newest(folder):
    """The last complete line of a run's metrics, or {} before the first."""
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return json.loads(lines[-1]) if lines else {}


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
