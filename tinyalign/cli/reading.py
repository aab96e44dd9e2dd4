"""tinyalign methods, metrics, show, read, build-pages"""

import dataclasses
from pathlib import Path

import tyro

from tinyalign.cli import metric_table, show
from tinyalign.notes import pages


@dataclasses.dataclass(frozen=True)
class Methods:
    """Print the table of all methods."""

    def __call__(self):
        return show.methods()


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Print what each number of metrics.jsonl means, and when to look closer."""

    def __call__(self):
        return metric_table.metrics()


@dataclasses.dataclass(frozen=True)
class Show:
    """Print what a method is, and the source of its data, its step and its loss."""

    method: tyro.conf.Positional[str]
    """A method of `tinyalign methods`."""

    def __call__(self):
        return show.method(self.method)


@dataclasses.dataclass(frozen=True)
class Read:
    """Open a walkthrough in the browser. Without a name: the index of pages, symptoms and terms."""

    name: tyro.conf.Positional[str] = ""
    """Its number or a part of its name, for example 08 or dpo."""

    def __call__(self):
        return pages.read(self.name)


@dataclasses.dataclass(frozen=True)
class BuildPages:
    """Run all walkthroughs and write their pages into a folder."""

    out: tyro.conf.Positional[Path]
    """The folder."""

    def __call__(self):
        return pages.write(self.out)
