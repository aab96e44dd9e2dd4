"""Claims from their file, figures from theirs, and the verdict that follows from both."""

import json
import time
from pathlib import Path
from typing import NamedTuple

from tinyalign.engine.machine import describe_machine
from tinyalign.errors import InputError
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.notes.claims.rules import RULES
from tinyalign.runs.storage import write_atomically

FOLDER = Path(__file__).parent
MEASURED = FOLDER / "measured.json"
HOLDS, FAILS, NOT_TESTABLE = VERDICTS = (
    "holds here",
    "does not hold here",
    "not testable at toy scale",
)
DIGITS = 6  # significant digits of a figure in the file


class Claim(NamedTuple):
    """A sentence of a note that compares, and the rule that decides it."""

    id: str
    note: str  # 000 … 004
    line: int
    quote: str  # the note's words, as they stand in that line
    question: str  # what is asked of the measure
    theme: str
    rule: str | None  # a name in RULES; None: nothing here can decide the claim
    why: str = ""  # the reason where there is no rule


class ClaimRow(NamedTuple):
    """A claim with what was measured and the verdict that follows."""

    claim: Claim
    measured: str
    verdict: str

    @property
    def command(self):
        """The command that measures the claim again."""
        measure = "--measure " if self.claim.rule else ""
        return f"tinyalign claims {measure}{self.claim.id}"


def claims():
    """Every claim, in the order of the notes."""
    entries = json.loads((FOLDER / "claims.json").read_text(encoding="utf8"))
    return [Claim(**entry) for entry in entries]


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
    if claim.rule is None:
        return ClaimRow(claim, f"nothing: {claim.why}", NOT_TESTABLE)
    rule, measures = RULES[claim.rule]
    holds, sentence = rule(*(figures[name] for name in measures))
    return ClaimRow(claim, sentence, HOLDS if holds else FAILS)


def rows(ids=(), figures=None):
    """A ClaimRow for each claim with these ids, or for all claims.

    figures  {measure: its figures}; None: those of the last measurement
    """
    figures = read_measurements("figures") if figures is None else figures
    return [claim_row(claim, figures) for claim in select(ids)]


def compare(ids, entries):
    """Pairs of ClaimRows, by the recorded figures and by these entries; for these ids, or all."""
    recorded = read_measurements("figures")
    # A claim may need a measure that was not taken again: the recorded figures stand in.
    current = recorded | {name: entry["figures"] for name, entry in entries.items()}
    return list(zip(rows(ids, recorded), rows(ids, current), strict=True))


def as_json(row, recorded=None):
    """A ClaimRow as `tinyalign claims --json` prints it; with the recorded one, where given."""
    claim = row.claim
    return {
        "quote": claim.quote,
        "note": claim.note,
        "line": claim.line,
        "measured": row.measured,
        "verdict": row.verdict,
        "command": row.command,
    } | ({"recorded": as_json(recorded)} if recorded else {})


def measures_for(ids=()):
    """Names of the measures that decide the claims with these ids, or all claims; each once."""
    names = [name for claim in select(ids) if claim.rule for name in RULES[claim.rule][1]]
    return list(dict.fromkeys(names))


def remeasure(ids=(), on_measure=lambda name, index, total: None):
    """Take the measures for these claims again: {measure: its entry in the file of figures}.

    on_measure  called before each measure with its name, its index and the number of measures
    """
    names, entries, machine = measures_for(ids), {}, describe_machine()
    for index, name in enumerate(names):
        on_measure(name, index, len(names))
        # Time of the processor and not of the clock, so that other programs do not count.
        started = time.process_time()
        figures = round_figures(MEASURES[name].run())
        entries[name] = {
            "setting": MEASURES[name].setting,
            "seconds": round(time.process_time() - started, 1),
            "on": machine,
            "figures": figures,
        }
    return entries


def write(entries, path=MEASURED):
    """Put entries into a file of figures, in place of entries with the same names.

    The file is replaced as a whole, so that it never holds half of them.
    raises  InputError where the file cannot be written, or holds something else
    """
    try:
        kept = read_figures(path) | entries
        in_order = {name: kept[name] for name in MEASURES if name in kept}
        text = json.dumps(in_order, indent=1, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror or error}") from None


def read_figures(path):
    """The entries in a file of figures, or {} where there is none; InputError for another file."""
    try:
        kept = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    except (ValueError, RecursionError):
        kept = None
    # A name that is no measure would be lost.
    if not isinstance(kept, dict) or kept.keys() - MEASURES.keys():
        raise InputError(f"{path} holds something else than figures: choose another")
    return kept


def round_figures(tree):
    """The same figures with six significant digits."""
    if isinstance(tree, dict):
        return {name: round_figures(branch) for name, branch in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [round_figures(branch) for branch in tree]
    return float(f"{tree:.{DIGITS}g}") if isinstance(tree, float) else tree
