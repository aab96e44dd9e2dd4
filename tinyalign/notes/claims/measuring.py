"""Figures taken again, and written to a file."""

import json
import time

from tinyalign.engine.machine import describe_machine
from tinyalign.errors import InputError
from tinyalign.notes.claims.ledger import MEASURED, select
from tinyalign.notes.claims.measures import MEASURES
from tinyalign.runs.storage import write_atomically

DIGITS = 6  # significant digits of a figure in the file


def measures_for(ids=()):
    """Names of the measures that decide the claims with these ids, or all claims; each once."""
    names = [name for claim in select(ids) for name in claim.measures]
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
