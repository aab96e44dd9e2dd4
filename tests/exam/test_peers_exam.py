"""Opt-in (`-m peers`): TRL's trainers, run by the lines of an exam's own README, and graded."""

import json
import os
import re
import subprocess
import sys

import pytest

from tinyalign.cli import main

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("trl")


def train(folder, changes=()):
    """Run the Python lines of README.md in the folder, with some of their text changed."""
    text = (folder / "README.md").read_text(encoding="utf8")
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    for old, new in changes:
        assert old in program
        program = program.replace(old, new)
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=folder, env=quiet, check=True)
    steps = sorted(int(path.name[11:]) for path in (folder / "trained").glob("checkpoint-*"))
    return [folder / "trained" / f"checkpoint-{step}" for step in (steps[1], steps[-1])]


def grade(folder, before, trained, capsys):
    """Exit status and grade."""
    capsys.readouterr()
    command = ["exam", "grade", str(folder), str(trained), "--before", str(before), "--json"]
    status = main(command)
    found = json.loads(capsys.readouterr().out)
    with capsys.disabled():
        print(f"\n{found['method']}: {found['verdict']}: {found['sentence']}")
    return status, found


@pytest.mark.parametrize("method", ["sft", "dpo", "kto", "rloo", "grpo"])
def test_trl_lands_where_it_should(method, tmp_path, capsys):
    """By the README's lines, nothing changed."""
    folder = tmp_path / method
    assert main(["exam", "make", str(folder), "--as", method]) == 0
    status, found = grade(folder, *train(folder), capsys)
    assert status == 0 and found["kl_to_optimum"] < 0.005, found


CHANGES = {  # what is changed in the README's lines, and what the grade has to say
    "beta": ("dpo", [("beta=0.5", "beta=1.0")], "right at another beta"),
    "length": ("dpo", [("beta=0.5", 'beta=0.5, loss_type="sigmoid_norm"')],
               "length-normalised log-ratio"),
    "means": ("ipo", [("max_steps=160, save_steps=40", "max_steps=320, save_steps=80")],
              "length-normalised log-ratio"),  # TRL's IPO divides by the length
    "k3": ("grpo", [('"dr_grpo"', '"dr_grpo", use_bias_correction_kl=False')], "forward KL"),
    "std": ("grpo", [('scale_rewards="none"', 'scale_rewards="group"'),
                     ("max_steps=300, save_steps=75", "max_steps=600, save_steps=150")],
            "advantage over its standard deviation"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "changes", "name"), CHANGES.values(), ids=CHANGES)
def test_trl_set_otherwise_is_named(method, changes, name, tmp_path, capsys):
    folder = tmp_path / method
    assert main(["exam", "make", str(folder), "--as", method]) == 0
    status, found = grade(folder, *train(folder, changes), capsys)
    assert status == 1 and name in (found["verdict"], found["mistake"]), found


def test_trl_pads_prompts_without_positions(tmp_path, capsys):
    """GRPO on prompts of several lengths: TRL 1.16 gives GPT-2 no position ids."""
    assert main(["exam", "make", str(tmp_path / "e"), "--as", "grpo", "--task", "padding"]) == 0
    status, found = grade(tmp_path / "e", *train(tmp_path / "e"), capsys)
    assert status == 1 and found["mistake"] == "padding", found
