"""What is judged and as what: the function, the method, and all that was declared or read."""

from dataclasses import dataclass, field, replace
from itertools import islice

from tinyalign.laws.binding.signature import CannotCall, parameters_of
from tinyalign.laws.catalogue.general import BATCH
from tinyalign.laws.catalogue.layouts import WHITENED
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.check.sentences import pairs_of
from tinyalign.laws.diagnosis.diagnose import looks_like
from tinyalign.laws.harness.judge import (
    BROKEN,
    HOLDS,
    NEARLY,
    judge,
    judge_all,
    judge_leniently,
    without_shrinking,
)
from tinyalign.laws.harness.subject import OFFSET, Subject
from tinyalign.laws.reading.answers import require_an_answer, require_repeatable
from tinyalign.laws.reading.delta_inside import require_a_given_delta
from tinyalign.laws.reading.forms import fitting_form, forgets_the_shift
from tinyalign.laws.reading.precision import infer_precision
from tinyalign.laws.reading.probes import EXACT, answers_everywhere, is_right
from tinyalign.laws.reading.readings import (
    is_turned,
    other_conventions,
    other_methods,
    other_orders,
    with_offset,
)
from tinyalign.laws.reading.reduction import read_reduction
from tinyalign.laws.reading.slopeless import read_purpose
from tinyalign.laws.reading.whitened_inside import refuse_whitening

SHOWN = 3  # broken laws whose counterexample is made small
ALIKE = 8  # readings that the values do not tell apart, of which the laws are asked


@dataclass(frozen=True)
class Case:
    fn: object
    spec: object
    conventions: dict  # declared, and read from what it gives
    how: dict  # framework, dtype, label, order of the arrays
    declared: dict = field(default_factory=dict)  # by the user
    notes: tuple = ()  # what was read, one sentence each
    reduced: object = None
    reading: object = None  # the conventions under which its values are right

    def subject(self, **changes):
        return Subject(self.fn, self.spec, self.conventions | changes, **self.how)

    def noting(self, sentence, **changes):
        return replace(self, notes=(*self.notes, sentence) if sentence else self.notes, **changes)

    def verdicts(self, setting):
        """Every law; that of the batch by what was declared of it."""
        found = judge_all(
            self.fn, self.spec, self.conventions,
            setting=setting, judge_law=_sparing_judge(), **self.how,
        )  # fmt: skip
        if self.reduced.declared is None:
            return found
        declared = Subject(self.fn, self.spec, self.reduced.declared, **self.how)
        return [judge(v.law, declared, setting) if v.law.name == BATCH.name else v for v in found]


def _sparing_judge():
    """Makes the first counterexamples small, and no others: a reader looks at three."""
    broken = []

    def judge_law(law, subject, setting):
        now = setting if len(broken) < SHOWN else without_shrinking(setting)
        verdict = judge_leniently(law, subject, now)
        broken.extend([law] if verdict.status == BROKEN else [])
        return verdict

    return judge_law


def understand(fn, spec, conventions, how):
    """The case as it has to be judged: its precision, its reduction, its conventions, its order."""
    declared = conventions
    # before its form: what takes float32 only is not to be called in another form instead
    how, precise = infer_precision(fn, spec, conventions, how)
    conventions, formed = fitting_form(fn, spec, conventions, how)
    if formed and not precise:
        how, precise = infer_precision(fn, spec, conventions, how)
    require_an_answer(Subject(fn, spec, conventions, **how))
    require_repeatable(Subject(fn, spec, conventions, **how))
    require_a_given_delta(Subject(fn, spec, conventions, **how))
    reduced = read_reduction(fn, spec, conventions, **how)
    case = Case(fn, spec, reduced.conventions, how, declared, reduced=reduced)
    constant, purpose = read_purpose(case.subject(), declared)
    case = case.noting(formed).noting(precise).noting(purpose, how=how | constant)
    # exactly first, or an epsilon would pass for another one
    for tolerance in (EXACT, NEARLY):
        if is_right(case.subject(), tolerance):
            return case
        reading = _innocent_reading(case, tolerance)
        if reading is not None:
            return replace(case, conventions=reading.conventions, reading=reading)
    refuse_whitening(case.subject())
    return _read_further(case)


