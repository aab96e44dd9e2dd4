"""TRL's trainers by the lines of an exam's own README.md, and where they land.

For the tests marked `peers`, and for the table in docs/exam.md.
"""

import os
import re
import subprocess
import sys
import time
from typing import NamedTuple

from tinyalign.exam.command import as_data
from tinyalign.exam.grade import kl, nearest, normal, optimum, read_checkpoint
from tinyalign.exam.make import make
from tinyalign.exam.paper import read_paper
from tinyalign.exam.trained import read_trained
from tinyalign.exam.verdict import judge


class Run(NamedTuple):
    """What is trained, and what the grade has to say."""

    method: str
    wanted: str = "right"  # the verdict, or the mistake that it names
    task: str = ""
    changes: tuple = ()  # of the README's lines: (old text, new text)


LONGER = ("max_steps=300, save_steps=75", "max_steps=600, save_steps=150")
RUNS = {
    "SFT": Run("sft"),
    "DPO": Run("dpo"),
    "DPO, label_smoothing": Run("cdpo", "label smoothing without effect"),
    "DPO, loss_type ipo": Run("ipo", "length-normalised log-ratio"),
    "DPO, beta doubled": Run("dpo", "right at another beta", changes=(("beta=0.5", "beta=1.0"),)),
    "DPO, loss_type sigmoid_norm": Run(
        "dpo", "length-normalised log-ratio",
        changes=(("beta=0.5", 'beta=0.5, loss_type="sigmoid_norm"'),),
    ),
    "KTO": Run("kto"),
    "CPO, loss_type simpo": Run("simpo"),
    "ORPO": Run("orpo", "likelihood over the prompts' tokens too"),
    "Reward": Run("reward"),
    "RLOO": Run("rloo"),
    "RLOO, words": Run("rloo", task="words"),
    "GRPO": Run("grpo"),
    "GRPO, words": Run("grpo", task="words"),
    "GRPO, use_bias_correction_kl off": Run(
        "grpo", "forward KL",
        changes=(('"dr_grpo"', '"dr_grpo", use_bias_correction_kl=False'),),
    ),
    "GRPO, scale_rewards group": Run(
        "grpo", "advantage over its standard deviation",
        changes=(('scale_rewards="none"', 'scale_rewards="group"'), LONGER),
    ),
    "GRPO, prompts of several lengths": Run("grpo", "padding", "padding"),
}  # fmt: skip


def train(run, folder):
    """Make the exam and run its README's program; the processor seconds that it took."""
    make(folder, run.method, run.task)
    text = (folder / "README.md").read_text(encoding="utf8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    for old, new in run.changes:
        assert old in program
        program = program.replace(old, new)
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    begun, spent = time.perf_counter(), os.times().children_user
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=quiet, check=True)
    print(f"{time.perf_counter() - begun:.0f} s")
    return os.times().children_user - spent


def checkpoints(folder):
    """What is graded: (the earlier one, the last one)."""
    if (folder / "scores.json").exists():
        return folder / "earlier_scores.json", folder / "scores.json"
    steps = sorted(int(path.name[11:]) for path in (folder / "trained").glob("checkpoint-*"))
    return tuple(folder / "trained" / f"checkpoint-{step}" for step in (steps[1], steps[-1]))


def grade(folder):
    """What `tinyalign exam grade --json` prints, and the KL to the optimum before training."""
    paper = read_paper(folder)
    before, now = (read_checkpoint(paper, read_trained(paper, x)) for x in checkpoints(folder))
    fits = nearest(paper, now)
    start = kl(normal(paper.ref_logp), optimum(paper)).mean()
    return {**as_data(paper, now, fits, judge(paper, now, before, fits)), "kl_at_start": start}
