"""Judge somebody's solution of an exercise, and say in words what is wrong."""

import traceback

from tinyalign.notes.exercises import table
from tinyalign.notes.exercises.exercise import Exercise, NotYet

UNWRITTEN = "not yet written"


def check_exercise(number, solution):
    """Print whether a reader's function solves an exercise, and what is wrong where it does not."""
    wrong = why_wrong(table.find(number), solution)
    verdict = f"not yet right: {wrong}" if wrong and wrong != UNWRITTEN else wrong or "right"
    print(f"{number} {solution.__name__}: {verdict}")


def why_wrong(exercise, solution):
    """What is wrong with a solution, in words; "" for a right one."""
    assert isinstance(exercise, Exercise)
    try:
        exercise.check(solution)
    except NotYet as error:
        # A law reports the error of a stub inside an error of its own.
        return UNWRITTEN if "NotImplementedError" in str(error) else str(error)
    except NotImplementedError:
        return UNWRITTEN
    except Exception as error:  # a wrong solution must not stop the page
        return raised(error, solution)
    return ""


def raised(error, solution):
    """What a solution raised, and in which of its lines."""
    file = getattr(getattr(solution, "__code__", None), "co_filename", None)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    where = f" in line {lines[-1]}" if lines else ""
    return f"the function raises {type(error).__name__}{where}: {error}"
