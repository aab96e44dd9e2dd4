"""`tinyalign exam probe`: a question finds each planted flaw, no right trainer is accused."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from planted import paper_for
from probed import Trainer

from tinyalign import cli
from tinyalign.errors import InputError
from tinyalign.exam import first_step, hooks, loss_questions, make, probe, score_questions
from tinyalign.exam.command import probe_status
from tinyalign.models import transformer

FIRST, AFTER = "the first loss is that of ratio 1 and KL 0", "every token counts, EOS too"
BATCH, MICRO = "the loss of a batch is the mean", "micro-batches change no update"
SCORES, PADDING, SAMPLES = "scores are", "padding and neighbours", "samples are drawn"
FLAWS = [  # an exam's method, a flaw of `probed`, the first question that finds it, what it says
    ("sft", "eos", FIRST, "leaves EOS out of the loss"),
    ("dpo", "eos", AFTER, "leaves EOS out of the loss"),
    ("simpo", "eos", FIRST, "leaves EOS out of the loss"),
    ("sft", "prompt", FIRST, "counts the prompt's tokens"),
    ("sft", "padding", BATCH, ""),
    ("dpo", "padding", BATCH, ""),
    ("sft", "sum", FIRST, "sums over an answer's tokens"),
    ("sft", "mean of means", BATCH, "that is the mean of the lines' losses"),
    ("dpo", "sum", BATCH, "that is their sum"),
    ("dpo", "neighbours", BATCH, ""),
    ("sft", "micro-batches", MICRO, ""),
    ("sft", "accumulation", MICRO, ""),
    ("dpo", "accumulation", MICRO, ""),
    ("dpo", "beta", AFTER, "has beta times 2"),
    ("simpo", "beta", FIRST, "has beta times 2"),
    ("simpo", "gamma", FIRST, "has gamma times 2"),
    ("ipo", "tau", FIRST, "has tau times 2"),
    ("dpo", "reference moves", AFTER, "moves the reference along with the policy"),
    ("dpo", "no reference", FIRST, "has no reference"),
    ("dpo", "means", AFTER, "takes the mean over an answer's tokens"),
    ("ipo", "means", AFTER, "takes the mean over an answer's tokens"),
    ("cdpo", "flip", AFTER, "ignores flip"),
    ("dpo", "left padding", PADDING, "most at the prompt"),
    ("dpo", "dropout", SCORES, "is dropout on?"),
    ("dpo", "shift", SCORES, "nats from the model's"),
    ("dpo", "sample temperature", SAMPLES, "most like temperature 0.7"),
    ("dpo", "score temperature", SCORES, "temperature 0.7: right if it samples at that"),
]
METHODS = ("sft", "dpo", "cdpo", "ipo", "simpo")


def random_params(task, seed=0):
    """In place of the reference, which takes seconds to train."""
    size = make.vocabulary(task).size
    rng = np.random.default_rng(seed)
    params = transformer.init(rng, vocab=size, width=16, layers=1, heads=2, context=16)
    return params | {"tok": 10 * params["tok"]}  # so that no answer is as likely as another


@pytest.fixture(scope="module")
def exams(tmp_path_factory):
    """Folders of exams, by method, and a file that names a trainer."""
    return make_exams(tmp_path_factory.mktemp("exams"))


def make_exams(folder):
    (folder / "mine.py").write_text("def trainer():\n    return object()\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "train_reference", random_params)
        for name in (*METHODS, "orpo", "kto", "grpo"):
            make.make(folder / name, name)
    return folder


@pytest.fixture(autouse=True)
def few_draws(request, monkeypatch):
    """A quarter of the samples, which takes a quarter of the time."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(score_questions, "DRAWS", 500)


def bench_of(exams, method, flaw=""):
    bench = hooks.load_bench(exams / method, f"{exams / 'mine.py'}:trainer")
    return bench._replace(make=lambda: Trainer(bench, flaw))


def found_by(bench, words):
    """What the question that begins with these words finds."""
    ((_, find),) = (how for question, how in probe.QUESTIONS.items() if question.startswith(words))
    return find(bench)


@pytest.mark.parametrize(("method", "flaw", "question", "says"), FLAWS)
def test_a_flaw_is_found_by_its_question(method, flaw, question, says, exams):
    right, finding = found_by(bench_of(exams, method, flaw), question)
    assert right is (None if flaw == "score temperature" else False)
    assert says in finding


@pytest.mark.parametrize("method", METHODS)
def test_a_right_trainer_passes_every_question(method, exams):
    answers, left = probe.ask(bench_of(exams, method))
    assert left == [] and len(answers) == len(probe.QUESTIONS)
    assert [answer for answer in answers if answer.right is not True] == []


