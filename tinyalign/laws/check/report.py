"""A check as data: verdicts, counterexamples as code, and what it all looks like."""

from dataclasses import dataclass, field

import numpy as np

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.general import BATCH
from tinyalign.laws.check.case import excuses, read_by_laws, understand_on_policy
from tinyalign.laws.check.defaults import options_at_default
from tinyalign.laws.check.kl_term import judge_kl_term
from tinyalign.laws.check.sentences import (
    assumptions,
    nearly_sentence,
    reading_sentence,
    warning_sentence,
)
from tinyalign.laws.diagnosis.carried import carried_sentence
from tinyalign.laws.diagnosis.deviation import describe, epsilon_in_the_count
from tinyalign.laws.diagnosis.diagnose import looks_like
from tinyalign.laws.diagnosis.examples import nan_sentences, right_alone
from tinyalign.laws.diagnosis.mixed_rows import how_rows_mix
from tinyalign.laws.diagnosis.one_reason import one_reason
from tinyalign.laws.harness.judge import BROKEN, SILENT, UNJUDGED, Verdict, without_shrinking
from tinyalign.laws.harness.limits import CALL_LIMIT, WAIT_LIMIT, TookTooLong
from tinyalign.laws.harness.reproducer import as_code
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.museum.exhibit import CONFESSION
from tinyalign.laws.reading.answers import BrokenAtOnce
from tinyalign.laws.reading.forms import forgotten_shift
from tinyalign.laws.reading.probes import fitted_probes, is_plainly_other, value_at
from tinyalign.laws.reading.words import words_for

UNKNOWN = "Nothing in the museum looks like this."


@dataclass
class Report:
    label: str
    spec: object
    verdicts: list
    notes: list = field(default_factory=list)  # assumptions and readings, one sentence each
    reduced: str = ""  # what the function does to the batch
    diagnosis: str = ""
    undecided: str = ""  # what stays open where all that was judged holds
    examples: dict = field(default_factory=dict)  # law name -> pasteable code
    defaults: list = field(default_factory=list)  # options that were judged at one value only

    @property
    def broken(self):
        return [v for v in self.verdicts if v.status == BROKEN]

    @property
    def unexplained(self):
        """The broken laws but for that of the batch, where `reduced` says it already."""
        return [v for v in self.broken if not (self.reduced and v.law.name == BATCH.name)]

    @property
    def simplest(self):
        """The first of the broken laws that tells something: laws stand simplest first.

        What overflows far out, and is wrong near by too, is told by what is near.
        """
        broken = self.unexplained or self.broken
        return next((v for v in broken if np.isfinite(v.gap)), broken[0])

    @property
    def silent(self):
        """Whether no law applied: nothing was judged, which must not look like success."""
        return all(v.status == SILENT for v in self.verdicts)

    @property
    def exit_code(self):
        if any(v.status == UNJUDGED for v in self.verdicts) or self.silent:
            return 2
        if self.broken:
            return 1
        return 2 if self.undecided else 0


def examine(fn, spec, conventions, *, setting, module="yours", **how):
    """Judge every law, then say what the broken ones have in common."""
    # what else it may be has the same words
    how |= {"words": words_for(fn, spec.name, conventions)}
    subject = Subject(fn, spec, conventions, **how)
    try:
        case = _understood(subject.label, fn, spec, conventions, how)
    except BrokenAtOnce as error:
        return _nothing_more(subject, error, module)
    case, verdicts = _judged_as_read(case, setting)
    subject = case.subject()
    value_at(subject, *fitted_probes(subject)[0])  # it learns what is taken out of an answer
    options = options_at_default(subject.caller)
    report = Report(subject.label, case.spec, verdicts, reduced=case.reduced.sentence)
    report.notes = [*assumptions(subject, case.conventions, options), *case.notes]
    report.notes += nan_sentences(subject)
    report.defaults = [*options]
    report.examples = _counterexamples(report, subject, module)
    if case.reading is not None:
        report.notes.append(_as_read(case, conventions, holds=not report.broken))
    nearly = nearly_sentence(subject, verdicts, epsilon_in_the_count)
    report.notes += [s for s in [carried_sentence(subject), nearly] if s]
    if report.exit_code == 0 and is_plainly_other(subject):
        report.undecided = f"Yet some of its values are not those of {case.spec.name}."
    if report.broken and report.exit_code == 1:
        _diagnose(report, case, subject)
    return _with_kl_term(report, judge_kl_term(subject, case, setting, module))


