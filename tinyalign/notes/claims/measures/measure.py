"""What a measure is."""

from collections.abc import Callable
from typing import NamedTuple


class Measure(NamedTuple):
    """How figures are obtained."""

    run: Callable  # () -> a dict that JSON can hold
    setting: str  # in words: task, model, seeds
    exact: bool = True  # no sampling and no clock: measured again, the figures are the same
