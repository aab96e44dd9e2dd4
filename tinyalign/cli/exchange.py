"""tinyalign export, import, export-data: weights and examples for other trainers, and back"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.engine.tree import size
from tinyalign.runs.config import Config, TypedFloat, TypedInt
from tinyalign.runs.folder import free_folder


@dataclasses.dataclass(frozen=True)
class Export:
    """Write the policy of a run as a folder that transformers and TRL load."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder of a run whose model is a transformer."""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder to write: new, empty, or written by an earlier export."""

    def __call__(self):
        from tinyalign.exam import weights

        params, vocabulary = weights.export_run(self.run, self.folder)
        print(f"{self.folder}: {description(params, vocabulary)}; to load it:")
        print("  from transformers import AutoModelForCausalLM, AutoTokenizer")
        for name, kind in (("model", "ModelForCausalLM"), ("tokenizer", "Tokenizer")):
            print(f"  {name} = Auto{kind}.from_pretrained({str(self.folder)!r})")
        if not vocabulary.ends:
            print("It has no end-of-sequence, which TRL's trainers ask for.")
        return 0


@dataclasses.dataclass(frozen=True)
class Import:
    """Read a GPT-2-shaped model with a tokenizer of characters as a run to start from."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """A folder that transformers or TRL saved, or `tinyalign export`."""
    name: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="[NAME]", help_behavior_hint="")
    ] = ""
    """Folder of the run below --output. [default: named like the folder]"""
    output: Path = Path("runs")
    """Where runs are kept."""

    def __call__(self):
        from tinyalign.exam import weights

        stem = self.name or self.folder.resolve().name
        run = free_folder(self.output, stem, False, bool(self.name))
        params, vocabulary = weights.import_folder(self.folder, run)
        print(f"{run}: {description(params, vocabulary)}; to go on from it: --init_from {run}")
        return 0


@dataclasses.dataclass(frozen=True)
class ExportData:
    """Write a task's examples for a method as JSONL with TRL's columns, and its reward."""

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """Task: addition, subtraction, multiplication, bandit, programs, hackable."""
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder to write, new or empty: data.jsonl, and reward.py with what it imports."""
    method: Annotated[str, tyro.conf.arg(name="as", metavar="METHOD")]
    """A method of `tinyalign methods`; what it learns from decides the columns."""
    num_prompts: int = 1000
    """Prompts to take; for most methods there is a line for each."""
    seed: int = 0
    """Same seed, same lines."""
    digits: int = 2
    """Digits of each operand of the arithmetic tasks."""
    num_generations: TypedInt = None
    """Candidates of each prompt, of which comparisons are made. [default: the method's recipe]"""
    label_temperature: TypedFloat = None
    """Bradley–Terry temperature of the simulated annotator. [bandit 1, else 0]"""
    label_noise: float = 0.0
    """Share of the labels that are wrong."""

    def __call__(self):
        from tinyalign.exam.trainer_data import export_data

        own = ("folder", "method", "num_prompts")
        config = Config(**{name: value for name, value in vars(self).items() if name not in own})
        lines = export_data(config, self.method, self.num_prompts, self.folder)
        print(f"{self.folder / 'data.jsonl'}: {len(lines)} lines of {', '.join(lines[0])}")
        print(f"{self.folder / 'reward.py'}: reward(prompts, completions), which needs NumPy alone")
        return 0


def description(params, vocabulary):
    """A policy in a few words."""
    blocks = sum(name.startswith("block") for name in params)
    width = params["tok"].shape[1]
    count = len(vocabulary.alphabet) + vocabulary.ends
    return f"a GPT-2 of {blocks} layers, {width} wide, {count} tokens, {size(params)} numbers"
