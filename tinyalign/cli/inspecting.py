"""tinyalign verify, tinyalign env"""

import dataclasses
import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.engine import backend
from tinyalign.engine.machine import blas_kernel, describe_machine
from tinyalign.engine.version import VERSION
from tinyalign.errors import InputError, shown
from tinyalign.runs import verify

LIBRARIES = (  # whose versions matter for what is shown, drawn, saved or judged
    "autograd", "safetensors", "tyro", "rich", "matplotlib", "hypothesis", "torch", "jax", "cupy",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Verify:
    """Check whether the files of a run, or of all runs of a comparison, are whole."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder of a run or of a comparison."""

    def __call__(self):
        paths, damaged = verify.run_folders(self.folder), []
        for path in paths:
            try:
                print(f"{shown(path)}: {verify.state_of_run(path)}")
            except InputError as error:
                damaged.append(str(error))
        if damaged:
            raise InputError(f"{len(damaged)} of {len(paths)} runs damaged: {'; '.join(damaged)}")
        return 0


@dataclasses.dataclass(frozen=True)
class Env:
    """Print versions and the machine: what to paste into an issue."""

    def __call__(self):
        lines = {"tinyalign": VERSION}
        lines |= {"python": sys.version.split()[0], "system": platform.platform()}
        lines |= describe_machine() | {"kernel": blas_kernel(), "device": backend.describe()}
        for name in LIBRARIES:
            try:
                lines[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        for name, value in lines.items():
            print(f"{name + ':':12} {value}")
        return 0
