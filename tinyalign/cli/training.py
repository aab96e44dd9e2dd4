"""tinyalign run, and what it shares with tinyalign compare"""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.cli.method_help import require_numbers
from tinyalign.engine import backend
from tinyalign.errors import InputError, folded, shown
from tinyalign.runs import dataset, plan, trackers, train
from tinyalign.runs.config import Config, TypedStr
from tinyalign.runs.folder import folder_lock, free_folder, machine_changes, require_writable
from tinyalign.runs.listing import settings_stem
from tinyalign.runs.reads import require_read


@dataclasses.dataclass(frozen=True)
class Run(Config):
    """Train one method, or several one after another, for example sft,dpo,grpo."""

    method: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="METHOD", help_behavior_hint="")
    ] = ""
    """A method of `tinyalign methods`, or several joined by commas."""
    name: TypedStr = None
    """Folder of the run below --output. [default: made of method, task, model, what
    was typed and seed]"""
    output: Path = Path("runs")
    """Where runs are kept."""
    resume: bool = False
    """Go on where the run of this name was stopped."""
    report_to: str = "none"
    """Where metrics go besides metrics.jsonl: none, tensorboard or trackio, in a folder of that
    name below the run's. To look: `tensorboard --logdir runs`, or `trackio show` with TRACKIO_DIR
    set to that folder."""
    device: TypedStr = None
    """cpu, gpu (CuPy), or auto: the GPU if there is one. [default: $TINYALIGN_BACKEND, else cpu]"""

    def __call__(self):
        # rich is loaded only by the commands that draw with it.
        from tinyalign.cli import screen, telling

        use_device(self.device)
        if not self.method.strip():
            raise InputError("say which method to run, for example: tinyalign run grpo")
        names = stage_names(self.method)
        run_plan = self.plan(names)
        folder = self.folder(names, run_plan.model_name)
        print_settings(run_plan)
        print_warnings(run_plan)
        with (
            trackers.open_tracker(self.report_to, folder) as track,
            folder_lock(folder, wait=False),
            screen.run_progress(self.env) as show,
        ):
            print_machine_changes(folder, run_plan)

            def on_step(row, total):
                track(row, total)  # first: what is on disk counts, not what is on the screen
                show(row, total)

            summaries = train.run(run_plan, folder, resume=self.resume, on_step=on_step)
        screen.print_summaries(summaries, folder)
        console = screen.printer()
        for line in ("", *telling.run_sentences(run_plan, summaries, folder)):
            # Broken between words; a command to type stays on one line, to be copied.
            console.print(line, markup=False, soft_wrap=line.startswith("To ask it: "))
        return 0

    def plan(self, names):
        """The plan of these stages; every mistake in the settings shows before a folder is made."""
        run_plan = plan.plan_run(names, plain_config(self))
        rows = plan.methods_of(run_plan)
        require_read(rows, run_plan.config, [run_plan.model_name], [self.env])
        require_numbers(rows, run_plan.config)
        return run_plan

    def folder(self, names, model_name):
        """The folder of the run; InputError where nothing can be written to it."""
        examples = self.data.stem if self.data else self.env
        settings = settings_stem(plain_config(self))
        stem = f"{'-'.join(names)}-{examples}-{model_name}{settings}-seed{self.seed}"
        stem = self.name or stem
        folder = free_folder(self.output, stem, self.resume, bool(self.name))
        require_writable(folder, self.resume)
        return folder


def stage_names(typed):
    """The methods of a pipeline: "sft, grpo" → ["sft", "grpo"]; InputError for an empty name."""
    names = [folded(name) for name in typed.split(",")]
    if not all(names):
        raise InputError(
            f"{typed!r} names no method between two commas or beside one: want sft,dpo"
        )
    return names


def plain_config(command):
    """The Config inside a command, without the command's own fields."""
    names = [field.name for field in dataclasses.fields(Config)]
    config = Config(**{name: getattr(command, name) for name in names})
    return dataclasses.replace(config, data=config.data and dataset.shipped(config.data))


def print_settings(run_plan):
    """What was typed, and what each stage will do."""
    usual, settings = vars(Config()), vars(run_plan.config).items()
    typed = [f"{name} {shown(value)}" for name, value in settings if value != usual[name]]
    print("typed:", ", ".join(typed) or "nothing")
    for stage_plan in run_plan.stages:
        print(f"{stage_plan.method.name}: {plan.settings_line(stage_plan)}")


def print_warnings(run_plan):
    """What is allowed, and does not do what its name says."""
    for stage_plan in run_plan.stages:
        config, row = stage_plan.config, stage_plan.method
        if row.kl_placement == "loss" and config.beta > 0 and config.kl == "k1":
            print(
                f"{row.name}: k1 in the loss has a gradient of 0 on average, so this KL holds "
                f"nothing back; k2 and k3 do (tinyalign show KL)",
                file=sys.stderr,
            )


def print_machine_changes(folder, run_plan):
    """Where a run goes on that was begun on another machine, what that means for its numbers."""
    changes = machine_changes(folder, plan.config_json(run_plan))
    for what, (then, now) in changes.items():
        print(
            f"{what} was {shown(then)} where this run was begun, here it is {shown(now)}: numbers "
            "may round otherwise, so the run may end elsewhere than there",
            file=sys.stderr,
        )


def use_device(name):
    """Compute on the device that was typed, and print which one that is."""
    if name is not None:  # otherwise TINYALIGN_BACKEND has decided already
        print(f"device: {backend.use_device(name)}")
