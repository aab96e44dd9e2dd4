"""One function judged, in the process that was started for it: which method it is, and how well."""

import re
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.check.case import understand
from tinyalign.laws.check.choice import is_other
from tinyalign.laws.check.cut import LEFT_BEHIND
from tinyalign.laws.check.loading import load
from tinyalign.laws.check.report import UNKNOWN, examine
from tinyalign.laws.check.terminal import as_data, as_text
from tinyalign.laws.diagnosis.deviation import constant, factor
from tinyalign.laws.diagnosis.diagnose import looks_like
from tinyalign.laws.harness.judge import NEARLY, repeatable_settings
from tinyalign.laws.harness.limits import TookTooLong
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.reading.answers import BrokenAtOnce
from tinyalign.laws.reading.forms import answers
from tinyalign.laws.reading.probes import fitted_probes, is_right, right_value, value_at
from tinyalign.laws.reading.readings import TURNED
from tinyalign.laws.scan.declared import conventions_for
from tinyalign.laws.scan.forms import forms
from tinyalign.laws.source.guess import Guess

LAWFUL, BROKEN, NOT_JUDGED = "lawful", "broken", "not judged"
EXAMPLES = {"numpy": 40, "torch": 40, "jax": 6}  # per law; JAX takes its time with each shape
ALIKE = 0.25  # of the probes on which it must be right before it is said to be wrong on others


ROUNDING = 1e-2  # what is wrong by less in float64 may be a step in float32


@dataclass(frozen=True)
class Job:
    """A function cut out, and what it may be."""

    target: str  # FILE.py:FUNCTION of the cut
    guess: Guess
    framework: str
    module: str  # in which the function stands, as it is imported
    width: int = 0  # of a terminal for the whole report; 0: none is wanted


@dataclass
class Answer:
    verdict: str
    sentence: str
    method: str = ""
    notes: list = field(default_factory=list)
    report: dict | None = None
    text: str = ""  # the whole report as a terminal shows it


MISSING = re.compile(r"raises NotHere: it (.*, which is not in these files)( \(.*?\))?")


def judge(job):
    """The Answer as a dictionary, whatever the function does."""
    answer = _answer(job)
    said = MISSING.sub(r"\1", answer["sentence"])
    # a name that begins a sentence is no word of ours
    starts = said.startswith(("raises ", "uses ", "asks for "))
    return answer | {"sentence": f"It {said}" if starts else said}


def _answer(job):
    try:
        return asdict(_judge(job))
    except (CannotCall, TookTooLong) as reason:
        # the cut stands in a folder that is gone when this is read
        said = re.sub(r"Importing \S+ raises", "To load it raises", str(reason))
        return asdict(Answer(NOT_JUDGED, said or "It does not come back."))
    except ModuleNotFoundError as error:
        return asdict(Answer(NOT_JUDGED, f"{error.name} is not installed."))
    except Exception as error:  # ours, and no fault of the function
        said = f"The checker itself failed: {type(error).__name__}: {error}"
        return asdict(Answer(NOT_JUDGED, said))


def _judge(job):
    fn, _, label = load(job.target)
    method, form, reason = _choose(fn, job, label)
    if method is None:
        return Answer(NOT_JUDGED, reason)
    how = {"framework": job.framework, "label": label}
    how |= {"setting": repeatable_settings(EXAMPLES[job.framework]), "module": job.module}
    report = examine(form.fn, method, form.conventions, **how)
    if report.exit_code == 1 and all(v.gap < ROUNDING for v in report.broken):
        single = examine(form.fn, method, form.conventions, **how, dtype="float32")
        if single.exit_code == 0:
            report = single
            report.notes.insert(0, f"{label} computes in float32 on the way: judged in it.")
    if form.sentence:
        report.notes.insert(0, form.sentence)
    for name, code in report.examples.items():
        report.examples[name] = _as_called(code, job.guess, form.after)
    verdict = {0: LAWFUL, 1: BROKEN}.get(report.exit_code, NOT_JUDGED)
    text = as_text(report, job.width, False) if job.width else ""
    sentence = _sentence(report, verdict)
    return Answer(verdict, sentence, report.spec.name, report.notes, as_data(report), text)


def _as_called(code, guess, after):
    """A counterexample with what the cut has bound, and what is done to the answer."""
    given = "".join(f", {t}={w!r}" for t, w in guess.words.items() if t.isidentifier())
    held = [f"{t} = {w!r}" for t, w in guess.words.items() if not t.isidentifier()]
    head = f"# where {' and '.join(held)}\n" if held else ""
    return head + code.replace(")\n# -> ", f"{given}){after}\n# -> ")


