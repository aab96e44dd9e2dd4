"""What an exercise is: a function to write, or a question without code."""

import inspect
from typing import NamedTuple


class NotYet(AssertionError):
    """A solution is not right yet; the message says what was found and what was wanted."""


class Exercise(NamedTuple):
    """A function to write. The name and the parameters are those of the solution."""

    number: str  # of the page and of the exercise: 13.1
    shapes: str  # what goes in and what comes out: "(K,), (K,) -> (K,)", or ""
    task: str  # what to write, in Markdown
    hints: tuple  # two: the idea, then nearly the code
    solution: object  # a right function
    check: object  # called with somebody's function; raises NotYet where the function is not right

    @property
    def name(self):
        """The name of the function to write."""
        return self.solution.__name__


class Question(NamedTuple):
    """A question without code."""

    number: str
    kind: str  # "on paper", with one answer, or "open ended", with what to look for
    task: str
    answer: str


def exercise(number, solution, check):
    """The Exercise whose texts stand in the docstring of its solution.

    The docstring has the shapes on its first line, then the task, then two hints.
    """
    shapes, task, *hints = inspect.getdoc(solution).split("\n\n")
    hints = tuple(" ".join(hint.removeprefix("Hint: ").split()) for hint in hints)
    return Exercise(number, shapes, " ".join(task.split()), hints, solution, check)
