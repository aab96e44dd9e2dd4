"""A check as data: verdicts, counterexamples as code, and what it all looks like."""

from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from tinyalign.laws.catalogue.general import BATCH
from tinyalign.laws.check.diagnose import ALIKE, nearest_exhibits, other_readings, probes
from tinyalign.laws.check.reduction import judge_by_reduction
from tinyalign.laws.harness.judge import BROKEN, SILENT, UNJUDGED
from tinyalign.laws.harness.law import Broken, NotApplicable
from tinyalign.laws.harness.limits import CALL_LIMIT, WAIT_LIMIT, TookTooLong
from tinyalign.laws.harness.reproducer import as_code
from tinyalign.laws.harness.signature import CannotCall
from tinyalign.laws.harness.subject import Subject


@dataclass
class Report:
    label: str
    spec: object
    verdicts: list
    notes: list = field(default_factory=list)  # assumptions and other readings, one sentence each
    reduced: str = ""  # what the function does to the batch, if not as declared
    diagnosis: str = ""
    examples: dict = field(default_factory=dict)  # law name -> pasteable code

    @property
    def broken(self):
        return [v for v in self.verdicts if v.status == BROKEN]

    @property
    def unexplained(self):
        """The broken laws but for that of the batch, where `reduced` says it already."""
        return [v for v in self.broken if not (self.reduced and v.law.name == BATCH.name)]

    @property
    def silent(self):
        """Whether no law applied: nothing was judged, which must not look like success."""
        return all(v.status == SILENT for v in self.verdicts)

    @property
    def exit_code(self):
        if any(v.status == UNJUDGED for v in self.verdicts) or self.silent:
            return 2
        return 1 if self.broken else 0


def examine(fn, spec, conventions, *, setting, module="yours", **how):
    """Judge every law, then say what the broken ones have in common."""
    subject = Subject(fn, spec, conventions, **how)
    # a function that answers nothing would break every law and say nothing by it
    require_an_answer(subject)
    # a mean where none was declared would break every law: judged as what it is
    reduced, judged, verdicts = judge_by_reduction(fn, spec, conventions, setting=setting, **how)
    report = Report(subject.label, spec, verdicts, assumptions(subject, conventions), reduced)
    report.examples = {
        v.law.name: as_code(subject, module, v.calls, v.message) for v in report.broken
    }
    if report.broken and report.exit_code == 1:
        # a declaration that was wrong explains more than any bug
        other = readings(fn, spec, conventions, subject, how)
        report.notes += other
        broken = [v.law.name for v in report.unexplained]
        if broken and not other:
            report.diagnosis = diagnosis(Subject(fn, spec, judged, **how), broken)
    return report


def require_an_answer(subject):
    """CannotCall if the function gives no number on any ordinary input."""
    reasons = []
    for x, p in probes(subject.spec.name):
        try:
            with np.errstate(all="ignore"):
                subject(*subject.apply_fixed_arrays(x), **subject.apply_fixed_numbers(p))
            return
        # it is sound, and fixes something that this input moves
        except NotApplicable:
            return
        except TookTooLong:
            raise CannotCall(
                f"{subject.label} did not come back within {CALL_LIMIT:g} s of computing "
                f"or {WAIT_LIMIT:g} s of waiting."
            ) from None
        except Broken as reason:
            # a wrong shape or a NaN is an answer, and laws can judge it
            if not str(reason).startswith(("raises", "gives a ")):
                return
            reasons.append(str(reason))
    raise CannotCall(f"{subject.label} {reasons[0]} (on every input tried).")


def assumptions(subject, conventions):
    fixed = [
        f"{subject.label} has no parameter for {n}: taken as fixed at {value} "
        f"(declare with --convention {n}=…)."
        for n, value in subject.caller.fixed.items()
        if n not in conventions and value is not None
    ]
    # their parameter -> all numbers of ours that it stands for
    ours = {}
    for name, theirs in subject.caller.parameters.items():
        ours.setdefault(theirs, []).append(name)
    shared = [
        f"{theirs} stands for {' and '.join(names)}: judged where they are equal."
        for theirs, names in ours.items()
        if len(names) > 1
    ]
    return fixed + shared + array_assumptions(subject)


def array_assumptions(subject):
    """What was filled in, and what only the order of the parameters decided."""
    binding = subject.caller.binding
    sentences = [
        f"{subject.label} takes no {n}: {f.sentence}."
        for n, f in subject.caller.substitutes.items()
    ]
    if binding.mask:
        sentences.append(f"{binding.mask} is filled with ones: every token counts.")
    if binding.by_position:
        pairs = ", ".join(f"{theirs} as {ours}" for ours, theirs in binding.by_position.items())
        sentences.append(f"Matched by position: {pairs}.")
    return sentences


def readings(fn, spec, conventions, subject, how):
    """Sentences of the form: this is X, you declared Y."""
    others = islice(other_readings(fn, spec, conventions, **how), 3)
    sentences = [_reading(spec, subject, other, declared) for other, declared in others]
    return list(dict.fromkeys(s for s in sentences if s))


def _reading(spec, subject, other, declared):
    """The sentence for one method and its conventions; "" where nothing of them differs."""
    changed = other is not spec
    this, was, flags = ([other.name], [spec.name], []) if changed else ([], [], [])
    # what the reading declares otherwise than the user did
    for c in other.conventions:
        new, old = declared.get(c.name, c.default), subject.conventions.get(c.name, c.default)
        if new != old:
            this.append(f"{c.choices[new]} ({c.name}={new})")
            was.append(c.choices[old])
            flags.append(f"{c.name}={new}")
    for name, old in subject.caller.fixed.items():
        if declared.get(name, old) != old:
            flags.append(f"{name}={declared[name]}")
            this.append(flags[-1])
            was.append(f"{name}={old}")
    if not this:
        return ""
    # as it would be typed
    way = [f"--as {other.name}"] if changed else []
    way += [f"--convention {' '.join(flags)}"] if flags else []
    this, was = " and ".join(this), " and ".join(was)
    return f"This is {this}; you declared {was}. Every law holds with {' '.join(way)}."


def diagnosis(subject, broken):
    # exhibits that break other laws altogether are no lead
    alike = [one for one in nearest_exhibits(subject, broken) if one.laws > 0]
    if not alike or alike[0].score < ALIKE:
        nearest = f" Nearest: {alike[0].exhibit.story}." if alike else ""
        return f"Nothing in the museum looks like this.{nearest}"
    top = alike[0].exhibit
    where = f"{top.story}. Seen in: {top.seen}. (tinyalign museum {top.name})"
    # the same laws break, by another formula
    if alike[0].values < ALIKE:
        return (
            f"Its values are like nothing in the museum; the laws it breaks are those of: {where}"
        )
    return f"Looks like: {where}"
