"""Whether a function answers at all, and twice alike: without that no law can be asked.

One that raises whatever it is given is broken only where nothing was guessed: what we call wrongly
may raise too.
"""

import re

import numpy as np

from tinyalign.laws.check.precision import two_answers
from tinyalign.laws.check.probes import fitted_probes
from tinyalign.laws.harness.judge import MOODY, Law
from tinyalign.laws.harness.law import Broken, NotApplicable, OutOfDomain, Statement, law
from tinyalign.laws.harness.signature import CannotCall
from tinyalign.laws.harness.source_tree import returns_nothing

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
    reasons, calls = [], []
    for x, p in fitted_probes(subject):
        subject.calls.clear()
        try:
            with np.errstate(all="ignore"):
                subject(*x, **p)
            return
        # it is sound, and fixes something that this input moves
        except (NotApplicable, OutOfDomain):
            return
        except Broken as reason:
            # a wrong shape or a NaN is an answer, and laws can judge it
            if not str(reason).startswith(("raises", "gives a ")):
                return
            reasons.append(str(reason))
            calls.append(subject.calls[-1:])
    subject.calls.clear()
    # a row without tokens may fail in another way than all others
    usual = max(reasons, key=reasons.count)
    where = "(on every input tried)" if len(set(reasons)) == 1 else "(on most inputs tried)"
    if usual.startswith("raises") and not _may_be_ours(subject, usual):
        said = f"{usual} {where}"
        _nothing_else(subject, said, calls[reasons.index(usual)])
    if usual.startswith("gives a NoneType") and returns_nothing(subject.given):
        said = "returns None, as no return statement gives the loss"
        _nothing_else(subject, said, calls[reasons.index(usual)])
    raise CannotCall(f"{subject.label} {usual} {where}.")


def _nothing_else(subject, said, calls):
    """BrokenAtOnce: it gives no answer."""
    answers = Law(ANSWERS, subject.spec)
    raise BrokenAtOnce(answers, said, calls, f"It {said}: nothing else was judged.")


def _may_be_ours(subject, reason):
    """Whether something was guessed, or what is raised is about the form of what it was given."""
    guessed = subject.caller.binding.by_position or subject.caller.fn is not subject.given
    return bool(guessed) or bool(OURS_PERHAPS.search(reason))
