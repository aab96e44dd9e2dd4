"""tinyalign check, tinyalign museum"""

import dataclasses
from typing import Annotated

import tyro


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
    """KEY=VALUE …: what it does differently on purpose, for example reduction=mean. A KEY that the
    method lacks is answered with those it has."""
    json: bool = False
    """Print JSON."""
    float32: bool = False
    """Judge it in float32."""

    def __call__(self):
        from tinyalign.laws import command

        return command.check(
            self.target,
            self.method,
            framework=self.framework,
            convention=self.convention,
            as_json=self.json,
            float32=self.float32,
        )


@dataclasses.dataclass(frozen=True)
class Museum:
    """Wrong losses and where each was seen; with a name, its code and the law that it breaks."""

    name: tyro.conf.Positional[str] = ""
    """An exhibit."""

    def __call__(self):
        from tinyalign.laws import command

        return command.museum(self.name or None)
