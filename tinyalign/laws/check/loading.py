"""The function that a target names, and the suppression of what it prints."""

import contextlib
import importlib.util
import io
import sys
from pathlib import Path

from tinyalign.laws.harness.signature import CannotCall


def load(target):
    """The function named by FILE.py:FUNCTION or package.module:FUNCTION, its module, its name."""
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise CannotCall(f"{target!r} is not of the form FILE.py:FUNCTION.")
    module = _module_from_file(Path(path)) if path.endswith(".py") else _module_by_name(path)
    # a dotted name reaches into a class or a namespace
    fn = module
    for part in name.split("."):
        if not hasattr(fn, part):
            raise CannotCall(f"{path} defines no {name!r}.")
        fn = getattr(fn, part)
    return fn, module.__name__, name


def _module_from_file(path):
    if not path.is_file():
        raise CannotCall(f"There is no file {str(path)!r}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    beside = str(path.resolve().parent)  # so that the file can import its neighbours
    with _put_on_path(beside), _report_import_errors(path):
        spec.loader.exec_module(module)
    return module


def _module_by_name(name):
    with _report_import_errors(name):
        return importlib.import_module(name)


@contextlib.contextmanager
def _report_import_errors(what):
    """CannotCall for whatever the import raises."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    # also SystemExit: a script without a __main__ guard must not end the checker
    except BaseException as error:
        raise CannotCall(f"Importing {what} raises {type(error).__name__}: {error}") from None


@contextlib.contextmanager
def _put_on_path(folder):
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        # the file may have taken its folder off the path itself
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


class _Sink(io.BytesIO):
    """Keeps nothing of what is written, only that something was."""

    used = False

    def write(self, text):
        self.used = True
        return len(text)


@contextlib.contextmanager
def discard_output(target):
    """Keep what the function under test prints, or its import, out of the report."""
    sink = _Sink()
    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(sink, write_through=True)):
            yield
    finally:
        # said once, after the report and not between its lines
        if sink.used:
            print(f"what {target} prints to stdout is left out", file=sys.stderr)
