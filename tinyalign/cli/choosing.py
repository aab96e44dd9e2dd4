"""tinyalign claims, tinyalign choose"""

import dataclasses
import json
from typing import Literal

import tyro


@dataclasses.dataclass(frozen=True)
class Claims:
    """What the notes' comparisons say, what was measured here, and the verdict that follows."""

    ids: tyro.conf.Positional[tuple[str, ...]] = ()
    """Claims to show. [default: all]"""
    measure: bool = False
    """Measure them again first and rewrite the figures; for all claims that takes minutes."""
    json: bool = False
    """Print JSON."""

    def __call__(self):
        from rich.console import Console

        from tinyalign import claims
        from tinyalign.claims import report

        claims.select(self.ids)  # a wrong id shows before any work
        if self.measure:
            said = Console(stderr=True)
            claims.remeasure(
                self.ids, lambda name, i, n: said.print(f"measuring {name} ({i + 1} of {n})")
            )
        rows = claims.rows(self.ids)
        if self.json:
            print(json.dumps([claims.as_json(row) for row in rows], indent=1, ensure_ascii=False))
        else:
            report.print_ledger(rows, Console(highlight=False))
        return 0


@dataclasses.dataclass(frozen=True)
class Choose:
    """Which method suits you, why, and what was measured; asks for what is not typed."""

    data: (
        Literal["demonstrations", "pairs", "thumbs", "rankings", "triples", "rewards", "none"]
        | None
    ) = None
    """What you have; rewards: one that can be computed for any answer."""
    scorer: Literal["yes", "no"] | None = None
    """Whether a program can score any answer."""
    memory: Literal["small", "large"] | None = None
    """Whether there is room for a second network of the policy's size."""
    sampling: Literal["cheap", "costly"] | None = None
    """What it costs to sample answers while training."""
    reference: Literal["yes", "no"] | None = None
    """Whether there is a fine-tuned policy to start from."""
    noise: Literal["low", "high"] | None = None
    """Whether many of the labels are wrong."""
    labels: Literal["few", "many"] | None = None
    """How often each prompt was judged."""

    def __call__(self):
        from rich.console import Console

        from tinyalign import choose

        known = {name: answer for name, answer in vars(self).items() if answer is not None}
        leaf = choose.walk(known, choose.ask_at_terminal)
        for line in choose.advice(leaf):
            Console(highlight=False).print(line, markup=False)
        return 0
