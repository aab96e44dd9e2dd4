"""tinyalign golden: inputs, value and gradient of a loss, for unit tests of code elsewhere."""

import dataclasses
import json
import warnings
from typing import Annotated

import autograd.numpy as np
import tyro
from autograd import grad

from tinyalign import losses, methods
from tinyalign.cli import golden_inputs
from tinyalign.errors import InputError, nearest

ADVANTAGES = {  # plain arrays in and out: nothing trains through them
    f"tinyalign.losses.{room}" for room in ("advantage", "baselines", "turns")
}


@dataclasses.dataclass(frozen=True)
class Golden:
    """Print inputs, value and gradient of a loss in float64, for your own unit tests."""

    method: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """A function of `tinyalign.losses`, or a method of `tinyalign methods`: its loss."""
    json: bool = False
    """One JSON object."""

    def __call__(self):
        found = golden(loss_name(self.method))
        print(json.dumps(found, indent=1) if self.json else as_text(found))
        return 0


def loss_name(typed):
    """The public loss of this name, or that of the method of this name; InputError if none."""
    row = methods.find(typed)
    name = typed if row is None or typed in losses.__all__ else row.loss.__name__
    if name in golden_inputs.names():
        return name
    if row is not None:  # such as best_of_n, which is not trained
        raise InputError(
            f"the method {typed} has no loss of its own in tinyalign.losses: "
            "name a method or a loss that has"
        )
    known = sorted(golden_inputs.names())
    near = nearest(typed, known)
    meant = f"did you mean {near}? Or " if near else ""
    raise InputError(f"there is no loss {typed!r}: {meant}choose from {', '.join(known)}")


def golden(name):
    """Everything about a loss as plain lists and numbers.

    returns  loss, what, source, dtype, and cases: inputs and numbers by name, value, gradient;
             a gradient is that of the sum of the values, 0 where an argument is a constant
    """
    function = getattr(losses, name)
    lines = [line.strip() for line in function.__doc__.strip().splitlines()]
    cases = [
        {"case": title, **evaluated(function, arrays, numbers)}
        for title, (arrays, numbers) in golden_inputs.golden_cases(name).items()
    ]
    source = next((line for line in lines if line.startswith("Source: ")), "")
    return {"loss": name, "what": lines[0], "source": source.removeprefix("Source: "),
            "dtype": "float64", "cases": cases}  # fmt: skip


def evaluated(function, arrays, numbers):
    """One call: its inputs, its value, and the gradient in every array of measured numbers."""
    value = function(*arrays.values(), **numbers)
    found = {
        "inputs": {name: array.tolist() for name, array in arrays.items()},
        "numbers": numbers,
        "value": [part.tolist() for part in value] if isinstance(value, tuple) else value.tolist(),
    }
    if not isinstance(value, tuple) and function.__module__ not in ADVANTAGES:
        found["gradient"] = gradients(function, arrays, numbers)
    return found


def gradients(function, arrays, numbers):
    """{array: d(sum of the values)/d(array)}, for arrays that are no masks, labels or indices."""
    found = {}
    for at, name in enumerate(arrays):
        if name not in golden_inputs.FIXED:

            def total(x, at=at):
                changed = [*arrays.values()]
                changed[at] = x
                return np.sum(function(*changed, **numbers))

            found[name] = slope(total, [*arrays.values()][at]).tolist()
    return found


def slope(total, x):
    """The gradient of a scalar function at x; 0 where nothing of x reaches it."""
    with warnings.catch_warnings():
        # autograd warns where the output does not depend on the input
        warnings.simplefilter("ignore")
        return grad(total)(x) + 0.0  # −0 is 0


def as_text(found):
    """The same to read and to paste: Python that holds the values."""
    lines = [f"# {found['loss']}: {found['what']}", f"# Source: {found['source']}"]
    for case in found["cases"]:
        lines += ["", f"# {case['case']}"]
        lines += [f"{name} = np.array({values})" for name, values in case["inputs"].items()]
        settings = [f"{name}={value!r}" for name, value in case["numbers"].items()]
        lines.append(f"# value of {found['loss']}({', '.join([*case['inputs'], *settings])})")
        lines.append(f"value = np.array({case['value']})")
        for name, values in case.get("gradient", {}).items():
            lines.append(f"d_{name} = np.array({values})")
    return "\n".join(lines)
