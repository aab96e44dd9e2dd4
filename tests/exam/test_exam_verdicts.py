"""Right trainers are told so and never accused; planted mistakes are called by their names."""

from pathlib import Path

import numpy as np
import pytest
from planted import paper_for
from trainers import PLANTED, RIGHT, SMALL_BATCHES, checkpoints, pairs, sampled, sft

from tinyalign.exam import evidence
from tinyalign.exam.grade import optimum, read_checkpoint
from tinyalign.exam.guide import eos_note
from tinyalign.exam.verdict import judge

SEEDS = range(20)
NOISE = {"batch": 128}  # lines a step, for trainers on lines
EVERY_DAY = {("sft", "words"), ("dpo", "words"), ("ipo", "words"), ("reward", "words"),
             ("grpo", "bandit"), ("rloo", "words"), ("raft", "bandit")}  # fmt: skip
QUICK = {
    "EOS masked",
    "k3 as a loss",
    "own mean",
    "beta on the policy alone",
}  # the others are slow


def verdict(method, task, train, seed=0, **options):
    paper, half, end = checkpoints(method, task, train, seed, **options)
    return judge(paper, read_checkpoint(paper, end), read_checkpoint(paper, half))


def right_cases():
    for method, task in RIGHT:
        quick = (method, task) in EVERY_DAY
        yield pytest.param(method, task, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("method", "task"), list(right_cases()))
def test_a_right_trainer_is_right(method, task):
    found = verdict(method, task, RIGHT[method, task])
    assert (found.word, found.exit_code) == ("right", 0), found


def cases():
    for name, method, task, train, want in PLANTED:
        slow = () if name in QUICK and method != "sft" else pytest.mark.slow
        yield pytest.param(method, task, train, want, id=f"{method}, {name}", marks=slow)


@pytest.mark.parametrize(("method", "task", "train", "want"), list(cases()))
def test_a_planted_mistake_is_named(method, task, train, want):
    found = verdict(method, task, train)
    assert want in (found.word, found.suspect) and found.exit_code == 1, found


@pytest.mark.slow
@pytest.mark.parametrize(("method", "task"), RIGHT)
def test_no_right_trainer_is_accused_whatever_the_seed(method, task):
    """With the noise of small batches, or of sampling: right, or a reason why it cannot be said."""
    noise = NOISE if (method, task) in SMALL_BATCHES else {}
    words = [verdict(method, task, RIGHT[method, task], seed, **noise) for seed in SEEDS]
    assert not [found for found in words if found.exit_code == 1]
    assert sum(found.word == "right" for found in words) >= 15


def steps_on_the_way():
    """Two everyday, the rest slow: 40 steps are enough to get there."""
    for steps in range(2, 60, 2):
        yield pytest.param(steps, marks=() if steps in (4, 24) else pytest.mark.slow)


@pytest.mark.parametrize("steps", list(steps_on_the_way()))
def test_a_right_trainer_on_its_way_is_not_accused(steps):
    """Stopped early, shown beside the checkpoint from half of its steps, and without one."""
    paper, half, end = checkpoints("dpo", "words", pairs(beta=0.5), steps=steps)
    now, before = read_checkpoint(paper, end), read_checkpoint(paper, half)
    assert judge(paper, now).exit_code != 1 and judge(paper, now, before).exit_code != 1
    assert steps > 24 or judge(paper, now, before).word == "not trained enough"


@pytest.mark.parametrize(
    ("method", "task", "hidden"),
    [("dpo", "bandit", True), ("sft", "bandit", True), ("dpo", "padding", True),
     ("dpo", "words", False), ("simpo", "bandit", False), ("rloo", "bandit", False)],
)  # fmt: skip
def test_right_says_where_eos_cannot_be_seen(method, task, hidden):
    """A trainer that leaves EOS out ends at the right place where EOS is sure; a mean shows it."""
    paper, tree, _ = paper_for(method, task)
    end = tree.token_logp(tree.logits_of(np.exp(optimum(paper))))
    found = judge(paper, read_checkpoint(paper, end))
    assert found.word == "right" and ("EOS cannot be seen" in found.sentence) is hidden
    assert ("cannot be seen" in eos_note(paper)) is hidden


