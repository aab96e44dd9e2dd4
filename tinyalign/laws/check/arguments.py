"""What can be typed after `check` and `museum`: one parser for both commands that have them."""

import dataclasses
from itertools import chain
from typing import Annotated

import tyro

from tinyalign.laws.check import command

OPTIONS = (tyro.conf.FlagCreatePairsOff,)  # --json, and no --no-json


@dataclasses.dataclass(frozen=True)
class Check:
    """Say which laws a loss of yours breaks. Exit status 0: none; 1: some; 2: it cannot be judged;
    3: the checker itself failed."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE.py:FUNCTION")]
    """Your loss."""
    method: Annotated[str, tyro.conf.arg(name="as", metavar="METHOD")] = ""
    """What it is meant to be, for example dpo; left out: what its name and its arguments say. This
    and all that follows may stand in pyproject.toml, under [tool.tinyalign] or
    [tool.tinyalign."FILE.py:FUNCTION"]."""
    framework: str = ""
    """numpy, torch or jax: what it computes with, if its imports do not say it."""
    convention: Annotated[
        tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]],
        tyro.conf.arg(metavar="KEY=VALUE …"),
    ] = ()
    """What it does differently on purpose, for example reduction=mean. A KEY that the method lacks
    is answered with those it has."""
    json: bool = False
    """Print JSON."""
    float32: bool = False
    """Judge it in float32."""
    seconds: float | None = None
    """The check is stopped after so many seconds; without this option after 90."""

    def __call__(self):
        return command.check(
            self.target,
            self.method,
            framework=self.framework,
            # one tuple for each time that the option was typed
            convention=list(chain.from_iterable(self.convention)),
            as_json=self.json,
            float32=self.float32,
            seconds=self.seconds,
        )


@dataclasses.dataclass(frozen=True)
class Museum:
    """Wrong losses and where each was seen; with a name, its code and the law that it breaks."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="EXHIBIT")] = ""
    """An exhibit, or a method, whose exhibits are listed."""

    def __call__(self):
        return command.museum(self.name or None)
