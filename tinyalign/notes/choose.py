"""From a user's situation to a method: walk the decision tree, asking for what is not known.

A question is asked only when the next recommendation depends on its answer.
"""

import sys

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.notes import claims
from tinyalign.notes.decision_tree import QUESTIONS, TREE


def walk(answers, ask):
    """The Recommendation that the answers lead to.

    answers  {question: answer} known before
    ask      called with a question's name when its answer is needed and not known
    """
    # `applies` adds answers to this copy, and the caller's dict stays as it is.
    answers = dict(answers)
    if "data" not in answers:
        answers["data"] = ask("data")
    if answers["data"] == "rewards":  # a reward that can be computed is a program that scores
        answers["scorer"] = "yes"
    return next(one for one in TREE if applies(one, answers, ask))


def applies(recommendation, answers, ask):
    """Whether all conditions hold; asks what is not known and adds the answer to `answers`."""
    for question, allowed in recommendation.when.items():
        if question not in answers:
            answers[question] = ask(question)
        if answers[question] not in allowed:
            return False
    return True


def ask_at_terminal(name):
    """Print a question with numbered answers, and repeat until one of them is typed."""
    if not sys.stdin.isatty():
        flags = "; ".join(f"--{key} {'|'.join(q.answers)}" for key, q in QUESTIONS.items())
        raise InputError(
            f"--{name} is needed, and there is no terminal to ask at; the flags are {flags}"
        )
    question = QUESTIONS[name]
    print(f"\n{question.text}")
    for number, words in enumerate(question.answers.values(), 1):
        print(f"  {number}  {words}")
    # The number and the word of an answer are both understood.
    while True:
        try:
            typed = input("number: ").strip()
        except EOFError:  # Ctrl-D
            raise InputError(f"no answer to --{name}: choose one of its numbers") from None
        if typed in question.answers:
            return typed
        if typed.isdigit() and 1 <= int(typed) <= len(question.answers):
            return list(question.answers)[int(typed) - 1]
        print(f"a number from 1 to {len(question.answers)}, please")


def reasons(recommendation, answers):
    """Which answers decided, and which were given and did not matter: lines of text.

    answers  {question: answer}, typed or asked for
    """
    deciding = set(recommendation.when)
    if answers.get("data") == "rewards":  # which answers the question for a scorer
        deciding = deciding - {"scorer"} | {"data"}
    decided = [name for name in QUESTIONS if name in answers and name in deciding]
    idle = [name for name in QUESTIONS if name in answers and name not in deciding]
    for title, names in (("decided by", decided), ("did not matter here", idle)):
        if names:
            yield f"\n{title}"
        for name in names:
            question = QUESTIONS[name]
            yield f"- {question.text} {question.answers[answers[name]].capitalize()}."


def advice(recommendation, answers):
    """The lines to print for a recommendation, and for the answers that led to it."""
    method = methods.find(recommendation.method)
    yield f"{method.name}: {method.title}"
    yield recommendation.reason
    yield from reasons(recommendation, answers)
    yield ""
    if recommendation.correction:
        yield f"{recommendation.correction} [{recommendation.place}]"
    yield "\nwhat the notes claim about it, and what was measured here"
    for row in claims.rows(recommendation.claims):
        yield f"- {row.quotation} {row.judgement} [{row.claim.id}]: {row.measured}"
    yield f"\nhere:   {recommendation.command}"
    yield f"in TRL: {recommendation.trl}"
