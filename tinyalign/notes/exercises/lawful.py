"""Judge a solution by the laws of its method, and say what `tinyalign check` would say."""

import inspect

import numpy as np

from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.diagnosis.deviation import (
    constant,
    factor,
    ignored_number,
    padding_enters,
    wrong_slope,
)
from tinyalign.laws.diagnosis.diagnose import looks_like
from tinyalign.laws.harness.draws import inputs_of, repeatable_settings
from tinyalign.laws.harness.judge import BROKEN, UNJUDGED, judge, laws_for
from tinyalign.laws.harness.subject import Subject
from tinyalign.notes.exercises.comparing import (
    answer,
    diagnosis,
    difference,
    require_parameters,
    require_same,
)
from tinyalign.notes.exercises.exercise import NotYet

EXAMPLES = 40  # a law is tried on so many inputs
DEVIATIONS = (wrong_slope, ignored_number, factor, constant, padding_enters)
PROBES = 60  # inputs on which answers are compared with the right ones


def require_lawful(solution, right, method, mistakes=None):
    """NotYet at the first law of the method that the solution breaks, with the likely cause.

    right     a right solution
    mistakes  sentence -> a function that makes this mistake
    """
    require_parameters(solution, right)
    inputs = probes(right, method)
    require_form(solution, right, inputs)
    subject = Subject(solution, find_spec(method), {}, label=right.__name__)
    for place, law in enumerate(laws_for(subject.spec)):
        verdict = judge(law, subject, repeatable_settings(EXAMPLES))
        if verdict.status in (BROKEN, UNJUDGED):
            telling = inputs + counterexample(verdict, right)
            answers = [try_answer(solution, right, each) for each in telling]
            known = diagnosis(answers, right, telling, mistakes or {})
            raise NotYet(
                f"{describe_broken(verdict)}{known or diagnosis_of_check(subject, verdict, place)}"
            )
    # The laws leave some freedom, for example where a function has not all parameters.
    require_same(solution, right, inputs, mistakes)


def probes(right, method):
    """Inputs of the method as dicts, without the numbers that the exercise leaves out."""
    names = list(inspect.signature(right).parameters)
    spec, inputs = find_spec(method), []
    for arrays, numbers in inputs_of(spec, PROBES):
        values = dict(zip(names, arrays, strict=False))
        inputs.append(values | {name: n for name, n in numbers.items() if name in names})
    return inputs


def require_form(solution, right, inputs):
    """NotYet where the answer has another form than it should, such as a mean over the batch."""
    for each in inputs:
        want = answer(right, right, each)
        parts = [want] if isinstance(want, np.ndarray) else want
        if max((np.size(part) for part in parts), default=0) < 2:
            continue  # one number may be the mean of one number
        found = answer(solution, right, each)
        if isinstance(found, np.ndarray) and np.shape(found) != np.shape(want):
            raise NotYet(f"the function {difference(found, want)}.{reduced(found, want)}")
        return


def reduced(found, want):
    """A sentence about one number that sums a batch up; "" for any other answer."""
    for name, reduce in (("mean", np.mean), ("sum", np.sum)):
        if found.ndim == 0 and np.allclose(found, reduce(want)):
            return f" That is the {name} over the batch: leave that to whoever calls the function."
    return ""


def describe_broken(verdict):
    """A broken law in words: what it says, what was found and what was wanted."""
    message = verdict.message.rstrip(".")
    wanted = "" if "want" in message else ", want what the law says"
    return f"the function breaks a law: {verdict.law.sentence}. It {message}{wanted}."


def counterexample(verdict, right):
    """The inputs on which the law was broken, as dicts; an exponential may overflow only there."""
    names = list(inspect.signature(right).parameters)
    inputs = []
    for arrays, numbers, _ in verdict.calls:
        values = dict(zip(names, map(np.asarray, arrays), strict=False))
        inputs.append(values | {name: n for name, n in numbers.items() if name in names})
    return inputs


def diagnosis_of_check(subject, verdict, place):
    """What `tinyalign check` says about the likely cause, or "".

    verdict  that on the law at this place, the first one that is broken
    """
    quick = repeatable_settings(EXAMPLES, shrink=False)  # only the first is shown
    later = [judge(law, subject, quick) for law in laws_for(subject.spec)[place + 1 :]]
    broken = [verdict, *(each for each in later if each.status == BROKEN)]
    said = next(filter(None, (find(subject, broken) for find in DEVIATIONS)), "")
    alike = looks_like(subject, [each.law.name for each in broken])
    return "".join(f" {sentence}" for sentence in (said, alike) if sentence)


def try_answer(solution, right, values):
    """The answer to an input; None where the function raises."""
    try:
        return answer(solution, right, values)
    except Exception:  # the laws have told what it raises
        return None
