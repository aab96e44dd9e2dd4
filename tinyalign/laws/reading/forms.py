"""In which form a function takes its arrays, where its names do not say it: by its values."""

from itertools import product

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.array_forms import LAYOUT, ONE_ROW
from tinyalign.laws.catalogue.conventions import REDUCTION
from tinyalign.laws.forms.texts import FromLogits, Spans
from tinyalign.laws.harness.subject import Subject
from tinyalign.laws.reading.probes import fitted_probes, is_right, value_at
from tinyalign.laws.reading.reduction import is_pile_of_examples

SHIFTING = ("token_logp", "sequence_logp", "cross_entropy", "dft")  # they shift logits and ids
READ = ("input_ids", "token_ids", "tokens", "sequences")  # what the model has read: never shifted


def fitting_form(fn, spec, conventions, how):
    """(conventions, a sentence or ""): the first form under which its values are right.

    Where they are right in none: the first in which a batch is its examples; where it gives no
    number in the form of the method, the first in which it gives some.
    """
    open_ones = [c for c in spec.conventions if c.name not in conventions]
    forms = [c for c in open_ones if c.form]
    # which prompts are one group no value tells: only what cannot be called otherwise is read so
    layouts = [c for c in open_ones if c in (LAYOUT, ONE_ROW)]
    for fits, which in ((_is_right, forms), (_is_pile, forms), (answers, forms + layouts)):
        for way in _ways(which):
            subject = next(
                (s for s in _subjects(fn, spec, conventions | way, how) if fits(s)), None
            )
            if subject and "aligned" not in conventions and forgets_the_shift(subject):
                return conventions, ""
            if subject:
                return _chosen(which, conventions, way)
    return conventions, ""


def forgets_the_shift(subject):
    """Whether it takes logits[t] for a token read at t; CannotCall where that is unclear."""
    if subject.conventions.get("aligned") != "yes" or subject.spec.name not in SHIFTING:
        return False
    fn, arrays = subject.caller.fn, subject.caller.binding.arrays or {}
    texts = fn if isinstance(fn, FromLogits | Spans) else None
    logits, ids = (texts.logits, texts.taken) if texts else (arrays["logits"], arrays["ids"])
    if texts and texts.masked and ids.startswith("label") and "shift" not in logits:
        raise CannotCall(
            f"{subject.label} takes {logits}[t] for {ids}[t]. That is right if its caller has "
            f"shifted the two, and a forgotten shift if not: say which with --convention "
            f"aligned=yes or aligned=no."
        )
    return ids in READ


def forgotten_shift(case):
    """The sentence for a function that is right but for that; "" for any other."""
    aligned = case.spec.name in SHIFTING and _is_right(case.subject(aligned="yes"))
    if not aligned or _is_right(case.subject()):
        return ""
    return (
        "It takes logits[t] for the token at t, which the model has read when it gives them: score "
        "ids[:, 1:] with logits[:, :-1]."
    )


def _ways(forms):
    """{name: choice} for all of them, the defaults first; none where there is no form."""
    options = [[c.default, *(v for v in c.choices if v != c.default)] for c in forms]
    for values in product(*options) if forms else ():
        yield {c.name: value for c, value in zip(forms, values, strict=True)}


def _chosen(forms, conventions, way):
    other = {c.name: way[c.name] for c in forms if way[c.name] != c.default}
    said = [f"{c.choices[way[c.name]]} ({c.name}={way[c.name]})" for c in forms if c.name in other]
    return conventions | other, f"It is read as taking {' and '.join(said)}." if said else ""


def _subjects(fn, spec, conventions, how):
    """The function under each reduction that it may have."""
    free = REDUCTION in spec.conventions and "reduction" not in conventions
    for reduction in REDUCTION.choices if free else (None,):
        reduced = {} if reduction is None else {"reduction": reduction}
        try:
            yield Subject(fn, spec, conventions | reduced, **how)
        except CannotCall:  # said later, in the form of the method
            return


def _is_right(subject):
    """One row at a time a wrong form may pass: (1,) is as good as (1, 1)."""
    return is_right(subject) and (subject.spec.cells is None or is_pile_of_examples(subject))


def _is_pile(subject):
    """Whether it is wrong in this form, but not by the form."""
    return subject.spec.cells is not None and answers(subject) and is_pile_of_examples(subject)


def answers(subject):
    """Whether it gives a number of the right shape on most probes."""
    values = [value_at(subject, x, p) for x, p in fitted_probes(subject)]
    return sum(v is not None for v in values) > len(values) / 2
