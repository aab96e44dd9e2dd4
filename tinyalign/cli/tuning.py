"""tinyalign tune"""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.errors import InputError
from tinyalign.runs import lookup, tuned
from tinyalign.runs.compare import executors, jobs, tune
from tinyalign.runs.config import Config, TypedInt, TypedStr
from tinyalign.runs.folder import folder_lock, free_folder, require_unused
from tinyalign.runs.storage import write_atomically


@dataclasses.dataclass(frozen=True)
class Tune:
    """Search the settings of methods: the same number of tries for each, on tuning seeds.

    Twelve settings a method (learning rates, and beta or what else it has), tried with a quarter of
    the budget of a comparison on two seeds; the best two and the median one with all of it on two
    others.
    """

    methods: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[METHOD ...]", help_behavior_hint=""),
    ] = ()
    """Methods of `tinyalign methods`; grpo@1 or grpo@4 takes so many steps for a rollout."""
    all: bool = False
    """Every method that is trained."""
    env: str = "addition"
    """Task: addition, or any other."""
    seed: int = 100
    """The first of four tuning seeds. Comparisons should use others."""
    name: TypedStr = None
    """Folder of the search below --output."""
    output: Path = Path("runs")
    """Where runs are kept."""
    resume: bool = False
    """Go on where the search of this name was stopped."""
    jobs: TypedInt = None
    """Runs at the same time, each in a process of its own; 1 is one after another. [default: 2]"""
    executor: TypedStr = None
    """Who carries the runs out in place of --jobs, as for compare."""
    save: bool = False
    """Write what was chosen into the package's own table, which recipes read."""

    stopped = "stopped; what is done is on disk, and the same command with --resume goes on"

    def __call__(self):
        from tinyalign.cli import screen, watching

        names = self.names()
        stem = self.name or f"tune-{self.env}-seed{self.seed}"
        folder = free_folder(self.output, stem, self.resume, bool(self.name))
        if not self.resume:
            require_unused(folder, ("tuned.json",))
        config = Config(env=self.env, seed=self.seed)
        workers = executors.open_executor(self.jobs, self.executor)
        with (
            workers as executor,
            folder_lock(folder, wait=False),
            watching.compare_progress(folder, self.env) as on_poll,
        ):
            entries = tune.tune(
                names, config, folder, executor, resume=self.resume, on_poll=on_poll
            )
        if self.save:
            known = tuned.entries()
            merged = known | {self.env: known.get(self.env, {}) | entries}
            write_atomically(tuned.FILE, (json.dumps(merged, indent=1) + "\n").encode())
        screen.print_tuned(entries, tuned.FILE if self.save else folder / "tuned.json")
        return 0

    def names(self):
        """The runs to search settings for."""
        if self.all == bool(self.methods):
            raise InputError("say which methods to tune, or --all: for example tinyalign tune dpo")
        if not self.all:
            return list(self.methods)
        return [n for n in jobs.every_name() if lookup.last_method(n).trains]
