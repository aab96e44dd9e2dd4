"""Ask TRL's trainers, and a loop in torch with planted mistakes, what one step shows.

python docs/build_exam_probes.py   in an environment with TRL; writes docs/exam_probes.json
"""

import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "exam"), str(ROOT / "tests")]
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import test_peers_probe as trainers  # noqa: E402
import test_peers_probe_torch as loop  # noqa: E402

DATA = ROOT / "docs" / "exam_probes.json"


def not_right(answers):
    """{question: finding} of what is wrong or open."""
    return {answer.question: answer.finding for answer in answers if answer.right is not True}


def probes():
    """(name, what is not right) of each trainer."""
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(trainers.CASES):
            place = Path(folder) / str(number)
            place.mkdir()
            yield f"TRL: {case}", not_right(trainers.asked(case, place)[0])
        place = loop.made_in(Path(folder))
        for mistake in ("", *loop.MISTAKES, loop.HARMLESS):
            answers, _ = loop.asked(place, mistake)
            yield f"a torch loop: {mistake or 'right'}", not_right(answers)


if __name__ == "__main__":
    found = {}
    for name, findings in probes():
        found[name] = findings
        print(name, findings, flush=True)
    DATA.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