def _understood(label, *those):
    """The case; CannotCall where a call of it does not come back."""
    try:
        return understand_on_policy(*those)
    except TookTooLong:
        raise CannotCall(
            f"{label} did not come back within {CALL_LIMIT:g} s of computing "
            f"or {WAIT_LIMIT:g} s of waiting."
        ) from None


def _counterexamples(report, subject, module):
    """{law: the code that breaks it}."""
    return {v.law.name: as_code(subject, module, v.calls, v.message) for v in report.broken}


def _with_kl_term(report, found):
    """The report with what is said of a KL term inside, where there is one."""
    if found is None:
        return report
    report.verdicts = report.verdicts + found.verdicts
    report.examples |= found.examples
    report.notes += found.notes
    report.undecided = report.undecided or found.undecided
    report.diagnosis = " ".join(s for s in (report.diagnosis, found.diagnosis) if s)
    return report


def _judged_as_read(case, setting):
    """(case, verdicts), under the reading that breaks no law where the values allow for several."""
    verdicts = case.verdicts(setting)
    broken = [v.law for v in verdicts if v.status == BROKEN]
    other = read_by_laws(case, broken, without_shrinking(setting)) if broken else None
    return (case, verdicts) if other is None else (other, other.verdicts(setting))


def _nothing_more(subject, error, module):
    """The report on a function that is broken before any law is asked, with the input."""
    verdict = Verdict(error.law, BROKEN, str(error), error.calls, gap=np.inf)
    options = options_at_default(subject.caller)
    report = Report(subject.label, subject.spec, [verdict], assumptions(subject, {}, options))
    report.examples = {error.law.name: as_code(subject, module, error.calls, str(error))}
    report.diagnosis = error.diagnosis
    return report


def _as_read(case, conventions, holds):
    """What it was read as, and the exhibit that it is if that was not meant."""
    kept = {k: v for k, v in case.conventions.items() if k not in case.reading.changed}
    before = Subject(case.fn, case.spec, kept, **case.how)
    sentence = reading_sentence(case.spec, before, case.reading, conventions, holds)
    bug = looks_like(before, [])
    # a bug that nobody was seen to have is no reason to doubt
    if not bug or CONFESSION in bug:
        return sentence
    return f"{sentence} If it is not meant: {bug.removeprefix('Looks like: ')}"


def _diagnose(report, case, subject):
    """What to change, in one sentence; what it looks like; what else it may be."""
    broken = report.unexplained
    if not broken:
        # a sum where a mean was declared is said already
        report.diagnosis = how_rows_mix(subject) or right_alone(subject, report.broken)
        return
    # what raises, or is of another shape, is like whatever raises or is of that shape
    formless = one_reason(broken) in ("raises", "shape")
    exhibit = "" if formless else looks_like(subject, [v.law.name for v in broken])
    reading = excuses(case)
    if reading is not None:
        sentence = reading_sentence(case.spec, subject, reading, case.declared, holds=False)
        report.notes.append(warning_sentence(sentence, reading))
    said = forgotten_shift(case) or describe(subject, broken)
    report.diagnosis = " ".join(s for s in (said, exhibit) if s)
    if not report.diagnosis and reading is None:
        law = report.simplest.law
        report.diagnosis = f"{UNKNOWN} Begin with {law.name}: {law.sentence}."
