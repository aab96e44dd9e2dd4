"""What can be typed after `tinyalign exam`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.exam import command

Number = Annotated[float | None, tyro.conf.arg(metavar="NUMBER", help_behavior_hint="")]


@dataclasses.dataclass(frozen=True)
class Make:
    """Write an exam: a model, data whose optimum is known exactly, a reward, and instructions."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder to write, missing or empty."""
    method: Annotated[str, tyro.conf.arg(name="as", metavar="METHOD")]
    """sft, dpo, cdpo, ipo, simpo, orpo, kto, reward, rloo, ppo, grpo or raft."""
    task: str = ""
    """bandit (answers of one letter), words (answers of several letters) or padding (prompts of
    several lengths). Without this flag: bandit for a method that samples, words for the others."""
    beta: Number = None
    """Weight of the KL to the reference. Each method has some of these flags; a flag that it lacks
    is refused with the list of its own."""
    tau: Number = None
    """Weight of the KL in IPO."""
    flip: Number = None
    """Share of wrong labels that conservative DPO assumes: 1/9, 1/10, … 1/100."""
    gamma: Number = None
    """Target margin of SimPO: the logarithm of a whole number up to 16."""
    lam: Number = None
    """Weight of the odds-ratio loss in ORPO."""
    num_generations: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = (
        None
    )
    """Completions in a group (GRPO, RLOO), or draws of which the best is kept (RAFT)."""

    def __call__(self):
        typed = dataclasses.asdict(self)
        folder, name, task = (typed.pop(key) for key in ("folder", "method", "task"))
        return command.make_exam(folder, name, task, typed)


@dataclasses.dataclass(frozen=True)
class Grade:
    """Say where a trainer landed. Exit status 0: right; 1: wrong; 2: it could not be said."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The exam."""
    trained: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="TRAINED")]
    """A folder of weights that transformers saved, or a JSON file of log-probabilities; the exam's
    README.md says which form."""
    before: Annotated[Path | None, tyro.conf.arg(metavar="EARLIER", help_behavior_hint="")] = None
    """A checkpoint of the same run, from half of the steps or fewer. Without it the grade cannot
    tell a mistake from too little training, and names no mistake."""
    picture: Annotated[Path | None, tyro.conf.arg(metavar="FILE.svg", help_behavior_hint="")] = None
    """Draw the trained policy against the reward: a right trainer makes a straight line."""
    json: bool = False
    """Print JSON."""

    def __call__(self):
        return command.grade_exam(self.folder, self.trained, self.before, self.picture, self.json)


@dataclasses.dataclass(frozen=True)
class Probe:
    """Ask a trainer what a first step shows: padding, EOS, the reference, micro-batches, samples.
    Exit status 0: all right; 1: something is wrong; 2: it could not be asked."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The exam that the trainer would train on."""
    trainer: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE.py:FUNCTION")]
    """A function that returns a fresh trainer: an object with some of the methods score, loss, step
    and sample, of which tinyalign.exam.hooks says what they return. tinyalign.exam.in_trl makes one
    of a trainer of TRL."""
    json: bool = False
    """Print JSON."""

    def __call__(self):
        return command.probe_trainer(self.folder, self.trainer, self.json)


@dataclasses.dataclass(frozen=True)
class Exam:
    """Does a trainer land where the mathematics says? First `make` an exam, and train its model as
    its README.md says. Then `grade` the trained weights. `probe` asks about the first step, before
    any training."""

    what: tyro.conf.OmitSubcommandPrefixes[
        Annotated[Make, tyro.conf.subcommand("make")]
        | Annotated[Grade, tyro.conf.subcommand("grade")]
        | Annotated[Probe, tyro.conf.subcommand("probe")]
    ]

    def __call__(self):
        return self.what()
