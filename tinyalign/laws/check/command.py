"""`tinyalign check` and `tinyalign museum`: the laws from the command line."""

import json
import os
import sys
import tempfile

from tinyalign.laws.catalogue.lookup import find_spec, require_known
from tinyalign.laws.check.gallery import museum
from tinyalign.laws.check.loading import discard_output, load
from tinyalign.laws.check.report import examine
from tinyalign.laws.check.terminal import as_data, print_report
from tinyalign.laws.harness.frameworks import FRAMEWORKS
from tinyalign.laws.harness.judge import repeatable_settings
from tinyalign.laws.harness.outputs import OUTPUT
from tinyalign.laws.harness.signature import CannotCall

__all__ = ["check", "museum"]


def check(
    target, method, *, framework="numpy", convention=(), as_json=False, float32=False, examples=100
):
    """Judge FILE.py:FUNCTION as METHOD. 0: all laws hold; 1: some are broken; 2: no judgement."""
    # Hypothesis keeps notes about the code that it runs: not where the user stands
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{tempfile.gettempdir()}/hypothesis")
    try:
        # the report is the only thing on stdout, so that --json can be piped
        with discard_output(target):
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
    spec = _spec(name)
    conventions = _conventions(spec, convention)
    if framework not in FRAMEWORKS:
        raise CannotCall(f"--framework {framework!r}: want one of {', '.join(FRAMEWORKS)}.")
    # the file is imported last: a mistake in the words costs no import
    fn, module, label = load(target)
    dtype = "float32" if float32 else "float64"
    how = {"framework": framework, "dtype": dtype, "label": label}
    try:
        return examine(
            fn, spec, conventions, setting=repeatable_settings(examples), module=module, **how
        )
    # torch or jax, which a framework imports when it is first used
    except ModuleNotFoundError as error:
        raise CannotCall(f"--framework {framework}: {error.name} is not installed.") from None


def _spec(name):
    try:
        spec = find_spec(name)
    except ValueError as reason:
        raise CannotCall(str(reason)) from None
    if spec.name != name:
        # on stderr, beside a report in JSON
        print(f"the loss of {name} is {spec.name}, so it is judged as that", file=sys.stderr)
    return spec


def _conventions(spec, declared):
    """key=value texts as a dictionary, each key and value known to the method."""
    table = {c.name: c for c in spec.conventions}
    known = {}
    for text in declared:
        key, _, value = text.partition("=")
        require_known(spec, [key])
        if key in table:
            # typed values are text, declared ones may be numbers: ddof=0
            choices = {str(c): c for c in table[key].choices}
            if value not in choices:
                raise CannotCall(f"--convention {key}={value}: want one of {', '.join(choices)}.")
            known[key] = choices[value]
        else:
            # a name: another number, the parameter of an array, the key of a dict
            named = value in spec.numbers or key in spec.arrays or key == OUTPUT
            known[key] = value if named else _number(key, value)
    return known


def _number(key, value):
    try:
        return float(value)
    except ValueError:
        raise CannotCall(f"--convention {key}={value}: want a number.") from None


def _say_cannot(reason, as_json):
    if as_json:
        print(json.dumps({"exit_code": 2, "reason": reason}))
    else:
        print(f"Could not be judged: {reason}", file=sys.stderr)
