"""tinyalign run, tinyalign compare"""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.cli.method_help import require_numbers
from tinyalign.engine import backend
from tinyalign.errors import InputError, folded, shown
from tinyalign.runs import dataset, lookup, plan, trackers, train
from tinyalign.runs.compare import comparison, executors, jobs
from tinyalign.runs.config import Config, TypedInt, TypedStr
from tinyalign.runs.folder import folder_lock, free_folder, machine_changes, require_writable
from tinyalign.runs.listing import settings_stem
from tinyalign.runs.reads import require_read

# Spaces only between methods: --help breaks lines at spaces, so never inside a pipeline.
USUAL = " ".join(comparison.METHODS)


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
        from tinyalign.cli import screen

        use_device(self.device)
        if not self.method.strip():
            raise InputError("say which method to run, for example: tinyalign run grpo")
        names = stage_names(self.method)
        # Every mistake in the settings shows here, before the folder is made.
        run_plan = plan.plan_run(names, plain_config(self))
        rows, model_name = plan.methods_of(run_plan), run_plan.model_name
        require_read(rows, run_plan.config, [model_name], [self.env])
        require_numbers(rows, run_plan.config)
        folder = self.folder(names, run_plan.model_name)
        print_settings(run_plan)
        with (
            trackers.open_tracker(self.report_to, folder) as track,
            folder_lock(folder, wait=False),
            screen.run_progress() as show,
        ):
            print_machine_changes(folder, run_plan)

            def on_step(row, total):
                track(row, total)  # first: what is on disk counts, not what is on the screen
                show(row, total)

            summaries = train.run(run_plan, folder, resume=self.resume, on_step=on_step)
        screen.print_summaries(summaries, folder)
        return 0

    def folder(self, names, model_name):
        """The folder of the run; InputError where nothing can be written to it."""
        examples = self.data.stem if self.data else self.env
        settings = settings_stem(plain_config(self))
        stem = f"{'-'.join(names)}-{examples}-{model_name}{settings}-seed{self.seed}"
        stem = self.name or stem
        folder = free_folder(self.output, stem, self.resume, bool(self.name))
        require_writable(folder, self.resume)
        return folder


@dataclasses.dataclass(frozen=True)
class Compare(Config):
    """Train several methods from one SFT start and put them side by side."""

    methods: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[METHOD ...]", help_behavior_hint=f"[default: {USUAL}]"),
    ] = comparison.METHODS
    """Methods of `tinyalign methods`; several joined by commas are stages of one run."""
    all: bool = False
    """Every method there is."""
    env: str = "addition"
    """Task, or several joined by commas: addition, subtraction, multiplication, bandit, programs,
    hackable."""
    seeds: int = 1
    """Seeds, from --seed on. Each has a start of its own, which its methods share."""
    budget: TypedStr = None
    """What each run may use: recipe, samples:N, labels:N, steps:N or seconds:S.
    [default: recipe; with --all or several seeds, unless --until ends the runs or --data is given,
    labels:8192,samples:65536, on the bandit labels:32768,samples:131072]"""
    eval_every: TypedInt = None
    """Steps between evaluations. [default: 8 of them in a run]"""
    name: TypedStr = None
    """Folder of the comparison below --output."""
    output: Path = Path("runs")
    """Where runs are kept."""
    resume: bool = False
    """Go on where the comparison of this name was stopped."""
    jobs: TypedInt = None
    """Runs at the same time, each in a process of its own; 1 is one after another. [default: 2]"""
    executor: TypedStr = None
    """Who carries the runs out in place of --jobs: dask:tcp://HOST:PORT, mpi, or MODULE:FACTORY, a
    callable that returns a concurrent.futures.Executor. All workers must see --output."""
    device: TypedStr = None
    """cpu, gpu (CuPy), or auto: the GPU if there is one. [default: $TINYALIGN_BACKEND, else cpu]"""

    def __call__(self):
        from tinyalign.cli import screen

        use_device(self.device)
        stem = self.name or f"compare-{self.env.replace(',', '-')}-seed{self.seed}"
        folder = free_folder(self.output, stem, self.resume, bool(self.name))
        configs = self.task_configs(folder)
        self.require_valid(configs)
        for task_folder, config in configs.items():
            outcome = self.compare(config, task_folder)
            parts, lines = comparison.sections(outcome), comparison.closing_sentences(outcome)
            screen.print_comparison(outcome, parts, lines, task_folder)
        return 0

    def require_valid(self, configs):
        """InputError for every mistake in any task, before the first is trained.

        configs  {folder of a task: its Config}
        """
        for folder, config in configs.items():
            comparison.require_valid(self.names(), config, self.seeds)
            comparison.require_own_folder(folder, self.resume)
        stages = [stage for name in self.names() for stage in jobs.stages_of(name)]
        # Their defaults are other ones here.
        usual = {"env": Config.env, "budget": Config.budget, "eval_every": Config.eval_every}
        typed = dataclasses.replace(plain_config(self), **usual)
        models = [lookup.find_model(config) for config in configs.values()]
        tasks = [config.env for config in configs.values()]
        rows = list(map(lookup.find_method, stages))
        require_read(rows, typed, models, tasks)
        require_numbers(rows, typed)

    def task_configs(self, folder):
        """{folder of a task: its Config}; InputError for a task that is named twice."""
        tasks = self.env.split(",")
        if len(set(tasks)) < len(tasks):
            raise InputError(f"a task is named twice in {self.env}: name each once")
        # Several tasks have a folder each, one task needs none of its own.
        return {
            folder / env if len(tasks) > 1 else folder: dataclasses.replace(
                plain_config(self), env=env, budget=self.budget or self.default_budget(env)
            )
            for env in tasks
        }

    def names(self):
        """The methods: "sft, dpo" and "sft,dpo" name the same run, so they get the same folder."""
        if self.all:
            return jobs.every_name()
        return [",".join(stage_names(name)) for name in self.methods]

    def default_budget(self, env):
        """The recipes for a few runs; for many, a shared budget unless what ends them was typed."""
        length_typed = any((self.steps, self.num_pairs, self.num_labels, self.until, self.data))
        many = self.all or self.seeds > 1
        return jobs.shared_budget(env) if many and not length_typed else "recipe"

    def compare(self, config, folder):
        """The results of the comparison on one task: results.Results."""
        from tinyalign.cli import screen

        names, settings = self.names(), {"seeds": self.seeds, "resume": self.resume}
        workers = executors.open_executor(self.jobs, self.executor)
        with (
            workers as executor,
            folder_lock(folder, wait=False),
            screen.compare_progress(folder) as on_poll,
        ):
            return comparison.compare(names, config, folder, executor, **settings, on_poll=on_poll)


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
