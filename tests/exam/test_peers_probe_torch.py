"""A loop in torch that is nobody's library, with one mistake planted: `exam probe` names each."""

import json
import os

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from test_probe import random_params  # noqa: E402
from torch_loop import DPO, HARMLESS, MISTAKES  # noqa: E402

from tinyalign.exam import hooks, make, probe, score_questions  # noqa: E402
from tinyalign.exam.command import as_data  # noqa: E402
from tinyalign.exam.grade import nearest, read_checkpoint  # noqa: E402
from tinyalign.exam.paper import read_paper  # noqa: E402
from tinyalign.exam.trained import read_trained  # noqa: E402
from tinyalign.exam.verdict import judge  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_in(tmp_path_factory.mktemp("exam"))


def made_in(place):
    """The folder, with an exam in it and a file that names a trainer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "train_reference", random_params)
        make.make(place / "exam", "dpo")
    (place / "mine.py").write_text("def trainer(): pass\n")
    return place


def asked(folder, mistake):
    """(answers, questions that were not asked)."""
    torch.manual_seed(0)
    bench = hooks.load_bench(folder / "exam", f"{folder / 'mine.py'}:trainer")
    return probe.ask(bench._replace(make=lambda: DPO(folder / "exam/model", mistake)))


def probed(folder, mistake, monkeypatch):
    """(what is wrong or open, the questions that were not asked)."""
    monkeypatch.setattr(score_questions, "DRAWS", 500)
    answers, left = asked(folder, mistake)
    return [answer.finding for answer in answers if answer.right is not True], left


@pytest.mark.parametrize("mistake", ["", HARMLESS])
def test_a_loop_that_trains_as_it_should_passes_every_question(mistake, folder, monkeypatch):
    assert probed(folder, mistake, monkeypatch) == ([], [])


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(mistake, folder, monkeypatch):
    wrong, _ = probed(folder, mistake, monkeypatch)
    assert any(MISTAKES[mistake] in finding for finding in wrong), wrong


def trained(folder, mistake):
    """The grade of the loop after 120 steps on all lines, the rate falling to zero."""
    lines = [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]
    trainer = DPO(folder / "model", mistake)
    if mistake == "chosen and rejected swapped":
        lines = [line | {"chosen": line["rejected"], "rejected": line["chosen"]} for line in lines]
    steps = 120
    for step in range(steps):
        for group in trainer.optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, 2 - 2 * step / steps)
        trainer.step([lines])
        if step + 1 in (steps // 2, steps):
            trainer.model.save_pretrained(folder / f"{mistake}-{step + 1}")
            trainer.tokenizer.save_pretrained(folder / f"{mistake}-{step + 1}")
    paper = read_paper(folder)
    before, now = (
        read_checkpoint(paper, read_trained(paper, folder / f"{mistake}-{step}"))
        for step in (steps // 2, steps)
    )
    fits = nearest(paper, now)
    return as_data(paper, now, fits, judge(paper, now, before, fits))


GRADES = {  # what is planted, and what the grade names
    "": "right",
    "chosen and rejected swapped": "turned sign",
    "EOS masked as padding": "EOS not scored",
    "mean over tokens": "length-normalised log-ratio",
    "beta twice": "right at another beta",
}


@pytest.mark.parametrize("mistake", GRADES)
def test_the_grade_names_what_the_loop_was_trained_with(mistake, tmp_path, capsys):
    make.make(tmp_path / "exam", "dpo")
    found = trained(tmp_path / "exam", mistake)
    with capsys.disabled():
        print(f"\n{mistake or 'right'}: {found['verdict']}: {found['sentence']}")
    assert GRADES[mistake] in (found["verdict"], found["mistake"]), found["sentence"]
