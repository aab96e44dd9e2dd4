"""All exercises of the course in the order of the pages."""

from tinyalign.errors import InputError
from tinyalign.notes.exercises import (
    adapters,
    basics,
    counting,
    entropies,
    inside,
    keeping,
    lengths,
    online,
    optimum,
    other_losses,
    pairs,
    process,
    scorers,
    selection,
    speed,
    spine,
    stages,
    stale,
    supervised,
    teacher,
)
from tinyalign.notes.exercises.questions import QUESTIONS

ASKING = (  # with questions beside them
    inside,
    spine,
    teacher,
    keeping,
    stale,
    process,
    adapters,
    stages,
    entropies,
    scorers,
)
FILES = (
    basics,
    supervised,
    optimum,
    selection,
    online,
    pairs,
    other_losses,
    counting,
    speed,
    lengths,
    *ASKING,
)
# Sorted by number; the capstone's "ca" comes after all digits.
EXERCISES = sorted(each for file in FILES for each in file.EXERCISES)
ALL = {
    each.number: each
    for each in sorted(
        [*EXERCISES, *QUESTIONS, *(each for file in ASKING for each in file.QUESTIONS)],
        key=lambda e: e.number,
    )
}


def of_page(page):
    """The exercises and questions of a page, by the number of the page."""
    return [each for number, each in ALL.items() if number.startswith(f"{page}.")]


def find(number):
    """The exercise or question with this number; InputError where there is none."""
    padded = number.rjust(4, "0")  # 8.1 is 08.1
    if padded not in ALL:
        pages = ", ".join(dict.fromkeys(known.partition(".")[0] for known in ALL))
        raise InputError(
            f"there is no exercise {number!r}: want a page and a number, such as 13.1; the pages "
            f"are {pages}"
        )
    return ALL[padded]
