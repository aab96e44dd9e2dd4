"""tinyalign claims, tinyalign choose"""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tinyalign.errors import InputError


@dataclasses.dataclass(frozen=True)
class Claims:
    """What the notes' comparisons say, what was measured here, and the verdict that follows."""

    ids: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[ID …]", help_behavior_hint=""),
    ] = ()
    """Claims to show. [default: all]"""
    measure: bool = False
    """Measure them again and show what is found beside what is recorded; all take minutes."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """With --measure: a file for the new figures. [default: they are only shown]"""
    write: bool = False
    """With --measure, for maintainers: put the new figures into the package, all or none."""
    json: bool = False
    """Print JSON."""

    @property
    def stopped(self):
        """What Ctrl-C leaves behind, in words."""
        return "stopped; nothing was written" if self.measure else "stopped"

    def __call__(self):
        from rich.console import Console

        from tinyalign.notes import claims
        from tinyalign.notes.claims import report

        claims.select(self.ids)  # a wrong id shows before any work
        targets = self.targets(claims.MEASURED)
        if self.measure:
            return self.measure_again(targets)
        rows = claims.rows(self.ids)
        if self.json:
            print(json.dumps([claims.as_json(row) for row in rows], indent=1, ensure_ascii=False))
        else:
            report.print_ledger(rows, Console(highlight=False))
        return 0

    def targets(self, package):
        """The files to be written; InputError, before any work, where that cannot be."""
        targets = [path for path in (self.output, package if self.write else None) if path]
        if targets and not self.measure:
            raise InputError("--output and --write are for --measure: they keep what it finds")
        for path in targets:
            if not path.parent.is_dir() or path.is_dir():
                raise InputError(f"cannot write to {path}: it is no file in a folder that exists")
        return targets

    def measure_again(self, targets):
        """Measure, show, and only then write."""
        from rich.console import Console

        from tinyalign.notes import claims
        from tinyalign.notes.claims import report

        said = Console(stderr=True)
        entries = claims.remeasure(
            self.ids, lambda name, i, n: said.print(f"measuring {name} ({i + 1} of {n})")
        )
        pairs = claims.compare(self.ids, entries)
        if self.json:
            rows = [claims.as_json(after, recorded=before) for before, after in pairs]
            print(json.dumps(rows, indent=1, ensure_ascii=False))
        else:
            report.print_changes(pairs, Console(highlight=False))
        for path in targets:
            claims.write(entries, path)
        written = ", ".join(map(str, targets))
        said.print(f"written: {written}" if written else "nothing was written", markup=False)
        return 0


@dataclasses.dataclass(frozen=True)
class Choose:
    """Which method suits you, why, and what was measured; asks for what is not typed."""

    data: Literal[
        "ask", "demonstrations", "pairs", "thumbs", "rankings", "triples", "rewards", "none"
    ] = "ask"
    """What you have; rewards: one that can be computed for any answer; none: only prompts."""
    scorer: Literal["ask", "yes", "no"] = "ask"
    """Whether a program can score any answer."""
    memory: Literal["ask", "small", "large"] = "ask"
    """Whether there is room for a second network of the policy's size."""
    sampling: Literal["ask", "cheap", "costly"] = "ask"
    """What it costs to sample answers while training."""
    reference: Literal["ask", "yes", "no"] = "ask"
    """Whether there is a fine-tuned policy to start from."""
    noise: Literal["ask", "low", "high"] = "ask"
    """Whether many of the labels are wrong."""
    labels: Literal["ask", "few", "many"] = "ask"
    """How often each prompt was judged."""

    def __call__(self):
        from rich.console import Console

        from tinyalign.notes import choose

        known = {name: answer for name, answer in vars(self).items() if answer != "ask"}
        leaf = choose.walk(known, choose.ask_at_terminal)
        for line in choose.advice(leaf):
            Console(highlight=False).print(line, markup=False)
        return 0
