"""Which law breaks which exhibit: compute the table, keep it as data, compare with it.

`python -m tinyalign.laws.curate` rewrites verdicts.json and docs/kill_matrix.md.
"""

import json
from pathlib import Path

from tinyalign.laws.judge import BROKEN, judge, laws_for, repeatable
from tinyalign.laws.methods import BY_NAME
from tinyalign.laws.museum import EXHIBITS
from tinyalign.laws.subject import Subject

DATA = Path(__file__).parent / "museum" / "verdicts.json"
EXAMPLES = 100


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


def write():
    table = {exhibit.name: broken_laws(exhibit) for exhibit in EXHIBITS}
    lines = [f"  {json.dumps(name)}: {json.dumps(broken)}" for name, broken in table.items()]
    DATA.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return table


if __name__ == "__main__":
    write()
