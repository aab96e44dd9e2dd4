"""Which method a function is judged as where nobody said it: the first whose values it has."""

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.check.case import understand
from tinyalign.laws.reading.answers import BrokenAtOnce
from tinyalign.laws.reading.probes import is_right

UNSAID = "say what it is meant to be, as in --as dpo: neither its name nor its arguments tell."


def choose(fn, candidates, conventions, how):
    """(spec, a sentence about it): the first candidate whose values it has, else the named one.

    candidates  {method: whether a name says that it is this one}
    raises      CannotCall where it can be called as none, or has the values of none and no name
                says which it is meant to be
    """
    if not candidates:
        raise CannotCall(UNSAID)
    answers, reasons = [], []
    for name in candidates:
        spec = find_spec(name)
        try:
            case = understand(fn, spec, conventions, how)
        except BrokenAtOnce:
            answers.append(name)
            continue
        except CannotCall as reason:
            reasons.append(f"--as was not given, and it looks like {name}, but {reason}")
            continue
        if is_other(case.subject(), candidates):
            continue
        answers.append(name)
        if case.reading is not None or is_right(case.subject()):
            return spec, f"It is judged as {name}, whose values it has (--as overrules)."
    return _named(answers, candidates, reasons)


def _named(answers, candidates, reasons):
    """The first that a name says, of those that it can be called as and has not the values of."""
    named = [name for name in answers if candidates[name]]
    if named:
        return find_spec(named[0]), f"It is judged as {named[0]}, by its name (--as overrules)."
    if not answers:
        raise CannotCall(reasons[0] if reasons else UNSAID)
    raise CannotCall(
        f"say with --as what it is meant to be: by its arguments it may be {' or '.join(answers)}, "
        f"and its values are of none of them."
    )


def is_other(subject, candidates):
    """Whether it lacks the number that tells this method from the next: cdpo without smoothing."""
    return "flip" in subject.caller.fixed and len(candidates) > 1
