"""A counterexample as code, in the framework that was judged."""

import numpy as np

from tinyalign.laws.binding.holders import class_of
from tinyalign.laws.binding.holders_as_code import config_as_code, instance_as_code


def as_code(subject, module, calls, message):
    """The calls of a counterexample as Python that can be pasted next to the function."""
    # the literals below use these names
    lines = [f"from {module} import {subject.label.split('.')[0]}", *subject.framework.imports]
    # a law calls often with the same arguments
    distinct = list(dict.fromkeys(_call_as_code(subject, *call) for call in calls))
    spaces = any("SimpleNamespace(" in call for call in distinct)
    lines += ["from types import SimpleNamespace"] if spaces else []
    lines += ["", *distinct[:3]]
    if len(distinct) > 3:
        lines.append(f"# … and {len(distinct) - 3} more calls (slopes by differences)")
    return "\n".join([*lines, f"# {message}"])


def _call_as_code(subject, arrays, numbers, result):
    def literal(array):
        return subject.framework.literal(array, subject.dtype)

    given, named = subject.caller.arguments([np.asarray(a) for a in arrays])
    if hasattr(subject.caller.fn, "written"):
        arguments = subject.caller.fn.written(given, named, literal)
    else:
        arguments = [literal(a) for a in given] + [f"{n}={literal(a)}" for n, a in named.items()]
    value = repr(result) if isinstance(result, Exception) else literal(np.asarray(result))
    name, plain = _numbers_as_code(subject, numbers)
    return f"{name}({', '.join(arguments + plain)})\n# -> {value}"


def _numbers_as_code(subject, numbers):
    """(what is called, the numbers under the names that the function has for them)."""
    caller = subject.caller
    theirs = {caller.parameters[k]: v for k, v in numbers.items() if k in caller.parameters}
    values = {k: v.item() if isinstance(v, np.generic) else v for k, v in theirs.items()}
    values |= caller.held | caller.words
    name, plain = subject.label, [f"{k}={v!r}" for k, v in values.items() if "." not in k]
    for holder, read in caller.binding.holders.items():
        own = {k.split(".")[1]: v for k, v in values.items() if k.startswith(f"{holder}.")}
        if holder == "self" and class_of(caller.fn) is not None:
            owner, _, method = name.rpartition(".")
            name = f"{instance_as_code(caller.fn, class_of(caller.fn), owner, read, own)}.{method}"
        else:
            plain.append(config_as_code(caller.fn, holder, read, own))
    return name, plain
