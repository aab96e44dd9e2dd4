"""Shapes in which others write a function: one group at a time, labels that are not shifted."""

import functools
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tinyalign.laws.harness.parameter_names import parts

MASK = {"mask", "masks", "weights"}
# how many answers a prompt has, where rewards stand in one row
COUNTS = ("num_generations", "group_size", "n_samples_per_prompt", "num_samples", "k", "n")


@dataclass(frozen=True)
class Form:
    """A function as it is judged."""

    fn: Callable
    sentence: str = ""
    conventions: dict = field(default_factory=dict)


def forms(fn, spec):
    """The function as it is, then what else it may be."""
    yield Form(fn)
    try:
        names = [n for n in inspect.signature(fn).parameters if n != "self"]
    except (TypeError, ValueError):
        return
    yield from _one_token_each(fn, spec, names)
    if spec.arrays == ("reward",) and names:
        yield from _of_groups(fn, names)
    if spec.name == "token_logp" and len(names) >= 2:
        yield Form(
            _unshifted(fn), f"{names[1]} is given without the first, logits without the last."
        )
    if spec.name == "sequence_mean" and names:
        yield Form(_averaged(fn), "Its rows are averaged.")


def _one_token_each(fn, spec, names):
    """Log-probs of answers as rows of one token, with the masks that are wanted beside them."""
    masks = [n for n in names if MASK & set(parts(n)) and n not in spec.arrays]
    if not masks or spec.arrays[-1] == "mask":
        return
    for rows in (True, False) if not spec.per_token else (False,):
        said = " as rows of one token" if rows else ""
        yield Form(Filled(fn, masks, rows), f"{', '.join(masks)} of ones, arrays{said}.")


class Filled:
    """A function whose masks are ones."""

    def __init__(self, fn, masks, rows):
        self.fn, self.masks, self.rows = fn, masks, rows
        functools.update_wrapper(self, fn)  # its source and its class are still to be found
        self.__globals__ = getattr(fn, "__globals__", {})
        self.__code__ = getattr(fn, "__code__", None)
        whole = inspect.signature(fn)
        kept = [q for q in whole.parameters.values() if q.name not in masks]
        self.__signature__ = whole.replace(parameters=kept)

    def __call__(self, /, *given, **named):  # theirs may have a self
        bound = self.__signature__.bind(*given, **named).arguments
        arrays = {k: v for k, v in bound.items() if getattr(v, "ndim", 0)}
        if self.rows:
            arrays = {k: v[:, None] if v.ndim == 1 else v for k, v in arrays.items()}
        first = next(iter(arrays.values()))
        ones = first * 0 + 1
        return self.fn(**bound | arrays | {m: ones for m in self.masks})


def _of_groups(fn, names):
    """Rewards of one prompt at a time; or in one row, with how many answers a prompt has."""
    count = next((n for n in names if n in COUNTS), None)
    if count is not None:

        def flat(reward):
            return fn(reward.reshape(-1), **{count: reward.shape[1]}).reshape(reward.shape)

        yield Form(flat, f"{names[0]} is given in one row, with {count} answers a prompt.")
        return

    def one_by_one(reward):
        return _stacked([fn(row) for row in reward], reward)

    yield Form(one_by_one, f"{names[0]} is given one prompt at a time.")


def _stacked(rows, like):
    rows = [r[0] if isinstance(r, tuple) else r for r in rows]
    if hasattr(like, "new_tensor"):
        torch = importlib.import_module("torch")
        return torch.stack([torch.as_tensor(r) for r in rows])
    return np.stack([np.asarray(r) for r in rows])


def _unshifted(fn):
    def token_logp(logits, ids):
        return fn(logits[:, :-1], ids[:, 1:])

    return token_logp


def _averaged(fn):
    def sequence_mean(x, mask):
        return fn(x, mask).mean()

    return sequence_mean
