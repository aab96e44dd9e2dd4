"""How a function reduces its batch, by what it gives: one bug must not hide the others."""

from tinyalign.laws.catalogue.conventions import REDUCTION
from tinyalign.laws.catalogue.general import BATCH
from tinyalign.laws.check.diagnose import probes
from tinyalign.laws.harness.judge import judge, judge_all
from tinyalign.laws.harness.law import Broken, NotApplicable, use_precision
from tinyalign.laws.harness.limits import TookTooLong
from tinyalign.laws.harness.subject import Subject


def infer_reduction(fn, spec, conventions, **how):
    """(reduction under which to judge, whether the data fit it); the declared one if they fit none.

    One number that is neither mean nor sum is judged as a mean: then single examples still speak.
    """
    declared = Subject(fn, spec, conventions, **how).reduction
    if REDUCTION not in spec.conventions:
        return declared, True
    # the same function under each of the three reductions
    twins = {
        choice: Subject(fn, spec, {**conventions, "reduction": choice}, **how)
        for choice in REDUCTION.choices
    }
    # a batch of one example is its own mean and sum: it decides nothing
    several = [(x, p) for x, p in probes(spec.name) if len(spec.cells(x)) > 1][-6:]
    # the declared reduction first, so that it wins where several fit
    for choice in sorted(twins, key=lambda c: c != declared):
        if all(_works(BATCH.check, twins[choice], x, p) for x, p in several):
            return choice, True
    # one number of some kind, such as a maximum
    if all(_works(_one_number, twins["mean"], x, p) for x, p in several):
        return "mean", False
    return declared, False


def _works(check, subject, x, p):
    try:
        with use_precision(subject.dtype):
            check(subject, subject.apply_fixed_arrays(x), subject.apply_fixed_numbers(p))
    except (Broken, NotApplicable, TookTooLong):
        return False
    return True


def _one_number(loss, x, p):
    loss.own_value(*x, **p)


def judge_by_reduction(fn, spec, conventions, *, setting=None, **how):
    """(a sentence or "", the conventions judged by, verdicts).

    Only the law of the batch is judged by the reduction that was declared.
    """
    declared = Subject(fn, spec, conventions, **how)
    shown, fits = infer_reduction(fn, spec, conventions, **how)
    if shown == declared.reduction:
        return "", conventions, judge_all(fn, spec, conventions, setting=setting, **how)
    judged = {**conventions, "reduction": shown}
    # the law of the batch judges what was declared, the others the reduction that was inferred
    verdicts = [
        judge(v.law, declared, setting) if v.law.name == BATCH.name else v
        for v in judge_all(fn, spec, judged, setting=setting, **how)
    ]
    is_this = REDUCTION.choices[shown] if fits else "one number, neither mean nor sum of its rows"
    sentence = (
        f"{declared.label} returns {is_this}, where {REDUCTION.choices[declared.reduction]} was "
        f"declared; the laws after the first are judged as if reduction={shown} were declared."
    )
    return sentence, judged, verdicts
