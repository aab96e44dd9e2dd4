"""Write docs/exam.md: which planted mistake the exam calls what, and how right trainers fare.

python docs/build_exam.py [SEEDS]    right trainers are trained with so many seeds, 20 if not said

What TRL's trainers did is read from docs/exam_peers.json and docs/exam_probes.json, which
docs/build_exam_peers.py and docs/build_exam_probes.py write.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "exam"), str(ROOT / "tests")]

from test_probe import FLAWS, bench_of, found_by, make_exams  # noqa: E402
from trainers import PLANTED, RIGHT, SMALL_BATCHES, checkpoints, sampled  # noqa: E402

from tinyalign.exam.grade import read_checkpoint  # noqa: E402
from tinyalign.exam.methods import METHODS  # noqa: E402
from tinyalign.exam.verdict import judge  # noqa: E402

INVISIBLE = [
    ("GRPO that samples at temperature 1.5 and scores at 1", "grpo", "bandit", sampled(heat=1.5)),
    ("GRPO that samples at temperature 2 and scores at 1", "grpo", "bandit", sampled(heat=2.0)),
    ("RLOO that samples at temperature 2 and scores at 1", "rloo", "bandit",
     sampled("others", "reward", heat=2.0)),
]  # fmt: skip

IN_TRL = """TRL 1.16.0, by the program in each exam's README.md, on one core. What stands after a
comma was set otherwise. docs/reports says why some end elsewhere. ORPO's trainer averages its
likelihood over all tokens of a batch, the prompts' tokens too. The exam averages over each chosen
answer's tokens first. The two have different optima, so the grade names the difference. It is a
choice and no mistake: the code of ORPO's authors (xfactlab/orpo) does the same."""

HEAD = """# What the exam finds

Made by `python docs/build_exam.py`. The trainers are those of `tests/exam/trainers.py`: a tree of
next tokens, trained in NumPy with the losses of `tinyalign.losses`, each with one mistake.

`tinyalign exam make FOLDER --as METHOD` writes a model, data and a reward; whoever trains that
model on that data and does what the method says ends at an optimum that is known exactly.
`tinyalign exam grade FOLDER TRAINED --before EARLIER` says where the trainer landed.
"""


def verdict(method, task, train, seed=0, **options):
    """The Verdict on a trainer, and the Reading of its last checkpoint."""
    paper, half, end = checkpoints(method, task, train, seed, **options)
    now = read_checkpoint(paper, end)
    return judge(paper, now, read_checkpoint(paper, half)), now


def planted():
    """The table of mistakes, and the line above it."""
    rows, named = [], 0
    for name, method, task, train, want in PLANTED:
        found, now = verdict(method, task, train)
        called = found.suspect or found.word
        named += want in (found.word, found.suspect)
        rows.append(f"| {method} | {name} | {called} | {now.kl:.2g} | {now.scale:.2f} |")
    head = "| exam | planted | called | nats from the optimum | slope ÷ right slope |"
    said = f"{named} of {len(PLANTED)} are called by their names."
    return "\n".join(["## Planted mistakes\n", said, "", head, "|---|---|---|---|---|", *rows, ""])


def right(seeds):
    """The table of right trainers, and the line above it."""
    rows, accused = [], 0
    for (method, task), train in RIGHT.items():
        noise = {"batch": 128} if (method, task) in SMALL_BATCHES else {}
        found = [verdict(method, task, train, seed, **noise) for seed in range(seeds)]
        accused += sum(v.exit_code == 1 for v, _ in found)
        words = ", ".join(f"{n} {word}" for word, n in Counter(v.word for v, _ in found).items())
        worst = max(now.kl for _, now in found)
        rows.append(f"| {METHODS[method].title} | {task} | {words} | {max(worst, 0.0):.2g} |")
    head = "| trainer | task | verdicts | most nats from the optimum |"
    said = (
        f"{seeds} seeds each; on lines with batches of 128, so with noise. "
        f"{accused or 'None'} of {seeds * len(RIGHT)} runs was accused."
    )
    return "\n".join(["## Right trainers\n", said, "", head, "|---|---|---|---|", *rows, ""])


def invisible():
    """What the exam does not see."""
    rows = []
    for name, method, task, train in INVISIBLE:
        found, now = verdict(method, task, train)
        rows.append(f"- {name}: {found.word}, {now.kl:.2g} nats from the optimum.")
    return "\n".join(
        [
            "## What the exam cannot see\n",
            "A mistake that does not move the end cannot be graded.\n",
            *rows,
            "- DPO that counts the prompt's tokens: they are the same in both answers, and cancel.",
            "- A loss that leaves EOS out, on the task bandit: the start says EOS after every "
            "answer almost surely, so such a trainer ends at the right place. The task words shows "
            "EOS.",
            "",
        ]
    )


def kept(name):
    """What a file of docs holds; nothing where it was not written yet."""
    path = ROOT / "docs" / name
    return json.loads(path.read_text(encoding="utf8")) if path.exists() else {}


def in_trl():
    """The table of TRL's trainers, as their exams' README.md trains them."""
    rows = []
    for name, row in kept("exam_peers.json").items():
        called = row["mistake"] or row["verdict"]
        far = f"{row['kl_at_start']:.2g} | {row['kl_to_optimum']:.2g}"
        cost = f"{row['updates']} | {row['seconds']}"
        rows.append(f"| {name} | {row['task']} | {far} | {called} | {cost} |")
    head = "| trainer | task | nats before | nats after | called | updates | processor seconds |"
    return "\n".join(["## TRL's trainers\n", IN_TRL, "", head, "|---" * 7 + "|", *rows, ""])


def probes():
    """The table of what `exam probe` finds in the flawed trainer, and in TRL's."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        exams = make_exams(Path(folder))
        for method, flaw, question, _ in FLAWS:
            _, finding = found_by(bench_of(exams, method, flaw), question)
            rows.append(f"| a NumPy loop, {method} | {flaw} | {question} … | {finding} |")
    for name, found in kept("exam_probes.json").items():
        for question, finding in found.items() or [("", "nothing")]:
            where, _, what = name.partition(": ")
            rows.append(f"| {where} | {what} | {question} | {finding} |")
    head = "| where | what, or what is planted | question | found |"
    said = (
        "What one step shows, before any training. The first rows have one flaw planted each; the "
        "others are TRL's trainers and a loop in torch."
    )
    return "\n".join(
        ["## What `exam probe` finds\n", said, "", head, "|---|---|---|---|", *rows, ""]
    )


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    page = "\n".join([HEAD, planted(), right(seeds), invisible(), in_trl(), probes()])
    (ROOT / "docs" / "exam.md").write_text(page, encoding="utf8")
