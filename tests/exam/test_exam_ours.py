"""Our own trainers pass their exams: stages of methods, on the exam's transformer."""

import ours
import pytest

from tinyalign.cli import main
from tinyalign.exam.grade import read_checkpoint
from tinyalign.exam.verdict import judge

LINES = {"steps": 160, "learning_rate": 1e-3, "warmup_steps": 0}
SAMPLES = {"steps": 200, "learning_rate": 3e-3, "warmup_steps": 0, "num_minibatches": 1,
           "num_iterations": 1, "beta": 0.5}  # fmt: skip
GROUPS = {**SAMPLES, "batch_size": 32, "num_generations": 8}
PASSES = {
    "sft": ("sft", {**LINES, "batch_size": 384}),
    "dpo": ("dpo", {**LINES, "batch_size": 324, "beta": 0.5}),
    "rloo": ("rloo", GROUPS),
    "ppo": ("ppo", {**SAMPLES, "batch_size": 256}),
    "grpo": ("grpo", {**GROUPS, "advantage": "center", "kl": "k2"}),
}


def verdict_on(folder, name, settings):
    paper, half, end = ours.train(folder, name, **settings)
    return judge(paper, read_checkpoint(paper, end), read_checkpoint(paper, half))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), PASSES.values(), ids=PASSES)
def test_our_trainer_is_right(name, settings, tmp_path, request):
    method = request.node.callspec.id
    assert main(["exam", "make", str(tmp_path / "exam"), "--as", method]) == 0
    found = verdict_on(tmp_path / "exam", name, settings)
    print(f"\n{name}: {found.sentence}")
    assert (found.word, found.exit_code) == ("right", 0)


@pytest.mark.slow
def test_our_dr_grpo_has_no_kl_and_that_is_named(tmp_path):
    """As in its paper: beta is 0, so that nothing holds the policy."""
    assert main(["exam", "make", str(tmp_path / "exam"), "--as", "grpo"]) == 0
    assert verdict_on(tmp_path / "exam", "dr_grpo", GROUPS).suspect == "no KL"
