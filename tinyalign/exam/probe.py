"""First-step questions to a trainer: no optimum, and one update at most.

A question returns whether the trainer is right, None where that cannot be said, and a finding.
`hooks` says what a trainer is.
"""

from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.exam import first_step, hooks
from tinyalign.exam import loss_questions as loss
from tinyalign.exam import score_questions as score

RAISED = "a hook raised"  # how a finding begins where there is none


class Answer(NamedTuple):
    """What a question found."""

    question: str
    right: bool | None  # None: it could not be said
    finding: str


def ask(bench):
    """The answers to all questions, and the questions that were not asked: two lists."""
    answers, left, trainer = [], [], bench.make()
    known = bench.paper.method in first_step.VALUED
    for question, (needs, find) in QUESTIONS.items():
        if hooks.has(trainer, *needs) and (known or "loss" not in needs):
            answers.append(Answer(question, *answer(find, bench)))
        else:
            left.append(question)
    return answers, left


def answer(find, bench):
    """What a question finds; a hook that raises leaves it without an answer."""
    try:
        return find(bench)
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        return None, f"{RAISED} {type(error).__name__}: {error}"


# The question: hooks that it needs, and what answers it. A loss is asked where its value is known.
QUESTIONS = {
    "scores are the model's own": (("score",), score.same_scores),
    "padding and neighbours change no score": (("score",), score.same_in_a_batch),
    "the first loss is that of ratio 1 and KL 0": (("score", "loss"), loss.first_loss),
    "every token counts, EOS too, and the reference stays": (
        ("score", "loss", "step"), loss.loss_after_a_step,
    ),
    "the loss of a batch is the mean that it should be": (("loss", "step"), loss.whole_batch),
    "micro-batches change no update": (("score", "loss", "step"), loss.micro_batches),
    "samples are drawn as they are scored": (("score", "sample"), score.samples_follow_scores),
}  # fmt: skip
