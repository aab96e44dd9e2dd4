"""What the policies of a comparison answer to a few problems, to read."""

from typing import NamedTuple

from tinyalign.methods.evaluate import subsample_evenly
from tinyalign.methods.one_letter import is_enumerable
from tinyalign.report.rows import fits_one_table
from tinyalign.runs import asking

COUNT = 3


class Problem(NamedTuple):
    """A problem that nobody trained on, and the likeliest answer of each policy."""

    prompt: str
    solution: str
    answers: dict  # {method, the start among them: its answer}


def read_problems(rows, folder, task):
    """The Problems of one seed: COUNT held-out ones, evenly spread, chosen before any answer.

    rows    of the comparison; those of the first seed are read
    folder  of that seed
    returns () where all answers can be listed, where there is no task, and for many methods
    """
    if task is None or is_enumerable(task) or not fits_one_table(rows):
        return ()
    own = [row for row in rows if row.seed == rows[0].seed and not row.failure]
    policies = {
        row.method: asking.read_trained(folder / row.method)
        for row in own
        # A reward model has no accuracy (NaN); at test time the folder holds the start.
        if row.accuracy == row.accuracy and row.table != "test time"
    }
    # The first and the last are the extremes of the task, so they are left out.
    prompts = subsample_evenly(task.held_out, COUNT + 2)[1:-1]
    return tuple(
        Problem(
            prompt,
            task.solution(prompt),
            {name: asking.likeliest_answer(p, prompt).text for name, p in policies.items()},
        )
        for prompt in prompts
    )
