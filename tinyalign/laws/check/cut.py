"""A function whose file cannot be imported here, cut out of it as `scan` does with every one."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.check.case import understand
from tinyalign.laws.check.loading import CannotImport, load
from tinyalign.laws.harness.framework_names import framework_of
from tinyalign.laws.reading.answers import BrokenAtOnce
from tinyalign.laws.source.candidates import is_target
from tinyalign.laws.source.cut_out import cut_out, framework_of_cut, write_files
from tinyalign.laws.source.cutting import CannotCut
from tinyalign.laws.source.finding import functions
from tinyalign.laws.source.guess import Guess, guesses

# what is raised where the cut may be at fault
LEFT_BEHIND = re.compile(
    "NotHere|NameError|AttributeError|ImportError|ModuleNotFoundError|AssertionError|isinstance"
)


@dataclass(frozen=True)
class Loaded:
    fn: object
    module: object
    label: str
    framework: str
    name: str  # of the module, as it is imported
    cannot: str = ""  # why it was cut out

    def require_whole(self, spec, conventions, how):
        """CannotCall where what was left behind may be why it always raises."""
        if not self.cannot:
            return
        try:
            understand(self.fn, spec, conventions, how)
        except BrokenAtOnce as error:
            if LEFT_BEHIND.search(str(error)):
                raise CannotCall(f"{self.cannot}. Cut out of it, {error}") from None

    def sentences(self):
        """What was done to have it at all."""
        said = f"{self.cannot}. {self.label} was cut out of it with the definitions that it needs."
        return [said] if self.cannot else []


def load_whole_or_cut(target, method):
    """The Loaded function of a target; cut out of its file where that cannot be imported."""
    try:
        fn, module, label = load(target)
    except CannotImport as reason:
        return _cut(target, method, reason)
    return Loaded(fn, module, label, framework_of(fn), module.__name__)


def _cut(target, method, reason):
    """reason itself is raised where the function cannot be cut out either."""
    path, _, name = target.rpartition(":")
    found = [f for f in functions(Path(path).resolve()) if is_target(f, name)]
    if not found:
        raise reason
    try:
        cut = cut_out(found[0], _guess(found[0], method))
        # the process that judges has a folder of its own, which is thrown away with it
        target = write_files(cut, found[0], tempfile.mkdtemp(prefix="tinyalign-cut-"))
        fn, module, label = load(target)
    except (CannotCut, CannotCall, RecursionError):
        raise reason from None
    framework = framework_of_cut(found[0].path, cut)
    return Loaded(fn, module, label, framework, Path(path).stem, str(reason))


def _guess(found, method):
    """The words under which it is the method."""
    own = [g for g in guesses(found) if method in g.methods]
    return own[0] if own else Guess((method,) if method else ())
