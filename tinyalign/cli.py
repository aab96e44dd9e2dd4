"""The command `tinyalign`: what was typed, turned into calls; mistakes, turned into sentences."""

import os

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    # Matrices this small gain little from a second thread, and lose a lot when it is busy. Has to
    # be said before NumPy is imported.
    os.environ.setdefault(_library, "1")

import dataclasses  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated  # noqa: E402

import tyro  # noqa: E402

from tinyalign import backend, compare, experiment, pages, plan, show  # noqa: E402
from tinyalign.config import Config  # noqa: E402
from tinyalign.errors import InputError  # noqa: E402
from tinyalign.methods import METHODS, named  # noqa: E402

WELCOME = """tinyalign: LLM alignment methods from scratch, small enough to read, each checked
against its known answer.

  tinyalign compare              SFT, DPO, GRPO and PPO on one task: a table and a picture
  tinyalign run grpo             train one method and watch it
  tinyalign methods              every method: what it learns from, what it holds, its paper
  tinyalign show dpo             the loss and the step of a method, as they run
  tinyalign check FILE.py:FUNCTION --as dpo    which laws your own loss breaks
  tinyalign museum               wrong losses, and where each was seen
  tinyalign read 00              a walkthrough in the browser, notes beside the code that runs

Every command explains itself with --help."""


@dataclasses.dataclass(frozen=True)
class Run(Config):
    """Train one method, or several one after another, for example sft,dpo,grpo."""

    method: tyro.conf.Positional[str] = ""
    """A method of `tinyalign methods`, or several joined by commas."""
    name: str | None = None
    """Folder of the run below --output. [default: made of method, task, model and seed]"""
    output: Path = Path("runs")
    """Where runs are kept."""
    resume: bool = False
    """Go on where the run of this name was stopped."""
    device: str = "cpu"
    """cpu, or gpu (CuPy)."""


@dataclasses.dataclass(frozen=True)
class Compare(Config):
    """Train several methods from one SFT start and put them side by side."""

    methods: tyro.conf.Positional[tuple[str, ...]] = compare.METHODS
    """Methods of `tinyalign methods`; several joined by commas are stages of one run."""
    all: bool = False
    """Every method there is: about ten minutes."""
    name: str | None = None
    """Folder of the comparison below --output."""
    output: Path = Path("runs")
    """Where runs are kept."""
    resume: bool = False
    """Go on where the comparison of this name was stopped."""
    workers: int = 2
    """Methods trained at the same time."""


@dataclasses.dataclass(frozen=True)
class Methods:
    """Print the table of all methods."""


@dataclasses.dataclass(frozen=True)
class Show:
    """Print the loss and the step of a method, as they run."""

    method: tyro.conf.Positional[str]
    """A method of `tinyalign methods`."""


@dataclasses.dataclass(frozen=True)
class Check:
    """Say which laws a loss of yours breaks. Exit status 0: none; 1: some; 2: cannot be judged."""

    target: tyro.conf.Positional[str]
    """FILE.py:FUNCTION"""
    method: Annotated[str, tyro.conf.arg(name="as")]
    """What it is meant to be, for example dpo."""
    framework: str = "numpy"
    """numpy, torch or jax: what it computes with."""
    convention: tuple[str, ...] = ()
    """KEY=VALUE …: what it does differently on purpose, for example reduction=mean."""
    json: bool = False
    """Print JSON."""
    float32: bool = False
    """Judge it in float32."""


@dataclasses.dataclass(frozen=True)
class Museum:
    """Wrong losses and where each was seen; with a name, its code and the law that it breaks."""

    name: tyro.conf.Positional[str] = ""
    """An exhibit."""


@dataclasses.dataclass(frozen=True)
class Read:
    """Open a walkthrough in the browser; without a name all of them, which run for minutes."""

    name: tyro.conf.Positional[str] = ""
    """Its number or a part of its name, for example 08 or dpo."""


@dataclasses.dataclass(frozen=True)
class BuildPages:
    """Run the walkthroughs and write their pages into a folder."""

    out: tyro.conf.Positional[Path]
    """The folder."""


COMMANDS = {
    "run": Run,
    "compare": Compare,
    "methods": Methods,
    "show": Show,
    "check": Check,
    "museum": Museum,
    "read": Read,
    "build-pages": BuildPages,
}


def main(argv=None):
    """Entry point; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv:
        print(WELCOME)
        return 0
    command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="tinyalign",
        args=argv,
        description=WELCOME,
        use_underscores=True,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        return DO[type(command)](command)
    except (InputError, backend.BackendError) as error:
        print(f"tinyalign: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\ntinyalign: stopped; the same command with --resume goes on", file=sys.stderr)
        return 130


def plain_config(command):
    """The Config inside a command."""
    names = [field.name for field in dataclasses.fields(Config)]
    return Config(**{name: getattr(command, name) for name in names})


def run(command):
    """tinyalign run"""
    from tinyalign import screen

    use_device(command.device)
    names = [name for name in command.method.split(",") if name]
    if not names:
        raise InputError("say which method to run, for example: tinyalign run grpo")
    job = plan.make(names, plain_config(command))
    what = command.data.stem if command.data else command.env
    stem = command.name or f"{'-'.join(names)}-{what}-{job.model_name}-seed{command.seed}"
    folder = compare.free_folder(command.output, stem, command.resume, bool(command.name))
    with screen.run_progress() as on_step:
        summaries = experiment.run(job, folder, resume=command.resume, on_step=on_step)
    screen.print_summaries(summaries, folder)
    return 0


def compare_methods(command):
    """tinyalign compare"""
    from tinyalign import screen

    config = plain_config(command)
    stem = command.name or f"compare-{command.env}-seed{command.seed}"
    folder = compare.free_folder(command.output, stem, command.resume, bool(command.name))
    names = [row.name for row in METHODS] if command.all else command.methods
    settings = {"resume": command.resume, "workers": command.workers}
    with screen.compare_progress() as on_poll:
        rows = compare.compare(names, config, folder, **settings, on_poll=on_poll)
    screen.print_comparison(rows, folder)
    return 0


def check(command):
    """tinyalign check"""
    from tinyalign.laws import command as laws
    from tinyalign.laws.methods import BY_NAME

    name, row = command.method, named(command.method)
    if row is not None and name not in BY_NAME:
        name = row.loss.__name__
        print(f"the loss of {row.name} is {name}, so it is judged as that", file=sys.stderr)
    return laws.check(
        command.target,
        name,
        framework=command.framework,
        convention=command.convention,
        as_json=command.json,
        float32=command.float32,
    )


def museum(command):
    """tinyalign museum"""
    from tinyalign.laws import command as laws

    return laws.museum(command.name or None)


def use_device(name):
    """cpu or gpu, in the words of the backend."""
    devices = {"cpu": "numpy", "gpu": "cupy"}
    if name not in devices:
        raise InputError(f"--device is {name!r}, want cpu or gpu")
    if name == "gpu" or "TINYALIGN_BACKEND" not in os.environ:
        backend.use(devices[name])


DO = {
    Run: run,
    Compare: compare_methods,
    Methods: lambda command: show.methods(),
    Show: lambda command: show.method(command.method),
    Check: check,
    Museum: museum,
    Read: lambda command: pages.read(command.name),
    BuildPages: lambda command: pages.write(command.out),
}
