"""How to call somebody's function: which of their parameters is which of ours."""

import inspect
from dataclasses import dataclass, field

from tinyalign.laws.binding.holders import attributes_read, holders_of
from tinyalign.laws.binding.keywords import ANY, keywords_read, unread_parameters
from tinyalign.laws.binding.needs import OPEN, left_over_message, missing_message
from tinyalign.laws.binding.number_names import SELDOM, called
from tinyalign.laws.binding.parameter_names import (
    HOLDS,
    is_mask,
    is_setting,
    names_array,
    names_setting,
    parts,
)
from tinyalign.laws.binding.roles import contradicts, match_by_name, roles

# a critic's values now, where those at sampling are called values
PREDICTED = ("vpreds", "vpred", "new_values", "newvalue", "value_preds")
# what a critic is to predict
TARGETS = ("target_value", "target_values", "value_target", "value_targets", "targets", "target")


class CannotCall(Exception):
    """Says in one sentence why the function cannot be called as the method it is declared to be."""


KINDS = inspect.Parameter
POSITIONAL = (KINDS.POSITIONAL_ONLY, KINDS.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Binding:
    """Our names -> theirs."""

    numbers: dict
    arrays: dict | None = None  # None: all of them, by position
    arrays_first: bool = True  # whether the arrays are their first parameters, in our order
    missing: tuple = ()  # arrays they do not take, which can be filled in
    mask: str | None = None  # their parameter for a mask, where ours has none
    by_position: dict = field(default_factory=dict)  # the part that no name decided
    holders: dict = field(default_factory=dict)  # their config or self -> what they read from it
    by_alias: dict = field(default_factory=dict)  # the arrays with other names than ours
    unread: tuple = ()  # what they require and never read


def match(fn, spec, label, optional=(), order=None, declared=(), words=()):
    """The Binding of fn's parameters to the method's arrays and numbers, or CannotCall.

    Arrays go by name, the others by position, but never to a parameter that is a setting. A number
    goes by keyword when the name or an alias is there, else by position while positions are left.
    What was declared comes first: beta="temperature" is the parameter of that name.
    """
    if (parameters := parameters_of(fn, label)) is None:
        return Binding({name: name for name in spec.numbers})
    positional = [n for n, q in parameters.items() if q.kind in POSITIONAL]
    # a per-token loss may want a mask that ours does not have: filled with ones
    masks = [n for n in parameters if spec.takes_mask and is_mask(parameters[n], spec.arrays)]
    held = {n: attributes_read(fn, n) for n in holders_of(fn, parameters, spec.arrays)}
    aside = [*masks, *held, *words]  # these are no arrays and no numbers
    arrays, by_position = _bind_arrays(spec, parameters, positional, aside, order or {})
    taken = positional[: len(spec.arrays)] if arrays is None else list(arrays.values())
    missing = tuple(a for a in spec.arrays if arrays is not None and a not in arrays)
    if not {*missing} <= {*optional}:
        raise CannotCall(missing_message(label, spec, parameters, taken, missing))
    spare = [n for n in parameters if n not in (*taken, *aside)]
    unread, known = unread_parameters(fn, spare), _held_numbers(spec, held)
    by_place = [n for n in spare if n in positional and n not in unread]
    numbers, more = _match_numbers(spec, spare, by_place, parameters, known)
    numbers |= _open_numbers(spec, keywords_read(fn, parameters), numbers)
    numbers |= _declared_numbers(spec, parameters, declared)
    left = [n for n in spare if n not in numbers.values() and _is_required(parameters[n])]
    if not {*left} <= {*unread}:
        raise CannotCall(left_over_message(label, spec, taken, left))
    first = arrays is None or taken == positional[: len(taken)]
    guessed, mask = by_position | more, next(iter(masks), None)
    names = _named_otherwise(arrays or {}, guessed)
    return Binding(numbers, arrays, first, missing, mask, guessed, held, names, left)


def _bind_arrays(spec, parameters, positional, aside, order):
    """As `_match_arrays`; (None, {}) for a function that takes whatever comes, in our order."""
    open_to_all = any(q.kind is KINDS.VAR_POSITIONAL for q in parameters.values())
    # named ones before *args are what their names say
    if open_to_all and not match_by_name(spec.arrays, positional):
        return None, {}
    unknown = [n for n in order.values() if n not in parameters]
    if unknown:
        raise CannotCall(f"there is no parameter {unknown[0]}; there are {', '.join(parameters)}.")
    by_name = [n for n, q in parameters.items() if _only_by_name(q)]
    return _match_arrays(spec, parameters, positional + by_name, aside, order)


def _only_by_name(parameter):
    """Whether it is an array that has to be given by its name."""
    by_name = parameter.kind is KINDS.KEYWORD_ONLY and _is_required(parameter)
    return by_name and names_array(parameter.name)


def _named_otherwise(arrays, guessed):
    """The arrays that have another name than ours, and one that says which they are."""
    return {a: n for a, n in arrays.items() if n not in (a, a + "s") and a not in guessed}


def _declared_numbers(spec, parameters, declared):
    """{our number: their parameter} where somebody has said it."""
    said = {n: v for n, v in dict(declared).items() if n in spec.numbers and isinstance(v, str)}
    said = {n: v for n, v in said.items() if v not in spec.numbers}  # one number as another
    for number, name in said.items():
        if name.split(".")[0] not in parameters:
            raise CannotCall(f"--convention {number}={name}: want a number, or a parameter.")
    return said


def _held_numbers(spec, holders):
    """{our number: holder.attribute} for what is read from a config or from self."""
    found = {}
    for holder, read in holders.items():
        for number in spec.numbers:
            names = called(spec.name, number, read)
            if names:
                found.setdefault(number, f"{holder}.{names[0]}")
    return found


def _open_numbers(spec, read, found):
    """{our number: the name by which it goes into **kwargs} for those that are nowhere else."""
    if read is ANY:
        return {n: n for n in spec.numbers if n not in found and (spec.name, n) not in SELDOM}
    names = {n: called(spec.name, n, read) for n in spec.numbers}
    return {n: some[0] for n, some in names.items() if some and n not in found}


def parameters_of(fn, label):
    """Their parameters by name; None for a built-in without a readable signature."""
    if inspect.isclass(fn):
        raise CannotCall(
            f"{label} is a class: give an instance, with a line such as loss = {label}(…) in the "
            f"file and FILE.py:loss."
        )
    if not callable(fn):
        raise CannotCall(f"{label} is {type(fn).__name__!r}, not a function.")
    try:
        parameters = inspect.signature(fn).parameters
        # torch.nn.Module and np.vectorize hide their arguments behind *args and **kwargs
        hidden = all(q.kind in OPEN for q in parameters.values())
        inner = getattr(fn, "forward", getattr(fn, "pyfunc", None)) if hidden else None
        return parameters if inner is None else inspect.signature(inner).parameters
    except (TypeError, ValueError):
        return None


def _match_arrays(spec, parameters, positional, aside, order):
    """({our array: their parameter}, those of them that only the position decided)."""
    named = _named_arrays(spec, parameters, positional) | order
    free = _open_to_arrays(spec, parameters, {*named.values(), *aside})
    # then what says the same in other words: log_prob for logp
    named = match_by_name([a for a in spec.arrays if a not in named], free) | named
    free = [n for n in free if n in positional and n not in named.values()]
    wanted = [a for a in spec.arrays if a not in named]
    if len(free) > len(wanted):  # too many: what has its own name elsewhere is no guess here
        free = [n for n in free if n not in HOLDS]
    # what may be left out, and has no array's name, is none by its place: a process group
    free = [n for n in free if _is_required(parameters[n]) or names_array(n)]
    # a ratio of probabilities is no log-probability
    ratios = any("ratio" in parts(a) for a in spec.arrays)
    free = [n for n in free if ratios or "ratio" not in parts(n)]
    pairs = zip(wanted, free, strict=False)
    by_position = {a: n for a, n in pairs if not contradicts(a, n, spec.arrays, positional)}
    both = named | by_position
    return {a: both[a] for a in spec.arrays if a in both}, by_position | order


def _named_arrays(spec, parameters, positional):
    """{our array: their parameter} of our name, its plural, or a critic's words for it."""
    named = {a: n for a in spec.arrays for n in (a + "s", a) if n in parameters}
    targets = [n for n in TARGETS if n in parameters]
    if targets and {"value", "returns"} <= {*spec.arrays}:
        named = {"returns": targets[0]} | named
    predicted = [n for n in PREDICTED if n in parameters]
    if predicted and "old_value" in spec.arrays:  # the values beside a prediction are the old ones
        arrays = [n for n in positional if names_array(n) and n not in PREDICTED]
        beside = [n for n in arrays if roles(n) == {"value"}]
        old = named.get("old_value", beside[0] if len(beside) == 1 else None)
        named |= {"value": predicted[0]} | ({"old_value": old} if old else {})
    return named


def _open_to_arrays(spec, parameters, taken):
    """Their parameters that may be arrays, in their order."""
    # names of numbers, which no array takes
    ours = {name for n in spec.numbers for name in called(spec.name, n, parameters)}
    return [
        n
        for n, q in parameters.items()
        if n not in taken
        and n not in ours
        and q.kind not in OPEN
        and not is_setting(q, spec.arrays)
    ]


def _is_required(parameter):
    """Whether a call must give it a value."""
    return parameter.default is KINDS.empty and parameter.kind not in OPEN


def _match_numbers(spec, spare, by_place, parameters, known):
    """({our number: their parameter}, those of them that only the position decided).

    by_place  parameters that may be a number by their position
    known     those that are read from a config or from self
    """
    numbers = spec.numbers
    by_name = dict(known)
    for name in numbers:
        names = called(spec.name, name, spare)
        names = [n for n in names if n == name or n not in numbers]
        if names:
            by_name[name] = names[0]
    # what is left over goes by position: required parameters with names we do not know
    unnamed = [n for n in numbers if n not in by_name and (spec.name, n) not in SELDOM]
    used = set(by_name.values())
    open_positions = [n for n in by_place if n not in used]
    required = [n for n in open_positions if _is_required(parameters[n])]
    # discount_t is a number a step
    empty = [n for n in required if not (names_array(n) or n.endswith(("_t", "_tm1")))]
    if any(names_setting(n) and not _is_required(parameters[n]) for n in open_positions):
        empty = []  # they have a setting that is none of ours: what is left over may be anything
    by_position = dict(zip(unnamed, empty, strict=False))
    return by_name | by_position, by_position