def test_one_checkpoint_alone_accuses_nobody():
    paper, _, end = checkpoints("dpo", "words", pairs(beta=1.0))
    found = judge(paper, read_checkpoint(paper, end))
    assert (found.word, found.exit_code) == ("undecided", 2) and "earlier" in found.sentence


def test_the_same_checkpoint_twice_shows_nothing():
    paper, _, end = checkpoints("dpo", "words", pairs(beta=1.0))
    reading = read_checkpoint(paper, end)
    assert judge(paper, reading, reading).word == "undecided"


def test_a_policy_that_did_not_move_is_not_trained():
    paper, _, _ = paper_for("dpo")
    assert judge(paper, read_checkpoint(paper, paper.reference)).word == "not trained enough"


def test_mass_that_leaked_is_said():
    """Half of the probability gone from answers that are right among themselves."""
    paper, _, end = checkpoints("dpo", "words", pairs(beta=0.5))
    end[:, :, 0] += np.log(0.5)
    found = judge(paper, read_checkpoint(paper, end))
    assert (found.word, found.exit_code) == ("mass leaked", 2)


def test_short_prompts_that_are_wrong_point_to_padding():
    """The longest prompt ends where it should, the padded ones elsewhere and stay there."""
    paper, half, end = checkpoints("grpo", "padding", sampled())
    for table in (half, end):
        short = np.array([len(prompt) < 3 for prompt in paper.prompts])
        mixed = np.logaddexp(table, table[:, ::-1] - 1) - np.logaddexp(0, -1)
        table[short] = mixed[short]
    found = judge(paper, read_checkpoint(paper, end), read_checkpoint(paper, half))
    assert (found.word, found.suspect) == ("looks like", "padding"), found


@pytest.mark.parametrize("steps", [30, 40])
def test_short_prompts_on_their_way_do_not_point_to_padding(steps):
    """A right trainer may reach the end of the longest prompt first."""
    paper, half, end = checkpoints("sft", "padding", sft(), steps=steps)
    now, before = read_checkpoint(paper, end), read_checkpoint(paper, half)
    assert evidence.has_wrong_short_prompts(paper, now)
    assert judge(paper, now, before).word == "not trained enough"
    leaking = end.copy()
    leaking[:, :, 0] += np.log(0.5)
    assert judge(paper, read_checkpoint(paper, leaking), before).word == "mass leaked"


def test_who_passes_by_the_optimum_is_not_right():
    """On its way to a halved beta: slope 0.7 of the right one half-way, 1 now."""
    paper, tree, _ = paper_for("dpo")
    readings = []
    for share in (0.7, 0.995, 1.0):
        logp = paper.ref_logp + share * paper.reward / paper.settings["beta"]
        logits = tree.logits_of(np.exp(logp) / np.exp(logp).sum(axis=1, keepdims=True))
        readings.append(read_checkpoint(paper, tree.token_logp(logits)))
    passing, steady, now = readings
    found = judge(paper, now, passing)
    assert (found.word, found.exit_code) == ("not trained enough", 2)
    assert "was 0.700 of the right one" in found.sentence
    assert judge(paper, now, steady).word == "right"
    alone = judge(paper, now)
    assert alone.word == "right" and "cannot show that it stays there" in alone.sentence


@pytest.mark.slow
@pytest.mark.parametrize("heat", [1.5, 2.0])
def test_what_the_exam_cannot_see_is_called_right(heat):
    """A hotter sampler moves GRPO's end by a thousandth of a nat: the page says so."""
    assert verdict("grpo", "bandit", sampled(heat=heat)).word == "right"


def test_the_page_lists_every_planted_mistake_and_no_accusation():
    """docs/exam.md is written by `python docs/build_exam.py`."""
    page = (Path(__file__).parents[2] / "docs" / "exam.md").read_text(encoding="utf8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    called = [(row[0][2:], row[1], row[2]) for row in rows if len(row) == 5][1:]
    assert called == [(method, name, want) for name, method, _, _, want in PLANTED]
    assert "None of" in page and "was accused" in page
