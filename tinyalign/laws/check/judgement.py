"""A request, as it was typed, judged in this process; the answer, as it is shown."""

import contextlib
import os

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import ADVANTAGE_OF, find_spec, require_known
from tinyalign.laws.check.choice import choose
from tinyalign.laws.check.cut import load_whole_or_cut
from tinyalign.laws.check.fault import fault, is_theirs
from tinyalign.laws.check.report import examine
from tinyalign.laws.check.terminal import as_data, as_text
from tinyalign.laws.harness.draws import repeatable_settings
from tinyalign.laws.harness.errors import describe_error
from tinyalign.laws.harness.frameworks import FRAMEWORKS
from tinyalign.laws.harness.law import assert_at_most, assert_close, assert_different
from tinyalign.laws.harness.limits import CALL_LIMIT, WAIT_LIMIT, TookTooLong
from tinyalign.laws.harness.outputs import OUTPUT
from tinyalign.laws.outcomes import Broken

IMPORTING, JUDGING = "it was imported", "it was judged"


def judgement(request, enter=lambda stage: None):
    """The answer: its status, and the report as text or data, or the reason why there is none.

    enter  is told what comes next, should it be the last thing that this process does
    """
    loaded = []  # the module of theirs, once it is there
    try:
        answer = _judged(request, enter, loaded)
        require_sound_judges(request["target"])
        return answer
    except CannotCall as reason:
        return {"status": 2, "reason": str(reason)}
    except TookTooLong:
        reason = f"{request['target']} did not come back within {CALL_LIMIT:g} s of computing"
        return {"status": 2, "reason": f"{reason} or {WAIT_LIMIT:g} s of waiting."}
    # whatever it is: in a process of its own nobody else is there to hear it
    except BaseException as error:
        path = os.path.realpath(getattr(loaded[0], "__file__", None) or "") if loaded else ""
        if is_theirs(error, path):
            return {"status": 2, "reason": f"{request['target']} raises {describe_error(error)}"}
        return fault(error, request)


def _judged(request, enter, loaded):
    spec = _spec(request["method"]) if request["method"] else None
    conventions = read_conventions(spec, request["convention"]) if spec else {}
    typed = request["framework"]
    if typed and typed not in FRAMEWORKS:
        raise CannotCall(f"--framework {typed!r}: want one of {', '.join(FRAMEWORKS)}.")
    # the file is imported last: a mistake in the words costs no import
    enter(IMPORTING)
    given = load_whole_or_cut(request["target"], spec.name if spec else "")
    loaded.append(given.module)
    enter(JUDGING)
    try:
        report = _reported(given, spec, conventions, request)
    except CannotCall as reason:
        other = ADVANTAGE_OF.get(request["method"])
        hint = f" If it makes advantages of rewards, say --as {other}." if other else ""
        raise CannotCall(f"{reason}{hint}") from None
    shown = {"text": as_text(report, **request["terminal"])} if request["terminal"] else {}
    return {"status": report.exit_code, "data": as_data(report), **shown}


def _reported(given, spec, conventions, request):
    """The report about what was loaded; spec is None where nobody said what it is."""
    typed = request["framework"]
    framework = typed or given.framework
    how = {
        "framework": framework,
        "dtype": "float32" if request["float32"] else "float64",
        "label": given.label,
    }
    with _naming_what_is_missing(framework):
        setting, taken = repeatable_settings(request["examples"]), ""
        if spec is None:
            spec, taken = choose(given.fn, request["candidates"], conventions, how)
            conventions = read_conventions(spec, request["convention"])
        given.require_whole(spec, conventions, how)
        report = examine(given.fn, spec, conventions, setting=setting, module=given.name, **how)
    report.notes[:0] = [*([taken] if taken else []), *given.sentences()]
    if framework != (typed or "numpy"):
        report.notes.append(
            f"It computes with {framework}, by its imports (--framework overrules)."
        )
    return report


def require_sound_judges(target):
    """CannotCall where nothing is broken for the laws any more, whatever they are given.

    A function that replaces NumPy's functions for the whole process replaces theirs too.
    """
    for judge, one, other in [
        (assert_close, 0.0, 1.0),
        (assert_at_most, 1.0, 0.0),
        (assert_different, 1.0, 1.0),
    ]:
        try:
            judge(one, other)
        except Broken:
            continue
        raise CannotCall(f"{target} replaces functions of NumPy that the laws are judged with.")


@contextlib.contextmanager
def _naming_what_is_missing(framework):
    """CannotCall without torch or jax, which a framework imports when it is first used."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CannotCall(f"--framework {framework}: {error.name} is not installed.") from None


def _spec(name):
    try:
        return find_spec(name)
    except ValueError as reason:
        raise CannotCall(str(reason)) from None


def read_conventions(spec, declared):
    """key=value texts as a dictionary, each key and value known to the method."""
    table = {c.name: c for c in spec.conventions}
    known = {}
    for text in declared:
        key, _, value = text.partition("=")
        if "." in key:  # an attribute of a config or of self
            known[key] = _attribute(value)
            continue
        require_known(spec, [key])
        if key in table:
            # typed values are text, declared ones may be numbers: ddof=0
            choices = {str(c): c for c in table[key].choices}
            if value not in choices:
                raise CannotCall(f"--convention {key}={value}: want one of {', '.join(choices)}.")
            known[key] = choices[value]
        else:
            # a name: a parameter or another number, the parameter of an array, the key of a dict
            parameter = key in spec.numbers and value.replace(".", "").isidentifier()
            named = parameter or key in spec.arrays or key == OUTPUT
            known[key] = value if named else _number(key, value)
    return known


def _attribute(value):
    """A typed value as what it looks like: True, 0.1, or a word."""
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return words[value.lower()]
    try:
        return float(value)
    except ValueError:
        return value


def _number(key, value):
    try:
        return float(value)
    except ValueError:
        raise CannotCall(f"--convention {key}={value}: want a number.") from None
