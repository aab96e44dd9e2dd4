"""Which law breaks which exhibit: compute the table, keep it as data and as a page.

`python -m tinyalign.laws.curate [METHOD …]` rewrites museum/verdicts.json and
docs/kill_matrix.md, which takes some minutes for all methods.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tinyalign.laws.catalogue.general import BATCH, PURE
from tinyalign.laws.catalogue.table import BY_NAME, METHODS
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, judge, laws_for
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.museum import EXHIBITS

DATA = Path(__file__).parent / "museum" / "verdicts.json"
PAGE = Path(__file__).parents[2] / "docs" / "kill_matrix.md"
EXAMPLES = 60


def broken_laws(exhibit, max_examples=EXAMPLES, only=None):
    """Names of the laws that the exhibit breaks, simplest first."""
    spec = BY_NAME[exhibit.method]
    # an exhibit may be wrong under declared conventions or in float32 only
    subject = Subject(exhibit.fn, spec, exhibit.conventions, dtype=exhibit.dtype)
    setting = repeatable_settings(max_examples, shrink=False)
    laws = [law for law in laws_for(spec) if only is None or law.name in only]
    return [law.name for law in laws if judge(law, subject, setting).status == BROKEN]


def recorded():
    """The table as shipped: exhibit name -> names of the laws it breaks."""
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def first_kills(table):
    """(kind, law) -> exhibits that no simpler law of their method breaks."""
    kills = {}
    for exhibit in EXHIBITS:
        # simplest first, so the first one is what earns its place
        broken = table.get(exhibit.name)
        if broken:
            kills.setdefault((BY_NAME[exhibit.method].kind, broken[0]), []).append(exhibit.name)
    return kills


def documentation(table):
    """Laws that kill nothing a simpler law leaves alive: kept because they explain."""
    earned = set(first_kills(table))
    general = {name for _, name in earned} & {BATCH.name, PURE.name}  # one law for all kinds
    names = {(m.kind, law.name) for m in METHODS for law in laws_for(m)}
    return sorted(n for n in names if n not in earned and n[1] not in general)


def page(table):
    """The kill matrix as Markdown: a section per method, a row per exhibit."""
    lines = [
        "# Kill matrix",
        "",
        "Computed by `python -m tinyalign.laws.curate`; a test asserts that it is current.",
        f"{len(EXHIBITS)} exhibits, each with the laws that it breaks, simplest first. Under each",
        "table stands what all laws of that loss say; `tinyalign museum NAME` shows an exhibit.",
    ]
    for spec in METHODS:
        rows = [e for e in EXHIBITS if e.method == spec.name]
        if rows:
            lines += ["", f"## {spec.name} ({spec.kind})", "", *_matrix(rows, table)]
            lines += ["", *[f"- {law.name}: {_escape(law.sentence)}" for law in laws_for(spec)]]
    lines += ["", "## Laws kept as documentation", ""]
    lines += ["Some exhibits break them, but always break a simpler law of their loss too.", ""]
    # laws are counted by kind: what catches a bug in DPO explains cDPO too
    for kind in dict.fromkeys(m.kind for m in METHODS):
        names = [n for k, n in documentation(table) if k == kind]
        lines.append(f"- {kind}: {', '.join(names) or 'none'}")
    return "\n".join(lines) + "\n"


def _escape(sentence):
    """As plain text in Markdown: no emphasis between two stars."""
    return sentence.replace("*", "\\*").replace("<", "\\<")


def _matrix(exhibits, table):
    yield "| exhibit | simplest law that it breaks | other laws that it breaks |"
    yield "|---|---|---|"
    for exhibit in exhibits:
        first, *others = table[exhibit.name]
        yield f"| `{exhibit.name}` | {first} | {', '.join(others)} |"


def write(methods=()):
    """Compute everything again, or the rows of some methods, on all cores."""
    stale = [e for e in EXHIBITS if not methods or e.method in methods]
    with ProcessPoolExecutor() as pool:
        broken = pool.map(broken_laws, stale, chunksize=4)
        known = recorded() | dict(zip([e.name for e in stale], broken, strict=True))
    # in the order of the museum, without exhibits that are gone
    table = {exhibit.name: known[exhibit.name] for exhibit in EXHIBITS}
    lines = [f"  {json.dumps(name)}: {json.dumps(broken)}" for name, broken in table.items()]
    DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(table))


if __name__ == "__main__":
    write(sys.argv[1:])
