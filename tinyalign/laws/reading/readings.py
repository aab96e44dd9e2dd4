"""What else a function may be: other conventions, another order of its arrays, another method.

A reading is found by values: it is one if the function gives, under it, what the method gives on
every probe. Whether it then keeps the laws is for the laws to say.
"""

from dataclasses import dataclass
from itertools import islice, permutations, product

import numpy as np

from tinyalign.laws.binding.roles import says_nothing
from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.array_forms import COMPLETIONS, ONE_ROW
from tinyalign.laws.catalogue.table import METHODS
from tinyalign.laws.harness.judge import NEARLY
from tinyalign.laws.harness.subject import OFFSET, Subject
from tinyalign.laws.outcomes import Broken
from tinyalign.laws.reading.probes import comparisons, fitted_probes, is_right, right_value, same

BETAS = (0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0, 2.0, 2.5)
CLIPS = (0.2, 0.1, 0.3, 0.28)
GUESSES = {  # numbers that libraries fix inside; the name of another number: the same as that
    "ddof": (1, 0),
    "eps": (1e-4, 1e-5, 1e-6, 1e-8, 1e-3),
    "shift_mean": (True, False),
    "clip_dual": (3.0, 2.0, 5.0, 10.0),
    "clip_low": (*CLIPS, "clip_high", 3e-4),
    "clip_high": (*CLIPS, 4e-4),
    "clip": CLIPS,
    "beta": BETAS,
    "tau": BETAS,
    "lam": (*BETAS, 0.95, 0.9),
    "alpha": BETAS,
    "weight": BETAS,
    "delta": (1.0, 0.0),
    "flip": (0.0, 0.1, 0.2),
    "gamma": (1.0, 0.99, 0.5, 0.0),
}
# choices that turn a sign or a direction, or that are a known bug where they were not meant
TURNED = {
    ("direction", "ref_policy"), ("sign", "objective"), ("cap", "absolute"),
    ("layout", "one_prompt"), ("layout", "one_column"), ("tau_means", "target"),
    ("logp_per", "token"),
}  # fmt: skip
AT_MOST = 1500  # combinations to try


@dataclass(frozen=True)
class Reading:
    spec: object
    conventions: dict
    changed: dict  # what differs from what was declared, or from the defaults


def is_turned(reading):
    return bool(TURNED & set(reading.changed.items()))


def other_conventions(fn, spec, conventions, tolerance=NEARLY, **how):
    """Readings as the declared method, those that change least first."""
    for changed in islice(_changes(fn, spec, conventions, how), AT_MOST):
        if _fits(fn, spec, {**conventions, **changed}, how, tolerance):
            yield Reading(spec, {**conventions, **changed}, changed)


def other_methods(fn, spec, conventions, **how):
    """Readings as another method with the same arrays: DPO taken for IPO, for example."""
    taken = _parameters(fn, spec, conventions, how)
    for other in METHODS:
        if other.arrays != spec.arrays or other is spec:
            continue
        known = {c.name for c in other.conventions} | set(other.numbers)
        kept = {k: v for k, v in conventions.items() if k in known or "." in k}
        # with a number of its own left at one value it is that method only there
        if not taken <= _parameters(fn, other, kept, how):
            continue
        if _fits(fn, other, kept, how):
            yield Reading(other, kept, {})
        yield from other_conventions(fn, other, kept, **how)


def _parameters(fn, spec, conventions, how):
    """Their parameters that are numbers of the method; none where it cannot be called so."""
    try:
        return {*Subject(fn, spec, conventions, **how).caller.parameters.values()}
    except CannotCall:
        return set()


def _fits(fn, spec, conventions, how, tolerance=NEARLY):
    try:
        return is_right(Subject(fn, spec, conventions, **how), tolerance)
    except CannotCall:
        return False


def _changes(fn, spec, conventions, how):
    """{name: value} of every combination of choices, the fewest changes first."""
    try:
        subject = Subject(fn, spec, conventions, **how)
    except CannotCall:  # a number that must be declared: any of its values is a guess
        subject = None
    # in which form it takes its tokens is found before
    rows = (ONE_ROW, COMPLETIONS)
    table = {c.name: c for c in spec.conventions if c.undo is not None and c not in rows}
    options = {}
    for name, convention in table.items():
        now = conventions.get(name, convention.default)
        options[name] = [now, *(v for v in convention.choices if v != now)]
    for name in spec.numbers:
        fixed = subject is None or (name in subject.caller.fixed and _matters(subject, name))
        if name in GUESSES and fixed:
            now = conventions.get(name, spec.defaults.get(name))
            options[name] = [now, *(v for v in GUESSES[name] if v != now and v != name)]
    # one change, then two, then three: a loss rarely differs in more ways at once
    for count in (1, 2, 3):
        yield from _combinations(options, count)


def _matters(subject, name):
    """Whether the right values depend on a number: at ratio 1 no clip does."""
    for x, p in fitted_probes(subject):
        others = [v for v in GUESSES.get(name, ()) if not isinstance(v, str)]
        values = [right_value(subject, x, p | {name: v}) for v in others]
        if any(not same(values[0], v) for v in values[1:]):
            return True
    return False


def _combinations(options, count):
    for names in _subsets(list(options), count):
        for values in product(*(options[n][1:] for n in names)):
            yield dict(zip(names, values, strict=True))


def _subsets(names, count):
    if count == 0:
        yield []
        return
    for i, name in enumerate(names):
        for rest in _subsets(names[i + 1 :], count - 1):
            yield [name, *rest]


def constant_difference(subject):
    """What a loss adds to the right value, if that is one number everywhere; else None."""
    found = [
        np.ravel(got - want)
        for _, _, got, want in comparisons(subject)
        if got is not None and np.all(np.isfinite(want))
    ]
    if len(found) < 4 or not subject.spec.is_loss or not np.any(np.concatenate(found)):
        return None
    every = np.concatenate(found)
    # rounded, so that it can be typed
    constant = float(np.round(np.median(every), 6))
    return constant if np.allclose(every, constant, rtol=1e-4, atol=1e-5) and constant else None


def with_offset(fn, spec, conventions, **how):
    """The reading that it is right but for a constant, or None."""
    constant = constant_difference(Subject(fn, spec, conventions, **how))
    if constant is None:
        return None
    return Reading(spec, {**conventions, OFFSET: constant}, {OFFSET: constant})


def other_orders(fn, spec, conventions, **how):
    """Orders of the arrays that no name decided, under which the values are right."""
    subject = Subject(fn, spec, conventions, **how)
    guessed = subject.caller.binding.by_position
    arrays = [a for a in spec.arrays if a in guessed and says_nothing(guessed[a], spec.arrays)]
    names = [guessed[a] for a in arrays]
    for order in permutations(names):
        if list(order) == names:
            continue
        chosen = dict(zip(arrays, order, strict=True))
        try:
            if is_right(Subject(fn, spec, conventions, **how, order=chosen)):
                yield chosen
        except (CannotCall, Broken):
            continue
