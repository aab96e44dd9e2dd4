"""Whether the files of runs are whole, and belong together."""

import json

from tinyalign.engine.backend import to_host
from tinyalign.engine.tree import leaves
from tinyalign.errors import InputError
from tinyalign.runs.files import load_checkpoint
from tinyalign.runs.folder import MARKER, is_run
from tinyalign.runs.storage import load_tree, read_regular


def run_folders(folder):
    """The folders of runs in a folder, or below it where it is a comparison's."""
    # Settings may be lost, or so damaged that they are not known for a run's.
    paths = {path.parent for path in folder.rglob(MARKER) if is_run(path.parent)}
    paths = sorted(paths | {path.parent for path in folder.rglob("checkpoint.safetensors")})
    if not paths:
        raise InputError(f"there is no run in {folder}: give the folder of a run or a comparison")
    return paths


def state_of_run(folder):
    """What a run's folder holds, in words; InputError where a file of it is damaged."""
    if not (folder / "checkpoint.safetensors").exists():
        return "begun, without a checkpoint"
    if not (folder / MARKER).exists():
        raise InputError(f"{folder / MARKER} is lost: take it from a copy")
    progress = load_checkpoint(folder)
    methods = read_methods(folder)
    if progress.stage_index < len(methods):
        return f"whole; stopped in {methods[progress.stage_index]} after {progress.step} steps"
    require_results(folder, progress)
    return f"whole; finished after {progress.rows} steps"


def read_methods(folder):
    """The names of the stages in config.json, whose bytes the checkpoint has vouched for."""
    return json.loads(read_regular(folder / MARKER))["methods"]


def require_results(folder, progress, missing=()):
    """InputError unless the results of a finished run are those of its checkpoint.

    missing  names of results that need not be there
    """
    for name in (name for name in RESULTS if name not in missing):
        if not READERS[name](folder / name, progress):
            raise InputError(
                f"{folder / name} is damaged, or not what the run has written: move it away, and "
                "--resume writes it again"
            )


def is_summary(path, progress):
    """Whether the file holds the summaries of a checkpoint."""
    try:
        return json.loads(read_regular(path)) == list(progress.summaries)
    except (FileNotFoundError, ValueError, RecursionError):
        return False


def is_model(path, progress):
    """Whether the file holds the parameters of a checkpoint, bit for bit."""
    try:
        found = leaves(load_tree(path)[0])
    except InputError:
        return False
    wanted = leaves(progress.params)
    return found.keys() == wanted.keys() and all(
        to_host(found[name]).tobytes() == to_host(wanted[name]).tobytes() for name in wanted
    )


READERS = {"summary.json": is_summary, "model.safetensors": is_model}
RESULTS = tuple(READERS)
