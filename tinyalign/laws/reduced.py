"""How a function reduces its batch, by what it gives: one bug must not hide the others."""

from tinyalign.laws.conventions import REDUCTION
from tinyalign.laws.diagnose import probes
from tinyalign.laws.general import batch_is_its_rows
from tinyalign.laws.judge import judge, judge_all
from tinyalign.laws.law import Broken, NotApplicable, judged_in
from tinyalign.laws.limits import TookTooLong
from tinyalign.laws.subject import Subject


def shown_reduction(fn, method, conventions, **how):
    """(reduction under which to judge, whether the data fit it); the declared one if they fit none.

    One number that is neither mean nor sum is judged as a mean: then single examples still speak.
    """
    declared = Subject(fn, method, conventions, **how).reduction
    if REDUCTION not in method.conventions:
        return declared, True
    twins = {
        choice: Subject(fn, method, {**conventions, "reduction": choice}, **how)
        for choice in REDUCTION.choices
    }
    several = [(x, p) for x, p in probes(method.name) if len(method.cells(x)) > 1][-6:]
    for choice in sorted(twins, key=lambda c: c != declared):
        if all(_works(batch_is_its_rows, twins[choice], x, p) for x, p in several):
            return choice, True
    if all(_works(_one_number, twins["mean"], x, p) for x, p in several):
        return "mean", False
    return declared, False


def _works(check, subject, x, p):
    try:
        with judged_in(subject.dtype):
            check(subject, subject.settled_arrays(x), subject.settled(p))
    except (Broken, NotApplicable, TookTooLong):
        return False
    return True


def _one_number(loss, x, p):
    loss.whole(*x, **p)


def judge_reduced(fn, method, conventions, *, setting=None, **how):
    """(a sentence or "", the conventions judged by, verdicts): only `batch` as it was declared."""
    declared = Subject(fn, method, conventions, **how)
    shown, fits = shown_reduction(fn, method, conventions, **how)
    if shown == declared.reduction:
        return "", conventions, judge_all(fn, method, conventions, setting=setting, **how)
    judged = {**conventions, "reduction": shown}
    verdicts = [
        judge(v.law, declared, setting) if v.law.name == "batch" else v
        for v in judge_all(fn, method, judged, setting=setting, **how)
    ]
    is_this = REDUCTION.choices[shown] if fits else "one number, neither mean nor sum of its rows"
    sentence = (
        f"{declared.label} returns {is_this}, where {REDUCTION.choices[declared.reduction]} was "
        f"declared; the laws after the first are judged as if reduction={shown} were declared."
    )
    return sentence, judged, verdicts
