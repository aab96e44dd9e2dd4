"""Try one law, or all laws of a method, on one function."""

import inspect
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable

from tinyalign.laws.harness.draws import QUIET, examples_of, repeatable_settings
from tinyalign.laws.harness.law import use_precision, use_slack
from tinyalign.laws.harness.limits import TookTooLong
from tinyalign.laws.harness.reproducer import as_code
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain

MOODY = "gives different answers for the same input"
HOLDS, BROKEN, SILENT, UNJUDGED = "holds", "broken", "does not apply", "could not be judged"
REFUSED = "raises AssertionError"  # an input that it asserts not to take is outside its domain
NEARLY = 1e-5  # relative: smaller errors are no bug, but an epsilon or a constant in float32


def without_shrinking(setting):
    """The same, but the first input found is not made smaller, which takes most of the time."""
    return settings(setting, phases=[p for p in setting.phases if p is not Phase.shrink])


@dataclass(frozen=True)
class Verdict:
    law: object
    status: str
    message: str = ""
    calls: list = field(default_factory=list)  # (arrays, numbers, result) of the counterexample
    inputs: dict = field(default_factory=dict)  # what the law drew
    gap: float = 0.0  # relative: by how much it is broken, or holds only nearly


def judge(law, subject, setting=None):
    """One law on one subject: a Verdict, whatever the function does."""
    if not law.applies(subject):
        return Verdict(law, SILENT, f"only where {law.condition} is declared")
    # the latest drawn input, which is the smallest one once Hypothesis has shrunk it
    seen = {}
    try:
        _search(law, subject, setting or repeatable_settings(), seen)
    except TookTooLong:
        return Verdict(law, UNJUDGED, "one call did not come back in time", subject.calls[:])
    except Broken as error:
        message = _message_for_one_row(law, subject, seen) or str(error)
        return Verdict(law, BROKEN, message, subject.calls[:], dict(seen), error.gap)
    except NotApplicable as error:
        return Verdict(law, SILENT, str(error))
    except Unsatisfiable:
        return Verdict(law, SILENT, "no input fits the numbers that the function fixes")
    # the same input was tried twice and got two answers
    except Flaky:
        return Verdict(law, BROKEN, MOODY, gap=np.inf)
    return Verdict(law, HOLDS)


def judge_leniently(law, subject, setting=None):
    """As `judge`; a law that is broken by less than NEARLY holds, and the gap says so."""
    with use_slack(NEARLY) as passed:
        verdict = judge(law, subject, setting)
    return replace(verdict, gap=max(passed, default=0.0)) if verdict.status == HOLDS else verdict


def _search(law, subject, setting, seen):
    """Look for inputs that break the law among those of its method, then for the smallest."""
    fitting = 0
    for drawn in law.examples(subject, setting.max_examples):
        try:
            fitting += _try(law, subject, drawn, seen)
        except Broken:
            if Phase.shrink in setting.phases:
                _run(law, subject, setting, seen)
            _try(law, subject, drawn, seen)
            raise Flaky(MOODY) from None
    if not fitting:
        raise NotApplicable("no input fits the form that the function takes")


def _run(law, subject, setting, seen):
    """Let Hypothesis look for inputs that break the law."""

    @setting
    @given(st.fixed_dictionaries(law.inputs(subject)))
    def the_law_holds(drawn):
        _try(law, subject, drawn, seen)

    the_law_holds()


def _try(law, subject, drawn, seen):
    """The law on one drawn input, whose calls are kept; whether the input fits the function."""
    subject.calls.clear()
    seen.clear()
    seen.update(drawn)
    drawn = {**drawn, "x": tuple(as_dtype(a, subject.dtype) for a in drawn["x"])}
    # A verdict must not depend on whether somebody's settings turn warnings into errors.
    with np.errstate(all="ignore"), warnings.catch_warnings(), use_precision(subject.dtype):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            law.statement.check(subject, **drawn)
        except OutOfDomain:
            return False
        except Broken as error:
            if str(error).startswith(REFUSED):
                return False
            raise
    return True


