"""Shapes in which others write a function: answers as tokens, one group at a time, rows."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

from tinyalign.laws.binding.parameter_names import parts
from tinyalign.laws.forms.wrapper import Wrapper

MASK = {"mask", "masks", "weights"}


@dataclass(frozen=True)
class Form:
    """A function as it is judged."""

    fn: Callable
    sentence: str = ""
    conventions: dict = field(default_factory=dict)
    after: str = ""  # what is done to its answer, as code


def forms(fn, spec):
    """The function as it is, then what else it may be."""
    yield Form(fn)
    try:
        names = [n for n in inspect.signature(fn).parameters if n != "self"]
    except (TypeError, ValueError):
        return
    yield from _one_token_each(fn, spec, names)
    if spec.arrays == ("reward",) and names:
        one = {"layout": "one_prompt"}
        yield Form(fn, f"{names[0]} is given one prompt at a time.", one)
    if spec.name == "sequence_mean" and names:
        yield Form(
            _averaged(fn), "It gives a mean for each row: their mean is judged.", {}, ".mean()"
        )


def _one_token_each(fn, spec, names):
    """Log-probs of answers as rows of one token, with the masks that are wanted beside them."""
    masks = [n for n in names if MASK & set(parts(n)) and n not in spec.arrays]
    if not masks or spec.arrays[-1] == "mask":
        return
    for rows in (True, False) if not spec.per_token else (False,):
        said = " as rows of one token" if rows else ""
        yield Form(Filled(fn, masks, rows), f"{', '.join(masks)} of ones, arrays{said}.")


class Filled(Wrapper):
    """A function whose masks are ones."""

    def __init__(self, fn, masks, rows):
        whole = inspect.signature(fn).parameters
        super().__init__(fn, [q for q in whole.values() if q.name not in masks])
        self.masks, self.rows = masks, rows

    def __call__(self, /, *given, **named):  # theirs may have a self
        return self.fn(**self._filled(self.bind(given, named)))

    def _filled(self, bound):
        arrays = {k: v for k, v in bound.items() if getattr(v, "ndim", 0)}
        if self.rows:
            arrays = {k: v[:, None] if v.ndim == 1 else v for k, v in arrays.items()}
        first = next(iter(arrays.values()))
        ones = first * 0 + 1
        return bound | arrays | {m: ones for m in self.masks}

    def written(self, given, named, literal):
        """The arrays of a call as code."""
        return self.written_with(self._filled(self.bind(given, named)), literal)


def _averaged(fn):
    def sequence_mean(x, mask):
        answer = fn(x, mask)
        # one number for each row; what gives a table for a table is no aggregation
        return answer.mean() if answer.ndim == 1 else answer

    return sequence_mean