@pytest.mark.parametrize(
    ("task", "right", "says"),
    [
        ("bandit", None, "EOS cannot be seen on this task (it moves the loss by 0): use"),
        ("words", False, "leaves EOS out of the loss"),
    ],
)
def test_an_eos_that_no_loss_shows_is_not_praised(task, right, says, monkeypatch):
    """After one letter EOS is sure, so that a loss without EOS is the right loss."""
    paper, _, _ = paper_for("dpo", task)
    mask, moved = np.broadcast_to(paper.mask, paper.reference.shape), 1.1 * paper.reference
    scored = first_step.Scored(moved, paper.reference, mask, paper.settings, None, None)
    without = first_step.without_end(scored)
    monkeypatch.setattr(loss_questions, "read", lambda *_: scored)
    monkeypatch.setattr(
        loss_questions, "values", lambda *args: first_step.row_values(paper, args[2], without)
    )
    bench = SimpleNamespace(paper=paper, make=lambda: SimpleNamespace(step=lambda batches: None))
    found, finding = loss_questions.loss_after_a_step(bench)
    assert found is right and says in finding


def test_prompt_tokens_cancel_in_pairs(exams):
    """Chosen and rejected share a prompt: nothing is wrong, and nothing is said."""
    assert found_by(bench_of(exams, "dpo", "prompt"), AFTER)[0] is True


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_no_right_trainer_is_accused_over_twenty_models(method, exams, monkeypatch, tmp_path):
    for seed in range(20):
        monkeypatch.setattr(make, "train_reference", lambda task, s=seed: random_params(task, s))
        make.make(tmp_path / str(seed), method)
        bench = hooks.load_bench(tmp_path / str(seed), f"{exams / 'mine.py'}:trainer")
        answers, _ = probe.ask(bench._replace(make=lambda b=bench: Trainer(b)))
        assert [answer for answer in answers if answer.right is False] == []


class Scorer:
    """Only one hook."""

    def __init__(self, bench):
        self.score = Trainer(bench).score


def test_a_question_without_its_hooks_is_not_asked(exams):
    bench = bench_of(exams, "dpo")
    answers, left = probe.ask(bench._replace(make=lambda: Scorer(bench)))
    assert [answer.question for answer in answers] == list(probe.QUESTIONS)[:2]
    assert left == list(probe.QUESTIONS)[2:]


@pytest.mark.parametrize("method", ["kto", "grpo"])
def test_no_loss_is_asked_where_its_value_depends_on_more_than_the_lines(method, exams):
    """KTO's z0 depends on the batch, GRPO's loss on what was sampled."""
    answers, left = probe.ask(bench_of(exams, method))
    assert {answer.right for answer in answers} == {True}
    assert len(left) == sum("loss" in needs for needs, _ in probe.QUESTIONS.values())


def test_a_hook_that_raises_leaves_its_question_open(exams):
    bench = bench_of(exams, "dpo")

    class Broken(Scorer):
        def loss(self, lines):
            raise KeyError("chosen_ids")

    answers, _ = probe.ask(bench._replace(make=lambda: Broken(bench)))
    assert answers[2].right is None and "a hook raised KeyError: 'chosen_ids'" in answers[2].finding


def test_scores_of_another_shape_are_refused_in_a_sentence(exams):
    bench = bench_of(exams, "dpo")

    class Wide(Scorer):
        def score(self, tokens, mask):
            return np.zeros(tokens.shape)

        def __init__(self):
            pass

    with pytest.raises(InputError, match=r"score returned shape \(1, 4\), want \(1, 3\)"):
        probe.ask(bench._replace(make=Wide))


def test_eos_as_text_is_no_sample(exams):
    bench = bench_of(exams, "dpo")

    class Says(Scorer):
        def sample(self, prompts):
            return ["a<eos>"] * len(prompts)

    right, finding = found_by(bench._replace(make=lambda: Says(bench)), SAMPLES)
    assert right is False and "sample returned 'a<eos>'" in finding


@pytest.mark.parametrize("rate", [0.0, 1e-9])
def test_a_step_that_moves_nothing_shows_nothing(rate, exams, monkeypatch):
    monkeypatch.setattr("probed.RATE", rate)
    for question in (AFTER, MICRO):
        right, finding = found_by(bench_of(exams, "dpo", "eos"), question)
        assert right is None and "raise the learning rate" in finding


MINE = """
import sys
sys.path.insert(0, {tests!r})
from probed import Trainer
from tinyalign.exam.hooks import load_bench
bench = load_bench({folder!r}, {mine!r})
def trainer():
    return Trainer(bench, {flaw!r})
"""