def understand_on_policy(fn, spec, conventions, how):
    """The same, but a surrogate that takes no old log-probs may be REINFORCE's loss."""
    case = understand(fn, spec, conventions, how)
    if "old_logp" not in case.subject().caller.substitutes or is_right(case.subject()):
        return case
    reinforce = BY_NAME["reinforce"]
    known = {c.name for c in reinforce.conventions}
    kept = {k: v for k, v in conventions.items() if k in known}
    other = understand(fn, reinforce, kept, how)
    if not is_right(other.subject()):
        return case
    return other.noting(
        f"It takes no old log-probs and has the values of REINFORCE: judged as reinforce, not as "
        f"{spec.name}."
    )


def _innocent_reading(case, tolerance):
    """Other conventions under which its values are right, if it is no bug to have them."""
    those = (case.fn, case.spec, case.conventions, tolerance)
    for reading in other_conventions(*those, **case.how):
        # what was declared is what it has to be; a turned sign is said, and is no excuse
        turned = is_turned(reading) and not _is_a_cap_by_default(case, reading)
        innocent = not turned and not set(reading.changed) & set(case.declared)
        if innocent and not forgets_the_shift(case.subject(**reading.changed)):
            return reading
    return None


def _is_a_cap_by_default(case, reading):
    """Whether the number is 1 or more by default: then the weight is meant to be capped at it."""
    if set(reading.changed) != {"cap"}:
        return False
    caller = case.subject().caller
    theirs = caller.parameters.get("clip_high", "")
    found = (parameters_of(caller.fn, caller.label) or {}).get(theirs)
    return isinstance(getattr(found, "default", None), int | float) and found.default >= 1


def read_by_laws(case, broken, setting):
    """The case under another convention that its values do not tell from this one, but laws do.

    Beside a deviation of 1 an epsilon of 1e-8 has no place; beside a deviation of 0 it has one.
    """
    if not is_right(case.subject()):
        return None
    readings = other_conventions(case.fn, case.spec, case.conventions, **case.how)
    for reading in islice(readings, ALIKE):
        subject = case.subject(**reading.changed)
        if is_turned(reading) or set(reading.changed) & set(case.declared):
            continue
        # a law that is silent there says nothing for it
        if all(judge_leniently(law, subject, setting).status == HOLDS for law in broken):
            changed = {**(case.reading.changed if case.reading else {}), **reading.changed}
            merged = replace(reading, changed=changed)
            return replace(case, conventions=reading.conventions, reading=merged)
    return None


def _read_further(case):
    """The case with its arrays in another order, or with a constant added."""
    those = (case.fn, case.spec, case.conventions)
    order = next(other_orders(*those, **case.how), None)
    if order is not None:
        _refuse_to_guess(case.subject(), order)
        return case.noting(_order_sentence(order), how={**case.how, "order": order})
    reading = None if OFFSET in case.declared else with_offset(*those, **case.how)
    if reading is not None:
        return replace(case, conventions=reading.conventions, reading=reading)
    return _read_as_whitened(case)


def _read_as_whitened(case):
    """Wrong advantages that are whitened at the end are judged as they were before."""
    if WHITENED not in case.spec.conventions or WHITENED.name in case.declared:
        return case
    way = {WHITENED.name: "yes"}
    if not answers_everywhere(case.subject(**way)):
        return case
    return case.noting(
        f"It whitens its advantages over the batch at the end, and is judged by what they were "
        f"before, as --convention {WHITENED.name}=yes has it.",
        conventions=case.conventions | way,
    )


def _refuse_to_guess(subject, order):
    """CannotCall where one order is right and the other a known bug: only a name can tell."""
    bug = looks_like(subject, [])
    if bug:
        names = ", ".join(order.values())
        raise CannotCall(
            f"the names {names} say nothing, and their order decides. The function is right with "
            f"{pairs_of(order)}, and has a known bug in the order of the method ({bug}). Name the "
            f"arrays as they are."
        )


def _order_sentence(order):
    return (
        f"The names say nothing, and this order makes it right: {pairs_of(order)}. With "
        f"another order it is wrong."
    )


def excuses(case):
    """Readings that are told and excuse nothing: turned signs, other methods, what was declared."""
    if is_right(case.subject()):
        return None
    those = (case.fn, case.spec, case.conventions)
    for find in (other_conventions, other_methods):
        reading = next(iter(find(*those, **case.how)), None)
        if reading is not None:
            return reading
    return None
