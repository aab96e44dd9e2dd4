"""A check as data: verdicts, counterexamples as code, and what it all looks like."""

from dataclasses import dataclass, field

import numpy as np

from tinyalign.laws.diagnose import ALIKE, likenesses, other_readings, probes
from tinyalign.laws.judge import BROKEN, SILENT, UNJUDGED
from tinyalign.laws.law import Broken, NotApplicable
from tinyalign.laws.reduced import judge_reduced
from tinyalign.laws.signature import CannotCall
from tinyalign.laws.subject import CALL_LIMIT, WAIT_LIMIT, Subject, TookTooLong


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
    report.examples = {v.law.name: as_code(subject, module, v) for v in report.broken}
    if report.broken and report.exit_code == 1:
        other = readings(fn, method, conventions, subject, how)
        report.notes += other
        broken = [v.law.name for v in report.broken if not (reduced and v.law.name == "batch")]
        if broken and not other:
            report.diagnosis = diagnosis(Subject(fn, method, judged, **how), broken)
    return report


def answers_at_all(subject):
    """CannotCall if the function gives no number on any ordinary input."""
    reasons = []
    for x, p in probes(subject.method.name):
        try:
            with np.errstate(all="ignore"):
                subject(*x, **subject.settled(p))
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
    missing = [n for n in subject.fixed if n not in conventions]
    fixed = [
        f"{subject.label} has no parameter for {n}: taken as fixed at {subject.fixed[n]} "
        f"(declare with --convention {n}=…)."
        for n in missing
        if subject.fixed[n] is not None
    ]
    ours = {}
    for name, theirs in subject.parameters.items():
        ours.setdefault(theirs, []).append(name)
    return fixed + [
        f"{theirs} stands for {' and '.join(names)}: judged where they are equal."
        for theirs, names in ours.items()
        if len(names) > 1
    ]


def readings(fn, method, conventions, subject, how):
    """Sentences of the form: this is X, you declared Y."""
    said = []
    for other, declared in other_readings(fn, method, conventions, **how)[:3]:
        this = [other.name] if other is not method else []
        was = [method.name] if other is not method else []
        for c in other.conventions:
            new, old = declared.get(c.name, c.default), subject.conventions.get(c.name, c.default)
            if new != old:
                this.append(f"{c.choices[new]} ({c.name}={new})")
                was.append(c.choices[old])
        for name, old in subject.fixed.items():
            if declared.get(name, old) != old:
                this.append(f"{name}={declared[name]}")
                was.append(f"{name}={old}")
        if this:
            this, was = " and ".join(this), " and ".join(was)
            said.append(f"This is {this}; you declared {was}. Declared so, every law would hold.")
    return list(dict.fromkeys(said))


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


def as_code(subject, module, verdict):
    """The counterexample's calls as Python that can be pasted next to the function."""
    label = subject.label
    lines = [f"from {module} import {label}", "from numpy import array, nan, inf", ""]
    calls = list(dict.fromkeys(_call_as_code(subject, *call) for call in verdict.calls))
    lines += calls[:3]
    if len(calls) > 3:
        lines.append(f"# … and {len(calls) - 3} more calls (slopes by differences)")
    return "\n".join([*lines, f"# {verdict.message}"])


def _call_as_code(subject, arrays, numbers, result):
    arguments = [literal(a) for a in arrays] + written(subject, numbers)
    value = repr(result) if isinstance(result, Exception) else literal(np.asarray(result))
    return f"{subject.label}({', '.join(arguments)})\n# -> {value}"


def written(subject, numbers):
    """The numbers under the names that the function has for them."""
    theirs = {subject.parameters[k]: v for k, v in numbers.items() if k in subject.parameters}
    return [f"{k}={v.item() if isinstance(v, np.generic) else v!r}" for k, v in theirs.items()]


def literal(array):
    array = np.asarray(array)
    return repr(array.item()) if array.ndim == 0 else f"array({array.tolist()!r})"
