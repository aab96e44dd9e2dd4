"""The command `tinyalign`: parses what was typed, runs it, and turns mistakes into sentences.

A command is a frozen dataclass whose fields are its arguments; calling it does the work and returns
the exit status.
"""

import functools
import sys

import tyro

from tinyalign.cli import failures, method_help, typed
from tinyalign.cli.asking import Runs, Write
from tinyalign.cli.choosing import Choose, Claims
from tinyalign.cli.comparing import Compare
from tinyalign.cli.exchange import Export, ExportData, Import
from tinyalign.cli.exercises import Exercise, Explain
from tinyalign.cli.golden import Golden
from tinyalign.cli.inspecting import Env, Verify
from tinyalign.cli.reading import BuildPages, Methods, Metrics, Play, Read, Show
from tinyalign.cli.training import Run
from tinyalign.cli.tuning import Tune
from tinyalign.engine import backend
from tinyalign.engine.threads import limit_blas_threads
from tinyalign.engine.version import VERSION
from tinyalign.errors import InputError
from tinyalign.runs.config import Config

limit_blas_threads()  # once more, for the workers of a program of yours that calls main

WELCOME = """tinyalign: LLM alignment methods from scratch, small enough to read.

  tinyalign compare         SFT, DPO, GRPO and PPO on one task, in a table
  tinyalign run grpo        train one method and watch it
  tinyalign write RUN "12+34="    ask the model that a run has trained
  tinyalign runs            the runs so far, what was typed, how they ended
  tinyalign tune dpo        search settings, as those of every method were
  tinyalign methods         every method: its data, its networks, its paper
  tinyalign metrics         every number that training logs, and when to worry
  tinyalign show dpo        data, step and loss of a method, as they run
  tinyalign check F.py:LOSS --as dpo    which laws a loss of your own breaks
  tinyalign scan FOLDER     finds its losses, and says which laws they break
  tinyalign museum          wrong losses, and where each was seen
  tinyalign exam            does a trainer of yours land where it should?
  tinyalign choose          which method suits your data, memory and scorer
  tinyalign claims          what the notes' comparisons say, what was measured
  tinyalign read 00         a walkthrough in the browser, beside its code
  tinyalign exercise 08.1   an exercise of the course; judges your answer
  tinyalign explain LOG     which known symptoms a training log shows
  tinyalign play            turn the dials of a small run to any value

Each is checked against its known answer. Every command explains itself: --help."""

COMMANDS = {  # all but those that judge, see all_commands
    "run": Run,
    "compare": Compare,
    "tune": Tune,
    "write": Write,
    "runs": Runs,
    "methods": Methods,
    "metrics": Metrics,
    "show": Show,
    "golden": Golden,
    "choose": Choose,
    "claims": Claims,
    "read": Read,
    "play": Play,
    "exercise": Exercise,
    "explain": Explain,
    "build-pages": BuildPages,
    "verify": Verify,
    "env": Env,
    "export": Export,
    "import": Import,
    "export-data": ExportData,
}

OLD_FLAGS = {  # flags of run and compare that have another name now; both are accepted
    "--start": "--init_from",
    "--start_accuracy": "--warm_start_accuracy",
    "--start-accuracy": "--warm_start_accuracy",
    "--noise": "--label_noise",
}


def main(argv=None):
    """Entry point; returns the exit status."""
    is_process, argv = argv is None, sys.argv[1:] if argv is None else argv
    command = None  # Ctrl-C may come before there is one
    failures.open_missing_streams()
    try:
        with failures.signals_heard(is_process):
            command = parse_command(argv)
            status = command()
            # Flushed here: at Python's own exit a closed pipe would print a traceback.
            sys.stdout.flush()
            return status
    except BrokenPipeError:  # the reader, such as `head`, has read enough
        failures.silence_broken_streams()
        return 0
    except (InputError, backend.BackendError) as error:
        failures.say(error)
        return 2
    except KeyboardInterrupt as error:
        return failures.interrupted(error, message_after_interrupt(command))
    except (OSError, MemoryError, RecursionError) as error:
        return failures.refused(error, resumable=hasattr(command, "resume"))
    except Exception as error:
        return failures.own_fault(error)


def welcome():
    """Print what tinyalign is and the commands to try."""
    print(WELCOME)
    return 0


def version():
    """Print the version."""
    print(f"tinyalign {VERSION}")
    return 0


def parse_command(argv):
    """The command object for the arguments; InputError for mistakes, SystemExit for --help."""
    if not argv:
        return welcome
    if argv[0] == "--version":
        return version
    if names := method_help.asked_for(argv):
        return functools.partial(method_help.print_help, names)
    if argv[0] in ("run", "compare"):  # `choose` has a --noise of its own
        words = [word.partition("=") for word in argv]  # --noise 0.1 or --noise=0.1
        for flag in OLD_FLAGS.keys() & {flag for flag, _, _ in words}:
            print(f"{flag} is now called {OLD_FLAGS[flag]}", file=sys.stderr)
        argv = [OLD_FLAGS.get(flag, flag) + equals + value for flag, equals, value in words]
    return typed.parse(
        COMMANDS if argv[0] in COMMANDS else all_commands(),
        argv,
        prog="tinyalign",
        description=WELCOME,
        use_underscores=True,
        config=(tyro.conf.FlagCreatePairsOff,),
    )


def all_commands():
    """COMMANDS, and those that judge: losses, which load Hypothesis, and trainers."""
    from tinyalign.cli.judging import Check, Exam, Museum, Scan

    return COMMANDS | {"check": Check, "scan": Scan, "museum": Museum, "exam": Exam}


def message_after_interrupt(command):
    """Message after Ctrl-C: what is kept, and how to continue."""
    # Run and Compare are Configs; both have --resume.
    if isinstance(command, Config):
        return (
            "stopped; what is done is on disk, and the same command with --resume goes on (without "
            "it where there is no folder yet)"
        )
    return getattr(command, "stopped", "stopped")
