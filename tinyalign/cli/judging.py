"""tinyalign check, scan, museum, exam: the first three stand in laws, which can be used alone."""

import dataclasses

from tinyalign import methods
from tinyalign.errors import InputError, folded
from tinyalign.exam.arguments import Exam
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.check import arguments
from tinyalign.laws.check.arguments import Museum
from tinyalign.laws.scan.arguments import Scan

__all__ = ["Check", "Exam", "Museum", "Scan"]


@dataclasses.dataclass(frozen=True)
class Check(arguments.Check):
    __doc__ = arguments.Check.__doc__

    def __call__(self):
        require_laws(self.method)
        return super().__call__()


def require_laws(name):
    """InputError for a method that `tinyalign run` knows and the laws do not."""
    if folded(name) not in {row.name for row in methods.METHODS}:
        return
    try:
        find_spec(name)
    except ValueError:
        raise InputError(
            f"{name} has no laws yet: CONTRIBUTING.md, step 3, says how to add them"
        ) from None
