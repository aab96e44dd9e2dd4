"""tinyalign methods, metrics, show, read, play, build-pages"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.cli import metric_table, show, topics
from tinyalign.notes import pages


@dataclasses.dataclass(frozen=True)
class Methods:
    """Print the table of all methods."""

    def __call__(self):
        return show.methods()


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Print what each number of metrics.jsonl means, and when to look closer."""

    name: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="[KEY]", help_behavior_hint="")
    ] = ""
    """A key, or a part of one, for example kl. Without it: all."""

    def __call__(self):
        return metric_table.metrics(self.name)


@dataclasses.dataclass(frozen=True)
class Show:
    """Print what a method is, and the source of its data, its step and its loss.

    The name of a task prints its prompts, answers and rewards. Another word shows the functions
    that are about it.
    """

    method: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """A method of `tinyalign methods`, a task such as bandit, a function such as gae, or a word
    such as KL."""

    def __call__(self):
        return topics.show(self.method)


@dataclasses.dataclass(frozen=True)
class Read:
    """Open a walkthrough in the browser. Without a name: the index of pages, symptoms and terms."""

    name: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="[PAGE]", help_behavior_hint="")
    ] = ""
    """Its number, a method or a word of its title, for example 08, dpo or KL."""

    def __call__(self):
        if not self.name.strip():
            return pages.read("")
        from tinyalign.notes import finding  # which loads the claims, too

        page, others = finding.page_about(self.name)
        if others:
            numbers = ", ".join(path.stem for path in others[:4])
            print(f"{page.stem} is nearest to {self.name!r}; more about it: {numbers}")
        return pages.read(page.stem)


@dataclasses.dataclass(frozen=True)
class Play:
    """Open a page with dials: β, learning rate, noise, K and estimator, at any value."""

    no_browser: bool = False
    """Print the address only, and open no browser."""

    port: int = 0
    """0: a free port of this machine."""

    def __call__(self):
        from tinyalign.notes import play  # which loads all losses

        return play.play(not self.no_browser, self.port)


@dataclasses.dataclass(frozen=True)
class BuildPages:
    """Run all walkthroughs and write their pages into a folder."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """The folder."""

    def __call__(self):
        return pages.write(self.out)