@pytest.mark.parametrize(("flaw", "status"), [("", 0), ("beta", 1)])
def test_the_command_shows_the_answers_and_its_status_says_whether_all_are_right(
    flaw, status, exams, tmp_path, capsys
):
    words = {"folder": str(exams / "dpo"), "mine": f"{exams / 'mine.py'}:trainer", "flaw": flaw}
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(tests=str(__file__).rpartition("/")[0], **words))
    typed = ["exam", "probe", str(exams / "dpo"), f"{path}:trainer"]
    assert cli.main(typed) == status
    signs = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:1].strip()]
    assert signs.count("✗") == bool(flaw) and signs.count("✓") == 7 - bool(flaw)
    assert cli.main([*typed, "--json"]) == status
    told = json.loads(capsys.readouterr().out)
    assert [row["right"] for row in told["answers"]].count(False) == bool(flaw)
    assert told["not_asked"] == []


MISTAKES = {  # what is typed after `exam probe`, and words of the sentence
    "no exam": (["nowhere", "mine.py:trainer"], "no exam in nowhere"),
    "no function": (["dpo", "mine.py"], "'mine.py' names no function in a file"),
    "no file": (["dpo", "other.py:trainer"], "names no function in a file"),
    "another name": (["dpo", "mine.py:other"], "mine.py has no function 'other'"),
    "no Python file": (["dpo", "mine.txt:trainer"], "'mine.txt' is no Python file"),
    "a script": (["dpo", "script.py:trainer"], "cannot be imported: SystemExit: 3"),
    "a factory that exits": (["dpo", "exits.py:trainer"], "exits.py raised SystemExit: bye"),
    "a file with a mistake": (["dpo", "wrong.py:trainer"], "cannot be imported: ZeroDivisionError"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_gives_a_sentence_and_status_2(case, exams, monkeypatch, capsys):
    monkeypatch.chdir(exams)
    (exams / "wrong.py").write_text("1 / 0\n")
    (exams / "mine.txt").write_text("")
    (exams / "script.py").write_text("raise SystemExit(3)\n")
    (exams / "exits.py").write_text("def trainer():\n    raise SystemExit('bye')\n")
    words, expected = MISTAKES[case]
    assert cli.main(["exam", "probe", *words]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("tinyalign: ") and expected in said


def test_a_trainer_without_hooks_is_answered_with_status_2(exams, capsys):
    assert cli.main(["exam", "probe", str(exams / "dpo"), f"{exams / 'mine.py'}:trainer"]) == 2
    assert capsys.readouterr().out.count("not asked") == len(probe.QUESTIONS)


STATUSES = {  # what questions found, and the exit status
    "right": ([True, None], "", 0),
    "wrong": ([True, False, None], "", 1),
    "nothing said": ([None, None], "", 2),
    "nothing asked": ([], "", 2),
    "a hook raised": ([True, None], "a hook raised KeyError: 'x'", 2),
    "wrong, and a hook raised": ([False, None], "a hook raised KeyError: 'x'", 1),
}


@pytest.mark.parametrize(("rights", "finding", "status"), STATUSES.values(), ids=STATUSES)
def test_the_status_is_0_only_where_something_is_right(rights, finding, status):
    answers = [probe.Answer("", right, "" if right else finding) for right in rights]
    assert probe_status(answers) == status


def test_a_refusal_in_json_is_json(exams, capsys):
    assert cli.main(["exam", "probe", str(exams / "none"), "mine.py:trainer", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 2 and "there is no exam in" in told["reason"]


def test_a_dataclass_with_postponed_annotations_can_be_the_trainer(exams, tmp_path):
    """Python looks such a class up in sys.modules."""
    source = "from __future__ import annotations\nfrom dataclasses import dataclass, field\n"
    source += "from typing import ClassVar\n@dataclass\nclass Mine:\n    x: ClassVar[int] = 1\n"
    (tmp_path / "postponed.py").write_text(source)
    assert hooks.load_factory(f"{tmp_path / 'postponed.py'}:Mine")().x == 1


def test_what_is_moved_enough_is_well_above_what_is_close():
    """Deviations are told apart by values: they have to be larger than rounding."""
    assert loss_questions.MOVED >= 20 * hooks.CLOSE


@pytest.mark.parametrize("method", ["dpo", "kto", "grpo"])
def test_the_readme_of_an_exam_says_how_to_probe(method, exams):
    said = (exams / method / "README.md").read_text()
    assert "tinyalign exam probe . mine.py:trainer" in said
    assert f"return hooks({method.upper()}Trainer(" in said
