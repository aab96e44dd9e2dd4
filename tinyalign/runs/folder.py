"""Whose folder it is: what may be written where, what may go on, and one process at a time.

config.json is what a run writes first and what makes a folder a run's. Nothing of anybody else is
overwritten or deleted: a folder that holds a name that would be written is refused.
"""

import contextlib
import itertools
import json
import os
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.report.plots import PART
from tinyalign.runs.files import (
    STREAMS_VERSION,
    initial_progress,
    load_checkpoint,
    read_summaries,
    require_vouched_settings,
)
from tinyalign.runs.storage import read_regular, write_atomically

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

MARKER = "config.json"
RUN_FILES = (  # what a run writes
    MARKER, "metrics.jsonl", "checkpoint.safetensors", "model.safetensors", "before.safetensors",
    "summary.json", "curves.svg", "tensorboard", "trackio",
)  # fmt: skip
# Settings that say where something is. What it holds is compared instead, by its SHA-256, so that a
# folder can be moved; the machine may be another.
PLACES = ("init_from", "data", "machine")


def open_folder(folder, run_plan, content, resume):
    """Make the folder of a run, or find out how far the run got: Progress.

    content  of config.json, which a run that is resumed must share
    raises   InputError, before anything is written, where the folder is not this run's
    """
    require_writable(folder, resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MARKER).exists():
            write_atomically(folder / MARKER, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    require_same_settings(folder, content)
    return read_progress(folder, run_plan)


def require_writable(folder, resume):
    """InputError unless the folder is unused, or holds a run that is to be resumed."""
    if not resume or not os.path.lexists(folder / MARKER):
        require_unused(folder)


def require_unused(folder, names=RUN_FILES):
    """InputError if the folder holds anything of these names.

    names  of what would be written
    """
    taken = [name for name in names if os.path.lexists(folder / name)]
    if MARKER in taken and is_run(folder):
        raise InputError(
            f"{folder} already holds a run: go on with it (--resume), or give the new one another "
            "name (--name)"
        )
    if taken:
        raise InputError(
            f"{folder} holds {taken[0]}, which is not of this run and would be overwritten: choose "
            "another --name"
        )


def is_run(folder):
    """Whether a run was begun in the folder."""
    return "random_streams" in (read_object(folder / MARKER) or {})


def has_ended(folder):
    """Whether all stages of the run in a folder are finished, and their results written."""
    if not all((folder / name).exists() for name in ("summary.json", "model.safetensors")):
        return False
    return len(read_summaries(folder)) == len(read_object(folder / MARKER)["methods"])


def read_object(path):
    """The object in a JSON file, or None where there is no such file, or no such thing in it."""
    try:
        content = json.loads(read_regular(path))
    except (FileNotFoundError, ValueError, RecursionError):  # cut, no UTF-8, nested without end
        return None
    return content if isinstance(content, dict) else None


def require_same_settings(folder, content):
    """InputError unless the folder's run was started with these settings."""
    before = read_object(folder / MARKER)
    if before is None:
        raise InputError(f"{folder}/{MARKER} is damaged: choose another --name")
    # A run that an earlier version began does not say what its recipes were.
    before = {"recipes": content.get("recipes")} | before
    changed = sorted(
        key
        for key in content.keys() | before.keys()  # --data that is no longer typed counts too
        if key not in PLACES and before.get(key) != content.get(key)
    )
    if changed:
        require_vouched_settings(folder)  # one flipped bit looks like another setting
    if before.get("random_streams") != STREAMS_VERSION:
        raise InputError(
            f"{folder} was begun by another version of tinyalign, which draws other random "
            "numbers: resume with that version, or choose another --name"
        )
    if changed:
        raise InputError(
            f"{folder} was started with other settings ({', '.join(changed)}): resume with the "
            "same ones, or choose another --name"
        )


def machine_changes(folder, content):
    """{what: (then, now)}: in what the machine differs from the one where the run was begun."""
    before = (read_object(folder / MARKER) or {}).get("machine", {})
    now = content["machine"]
    return {key: (before[key], now[key]) for key in now if before.get(key, now[key]) != now[key]}


def read_progress(folder, run_plan):
    """How far the run in a folder got: Progress; InputError where a file of it is damaged."""
    if not os.path.lexists(folder / "checkpoint.safetensors"):
        return initial_progress(run_plan)
    return load_checkpoint(folder, run_plan)


def free_folder(output, stem, resume, exact):
    """The folder of a run below `output`.

    stem     its name; a new run whose name was not typed takes stem-2, stem-3 … where it is taken
    resume   the newest of these
    exact    the name was typed: take it as it is
    """
    if exact:
        return named_folder(Path(output), stem, resume)
    tries = (Path(output) / (stem if i == 1 else f"{stem}-{i}") for i in itertools.count(1))
    taken = list(itertools.takewhile(Path.exists, tries))
    if not resume:
        return Path(output) / (f"{stem}-{len(taken) + 1}" if taken else stem)
    if not taken:
        raise InputError(f"there is no run {Path(output) / stem} to resume: leave --resume away")
    return taken[-1]


def named_folder(output, name, resume):
    """The folder of that name; InputError where it is no name, or where nothing can be resumed."""
    if name.strip() in ("", ".", "..") or not name.isprintable() or set(name) & set("/\\"):
        raise InputError(f"--name is {name!r}, want the name of one folder below --output")
    if resume and not (output / name).exists():
        raise InputError(f"there is no run {output / name} to resume: leave --resume away")
    return output / name


@contextlib.contextmanager
def folder_lock(folder, *, wait):
    """Hold a folder's lock, so that one process at a time works in it.

    wait    for the other process, as the worker of a cluster does whose job was started twice; then
            the work is done. Otherwise the other process is an InputError
    raises  InputError where the lock cannot be written

    The system frees the lock of a process that dies, however it dies.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Never emptied, and no link is followed: the file may be somebody's.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            file = stack.enter_context(open(os.open(folder / ".lock", flags, 0o666), "r+b"))
            acquire(file, wait)
        except BlockingIOError:
            raise InputError(
                f"another process works in {folder}: wait for its end, or choose another --name"
            ) from None
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
        # What a killed process left unfinished.
        for part in folder.glob(f"{PART}*"):
            part.unlink(missing_ok=True)
        yield


def acquire(file, wait):
    """Lock an open file; BlockingIOError where another process holds it and we do not wait."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return
    while True:  # Windows gives up by itself after ten seconds
        try:
            return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if not wait:
                raise BlockingIOError from error
