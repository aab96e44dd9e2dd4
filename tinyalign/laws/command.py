"""`tinyalign check` and `tinyalign museum`: the laws from the command line."""

import contextlib
import importlib.util
import json
import sys
from pathlib import Path

from tinyalign.laws.frameworks import FRAMEWORKS
from tinyalign.laws.gallery import museum
from tinyalign.laws.judge import repeatable
from tinyalign.laws.methods import BY_NAME
from tinyalign.laws.printed import as_data, print_report
from tinyalign.laws.report import examine
from tinyalign.laws.signature import CannotCall

__all__ = ["check", "museum"]


def check(
    target, method, *, framework="numpy", convention=(), as_json=False, float32=False, examples=100
):
    """Judge FILE.py:FUNCTION as METHOD. 0: all laws hold; 1: some are broken; 2: no judgement."""
    try:
        report = _examine(target, method, framework, convention, float32, examples)
    except CannotCall as reason:
        _say_cannot(str(reason), as_json)
        return 2
    except Exception as error:  # ours, not theirs: say so in a sentence all the same
        _say_cannot(f"the checker itself failed: {type(error).__name__}: {error}", as_json)
        return 2
    if as_json:
        print(json.dumps(as_data(report), indent=2, ensure_ascii=False))
    else:
        print_report(report)
    return report.exit_code


def _examine(target, name, framework, convention, float32, examples):
    method = _method(name)
    conventions = _conventions(method, convention)
    if framework not in FRAMEWORKS:
        raise CannotCall(f"--framework {framework!r}: want one of {', '.join(FRAMEWORKS)}.")
    fn, module = load(target)
    how = {"framework": framework, "dtype": "float32" if float32 else "float64"}
    try:
        return examine(fn, method, conventions, setting=repeatable(examples), module=module, **how)
    except ModuleNotFoundError as error:
        raise CannotCall(f"--framework {framework}: {error.name} is not installed.") from None


def _method(name):
    if name not in BY_NAME:
        raise CannotCall(f"No method {name!r}. Known: {', '.join(sorted(BY_NAME))}.")
    return BY_NAME[name]


def _conventions(method, declared):
    """key=value texts as a dictionary, each key and value known to the method."""
    table = {c.name: c for c in method.conventions}
    known = {}
    for text in declared:
        key, _, value = text.partition("=")
        if key in table:
            choices = {str(c): c for c in table[key].choices}
            if value not in choices:
                raise CannotCall(f"--convention {key}={value}: want one of {', '.join(choices)}.")
            known[key] = choices[value]
        elif key in method.numbers:
            known[key] = _number(key, value)
        else:
            names = ", ".join([*table, *method.numbers])
            raise CannotCall(f"{method.name} has no convention {key!r}; it has: {names}.")
    return known


def _number(key, value):
    try:
        return float(value)
    except ValueError:
        raise CannotCall(f"--convention {key}={value}: want a number.") from None


def load(target):
    """The function named by FILE.py:FUNCTION or package.module:FUNCTION, and its module's name."""
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise CannotCall(f"{target!r} is not of the form FILE.py:FUNCTION.")
    module = _module_from_file(Path(path)) if path.endswith(".py") else _module_by_name(path)
    fn = module
    for part in name.split("."):
        if not hasattr(fn, part):
            raise CannotCall(f"{path} defines no {name!r}.")
        fn = getattr(fn, part)
    return fn, module.__name__


def _module_from_file(path):
    if not path.is_file():
        raise CannotCall(f"There is no file {str(path)!r}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    beside = str(path.resolve().parent)  # so that the file can import its neighbours
    with _on_path(beside):
        return _run(lambda: spec.loader.exec_module(module), module, path)


def _module_by_name(name):
    found = {}
    _run(lambda: found.update(module=importlib.import_module(name)), None, name)
    return found["module"]


def _run(action, result, what):
    try:
        action()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise CannotCall(f"Importing {what} raises {type(error).__name__}: {error}") from None
    return result


@contextlib.contextmanager
def _on_path(folder):
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _say_cannot(reason, as_json):
    if as_json:
        print(json.dumps({"exit_code": 2, "reason": reason}))
    else:
        print(f"Could not be judged: {reason}", file=sys.stderr)
