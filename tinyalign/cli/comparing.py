"""tinyalign compare"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.cli.method_help import require_numbers
from tinyalign.cli.training import plain_config, stage_names, use_device
from tinyalign.errors import InputError
from tinyalign.report import story
from tinyalign.runs import lookup
from tinyalign.runs.compare import comparison, executors, jobs
from tinyalign.runs.config import Config, TypedInt, TypedStr
from tinyalign.runs.folder import folder_lock, free_folder, require_unused
from tinyalign.runs.reads import require_read

# Spaces only between methods: --help breaks lines at spaces, so never inside a pipeline.
USUAL = " ".join(comparison.METHODS)
OWN_DEFAULTS = ("env", "budget", "eval_every", "seed")  # fields with another default than a run's
STORY = ["bandit", "addition"]  # what the first command shows: the known answers come first


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
    env: TypedStr = None
    """Task, or several joined by commas: addition, subtraction, multiplication, bandit, programs,
    hackable. [default: the bandit, then addition; addition alone where more is typed]"""
    seeds: int = 1
    """Seeds, from --seed on. Each has a start of its own, which its methods share."""
    budget: TypedStr = None
    """What each run may use: recipe, samples:N, labels:N, steps:N or seconds:S.
    [default: labels:8192,samples:65536; on the bandit labels:16384,samples:32768, with --all or
    several seeds labels:32768,samples:131072; recipe where --until ends the runs, --data is given,
    or a length is typed]"""
    eval_every: TypedInt = None
    """Steps between evaluations. [default: so many that a run is evaluated 8 times]"""
    name: TypedStr = None
    """Folder of the comparison below --output."""
    output: Path = Path("runs")
    """Where runs are kept."""
    runs: tuple[str, ...] = ()
    """Train nothing: put these finished runs side by side, folders or names of `tinyalign runs`."""
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
        from tinyalign.cli import screen, telling

        use_device(self.device)
        if self.runs:
            return self.compare_finished()
        stem = self.name or f"compare-{'-'.join(self.tasks())}-seed{self.seed}"
        folder = free_folder(self.output, stem, self.resume, bool(self.name))
        configs = self.task_configs(folder)
        self.require_valid(configs)
        for task_folder, config in configs.items():
            outcome = self.compare(config, task_folder)
            if story.has_story(outcome):
                telling.print_story(outcome, comparison.budget_sentences(outcome), task_folder)
                continue
            parts, lines = comparison.sections(outcome), comparison.closing_sentences(outcome)
            screen.print_comparison(outcome, parts, lines, task_folder)
        return 0

    def compare_finished(self):
        """Show the finished runs in one table, and write one picture of them."""
        from tinyalign.cli import telling
        from tinyalign.runs.compare import finished

        usual = {"runs": self.runs, "name": self.name, "output": self.output, "device": self.device}
        if self != Compare(**usual):
            raise InputError("--runs trains nothing: give it without methods and settings")
        comparison = finished.read(self.runs)
        folder = free_folder(self.output, self.name or "compare-runs", False, bool(self.name))
        comparison_files = [f"compare{suffix}" for suffix in (".svg", ".png")]
        require_unused(folder, comparison_files)
        telling.print_finished(comparison, finished.sentences(self.runs, comparison.rows))
        print(f"\npicture: {finished.write_picture(comparison, folder)[0]}")
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

    def tasks(self):
        """The tasks to compare on, in order."""
        if self.env is not None:
            return self.env.split(",")
        usual = vars(Config())
        typed = [n for n in usual if n not in OWN_DEFAULTS and getattr(self, n) != usual[n]]
        first = not typed and not self.all and self.methods == comparison.METHODS
        return STORY if first and self.seeds == 1 and self.budget is None else [Config.env]

    def task_configs(self, folder):
        """{folder of a task: its Config}; InputError for a task that is named twice."""
        tasks = self.tasks()
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
        """The same for every method, unless what ends the runs was typed."""
        if any((self.steps, self.num_pairs, self.num_labels, self.until, self.data)):
            return "recipe"
        return jobs.shared_budget(env, many=self.all or self.seeds > 1)

    def compare(self, config, folder):
        """The results of the comparison on one task: results.Results."""
        from tinyalign.cli import watching

        names, settings = self.names(), {"seeds": self.seeds, "resume": self.resume}
        workers = executors.open_executor(self.jobs, self.executor)
        with (
            workers as executor,
            folder_lock(folder, wait=False),
            watching.compare_progress(folder, config.env) as on_poll,
        ):
            return comparison.compare(names, config, folder, executor, **settings, on_poll=on_poll)
