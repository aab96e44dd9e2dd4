"""tinyalign exercise, tinyalign explain"""

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import tyro

from tinyalign.errors import InputError, shown

SECONDS = 60.0  # for import and judging


@dataclasses.dataclass(frozen=True)
class Exercise:
    """List the exercises of the course, write a file to fill in, or judge one. Exit status 0:
    right; 1: not yet right; 2: the input is wrong."""

    number: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="[NUMBER]", help_behavior_hint="")
    ] = ""
    """An exercise, for example 13.1: page 13, first exercise. Without a file, the command writes
    one to fill in. Without a number, it lists all exercises."""
    file: Annotated[
        tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[FILE]", help_behavior_hint="")
    ] = None
    """The file that you have filled in, to be judged."""
    hint: int = 0
    """Print hint 1 or hint 2."""
    solution: bool = False
    """Print the solution, or the answer to a question without code."""
    seconds: float = SECONDS
    """The judging of a file is stopped after so many seconds."""

    def __call__(self):
        # The exercises load the laws, which no other command needs.
        from tinyalign.notes.exercises import table, texts
        from tinyalign.notes.exercises.plain import plain

        if not self.number:
            return list_exercises(table.ALL.values())
        exercise = table.find(self.number)
        has_code = hasattr(exercise, "solution")
        if self.solution:
            print(texts.solution(exercise) if has_code else plain(exercise.answer))
            return 0
        if not has_code:
            return print_question(exercise)
        if self.hint:
            return print_hint(exercise, self.hint)
        return write_file(exercise) if self.file is None else judge(self, exercise)


@dataclasses.dataclass(frozen=True)
class Explain:
    """Say which known symptoms a training log shows, on what evidence, and where to read on."""

    log: tyro.conf.Positional[Path]
    """The folder of a run, its metrics.jsonl, rows of JSON with TRL's keys, or a
    trainer_state.json."""

    def __call__(self):
        from tinyalign.notes.explain.report import explain

        return explain(self.log)


def list_exercises(exercises):
    """Print a line for each exercise: its number and the beginning of its task."""
    for exercise in exercises:
        kind = getattr(exercise, "kind", "") or exercise.name
        task = exercise.task if len(exercise.task) <= 60 else f"{exercise.task[:57]}…"
        print(f"{exercise.number}  {kind:24} {task}")
    print("\n`tinyalign exercise 13.1` writes a file to fill in; with the file it judges it.")
    return 0


def print_question(question):
    """Print a question without code."""
    from tinyalign.notes.exercises.plain import plain

    print(f"{question.number}, {question.kind}. {plain(question.task)}")
    print(f"\n`tinyalign exercise {question.number} --solution` shows what to compare with.")
    return 0


def print_hint(exercise, hint):
    """Print one of the two hints."""
    if hint not in (1, 2):
        raise InputError(f"--hint is {hint}, want 1 or 2")
    from tinyalign.notes.exercises.plain import plain

    print(plain(exercise.hints[hint - 1]))
    return 0


def write_file(exercise):
    """Write a file with the task; a file that exists is never overwritten."""
    from tinyalign.notes.exercises import texts

    path = Path(f"exercise_{exercise.number.replace('.', '_')}.py")
    try:
        with path.open("x", encoding="utf8") as file:
            file.write(texts.file_to_fill_in(exercise))
    except FileExistsError:
        raise InputError(
            f"{path} exists already: `tinyalign exercise {exercise.number} {path}` judges it; move "
            "it away for a new one"
        ) from None
    print(f"{path}: fill in {exercise.name}, then `tinyalign exercise {exercise.number} {path}`")
    return 0


def judge(command, exercise):
    """Judge a file in a process of its own, and print what is wrong; the exit status."""
    from tinyalign.notes.exercises import child

    if not 0 < command.seconds < math.inf:
        raise InputError(f"--seconds is {command.seconds:g}, want a number above 0")
    if command.file.suffix != ".py":
        raise InputError(f"{command.file} is no Python file: want a name that ends in .py")
    target = f"{command.file}:{exercise.name}"
    answer = child.judge_file(exercise.number, target, command.seconds)
    status, reason = answer["status"], answer.get("reason", "")
    if status == child.CANNOT:
        raise InputError(reason.rstrip("."))
    what = "" if not reason or reason == child.UNWRITTEN else "not yet right: "
    print(f"{exercise.number} {exercise.name}: {what}{shown(reason) or 'right'}")
    if status == child.WRONG:
        print(f"`tinyalign exercise {exercise.number} --hint 1` shows a hint.")
    return status
