"""A check as data: verdicts, counterexamples as code, and what it all looks like."""

from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from tinyalign.laws.diagnose import ALIKE, likenesses, other_readings, probes
from tinyalign.laws.judge import BROKEN, SILENT, UNJUDGED
from tinyalign.laws.law import Broken, NotApplicable
from tinyalign.laws.limits import CALL_LIMIT, WAIT_LIMIT, TookTooLong
from tinyalign.laws.pasteable import as_code
from tinyalign.laws.reduced import judge_reduced
from tinyalign.laws.signature import CannotCall
from tinyalign.laws.subject import Subject


@dataclass
class Report:
    label: str
    method: object
    verdicts: list
    notes: list = field(default_factory=list)  # assumptions and other readings, one sentence each
    reduced: str = ""  # what the function does to the batch, if not as declared
    diagnosis: str = ""
    examples: dict = field(default_factory=dict)  # law name -> pasteable code

    @property
    def broken(self):
        return [v for v in self.verdicts if v.status == BROKEN]

    @property
    def telling(self):
        """The broken laws but for `batch`, where `reduced` says it already."""
        return [v for v in self.broken if not (self.reduced and v.law.name == "batch")]

    @property
    def silent(self):
        """Whether no law applied: nothing was judged, which must not look like success."""
        return all(v.status == SILENT for v in self.verdicts)

    @property
    def exit_code(self):
        if any(v.status == UNJUDGED for v in self.verdicts) or self.silent:
            return 2
        return 1 if self.broken else 0


def examine(fn, method, conventions, *, setting, module="yours", **how):
    """Judge every law, then say what the broken ones have in common."""
    subject = Subject(fn, method, conventions, **how)
    answers_at_all(subject)
    reduced, judged, verdicts = judge_reduced(fn, method, conventions, setting=setting, **how)
    report = Report(subject.label, method, verdicts, assumptions(subject, conventions), reduced)
    report.examples = {
        v.law.name: as_code(subject, module, v.calls, v.message) for v in report.broken
    }
    if report.broken and report.exit_code == 1:
        other = readings(fn, method, conventions, subject, how)
        report.notes += other
        broken = [v.law.name for v in report.telling]
        if broken and not other:
            report.diagnosis = diagnosis(Subject(fn, method, judged, **how), broken)
    return report


def answers_at_all(subject):
    """CannotCall if the function gives no number on any ordinary input."""
    reasons = []
    for x, p in probes(subject.method.name):
        try:
            with np.errstate(all="ignore"):
                subject(*subject.settled_arrays(x), **subject.settled(p))
            return
        except NotApplicable:
            return
        except TookTooLong:
            raise CannotCall(
                f"{subject.label} did not come back within {CALL_LIMIT:g} s of computing "
                f"or {WAIT_LIMIT:g} s of waiting."
            ) from None
        except Broken as reason:
            if not str(reason).startswith(("raises", "gives a ")):
                return
            reasons.append(str(reason))
    raise CannotCall(f"{subject.label} {reasons[0]} (on every input tried).")


def assumptions(subject, conventions):
    fixed = [
        f"{subject.label} has no parameter for {n}: taken as fixed at {value} "
        f"(declare with --convention {n}=…)."
        for n, value in subject.fixed.items()
        if n not in conventions and value is not None
    ]
    ours = {}
    for name, theirs in subject.parameters.items():
        ours.setdefault(theirs, []).append(name)
    shared = [
        f"{theirs} stands for {' and '.join(names)}: judged where they are equal."
        for theirs, names in ours.items()
        if len(names) > 1
    ]
    return fixed + shared + arrays_assumed(subject)


def arrays_assumed(subject):
    """What was filled in, and what only the order of the parameters decided."""
    bound = subject.binding
    said = [f"{subject.label} takes no {n}: {f.sentence}." for n, f in subject.filled.items()]
    if bound.mask:
        said.append(f"{bound.mask} is filled with ones: every token counts.")
    if bound.guessed:
        pairs = ", ".join(f"{theirs} as {ours}" for ours, theirs in bound.guessed.items())
        said.append(f"Matched by position: {pairs}.")
    return said


def readings(fn, method, conventions, subject, how):
    """Sentences of the form: this is X, you declared Y."""
    others = islice(other_readings(fn, method, conventions, **how), 3)
    said = [_reading(method, subject, other, declared) for other, declared in others]
    return list(dict.fromkeys(sentence for sentence in said if sentence))


def _reading(method, subject, other, declared):
    """The sentence for one method and its conventions; "" where nothing of them differs."""
    changed = other is not method
    this, was, flags = ([other.name], [method.name], []) if changed else ([], [], [])
    for c in other.conventions:
        new, old = declared.get(c.name, c.default), subject.conventions.get(c.name, c.default)
        if new != old:
            this.append(f"{c.choices[new]} ({c.name}={new})")
            was.append(c.choices[old])
            flags.append(f"{c.name}={new}")
    for name, old in subject.fixed.items():
        if declared.get(name, old) != old:
            flags.append(f"{name}={declared[name]}")
            this.append(flags[-1])
            was.append(f"{name}={old}")
    if not this:
        return ""
    way = [f"--as {other.name}"] if changed else []
    way += [f"--convention {' '.join(flags)}"] if flags else []
    this, was = " and ".join(this), " and ".join(was)
    return f"This is {this}; you declared {was}. Every law holds with {' '.join(way)}."


def diagnosis(subject, broken):
    alike = [one for one in likenesses(subject, broken) if one.laws > 0]
    if not alike or alike[0].score < ALIKE:
        nearest = f" Nearest: {alike[0].exhibit.story}." if alike else ""
        return f"Nothing in the museum looks like this.{nearest}"
    top = alike[0].exhibit
    where = f"{top.story}. Seen in: {top.seen}. (tinyalign museum {top.name})"
    if alike[0].values < ALIKE:
        return (
            f"Its values are like nothing in the museum; the laws it breaks are those of: {where}"
        )
    return f"Looks like: {where}"
