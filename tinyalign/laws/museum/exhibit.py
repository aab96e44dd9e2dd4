"""One wrong function with its story."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

PLANTED = "planted by us"
CONFESSION = "We planted this mistake ourselves; no public project is known to have it."


@dataclass(frozen=True, eq=False)  # two exhibits are never equal
class Exhibit:
    """fn claims to be `method` and is not; `seen` is a repository and thread, or `PLANTED`."""

    fn: Callable
    method: str
    story: str
    seen: str = PLANTED
    conventions: dict = field(default_factory=dict)
    dtype: str = "float64"  # some bugs show only in float32

    @property
    def name(self):
        return self.fn.__name__

    @property
    def origin(self):
        """Where it was seen, as a sentence."""
        if self.seen == PLANTED:
            return CONFESSION
        return f"Seen in: {self.seen}."

    @property
    def source(self):
        return textwrap.dedent(inspect.getsource(self.fn)).rstrip()
