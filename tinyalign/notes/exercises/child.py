"""Judge a file with a solution, in the process of its own that `tinyalign check` uses too."""

import os

from tinyalign.laws.binding.signature import CannotCall
from tinyalign.laws.check import child
from tinyalign.laws.check.fault import fault, is_theirs
from tinyalign.laws.check.judgement import IMPORTING, JUDGING
from tinyalign.laws.check.loading import load
from tinyalign.laws.check.process import answer_of_child
from tinyalign.laws.harness.errors import describe_error
from tinyalign.laws.harness.limits import TookTooLong
from tinyalign.notes.exercises import table
from tinyalign.notes.exercises.judging import UNWRITTEN, why_wrong

RIGHT, WRONG, CANNOT = 0, 1, 2  # statuses


def judge_file(number, target, seconds):
    """The answer to FILE.py:FUNCTION as the solution of an exercise: its status and a reason."""
    request = {"number": number, "target": target, "seconds": seconds}
    return answer_of_child(request, __name__)


def main(name, lifeline):
    """What the process runs: answer the request in this folder."""
    child.main(name, lifeline, judgement)


def judgement(request, enter):
    """The answer: status 0 for a right solution, 1 for another one, 2 where it cannot be judged."""
    modules = []  # that of the solution, once it is imported
    try:
        enter(IMPORTING)
        solution, module, _ = load(request["target"])
        modules.append(module)
        enter(JUDGING)
        wrong = why_wrong(table.find(request["number"]).check, solution)
        return {"status": WRONG if wrong else RIGHT, "reason": wrong}
    except CannotCall as reason:
        return {"status": CANNOT, "reason": str(reason)}
    except TookTooLong:
        return {"status": WRONG, "reason": "one call of the function did not come to an end."}
    # in a process of its own nobody else is there to hear it
    except BaseException as error:
        path = os.path.realpath(getattr(modules[0], "__file__", "")) if modules else ""
        if is_theirs(error, path):
            return {"status": CANNOT, "reason": f"the function raises {describe_error(error)}"}
        return fault(error, request)


__all__ = ["UNWRITTEN", "judge_file", "main"]
