"""Claims, the last figures, and the verdicts that follow from both."""

import json
from pathlib import Path
from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.notes.claims.verdicts import THEMES
from tinyalign.notes.claims.verdicts.finding import (
    NOT_TESTABLE,
    VERDICTS,
    Claim,
    Finding,
    forbid_unclear_contradiction,
)

__all__ = ["MEASURED", "VERDICTS", "ClaimRow", "as_json", "compare", "rows", "select"]
MEASURED = Path(__file__).parent / "measured.json"


class ClaimRow(NamedTuple):
    """A claim with the verdict on it."""

    claim: Claim
    finding: Finding

    @property
    def verdict(self):
        """One of VERDICTS."""
        return self.finding.verdict

    @property
    def measured(self):
        """The figures in words, or why there are none."""
        return self.finding.measured

    @property
    def quotation(self):
        """The note's words under their heading."""
        return f"{self.claim.heading}: “{self.claim.quote}”"

    @property
    def judgement(self):
        """The verdict, with the convention that it depends on."""
        named = self.finding.convention
        return f"{self.verdict} ({named})" if named else self.verdict

    @property
    def command(self):
        """The command that measures the claim again."""
        measure = "--measure " if self.claim.judge else ""
        return f"tinyalign claims {measure}{self.claim.id}"


def claims():
    """Every claim, theme by theme."""
    return [claim for group in THEMES.values() for claim in group]


def select(ids=()):
    """The claims with these ids, or all claims; InputError for an unknown id."""
    known = {claim.id: claim for claim in claims()}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise InputError(
            f"there is no claim {unknown[0]!r}: `tinyalign claims` lists them with their ids"
        )
    return [known[name] for name in ids] if ids else list(known.values())


def read_measurements(field):
    """{measure: one field of its last measurement}: figures, seconds, on or setting."""
    entries = json.loads(MEASURED.read_text(encoding="utf8"))
    return {name: entry[field] for name, entry in entries.items()}


def claim_row(claim, figures):
    """The claim, judged by {measure: its figures}."""
    if claim.judge is None:
        return ClaimRow(claim, Finding(NOT_TESTABLE, claim.why, matters="–"))
    finding = claim.judge(*(figures[name] for name in claim.measures))
    exact = all(MEASURES[name].exact for name in claim.measures)
    return ClaimRow(claim, forbid_unclear_contradiction(finding, exact))


def rows(ids=(), figures=None):
    """A ClaimRow for each claim with these ids, or for all claims.

    figures  {measure: its figures}; None: those of the last measurement
    """
    figures = read_measurements("figures") if figures is None else figures
    return [claim_row(claim, figures) for claim in select(ids)]


def compare(ids, entries):
    """Pairs of ClaimRows, by the recorded figures and by these entries; for these ids, or all.

    The first of a pair is None where the recorded figures have a layout of an earlier version.
    """
    recorded = read_measurements("figures")
    # A claim may need a measure that was not taken again: the recorded figures stand in.
    current = recorded | {name: entry["figures"] for name, entry in entries.items()}
    return [(recorded_row(row.claim, recorded), row) for row in rows(ids, current)]


def recorded_row(claim, recorded):
    """The claim, judged by the recorded figures; None where they have another layout."""
    try:
        return claim_row(claim, recorded)
    except (LookupError, TypeError):  # a figure is missing, or is a number in place of a table
        return None


def users(measure):
    """The ids of the claims that a measure decides, alone or with others."""
    return [claim.id for claim in claims() if measure in claim.measures]


def as_json(row, recorded=None):
    """A ClaimRow as `tinyalign claims --json` prints it; with the recorded one, where given."""
    claim, finding = row
    return {
        "id": claim.id,
        "note": claim.note,
        "line": claim.line,
        "heading": claim.heading,
        "quote": claim.quote,
        "reading": claim.reading,
        "measured": row.measured,
        "interval": finding.interval and [finding.interval.low, finding.interval.high],
        "matters": finding.matters,
        "verdict": row.verdict,
        "convention": finding.convention,
        "measures": list(claim.measures),
        "command": row.command,
    } | ({"recorded": as_json(recorded)} if recorded else {})
