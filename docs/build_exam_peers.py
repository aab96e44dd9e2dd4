"""What TRL's trainers do in exams, kept for docs/exam.md. In an environment with TRL:

python docs/build_exam_peers.py FOLDER [NAME …]   train and grade, into docs/exam_peers.json; exams
                                                 and checkpoints go to FOLDER; without a NAME all
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "exam"))

from trl_runs import RUNS, grade, train  # noqa: E402

DATA = ROOT / "docs" / "exam_peers.json"
KEPT = ("method", "task", "verdict", "mistake", "kl_at_start", "kl_to_optimum", "sentence")


def keep(name, folder):
    """Train and grade one, and write its row in place of what stood there."""
    seconds = train(RUNS[name], folder)
    found = grade(folder)
    updates = max(int(path.name[11:]) for path in (folder / "trained").glob("checkpoint-*"))
    row = {"trl": version("trl"), "seconds": round(seconds), "updates": updates}
    row |= {key: found[key] for key in KEPT}
    print(f"{name}: {row['verdict']}: {row['sentence']}", flush=True)
    rows = json.loads(DATA.read_text(encoding="utf8")) if DATA.exists() else {}
    rows[name] = row
    ordered = {known: rows[known] for known in RUNS if known in rows}
    DATA.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    place, *names = sys.argv[1:]
    for number, name in enumerate(names or RUNS):
        keep(name, Path(place) / f"{number}-{RUNS[name].method}")
