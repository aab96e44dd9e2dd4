"""The function that a target names, and the suppression of what it prints."""

import contextlib
import importlib.util
import inspect
import io
import sys
import types
from pathlib import Path

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.forms.wrapper import unscript
from tinyalign.laws.harness.errors import describe_error


class CannotImport(CannotCall):
    """Says what importing the file raises."""


def load(target):
    """(the function named by FILE.py:FUNCTION or package.module:FUNCTION, its module, its name)."""
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise CannotCall(f"{target!r} is not of the form FILE.py:FUNCTION.")
    module = _module_from_file(Path(path)) if path.endswith(".py") else _module_by_name(path)
    # a dotted name reaches into a class or a namespace
    fn = module
    with _report_errors(f"Looking up {name} in {path}"):
        for part in name.split("."):
            if not hasattr(fn, part):
                raise CannotCall(f"{path} defines no {name!r}.")
            fn = getattr(fn, part)
            if inspect.isclass(fn) and part == name.split(".")[-1]:
                name = f"{name}.{method_of(fn)}"
                fn = getattr(fn, method_of(fn))
    return unscript(fn), module, name


def method_of(owner):
    """The name of the method of a class that is its loss."""
    inherited = [k for k in owner.__mro__ if not k.__module__.startswith(("torch", "builtins"))]
    own = dict.fromkeys(n for k in inherited for n, v in vars(k).items() if inspect.isfunction(v))
    public = [n for n in own if not n.startswith("_")]
    losses = [n for n in public if "loss" in n]
    candidates = [n for n in ("forward", "__call__", "loss", "compute_loss") if n in own]
    for names in (candidates, losses, public):
        if len(names) == 1 or (names is candidates and names):
            return names[0]
    raise CannotCall(
        f"{owner.__name__} is a class with the methods {', '.join(public) or 'of its parents'}: "
        f"say which is its loss, as FILE.py:{owner.__name__}.METHOD."
    )


def _module_from_file(path):
    if not path.is_file():
        raise CannotCall(f"There is no file {str(path)!r}.")
    path = path.resolve()
    root, name = package_of(path)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    # as Python does: dataclasses look their module up by its name
    sys.modules[name] = module
    try:
        # a file by itself can import its neighbours, one in a package the packages beside it
        with (
            _put_on_path(str(root)),
            _stand_in_packages(root, name),
            _report_errors(f"Importing {path}", CannotImport),
        ):
            spec.loader.exec_module(module)
    finally:
        if before is not None:  # tests and tools go on with the module that they had
            sys.modules[name] = before
    return module


def package_of(path):
    """(the folder above its outermost package, its dotted name)."""
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


@contextlib.contextmanager
def _stand_in_packages(root, name):
    """Empty packages in place of those around the file, so that none of their __init__ is run.

    A trainer's package imports everything it ever needs; the file mostly needs one neighbour.
    """
    added, folder = [], root
    for part in range(1, name.count(".") + 1):
        package = ".".join(name.split(".")[:part])
        folder = folder / package.rpartition(".")[2]
        if package not in sys.modules:
            stand_in = types.ModuleType(package)
            stand_in.__path__ = [str(folder)]
            sys.modules[package] = stand_in
            added.append(package)
    try:
        yield
    finally:
        for package in added:
            sys.modules.pop(package, None)


def _module_by_name(name):
    with _report_errors(f"Importing {name}"):
        return importlib.import_module(name)


@contextlib.contextmanager
def _report_errors(what, kind=CannotCall):
    """CannotCall for whatever their code raises; more of one, kind, for an import that fails."""
    try:
        yield
    except (CannotCall, KeyboardInterrupt):
        raise
    # also SystemExit: a script without a __main__ guard must not end the checker
    except BaseException as error:
        kind = kind if isinstance(error, ImportError) else CannotCall
        raise kind(f"{what} raises {describe_error(error)}") from None


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
def discard_output():
    """Keep what the function under test prints, or its import, out of the report."""
    sink = _Sink()
    with contextlib.redirect_stdout(io.TextIOWrapper(sink, write_through=True)):
        yield sink
