"""tinyalign claims, tinyalign choose"""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tinyalign.errors import InputError


@dataclasses.dataclass(frozen=True)
class Claims:
    """The notes' comparisons, what was measured here, and one of five verdicts on each."""

    ids: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="[ID …]", help_behavior_hint=""),
    ] = ()
    """Claims to show: ids, a method, a theme, or the word all. Without any: an overview, and
    with --measure all of them."""
    measure: bool = False
    """Measure the claims again and show new figures beside recorded ones. All take minutes."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """With --measure: a file for the new figures. [default: the figures are only shown]"""
    write: bool = False
    """With --measure, for maintainers: write the new figures into the package."""
    json: bool = False
    """Print JSON."""

    @property
    def stopped(self):
        """Message after Ctrl-C."""
        return "stopped; nothing was written" if self.measure else "stopped"

    def __call__(self):
        from rich.console import Console

        from tinyalign.notes import claims, finding
        from tinyalign.notes.claims import overview, report

        ids = finding.claim_ids(self.ids)  # raises for an unknown word before any work
        targets = self.targets(claims.MEASURED)
        if self.measure:
            return self.measure_again(ids, targets)
        rows = claims.rows(ids)
        if self.json:
            print(json.dumps([claims.as_json(row) for row in rows], indent=1, ensure_ascii=False))
        elif self.ids:
            report.print_ledger(rows, Console(highlight=False))
        else:
            overview.print_overview(rows, Console(highlight=False))
        return 0

    def targets(self, package):
        """The files to write; InputError where one cannot be written, before any measuring."""
        from tinyalign.notes import claims

        targets = [path for path in (self.output, package if self.write else None) if path]
        if targets and not self.measure:
            raise InputError("--output and --write are for --measure: they write its figures")
        for path in targets:
            if not path.parent.is_dir() or path.is_dir():
                raise InputError(
                    f"cannot write to {path}: it is a folder, or its folder does not exist"
                )
            claims.read_figures(path)
        return targets

    def measure_again(self, ids, targets):
        """Measure the claims, print the changes, and then write the files."""
        from rich.console import Console

        from tinyalign.notes import claims
        from tinyalign.notes.claims import report

        # Progress goes to stderr, so that --json leaves only JSON on stdout.
        messages = Console(stderr=True)
        entries = claims.remeasure(
            ids, lambda name, i, n: messages.print(f"measuring {name} ({i + 1} of {n})")
        )
        pairs = claims.compare(ids, entries)
        if self.json:
            rows = [claims.as_json(after, recorded=before) for before, after in pairs]
            print(json.dumps(rows, indent=1, ensure_ascii=False))
        else:
            report.print_changes(pairs, Console(highlight=False))
        for path in targets:
            claims.write(entries, path)
        paths = ", ".join(map(str, targets))
        messages.print(f"written: {paths}" if paths else "nothing was written", markup=False)
        return 0


@dataclasses.dataclass(frozen=True)
class Choose:
    """Which method suits you, and why; asks the questions that no flag answers."""

    data: Literal[
        "ask", "demonstrations", "pairs", "thumbs", "rankings", "triples", "rewards", "none"
    ] = "ask"
    """What you have. rewards: a reward that can be computed for any answer; none: only prompts."""
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

        answers = {name: answer for name, answer in vars(self).items() if answer != "ask"}
        if self.data == "rewards" and self.scorer == "no":
            raise InputError(
                "--data rewards is a program that scores any answer, so --scorer no contradicts "
                "it: leave out one of the two"
            )

        def ask(name):
            answers[name] = choose.ask_at_terminal(name)
            return answers[name]

        recommendation = choose.walk(dict(answers), ask)
        for line in choose.advice(recommendation, answers):
            Console(highlight=False).print(line, markup=False)
        return 0
