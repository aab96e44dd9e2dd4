"""The command `tinyalign`: what was typed, turned into calls; mistakes, turned into sentences.

A command is a frozen dataclass whose fields are what can be typed; called, it does its work and
returns the exit status.
"""

import os
import sys

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# More threads add up in another order, and a long run that rounds otherwise ends elsewhere: what
# is measured again for the ledger has to be computed as it was.
_PINNED = sys.argv[1:2] == ["claims"]
for _variable in _THREADS:
    # Matrices this small gain little from a second thread, and lose a lot when it is busy. Has to
    # be said before NumPy is imported.
    os.environ[_variable] = "1" if _PINNED else os.environ.get(_variable, "1")

import tyro  # noqa: E402

from tinyalign.cli.choosing import Choose, Claims  # noqa: E402
from tinyalign.cli.judging import Check, Museum  # noqa: E402
from tinyalign.cli.reading import BuildPages, Methods, Read, Show  # noqa: E402
from tinyalign.cli.training import Compare, Run  # noqa: E402
from tinyalign.engine import backend  # noqa: E402
from tinyalign.errors import InputError  # noqa: E402
from tinyalign.runs.config import Config  # noqa: E402

WELCOME = """tinyalign: LLM alignment methods from scratch, small enough to read.

  tinyalign compare         SFT, DPO, GRPO and PPO on one task, in a table
  tinyalign run grpo        train one method and watch it
  tinyalign methods         every method: its data, its networks, its paper
  tinyalign show dpo        the loss and the step of a method, as they run
  tinyalign check F.py:LOSS --as dpo    which laws a loss of your own breaks
  tinyalign museum          wrong losses, and where each was seen
  tinyalign choose          which method suits your data, memory and scorer
  tinyalign claims          what the notes' comparisons say, what was measured
  tinyalign read 00         a walkthrough in the browser, beside its code

Each is checked against its known answer. Every command explains itself: --help."""

COMMANDS = {
    "run": Run,
    "compare": Compare,
    "methods": Methods,
    "show": Show,
    "check": Check,
    "museum": Museum,
    "choose": Choose,
    "claims": Claims,
    "read": Read,
    "build-pages": BuildPages,
}


def main(argv=None):
    """Entry point; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        try:
            return carried_out(argv)
        finally:
            sys.stdout.flush()  # at Python's own end a reader who left would count as a fault
    except BrokenPipeError:  # whoever reads, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def carried_out(argv):
    """The exit status of what was typed, done."""
    if not argv:
        print(WELCOME)
        return 0
    command = None
    try:
        command = parsed(argv)
        return command()
    except (InputError, backend.BackendError) as error:
        print(f"tinyalign: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\ntinyalign: {left_by(command)}", file=sys.stderr)
        return 130


def parsed(argv):
    """The command that was typed."""
    return tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog="tinyalign",
        args=argv,
        description=WELCOME,
        use_underscores=True,
        config=(tyro.conf.FlagCreatePairsOff,),
    )


def left_by(command):
    """What a command that was stopped says: what of its work there is, and how to go on."""
    if isinstance(command, Config):
        return "stopped; what is done is on disk, and the same command with --resume goes on"
    return getattr(command, "stopped", "stopped")
