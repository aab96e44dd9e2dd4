"""What can be typed after `scan`."""

import dataclasses
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
    json: bool = False
    """Print JSON."""

    def __call__(self):
        return command.scan(self.path, as_json=self.json)
