"""A run's metrics in trackio or TensorBoard, beside metrics.jsonl.

metrics.jsonl stays the record: the number of a line in the file is the step in the store. A resumed
run's store is written again from these lines, so no step is in it twice. Nothing here uses the
network.
"""

import contextlib
import importlib
import io
import itertools
import os
import shutil
from pathlib import Path

from tinyalign.errors import InputError
from tinyalign.runs import files

# Variables that would make trackio send metrics to another machine.
REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WEBHOOK_URL")


@contextlib.contextmanager
def open_tracker(name, folder):
    """Gives the function to call with each row of metrics, train.run's `on_step`.

    name    none, trackio or tensorboard
    folder  of the run; the store is the folder of that name below it
    raises  InputError before any work for another name or a missing library
    """
    stores = {"trackio": trackio_store, "tensorboard": tensorboard_store}
    if name == "none":
        yield lambda row, total: None
        return
    if name not in stores:
        raise InputError(f"--report_to is {name!r}; it can be none, {' or '.join(stores)}")
    store_folder, log, steps = Path(folder) / name, None, itertools.count(1)
    require_own_store(store_folder)
    store = stores[name](store_folder)
    with contextlib.ExitStack() as stack:

        def on_step(row, total):
            nonlocal log
            rows = [row]
            # The store is opened at the first step: by then the run has cut its metrics back to
            # its checkpoint, and the lines that are left, this row included, go in first.
            if log is None:
                empty_store(store_folder)
                log, rows = stack.enter_context(store), files.read_metrics(store_folder.parent)
            for one in rows:
                log(numbers(one), next(steps))

        yield on_step
        if log is None:  # the run was finished before: no step called
            on_step(None, None)


def require_own_store(folder):
    """InputError for a folder that no run has made: its files would be deleted."""
    if folder.is_symlink() or (folder.exists() and not marker(folder).exists()):
        raise InputError(f"{folder} is not of this run: move it away, or leave --report_to away")


def empty_store(folder):
    """Remove the folder, if there is one, and mark the next one as the run's own."""
    if folder.exists():
        shutil.rmtree(folder)
    marker(folder).touch()


def marker(folder):
    """The file beside a store that says that the run has made it."""
    return folder.with_name(f".{folder.name}")


def numbers(row):
    """The part of a row of metrics that can be drawn."""
    left_out = ("stage", "step")  # a word, and a count that starts again in each stage
    return {name: value for name, value in row.items() if name not in left_out}


def tensorboard_store(folder):
    """Event files, written without TensorFlow or PyTorch."""
    return tensorboard_events(load("tensorboardX", extra="tensorboard"), folder)


@contextlib.contextmanager
def tensorboard_events(library, folder):
    """Gives the function that takes the numbers of a step."""
    with contextlib.closing(library.SummaryWriter(str(folder), flush_secs=5)) as writer:
        yield lambda values, step: [writer.add_scalar(n, v, step) for n, v in values.items()]


def trackio_store(folder):
    """A trackio database on this disk."""
    for variable in REMOTE:
        os.environ.pop(variable, None)
    # trackio reads its folder from the environment once, when it is imported.
    os.environ |= {"TRACKIO_DIR": str(folder.absolute()), "HF_HUB_OFFLINE": "1"}
    library = load("trackio", extra="track")
    if folder.absolute() != library.TRACKIO_DIR:
        raise InputError(
            f"trackio writes to {library.TRACKIO_DIR} in this process: start another for {folder}"
        )
    return trackio_run(library, folder)


@contextlib.contextmanager
def trackio_run(library, folder):
    """Gives the function that takes the numbers of a step."""
    # trackio prints advice when a run begins and ends; none of it is shown.
    with contextlib.redirect_stdout(io.StringIO()):
        library.init(
            "tinyalign",
            name=folder.parent.name,
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
    try:
        yield lambda values, step: library.log(values, step=step)
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            library.finish()


def load(library, extra):
    """Import a library, or an InputError that says how to install it."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise InputError(
            f"--report_to needs the library {library} here ({error}): "
            f"in the checkout, pip install -e '.[{extra}]'"
        ) from None
