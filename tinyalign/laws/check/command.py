"""`tinyalign check` and `tinyalign museum`: the laws from the command line."""

import json
import shutil
import sys

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.catalogue.lookup import find_spec
from tinyalign.laws.check.fault import fault
from tinyalign.laws.check.gallery import museum
from tinyalign.laws.check.judgement import judgement
from tinyalign.laws.check.loading import discard_output
from tinyalign.laws.check.process import SECONDS, answer_of_child
from tinyalign.laws.check.settings import settings_for
from tinyalign.laws.source.candidates import candidates

__all__ = ["check", "check_here", "museum"]


def check(target, method="", *, as_json=False, **how):
    """Judge FILE.py:FUNCTION as METHOD, in a process of its own. What comes back:

    0: all laws hold; 1: some are broken; 2: it cannot be judged; 3: the checker itself failed
    """
    return _answered(answer_of_child, target, method, as_json, how)


def check_here(target, method="", *, as_json=False, **how):
    """The same in this process, where a function that ends it ends the command."""

    def answer(request):
        with discard_output() as sink:
            return judgement(request) | {"loud": sink.used}

    return _answered(answer, target, method, as_json, how)


def _answered(answer_to, target, method, as_json, how):
    """Ask, print the answer; the exit status."""
    request = {"target": target, "method": method}
    try:
        request = _request(target, method, as_json, **how)
        answer = answer_to(request)
    except CannotCall as reason:
        answer = {"status": 2, "reason": str(reason)}
    except Exception as error:  # no process to be had, no room for its files
        answer = fault(error, request)
    return _show(answer, request, as_json)


def _request(target, method, as_json, *, convention=(), float32=False, examples=100, **typed):
    """What is asked, as the child reads it: what was typed, then what pyproject.toml says."""
    said = settings_for(target)
    method = method or said.get("as", "")
    keys = {text.partition("=")[0] for text in convention}
    more = [f"{k}={v}" for k, v in said.get("convention", {}).items() if k not in keys]
    terminal = {"width": shutil.get_terminal_size().columns, "colour": sys.stdout.isatty()}
    return {
        "target": target,
        "method": method,
        "candidates": {} if method else candidates(target),
        "framework": typed.get("framework") or said.get("framework", ""),
        "convention": [*convention, *more],
        "float32": float32 or said.get("float32", False),
        "examples": examples,
        "seconds": typed.get("seconds") or said.get("seconds", SECONDS),
        "terminal": None if as_json else terminal,
    }


def _show(answer, request, as_json):
    """Print the report on stdout, all else on stderr; the exit status."""
    if "data" not in answer:
        _say_why_not(answer, as_json)
        return answer["status"]
    typed = request["method"]
    meant = find_spec(typed).name if typed else ""
    if meant != typed:
        print(
            f"The loss of {typed} is {meant}: the function is judged as {meant}.", file=sys.stderr
        )
    # the report is the only thing on stdout, so that --json can be piped
    if as_json:
        print(json.dumps(answer["data"], indent=2, ensure_ascii=False))
    else:
        print(answer["text"], end="")
    if answer["loud"]:
        print(f"what {request['target']} prints to stdout is left out", file=sys.stderr)
    return answer["status"]


def _say_why_not(answer, as_json):
    if as_json:
        print(json.dumps({"exit_code": answer["status"], "reason": answer["reason"]}))
    else:
        cannot = "Could not be judged: " if answer["status"] == 2 else ""
        print(f"{cannot}{answer['reason']}", file=sys.stderr)