def _message_for_one_row(law, subject, seen):
    """The message for a single row of the counterexample, if one row breaks the law too.

    Hypothesis removes rows it happens to try; this tries each.
    """
    drawn, several = dict(seen), subject.calls[:]
    cells = subject.spec.cells(drawn["x"]) if subject.spec.cells else []
    # one example is easier to read than two
    for cell in cells if len(cells) > 1 else []:
        try:
            _try(law, subject, {**drawn, "x": cell}, seen)
        except Broken as error:
            return str(error)
        except (NotApplicable, TookTooLong):
            break
    seen.update(drawn)
    subject.calls[:] = several
    return None


def as_dtype(array, dtype):
    """The value that survives the round trip through dtype, in float64."""
    array = np.asarray(array)
    return array.astype(dtype).astype(float) if array.dtype.kind == "f" else array


def judge_all(fn, spec, conventions=None, *, setting=None, judge_law=judge, **how):
    """Every law of the method on fn, simplest first."""
    subject = Subject(fn, spec, conventions, **how)
    verdicts = []
    for law in laws_for(spec):
        verdicts.append(judge_law(law, subject, setting))
        if verdicts[-1].status == UNJUDGED:
            break  # a function that hangs would hang in every law
    return verdicts


@dataclass(frozen=True)
class Law:
    """A statement bound to a method: call it with a function and it asserts."""

    statement: object
    spec: object

    @property
    def name(self):
        return self.statement.name

    @property
    def ref(self):
        return self.statement.ref

    @property
    def sentence(self):
        return self.statement.sentence

    @property
    def condition(self):
        return ", ".join(f"{k}={v}" for k, v in self.statement.when.items())

    def __repr__(self):  # pytest prints it as the test's id
        return f"{self.spec.name}-{self.name}"

    def applies(self, subject):
        # float32 is declared like a convention, and is none
        named = {**subject.conventions, "dtype": subject.dtype}
        return all(named.get(k) == v for k, v in self.statement.when.items())

    def inputs(self, subject):
        """Strategies for the arrays x, the numbers p, and what else the law wants."""
        p = st.fixed_dictionaries(self.spec.numbers).map(subject.apply_fixed_numbers)
        x = self.spec.draw.map(lambda arrays: self._fitted(subject, arrays))
        return self._wanted({"x": x, "p": p, **self.statement.extras})

    def examples(self, subject, count):
        """Ready-made inputs, by name."""
        for x, p, extras in examples_of(self, count):
            p = subject.apply_fixed_numbers(p)
            yield self._wanted({"x": self._fitted(subject, x), "p": p, **extras})

    def _wanted(self, offered):
        # a law names what it wants, as a test names its fixtures
        wanted = inspect.signature(self.statement.check).parameters
        return {n: s for n, s in offered.items() if n == "x" or n in wanted}

    def _fitted(self, subject, arrays):
        """The arrays, with what the function fixes; one example where it reduces several.

        A mean says what it does to one example when it is given one; that it is the mean of them is
        a law of its own.
        """
        arrays = subject.apply_fixed_arrays(arrays)
        if subject.reduction == "none" or self.statement.of_batch:
            return arrays
        return subject.spec.cells(arrays)[0]

    def __call__(self, fn, *, framework="numpy", dtype="float64", **conventions):
        """AssertionError with the smallest counterexample, under the active Hypothesis profile.

        returns  whether the law applies
        """
        __tracebackhide__ = True  # of pytest
        subject = Subject(fn, self.spec, conventions, framework=framework, dtype=dtype)
        if not self.applies(subject):
            return False
        try:
            _run(self, subject, _without_deadline(settings()), {})
        except (NotApplicable, Unsatisfiable):
            return False
        except Flaky:
            raise Broken(f"{subject.label} {MOODY}.") from None
        except Broken as error:
            # a built-in callable may name no module
            module = getattr(fn, "__module__", "yours")
            code = as_code(subject, module, subject.calls, str(error))
            sentence = f"{subject.label} breaks {self.name}: {self.sentence}. {error}"
            raise Broken(f"{sentence}\n\n{code}") from None
        return True


def _without_deadline(active):
    """The active settings without a deadline: a first call that compiles is no less right.

    Without the phase that explains: it takes as long as the search, and the report says as much.
    """
    phases = [p for p in active.phases if p is not Phase.explain]
    return settings(active, phases=phases, suppress_health_check=QUIET, deadline=None)


def laws_for(spec):
    return [Law(statement, spec) for statement in spec.laws]
