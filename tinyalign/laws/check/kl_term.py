"""The KL term of a policy-gradient loss, judged by itself: as k3, k2 or k1, whichever it is."""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.diagnosis.deviation import factor
from tinyalign.laws.diagnosis.diagnose import looks_like
from tinyalign.laws.diagnosis.wrong_arrays import is_idle
from tinyalign.laws.forms.kl_term import KLTerm, WithoutKL
from tinyalign.laws.harness.judge import BROKEN, HOLDS, NEARLY, Law, judge, judge_all
from tinyalign.laws.harness.law import law, show
from tinyalign.laws.harness.reproducer import as_code
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.reading.probes import fitted_probes, is_right, same
from tinyalign.laws.reading.readings import other_conventions

ESTIMATORS = ("k3", "k2", "k1")
ELSEWHERE = ((0.7, 0.0), (-0.7, 0.0), (0.7, 0.1), (-0.7, -0.1))  # advantage, gap to the old policy
MORE = "depends on the advantage or on the old log-probs: it is not judged as a KL term"
HOLDS_NOTHING = (
    "As a term of a loss k1 has an expected slope of 0: it holds nothing back (tinyalign museum "
    "k1_as_a_loss)."
)


def kl_term_is_an_estimator(loss, x, p):
    """the KL term is its weight times k1, k2 or k3 of policy and reference"""
    got, want = loss(*x, **p), {n: FORMULAS[n](*x) for n in ESTIMATORS}
    if not any(same(got, w) for w in want.values()):
        each = " or ".join(f"{show(w)} ({n})" for n, w in want.items())
        raise Broken(f"gives {show(got)}, want {each}")


IS_ONE = law(kl_term_is_an_estimator, "KL-term")


@dataclass
class KLVerdict:
    """What is added to the report on the loss."""

    verdicts: list = field(default_factory=list)
    examples: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    diagnosis: str = ""
    undecided: str = ""


def judge_kl_term(subject, case, setting, module):
    """The KLVerdict of a loss that has such a term; None of any other."""
    if not isinstance(subject.caller.fn, WithoutKL):
        return None
    term = KLTerm(subject)
    how = {k: v for k, v in case.how.items() if k != "order"}
    conventions = {"reduction": subject.reduction} | term.conventions
    twins = {n: Subject(term, BY_NAME[n], conventions, **how) for n in ESTIMATORS}
    name = next((n for n, twin in twins.items() if is_right(twin)), None)
    if name is None:
        return _unlike_all(twins, conventions, how, setting, module)
    if depends_on_more(subject, twins[name], conventions, how):
        return KLVerdict(undecided=f"What {subject.caller.fn.reference} adds {MORE}.")
    found = judge_all(term, BY_NAME[name], conventions, setting=setting, **how)
    broken = [v for v in found if v.status == BROKEN]
    held = sum(v.status == HOLDS for v in found)
    notes = [f"Its KL term is {name}: {held} laws of {name} hold, {len(broken)} broken."]
    notes += [HOLDS_NOTHING] if name == "k1" else []
    return KLVerdict(*_of_the_term(broken, twins[name], module), notes)


def depends_on_more(subject, twin, conventions, how):
    """Whether what the reference adds to the loss changes with the advantage or the ratio."""
    for advantage, gap in ELSEWHERE:
        other = Subject(KLTerm(subject, advantage, gap), twin.spec, conventions, **how)
        for (logp, ref), p in fitted_probes(twin):
            with suppress(Broken, NotApplicable, OutOfDomain):
                added = other.own_value(logp, ref, **p) - other.own_value(logp, logp, **p)
                if not same(added, twin.own_value(logp, ref, **p), _rounding(twin)):
                    return True
    return False


def _rounding(twin):
    return NEARLY if twin.dtype == "float64" and not twin.single else 1e-3


def _unlike_all(twins, conventions, how, setting, module):
    """Broken where it is plain what it is instead; undecided where it may be anything."""
    idle = without_a_reference(twins["k3"])
    said = idle or next(
        filter(None, (_what_it_is(t, conventions, how) for t in twins.values())), ""
    )
    if not said:
        return KLVerdict(undecided="Its KL term has the values of none of k1, k2 and k3: the term "
                                   "is not judged.")  # fmt: skip
    verdict = judge(Law(IS_ONE, twins["k3"].spec), twins["k3"], setting)
    return KLVerdict(*_of_the_term([verdict], twins["k3"], module), diagnosis=said)


def without_a_reference(twin):
    """One sentence where the reference does not enter, such as for a KL to the old policy."""
    if not is_idle(twin, twin.spec.arrays.index("ref_logp")):
        return ""
    reference = twin.given.whole.reference
    return f"Its KL term does not depend on {reference}: take the difference to {reference}."


def _of_the_term(broken, twin, module):
    """(verdicts, examples) under names that say what they are about."""
    named = [replace(v, law=Law(_renamed(v.law.statement), v.law.spec)) for v in broken]
    return named, {v.law.name: as_code(twin, module, v.calls, v.message) for v in named}


def _renamed(statement):
    return replace(statement, name=f"{statement.name} (KL term)")


def _what_it_is(twin, conventions, how):
    """One sentence on the estimator that it is in another direction, by a factor, or as a bug."""
    term, spec = twin.given, twin.spec
    for reading in other_conventions(term, spec, conventions, **how):
        if "direction" in reading.changed:
            return (
                f"Its KL term is {spec.name} with policy and reference swapped: right for tokens "
                f"of the reference, wrong for the policy's own. Swap the two log-probs."
            )
    said = factor(twin, []) or looks_like(twin, [])
    return f"Of its KL term as {spec.name}: {said}" if said else ""
