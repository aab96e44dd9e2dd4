"""How to call somebody's function: which of their parameters is which of ours."""

import inspect

# other names in use for our numbers; a name of ours always wins over an alias
ALIASES = {
    "beta": ("tau", "temperature"),
    "tau": ("beta",),
    "flip": ("label_smoothing", "epsilon", "eps"),
    "lam": ("lambda_", "lambda_orpo", "lambda_", "weight"),
    "weight_desirable": ("lambda_d", "desirable_weight"),
    "weight_undesirable": ("lambda_u", "undesirable_weight"),
    "clip_low": ("epsilon_low", "eps_low", "cliprange", "clip", "epsilon", "eps"),
    "clip_high": ("epsilon_high", "eps_high", "cliprange", "clip", "epsilon", "eps"),
    "gamma": ("simpo_gamma", "discount"),
    "clip": ("cliprange_value", "cliprange", "epsilon", "eps"),
}


class CannotCall(Exception):
    """Says in one sentence why the function cannot be called as the method it is declared to be."""


KINDS = inspect.Parameter
BY_PLACE = (KINDS.POSITIONAL_ONLY, KINDS.POSITIONAL_OR_KEYWORD)
OPEN = (KINDS.VAR_POSITIONAL, KINDS.VAR_KEYWORD)  # *args and **kwargs


def match(fn, arrays, numbers, label):
    """Return (positional?, {our number: their parameter}) for fn, or raise CannotCall.

    Arrays go by name when all names agree, else by position. A number goes by keyword when the
    name or an alias is there, else by position while places are left; else it stays unmatched.
    """
    if not callable(fn):
        raise CannotCall(f"{label} is {type(fn).__name__!r}, not a function.")
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):  # a built-in without a readable signature
        return True, {name: name for name in numbers}
    places = [name for name, q in parameters.items() if q.kind in BY_PLACE]
    by_position = any(q.kind is KINDS.VAR_POSITIONAL for q in parameters.values())
    open_keywords = any(q.kind is KINDS.VAR_KEYWORD for q in parameters.values())
    by_name = all(a in parameters and a not in numbers for a in arrays)
    if not by_name and not by_position and len(places) < len(arrays):
        raise CannotCall(
            f"{label} takes {len(places)} positional arguments ({', '.join(places)}); "
            f"want {len(arrays)} arrays: {', '.join(arrays)}."
        )
    spare = [n for n in parameters if n not in (arrays if by_name else places[: len(arrays)])]
    found = _match_numbers(numbers, spare, places, parameters, open_keywords)
    missing = [n for n in spare if n not in found.values() and _required(parameters[n])]
    if missing:
        raise CannotCall(
            f"{label} also needs {', '.join(missing)}, which the checker does not know how to fill;"
            f" known numbers are: {', '.join(numbers) or 'none'}."
        )
    return not by_name, found


def _required(parameter):
    """Whether a call must give it a value."""
    return parameter.default is KINDS.empty and parameter.kind not in OPEN


def _match_numbers(numbers, spare, places, parameters, open_keywords):
    found = {}
    for name in numbers:
        names = [n for n in (name, *ALIASES.get(name, ())) if n in spare]
        names = [n for n in names if n == name or n not in numbers]
        if names:
            found[name] = names[0]
        elif open_keywords:
            found[name] = name
    # what is left over goes by position: required parameters with names we do not know
    unnamed = [n for n in numbers if n not in found]
    empty = [
        n
        for n in spare
        if n in places
        and n not in found.values()
        and parameters[n].default is inspect.Parameter.empty
    ]
    found.update(zip(unnamed, empty, strict=False))
    return found
