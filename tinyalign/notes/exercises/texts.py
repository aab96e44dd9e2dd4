"""An exercise in words: as a part of a page, and as a file to fill in."""

import inspect
import re
import textwrap

from tinyalign.notes.exercises.exercise import Exercise
from tinyalign.notes.exercises.plain import plain

IMPORTS = {  # a name that solutions use -> where it comes from
    **dict.fromkeys(
        ("log_odds", "log_sigmoid", "log_softmax", "sigmoid", "softmax", "stop_gradient"),
        "tinyalign.losses.numerics",
    ),
    "comb": "math",
    "interpreter": "toy_envs",
}


def stub(exercise):
    """The function to write, with nothing in it."""
    head = code_of(exercise.solution).partition(":\n")[0]
    return f"{head}:\n    raise NotImplementedError  # {exercise.shapes}\n"


def solution(exercise):
    """The code of the solution, with the imports that it needs besides np."""
    body = code_of(exercise.solution)
    needed = [name for name in IMPORTS if re.search(rf"\b{name}\b", body)]
    lines = [f"from {IMPORTS[name]} import {name}\n" for name in needed]
    return "".join(lines) + ("\n\n" if lines else "") + body


def code_of(function):
    """The source of a function without its docstring."""
    source = inspect.getsource(function)
    return re.sub(r'\n    r?""".*?"""', "", source, count=1, flags=re.DOTALL)


def file_to_fill_in(exercise):
    """A Python file that holds the task and the stub."""
    task = textwrap.fill(plain(exercise.task), 96, initial_indent="# ", subsequent_indent="# ")
    return (
        f"# Exercise {exercise.number}. When you have written the function, type\n"
        f"# tinyalign exercise {exercise.number} THIS_FILE\n#\n{task}\n\n"
        f"import autograd.numpy as np\n\n\n{stub(exercise)}"
    )


def markdown(exercises):
    """The exercises of a page as Markdown: tasks; hints, solutions and answers folded."""
    return "\n\n".join(map(one, exercises))


def one(exercise):
    """One exercise as Markdown."""
    place = exercise.number.partition(".")[2]
    if not isinstance(exercise, Exercise):
        kind = exercise.kind.capitalize()
        opens = "The answer" if exercise.kind == "on paper" else "What to look for"
        asked = wrap(f"**{place}. {kind}.** {exercise.task}")
        return f"{asked}\n\n{fold(opens, wrap(exercise.answer))}"
    parts = [wrap(f"**{place}.** {exercise.task}")]
    parts += [fold(f"Hint {i}", wrap(hint)) for i, hint in enumerate(exercise.hints, 1)]
    parts.append(fold("The solution", f"```python\n{solution(exercise)}```"))
    return "\n\n".join(parts)


def fold(summary, text):
    """Text that is shown when its summary is opened."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def wrap(text):
    """Text in lines of 96 letters that are broken neither in a formula nor in code."""
    glued = re.sub(r"\$[^$]*\$|`[^`]*`", lambda match: match[0].replace(" ", "\0"), text)
    lines = textwrap.fill(glued, 96, break_on_hyphens=False, break_long_words=False)
    return lines.replace("\0", " ")
