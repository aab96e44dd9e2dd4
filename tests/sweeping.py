"""Runs for tests, and sweeps of tiny ones. As a program it is a sweep, which a test can kill."""

import sys
from pathlib import Path

from tinyalign.runs import plan, train
from tinyalign.runs.compare import executors, sweep
from tinyalign.runs.config import Config

SIZES = {"batch_size": 8, "num_pairs": 20, "num_generations": 2, "eval_size": 5, "eval_every": 2}
METHODS = (("sft",), ("dpo",), ("grpo",), ("reward", "ppo"))


def run(folder, names, **settings):
    """Summaries of the stages of a run."""
    return train.run(plan.plan_run(names.split(","), Config(**settings)), folder)


def jobs(root, steps=4, seeds=(0, 1)):
    """Eight runs of a few milliseconds each; more steps make them longer."""
    return [
        sweep.RunSpec(
            Path(root) / f"{'-'.join(methods)}-{seed}",
            methods,
            Config(env="bandit", steps=steps, seed=seed, **SIZES),
        )
        for methods in METHODS
        for seed in seeds
    ]


def stamps(folder):
    """What changes when any file of a run is written again."""
    files = [path for path in folder.iterdir() if path.name != ".lock"]
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}


if __name__ == "__main__":
    root, steps, executor = sys.argv[1:]
    with executors.open_executor(executor=executor or None) as workers:
        sweep.sweep(jobs(root, int(steps)), workers, resume=True)
