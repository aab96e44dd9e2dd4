"""One wrong function with its story."""

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

PLANTED = "planted by us"
NOTES = "the community notes (docs/claims.md of tinyalign)"
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
    def place(self):
        """Where it was seen; of the notes no line, for a reader does not have them."""
        return re.sub(r"note \d+ lines? [\d-]+", NOTES, self.seen)

    @property
    def origin(self):
        """Where it was seen, as a sentence."""
        if self.seen == PLANTED:
            return CONFESSION
        return f"Seen in: {self.place}."

    @property
    def source(self):
        return textwrap.dedent(inspect.getsource(self.fn)).rstrip()
