"""Which law breaks which exhibit: compute the table, keep it as data and as a page.

`python -m tinyalign.laws.curate [METHOD …]` rewrites museum/verdicts.json and
docs/kill_matrix.md, which takes some minutes for all methods.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tinyalign.laws.judge import BROKEN, judge, laws_for, repeatable
from tinyalign.laws.methods import BY_NAME, METHODS
from tinyalign.laws.museum import EXHIBITS
from tinyalign.laws.subject import Subject

DATA = Path(__file__).parent / "museum" / "verdicts.json"
PAGE = Path(__file__).parents[2] / "docs" / "kill_matrix.md"
EXAMPLES = 60


def broken_laws(exhibit, max_examples=EXAMPLES, only=None):
    """Names of the laws that the exhibit breaks, simplest first."""
    method = BY_NAME[exhibit.method]
    subject = Subject(exhibit.fn, method, exhibit.conventions, dtype=exhibit.dtype)
    setting = repeatable(max_examples, shrink=False)
    laws = [law for law in laws_for(method) if only is None or law.name in only]
    return [law.name for law in laws if judge(law, subject, setting).status == BROKEN]


def recorded():
    """The table as shipped: exhibit name -> names of the laws it breaks."""
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def first_kills(table):
    """(kind, law) -> exhibits that no simpler law of their method breaks."""
    kills = {}
    for exhibit in EXHIBITS:
        broken = table.get(exhibit.name)
        if broken:
            kills.setdefault((BY_NAME[exhibit.method].kind, broken[0]), []).append(exhibit.name)
    return kills


def documentation(table):
    """Laws that kill nothing a simpler law leaves alive: kept because they explain."""
    earned = set(first_kills(table))
    general = {name for _, name in earned} & {"batch", "pure"}  # one law for all kinds
    names = {(m.kind, law.name) for m in METHODS for law in laws_for(m)}
    return sorted(n for n in names if n not in earned and n[1] not in general)


def page(table):
    """The kill matrix as Markdown: a section per method, a row per exhibit."""
    lines = [
        "# Kill matrix",
        "",
        "Computed by `python -m tinyalign.laws.curate`; a test asserts that it is current.",
        f"{len(EXHIBITS)} exhibits. ✗: the law is broken. **✗**: no simpler law is. Under each",
        "table stands what the laws say, simplest first; `tinyalign museum NAME` shows an exhibit.",
    ]
    for method in METHODS:
        rows = [e for e in EXHIBITS if e.method == method.name]
        if rows:
            lines += ["", f"## {method.name} ({method.kind})", "", *_matrix(method, rows, table)]
            lines += ["", *[f"- {law.name}: {_escaped(law.sentence)}" for law in laws_for(method)]]
    lines += ["", "## Laws kept as documentation", ""]
    lines += ["They break for exhibits too, but never as the simplest law of their method.", ""]
    for kind in dict.fromkeys(m.kind for m in METHODS):
        names = [n for k, n in documentation(table) if k == kind]
        lines.append(f"- {kind}: {', '.join(names) or 'none'}")
    return "\n".join(lines) + "\n"


def _escaped(sentence):
    """As plain text in Markdown: no emphasis between two stars."""
    return sentence.replace("*", "\\*").replace("<", "\\<")


def _matrix(method, exhibits, table):
    names = [law.name for law in laws_for(method)]
    names = [n for n in names if any(n in table.get(e.name, []) for e in exhibits)]
    yield f"| exhibit | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for exhibit in exhibits:
        broken = table.get(exhibit.name, [])
        marks = ["**✗**" if [n] == broken[:1] else "✗" if n in broken else "" for n in names]
        yield f"| `{exhibit.name}` | {' | '.join(marks)} |"


def write(methods=()):
    """Compute everything again, or the rows of some methods, on all cores."""
    stale = [e for e in EXHIBITS if not methods or e.method in methods]
    with ProcessPoolExecutor() as pool:
        found = pool.map(broken_laws, stale, chunksize=4)
        known = recorded() | dict(zip([e.name for e in stale], found, strict=True))
    table = {exhibit.name: known[exhibit.name] for exhibit in EXHIBITS}
    lines = [f"  {json.dumps(name)}: {json.dumps(broken)}" for name, broken in table.items()]
    DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(table))


if __name__ == "__main__":
    write(sys.argv[1:])
