"""A run's metrics where people look at them: trackio or TensorBoard, beside metrics.jsonl.

The line in metrics.jsonl is the truth and its number the step; a resumed run's store is written
anew from these lines, so that no step stands in it twice. Nothing here uses the network.
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

REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_WEBHOOK_URL")


@contextlib.contextmanager
def reporting(name, folder):
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
        raise InputError(f"--report_to is {name!r}, want none, {' or '.join(stores)}")
    place, log, steps = Path(folder) / name, None, itertools.count(1)
    store = stores[name](place)
    with contextlib.ExitStack() as opened:

        def on_step(row, total):
            nonlocal log
            rows = [row]
            if log is None:
                shutil.rmtree(place, ignore_errors=True)
                log, rows = opened.enter_context(store), files.read_metrics(place.parent)
            for one in rows:
                log(numbers(one), next(steps))

        yield on_step
        if log is None:  # the run was finished before
            on_step(None, None)


def numbers(row):
    """What can be drawn in a row of metrics."""
    left_out = ("stage", "step")  # a word, and a count that begins anew in each stage
    return {name: value for name, value in row.items() if name not in left_out}


def tensorboard_store(place):
    """Event files, written without TensorFlow or PyTorch."""
    return tensorboard_events(load("tensorboardX", extra="tensorboard"), place)


@contextlib.contextmanager
def tensorboard_events(library, place):
    """Gives the function that takes the numbers of a step."""
    with contextlib.closing(library.SummaryWriter(str(place), flush_secs=5)) as writer:
        yield lambda values, step: [writer.add_scalar(n, v, step) for n, v in values.items()]


def trackio_store(place):
    """A database of trackio's on this disk."""
    for variable in REMOTE:
        os.environ.pop(variable, None)
    os.environ |= {"TRACKIO_DIR": str(place.absolute()), "HF_HUB_OFFLINE": "1"}
    library = load("trackio", extra="track")  # it reads its folder from there, once
    if place.absolute() != library.TRACKIO_DIR:
        raise InputError(
            f"trackio writes to {library.TRACKIO_DIR} in this process: start another for {place}"
        )
    return trackio_run(library, place)


@contextlib.contextmanager
def trackio_run(library, place):
    """Gives the function that takes the numbers of a step; trackio's chatter is not shown."""
    with contextlib.redirect_stdout(io.StringIO()):
        library.init(
            "tinyalign",
            name=place.parent.name,
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
    """Import a library, or say how to get it."""
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise InputError(
            f"--report_to needs the library {library} here ({error}): "
            f"in the checkout, pip install -e '.[{extra}]'"
        ) from None
