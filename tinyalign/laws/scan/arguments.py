"""What can be typed after `scan`."""

import dataclasses
from itertools import chain
from typing import Annotated

import tyro

from tinyalign.laws.scan import command


@dataclasses.dataclass(frozen=True)
class Scan:
    """Find the losses in a folder or a file, and judge each. Losses, advantages, KL estimators
    and aggregations are found by their names and arguments, and judged as what they seem to be. No
    package of it is imported; each function found is cut out and run with the definitions it needs:
    scan only what you would run. Exit status 0: all that was
    judged keeps its laws; 1: something breaks one; 2: nothing could be judged."""

    path: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PATH")]
    """A folder, a file, or FILE.py:FUNCTION for one function with its whole report."""
    method: Annotated[str, tyro.conf.arg(name="as", metavar="METHOD")] = ""
    """What the one function is meant to be, for example dpo."""
    convention: Annotated[
        tyro.conf.UseAppendAction[tuple[tuple[str, ...], ...]],
        tyro.conf.arg(metavar="KEY=VALUE …"),
    ] = ()
    """What the one function does on purpose, as in `check`; or what a parameter of it is, for
    example loss_type=ipo. Both may stand in pyproject.toml, under
    [tool.tinyalign."FILE.py:FUNCTION"], for the scan of a folder too."""
    json: bool = False
    """Print JSON."""

    def __call__(self):
        said = list(chain.from_iterable(self.convention))
        return command.scan(self.path, self.method, said, as_json=self.json)
