"""Whether a function answers at all, and twice alike: without that no law can be asked.

One that raises whatever it is given is broken only where nothing was guessed: what we call wrongly
may raise too.
"""

import re

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.binding.source_tree import returns_nothing
from tinyalign.laws.harness.judge import MOODY, Law
from tinyalign.laws.harness.law import Statement, law
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.precision import two_answers
from tinyalign.laws.reading.probes import fitted_probes

# of arrays that have another form than it wants, of another framework, of what is not installed
OURS_PERHAPS = re.compile(
    "raises (AttributeError|TypeError|ImportError|ModuleNotFoundError|SystemExit)"
    "|shape|size|dimension|dim|broadcast|axis|axes|ind(ex|ices)|dtype|match|not implemented for '",
    re.IGNORECASE,
)


def gives_an_answer(loss, x, p):
    """it gives an answer to ordinary inputs"""
    loss(*x, **p)


ANSWERS = law(gives_an_answer, "C.0")


class BrokenAtOnce(CannotCall):
    """What is broken before any law is asked: the law for it, its message, and the calls."""

    def __init__(self, broken_law, message, calls, diagnosis):
        super().__init__(message)
        self.law, self.calls, self.diagnosis = broken_law, calls, diagnosis


SAME = "the same input gives the same answer"
REPEATABLE = Statement(two_answers, "repeatable", "answers_are_repeatable", SAME)


def require_repeatable(subject):
    """BrokenAtOnce for a function that answers the same input differently."""
    found = two_answers(subject)
    if found:
        (x, p), answers = found
        raise BrokenAtOnce(
            Law(REPEATABLE, subject.spec),
            MOODY,
            [(x, p, answer) for answer in answers],
            f"{subject.label} {MOODY} (dropout, sampling, or a state that it keeps): make it "
            f"deterministic. Nothing else was judged.",
        )


def require_an_answer(subject):
    """BrokenAtOnce, or CannotCall where that may be the caller's fault; nothing if it answers."""
    reasons, calls, answered, probes = [], [], 0, fitted_probes(subject)
    for x, p in probes:
        subject.calls.clear()
        reason = _reason_for_none(subject, x, p)
        if reason:
            reasons.append(reason)
            calls.append(subject.calls[-1:])
        answered += not reason
        if answered > len(probes) * 2 / 3:
            return
    subject.calls.clear()
    # a row without tokens may fail in another way than all others
    usual = max(reasons, key=reasons.count)
    if answered and not (_may_be_ours(subject, usual) and _is_guessed(subject)):
        return
    often = "many" if answered else "every" if len(set(reasons)) == 1 else "most"
    inputs = "input" if often == "every" else "inputs"
    _refuse(subject, usual, f"(on {often} {inputs} tried)", calls[reasons.index(usual)])


def _reason_for_none(subject, x, p):
    """Why it gives no answer there; "" where it gives one, if only a NaN or a wrong shape."""
    try:
        with np.errstate(all="ignore"):
            subject(*x, **p)
    except (NotApplicable, OutOfDomain):
        return ""  # it is sound, and fixes something that this input moves
    except Broken as reason:
        # laws can judge a wrong shape
        return str(reason) if str(reason).startswith(("raises", "gives a ")) else ""
    return ""


def _refuse(subject, usual, where, calls):
    if usual.startswith("raises") and not _may_be_ours(subject, usual):
        _nothing_else(subject, f"{usual} {where}", calls)
    if usual.startswith("gives a NoneType") and returns_nothing(subject.given):
        said = "returns None, as no return statement gives the loss"
        _nothing_else(subject, said, calls)
    raise CannotCall(f"{subject.label} {usual} {where}.")


def _nothing_else(subject, said, calls):
    """BrokenAtOnce: it gives no answer."""
    answers = Law(ANSWERS, subject.spec)
    raise BrokenAtOnce(answers, said, calls, f"It {said}: nothing else was judged.")


def _may_be_ours(subject, reason):
    """Whether something was guessed, or what is raised is about the form of what it was given."""
    return _is_guessed(subject) or bool(OURS_PERHAPS.search(reason))


def _is_guessed(subject):
    """Whether only the place of some parameter says what it is, or its form was made another."""
    return bool(subject.caller.binding.by_position) or subject.caller.fn is not subject.given