def _choose(fn, job, label):
    """(method, form, why there is none)."""
    reasons, near, tried, methods = [], None, [], job.guess.methods
    how = {"framework": job.framework, "label": label}
    for spec, form in _candidates(fn, job):
        try:
            case = understand(form.fn, spec, form.conventions, how)
        except CannotCall as reason:
            reasons.append(str(reason))
            if isinstance(reason, BrokenAtOnce) and not LEFT_BEHIND.search(str(reason)):
                near = near or (spec, form)
            continue
        if is_other(case.subject(), methods):
            continue
        if case.reading is not None or is_right(case.subject()):
            return spec, form, ""
        if job.guess.insisted:  # the first form in which it answers, else the first
            tried.append((answers(case.subject()), spec, form))
            continue
        reasons.insert(0, _unlike(methods, case.subject()))
        like = _near(form, spec, case) if job.guess.named and near is None else None
        near = near or (like and (spec, like))
    near = max(tried, key=lambda way: way[0])[1:] if tried else near
    if near and job.guess.named:
        return *near, ""
    return None, None, reasons[0] if reasons else _unlike(methods)


def _candidates(fn, job):
    """(method, form) of all that it may be."""
    for name in job.guess.methods:
        spec = find_spec(name)
        said = conventions_for(spec, job.guess.declared)
        for form in forms(fn, spec):
            yield spec, replace(form, conventions=form.conventions | said)


def _near(form, spec, case):
    """The form under the conventions with which it is most like the method, or None."""
    likeness = []
    for changed in ({}, *_one_convention(spec)):
        subject = Subject(form.fn, spec, case.conventions | changed, **case.how)
        likeness.append((share_right(subject), changed))
    share, changed = max(likeness, key=lambda pair: pair[0])
    if share < ALIKE and not looks_like(case.subject(), []):
        return None
    return replace(form, conventions=form.conventions | (changed if share >= ALIKE else {}))


def _one_convention(spec):
    """Each other choice by itself, but for those that turn a sign: they are no excuse."""
    for convention in spec.conventions:
        for choice in convention.choices if convention.undo is not None else ():
            if choice != convention.default and (convention.name, choice) not in TURNED:
                yield {convention.name: choice}


def share_right(subject):
    """The share of values that are right: as drawn, with the usual numbers, without padding."""
    spec = subject.spec
    usual = {n: v for n, v in spec.defaults.items() if v is not None and n in spec.numbers}
    found = [
        (
            _agrees(subject, x, p),
            _agrees(subject, x, p | usual),
            spec.arrays[-1] == "mask" and _agrees(subject, (*x[:-1], np.ones_like(x[-1])), p),
        )
        for x, p in fitted_probes(subject)
    ]
    return max(np.mean(found, axis=0))


def _agrees(subject, x, p):
    """The share of its values that are right, of those that tell: nothing is often right."""
    want = np.asarray(right_value(subject, x, subject.apply_fixed_numbers(p)))
    got, tells = value_at(subject, x, p), np.isfinite(want) & (np.abs(want) > 1e-6)
    if got is None or np.shape(got) != want.shape or not np.any(tells):
        return 0.0
    tolerance = NEARLY if subject.dtype == "float64" else 1e-3
    return np.mean(np.isclose(got, want, rtol=tolerance, atol=tolerance)[tells])


def _unlike(methods, subject=None):
    """Why it is none of the methods, and what it is instead where that is plain."""
    said = subject and (factor(subject, []) or constant(subject, []))
    return (
        f"Its values are not those of {' or '.join(methods)}, however the checker called it: it "
        f"may be another method, or wrong. {f'{said} ' if said else ''}"
        f"Say with --as which it is meant to be."
    )


def _with_subject(message):
    """A message of a law as a sentence: "in logp has slope 0" begins with the array."""
    return re.sub(r"^It (in .*?) has slope", r"Its slope \1 is", f"It {message}")


def _sentence(report, verdict):
    """What to know about it in one sentence."""
    if verdict == BROKEN:
        first, said = report.simplest, report.diagnosis
        if not said or said.startswith(UNKNOWN):
            said = f"{_with_subject(first.message)}."
        return f"Breaks {first.law.name}: {first.law.sentence}. {said}"
    if verdict == LAWFUL:
        held = [n for n in report.notes if n.startswith("This is")]
        return " ".join([f"{sum(v.status == 'holds' for v in report.verdicts)} laws hold.", *held])
    return report.undecided or "No law applies."
