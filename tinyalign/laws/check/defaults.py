"""The options of a function that no law varies: each was judged at one value only."""

import numpy as np

from tinyalign.laws.binding.holders import attributes_read, bound_method, own_value
from tinyalign.laws.binding.number_names import SELDOM, called
from tinyalign.laws.binding.parameter_names import names_array
from tinyalign.laws.binding.signature import parameters_of
from tinyalign.laws.catalogue.formulas import FORMULAS
from tinyalign.laws.catalogue.table import BY_NAME
from tinyalign.laws.reading.probes import probes, same


def options_at_default(caller):
    """{option: its default} for each number, switch or word that no law varies and nobody set."""
    binding = caller.binding
    taken = {*binding.numbers.values(), *(binding.arrays or {}).values()}
    taken |= {*caller.held, *caller.words}
    taken |= {getattr(caller.fn, "filled", "")}  # what a wrapper fills for each input
    found = {n: q.default for n, q in (parameters_of(caller.fn, caller.label) or {}).items()}
    found |= _attributes_of_instance(caller)
    for holder, read in binding.holders.items():
        found |= {f"{holder}.{n}": own_value(caller.fn, holder, n) for n in read}
    taken |= {binding.mask, *binding.holders}
    return {n: v for n, v in found.items() if n not in taken and _is_option(n, v)}


def _is_option(name, value):
    """A number, a switch, a word, or an array that may be left out."""
    return isinstance(value, int | float | str) or (value is None and names_array(name))


def _attributes_of_instance(caller):
    """{self.name: value} of what the method of an instance reads and no other sentence tells."""
    method = bound_method(caller.fn)
    if method is None:
        return {}
    names = attributes_read(method, "self")
    told = {name for n in caller.fixed for name in called(caller.spec.name, n, names)}
    names = [n for n in names if n not in told]
    return {f"self.{n}": getattr(method.__self__, n, None) for n in names}


def default_sentences(caller, options):
    """For each option at its default: what was not judged, and how to have it judged."""
    left_out = [n for n, v in options.items() if v is None]
    said = [f"{n} was left out: nothing is said about what it does." for n in left_out]
    return said + [
        f"{name} stayed at {'' if '.' in name else 'its default '}{value!r}: nothing is said "
        f"about other values. {_other_values(caller, name, value)}"
        for name, value in options.items()
        if value is not None
    ]


def _other_values(caller, name, value):
    """How another value is judged: as a method that has this number, as a number, or by hand."""
    spec, is_number = caller.spec, not isinstance(value, bool | str)
    if name.startswith("self.") and "self" not in caller.binding.holders:
        return "An instance with another value is judged at that value."
    related = methods_with(spec, name.rpartition(".")[2], value) if is_number else []
    if related:
        return f"{' or '.join(f'--as {n}' for n in related)} judges other values too."
    # a whole number is a size, a place or a seed
    free = [n for n in caller.fixed if isinstance(value, float) and (spec.name, n) not in SELDOM]
    if free:
        flags = " or ".join(f"--convention {n}={name}" for n in free)
        return f"If it is a number of {spec.name}, say so: {flags}."
    if "." in name:
        return f"--convention {name}=… judges another value."
    return "To have another value judged, make it the default."


def methods_with(spec, option, value):
    """Names of methods that have this option as a number, and are `spec` where it is `value`."""
    numbers = {
        other.name: n
        for other in BY_NAME.values()
        for n in other.numbers
        if other.arrays == spec.arrays and {*other.numbers} == {*spec.numbers, n}
        if n not in spec.numbers and called(other.name, n, [option])
    }
    return [name for name, n in numbers.items() if _is_the_same(spec, name, {n: value})]


def _is_the_same(spec, name, fixed):
    """Whether the two formulas agree where the number is fixed."""
    one, other = FORMULAS[spec.name], FORMULAS[name]
    try:
        with np.errstate(all="ignore"):
            return all(same(one(*x, **p), other(*x, **p, **fixed)) for x, p in probes(spec.name))
    except ArithmeticError:  # the other has no value there: no method at a flip of 1/2
        return False
