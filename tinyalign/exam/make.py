"""`tinyalign exam make`: a folder with a model, data, a reward and instructions."""

import json
import math
from pathlib import Path

import numpy as np

from tinyalign.errors import InputError
from tinyalign.exam.guide import guide
from tinyalign.exam.methods import METHODS
from tinyalign.exam.paper import Paper, paper_as_data
from tinyalign.exam.reference import score, train_reference, vocabulary
from tinyalign.exam.tasks import TASKS, WEIGHTS, alphabet
from tinyalign.runs.hugging_face import write_model_folder
from tinyalign.runs.storage import write_atomically

REWARD = '''"""The reward of this exam, for trainers such as TRL's: a table."""

TABLE = {table}
OTHERWISE = {floor}  # for a completion that is no answer of the exam


def reward(prompts, completions, **columns):
    """A number for each completion."""
    return [TABLE[p].get(c, OTHERWISE) for p, c in zip(prompts, completions)]
'''

LARGEST_GAMMA = math.log(16) + 1e-9  # odds above make too many lines of data


def make(folder, name, task="", **typed):
    """Write an exam.

    folder   missing or empty
    name     of a method of METHODS
    task     of TASKS; "" takes the method's
    typed    settings of the method; None takes the method's
    returns  the Paper
    raises   InputError for an unknown name, a setting that the method lacks or that leaves no
             whole-number odds, or a folder that holds something
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something already: name a new folder")
    method = find(METHODS, name, "method")
    asked = find(TASKS, task or method.task, "task")
    settings = settings_of(name, {key: value for key, value in typed.items() if value is not None})
    params = train_reference(asked)
    ends = not method.samples or asked.name == "words"
    paper = Paper(
        name, asked.name, settings, list(asked.prompts), list(asked.answers), ends,
        alphabet(asked), np.array(WEIGHTS),
        score(params, vocabulary(asked), asked.prompts, asked.answers, ends),
    )  # fmt: skip
    write(folder, paper if name != "reward" else without_reference(paper), params)
    return paper


def write(folder, paper, params):
    """The files of an exam."""
    method = METHODS[paper.method]
    contents = {
        "exam.json": json.dumps(paper_as_data(paper), ensure_ascii=False, indent=1) + "\n",
        "data.jsonl": "".join(json.dumps(row) + "\n" for row in method.rows(paper)),
        "README.md": guide(paper),
    }
    if method.samples:
        contents["reward.py"] = reward_file(paper)
    try:
        write_model_folder(folder / "model", params, vocabulary(TASKS[paper.task]))
        for name, content in contents.items():
            write_atomically(folder / name, content.encode())
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None


def reward_file(paper):
    """reward.py: a table, and less than any answer's reward for everything else."""
    table = {
        prompt: dict(zip(paper.answers, row, strict=True))
        for prompt, row in zip(paper.prompts, paper.reward.tolist(), strict=True)
    }
    return REWARD.format(table=json.dumps(table, indent=4), floor=float(paper.reward.min() - 2))


def without_reference(paper):
    """The paper of a reward model, which has no reference: every answer counts alike."""
    table = np.zeros_like(paper.reference)
    table[:, :, 0] = -math.log(len(paper.answers))
    return paper._replace(reference=table)


def find(rows, name, kind):
    """The row of that name; InputError with the names that there are."""
    if name not in rows:
        raise InputError(f"there is no {kind} {name!r} here: choose one of {', '.join(rows)}")
    return rows[name]


def settings_of(name, typed):
    """The method's settings, those that were typed in place of the defaults."""
    settings = METHODS[name].settings
    for key in typed.keys() - settings.keys():
        have = ", ".join(f"--{known}" for known in settings) or "none"
        raise InputError(f"an exam of {name} has no --{key}; it has: {have}")
    settings = {**settings, **typed}
    for key, value in settings.items():
        problem = wrong(name, key, value)
        if problem:
            raise InputError(f"--{key} is {value:g}, but {problem}")
    return settings


def wrong(name, key, value):
    """What is wrong with a setting, or an empty text."""
    if key in ("beta", "tau") and not 0.1 <= value <= 10:
        return "want a number from 0.1 to 10"
    if key == "beta" and name == "kto" and value > 1:
        return "KTO has several optima above 1"
    if key == "lam" and not 0 < value <= 10:
        return "want a number above 0, at most 10"
    if key == "flip" and not (0.01 <= value <= 1 / 9 and is_whole(1 / value)):
        return "only 1/9, 1/10, … 1/100 leave whole-number odds"
    if key == "gamma" and not (0 <= value <= LARGEST_GAMMA and is_whole(math.exp(value))):
        return "want the logarithm of a whole number up to 16, such as 0.6931471805599453"
    if key == "num_generations":
        return wrong_group(name, value)
    return ""


def wrong_group(name, value):
    """What is wrong with the size of a group, or an empty text."""
    if value < 2:
        return "a group has at least 2 completions"
    if value > 256:
        return "a batch of the exam has 256 completions"
    if value == 2 and name in ("grpo", "rloo"):
        return "with 2 the sample in its own baseline looks like a doubled beta"
    return ""


def is_whole(number):
    return abs(number - round(number)) < 1e-6 * number
