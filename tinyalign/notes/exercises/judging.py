"""Judge somebody's solution of an exercise, and say in words what is wrong."""

import traceback

from tinyalign.laws import Broken

UNWRITTEN = "not yet written"


def why_wrong(check, solution):
    """What is wrong with a solution, in words; "" for a right one."""
    try:
        check(solution)
    except NotImplementedError:
        return UNWRITTEN
    except AssertionError as error:
        # A law reports the error of a stub inside an error of its own.
        return UNWRITTEN if "NotImplementedError" in str(error) else sentence(error)
    except Exception as error:  # a wrong solution must not stop the page
        return raised(error, solution)
    return ""


def sentence(error):
    """The message of a check on one line; of a law's, all but the example in code."""
    message = str(error)
    if isinstance(error, Broken):  # behind the sentence stands an example in code
        message = message.partition("\n\n")[0]
    return " ".join(message.split()) or "the check fails."


def raised(error, solution):
    """What a solution raised, and in which line of its file."""
    file = getattr(getattr(solution, "__code__", None), "co_filename", None)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    where = f" in line {lines[-1]}" if lines else ""
    return f"the function raises {type(error).__name__}{where}: {error}"
