"""A counterexample as code."""

import numpy as np


def as_code(subject, module, calls, message):
    """The calls of a counterexample as Python that can be pasted next to the function."""
    label = subject.label
    # the literals below use these names
    lines = [f"from {module} import {label.split('.')[0]}", "from numpy import array, nan, inf"]
    lines += ["from types import SimpleNamespace"] if subject.caller.binding.holders else []
    lines.append("")
    # a law calls often with the same arguments
    distinct = list(dict.fromkeys(_call_as_code(subject, *call) for call in calls))
    lines += distinct[:3]
    if len(distinct) > 3:
        lines.append(f"# … and {len(distinct) - 3} more calls (slopes by differences)")
    return "\n".join([*lines, f"# {message}"])


def _call_as_code(subject, arrays, numbers, result):
    given, named = subject.caller.arguments([np.asarray(a) for a in arrays])
    arguments = [literal(a) for a in given] + [f"{n}={literal(a)}" for n, a in named.items()]
    if hasattr(subject.caller.fn, "written"):
        arguments = subject.caller.fn.written(given, named, literal)
    arguments += numbers_as_code(subject, numbers)
    value = repr(result) if isinstance(result, Exception) else literal(np.asarray(result))
    return f"{subject.label}({', '.join(arguments)})\n# -> {value}"


def numbers_as_code(subject, numbers):
    """The numbers under the names that the function has for them."""
    parameters = subject.caller.parameters
    theirs = {parameters[k]: v for k, v in numbers.items() if k in parameters}
    written = {k: f"{v.item() if isinstance(v, np.generic) else v!r}" for k, v in theirs.items()}
    plain = [f"{k}={v}" for k, v in written.items() if "." not in k]
    for holder in subject.caller.binding.holders:
        own = [f"{k.split('.')[1]}={v}" for k, v in written.items() if k.startswith(holder + ".")]
        plain.append(f"{holder}=SimpleNamespace({', '.join(own)})")
    return plain


def literal(array):
    array = np.asarray(array)
    return repr(array.item()) if array.ndim == 0 else f"array({array.tolist()!r})"
