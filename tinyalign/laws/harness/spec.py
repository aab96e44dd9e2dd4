"""What a method's name promises: its arguments, its output's shape, its conventions, its laws."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Convention:
    """A choice that papers and libraries make differently, by name; `undo` maps each other choice
    to a function (arrays, numbers) -> (arrays, numbers, value -> value) that leads to ours."""

    name: str
    default: object
    choices: dict  # value -> how to say it in a sentence: "this is …"
    undo: dict | None = None
    form: bool = False  # whether it is about the form of the arrays, and read before all else
    fit: dict | None = None  # choice -> function (arrays) -> the arrays nearest that have this form


@dataclass(frozen=True)
class Spec:
    """One name that `--as` accepts."""

    name: str
    kind: str
    arrays: tuple[str, ...]
    draw: st.SearchStrategy  # of the tuple of arrays
    laws: list
    numbers: dict = field(default_factory=dict)  # name -> strategy
    defaults: dict = field(default_factory=dict)
    shape: Callable = lambda *arrays: np.shape(arrays[0])
    cells: Callable | None = None  # how to cut a batch into examples, where that makes sense
    conventions: tuple[Convention, ...] = ()
    constants: tuple[int, ...] = ()  # arrays through which no gradient flows
    moving: tuple[int, ...] = ()  # arrays in which the slope has to be that of the value

    @property
    def outputs(self):
        """How many arrays it gives: GAE advantages and returns, all else one."""
        return 2 if self.name.startswith("gae") else 1

    @property
    def is_loss(self):
        """Whether only its slopes train: a constant in its value then changes nothing."""
        estimates = self.kind in ("KL estimator", "sequence log-prob")
        return not estimates and any(c.name == "reduction" for c in self.conventions)

    @property
    def default_conventions(self):
        return {c.name: c.default for c in self.conventions}

    @property
    def per_token(self):
        """Whether it is a loss token by token, where some functions want a mask."""
        return self.cells is elements

    @property
    def takes_mask(self):
        """Whether its examples are tokens, by numbers or by logits, where functions want a mask."""
        of_logits = self.cells is rows and all("logits" in name for name in self.arrays)
        return self.per_token or of_logits


def rows(arrays):
    """A batch cut into batches of one."""
    return [
        tuple(a[i : i + 1] if np.ndim(a) else a for a in arrays) for i in range(len(arrays[0]))
    ]  # a number without axes belongs to all rows


def elements(arrays):
    """Token arrays cut into arrays of one token."""
    # (N, T) each, also an advantage of (N, 1)
    whole = np.broadcast_arrays(*arrays)
    return [tuple(a[index].reshape(1, 1) for a in whole) for index in np.ndindex(whole[0].shape)]


def put_together(values, reduction):
    """The one number of a batch: (N,) or (N, T) values as a mean, a sum, or a mean of row sums."""
    if reduction == "mean_of_sums":
        return np.sum(values) / len(values)
    return getattr(np, reduction)(values)
