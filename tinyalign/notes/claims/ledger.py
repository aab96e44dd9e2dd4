"""Claims from their file, figures from theirs, and the verdict that follows from both."""

import json
import time
from pathlib import Path
from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.notes.claims.machine import computed_on
from tinyalign.notes.claims.measures import MEASURES, RULES
from tinyalign.runs.files import write_atomically

FOLDER = Path(__file__).parent
MEASURED = FOLDER / "measured.json"
HOLDS, FAILS, NOT_HERE = VERDICTS = (
    "holds here",
    "does not hold here",
    "not a toy-scale question",
)
DIGITS = 6  # significant ones that a figure is kept with


class Claim(NamedTuple):
    """A sentence of a note that compares, and what would decide it."""

    id: str
    note: str  # 000 … 004
    line: int
    quote: str  # the note's words, as they stand in that line
    question: str  # what is asked of the measure
    theme: str
    rule: str | None  # a name in RULES; None: nothing here can decide it
    why: str = ""  # why not


class Row(NamedTuple):
    """A claim with what was measured and what follows."""

    claim: Claim
    measured: str
    verdict: str

    @property
    def command(self):
        """What to type to measure it again."""
        measure = "--measure " if self.claim.rule else ""
        return f"tinyalign claims {measure}{self.claim.id}"


def claims():
    """Every claim, in the order of the notes."""
    read = json.loads((FOLDER / "claims.json").read_text(encoding="utf8"))
    return [Claim(**entry) for entry in read]


def select(ids=()):
    """The claims of these ids, or all; InputError for an id that is none."""
    known = {claim.id: claim for claim in claims()}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise InputError(
            f"there is no claim {unknown[0]!r}: `tinyalign claims` lists them with their ids"
        )
    return [known[name] for name in ids] if ids else list(known.values())


def measured(field):
    """A field of every entry of the last measuring: {measure: its figures, or its seconds}."""
    read = json.loads(MEASURED.read_text(encoding="utf8"))
    return {name: entry[field] for name, entry in read.items()}


def row(claim, found):
    """The claim, judged by the figures {measure: figures}."""
    if claim.rule is None:
        return Row(claim, f"nothing: {claim.why}", NOT_HERE)
    rule = RULES[claim.rule]
    weighed = rule.weigh(*(found[name] for name in rule.reads))
    told = {k: ", ".join(v) if isinstance(v, list) else v for k, v in weighed.items()}
    return Row(claim, rule.told.format(**told), HOLDS if rule.holds(weighed) else FAILS)


def rows(ids=(), found=None):
    """The ledger: a Row for each claim of these ids, or for all.

    found  {measure: figures}; None: those of the last measuring
    """
    found = measured("figures") if found is None else found
    return [row(claim, found) for claim in select(ids)]


def compare(ids, entries):
    """(row by the recorded figures, row by these entries) of each claim of these ids, or all."""
    before = measured("figures")
    after = before | {name: entry["figures"] for name, entry in entries.items()}
    return list(zip(rows(ids, before), rows(ids, after), strict=True))


def as_json(row, recorded=None):
    """A row as `tinyalign claims --json` prints it; measured again, with what is recorded."""
    claim = row.claim
    return {
        "quote": claim.quote,
        "note": claim.note,
        "line": claim.line,
        "measured": row.measured,
        "verdict": row.verdict,
        "command": row.command,
    } | ({"recorded": as_json(recorded)} if recorded else {})


def needed(ids=()):
    """Names of the measures that the claims of these ids, or all, are decided by; each once."""
    names = [name for claim in select(ids) if claim.rule for name in RULES[claim.rule].reads]
    return list(dict.fromkeys(names))


def remeasure(ids=(), on_measure=lambda name, place, total: None):
    """Measure again what these claims need: {measure: its entry}, as the file has them.

    on_measure  called before each measure with its name, its place and how many there are
    """
    names, found, machine = needed(ids), {}, computed_on()
    for place, name in enumerate(names):
        on_measure(name, place, len(names))
        started = time.process_time()
        figures = rounded(MEASURES[name].run())
        found[name] = {
            "setting": MEASURES[name].setting,
            "seconds": round(time.process_time() - started, 1),
            "on": machine,
            "figures": figures,
        }
    return found


def write(entries, path=MEASURED):
    """Put entries into a file of figures in place of those of their names: all of them or none."""
    try:
        kept = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
        kept |= entries
        in_order = {name: kept[name] for name in MEASURES if name in kept}
        text = json.dumps(in_order, indent=1, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror or error}") from None
    except ValueError:
        raise InputError(f"{path} holds something else than figures: choose another") from None


def rounded(tree):
    """The same figures with six significant digits."""
    if isinstance(tree, dict):
        return {name: rounded(branch) for name, branch in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [rounded(branch) for branch in tree]
    return float(f"{tree:.{DIGITS}g}") if isinstance(tree, float) else tree
