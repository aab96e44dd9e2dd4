"""What was trained: a folder of weights, or a table of log-probabilities from any framework."""

import json
import re
from pathlib import Path

import numpy as np

from tinyalign.errors import InputError
from tinyalign.exam.paper import fill
from tinyalign.exam.reference import score
from tinyalign.runs.hugging_face import is_model_folder, read_model_folder

EARLY = 0.6  # of the steps, after which an earlier checkpoint shows nothing
FORM = 'want {"prompt": {"answer": [log-probability of each token, EOS last]}}'
SCORES = 'want {"prompt": {"answer": score}}'


def read_trained(paper, path):
    """Token log-probabilities (P, K, T) of the trained policy; of a reward model, see `as_policy`.

    path     a folder that transformers saved, or a JSON file
    raises   InputError if it is neither, or not of this exam
    """
    path = Path(path)
    if path.is_dir():
        return read_folder(paper, path)
    try:
        data = json.loads(path.read_text(encoding="utf8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}; give a folder of weights or a JSON "
            "file"
        ) from None
    except ValueError as error:
        raise InputError(f"{path} is no JSON ({error}); {FORM}") from None
    return read_table(paper, data, path)


def require_early(before, trained):
    """InputError if both names say their steps and the earlier one is not early enough.

    Two late checkpoints of a run that has hardly begun look like the end of another one.
    """
    first, last = step_of(before), step_of(trained)
    if first is not None and last is not None and first > EARLY * last:
        raise InputError(
            f"{before} is from step {first} of {last}, too late to show whether training is over: "
            "give a checkpoint from half of the steps or fewer"
        )


def step_of(path):
    """The number at the end of a checkpoint's name, as transformers writes it; None without one."""
    number = re.search(r"checkpoint-(\d+)$", Path(path).resolve().name)
    return int(number[1]) if number else None


def read_folder(paper, folder):
    """Token log-probabilities of the weights in a folder."""
    if paper.method == "reward":
        raise InputError(f"a reward model is graded from its scores, as a JSON file: {SCORES}")
    if not is_model_folder(folder):
        raise InputError(f"{folder} is no folder that transformers saved; {what_else(folder)}")
    if not (folder / "tokenizer.json").is_file():
        raise InputError(
            f"{folder} has a model and no tokenizer.json: save the tokenizer there too, with "
            "`tokenizer.save_pretrained`"
        )
    params, words = read_model_folder(folder)
    if words.alphabet != paper.alphabet:
        raise InputError(
            f"{folder} has the characters {words.alphabet!r}, the exam {paper.alphabet!r}: it was "
            "not trained on this exam's model"
        )
    return score(params, words, paper.prompts, paper.answers, paper.ends)


def what_else(folder):
    """What to give in place of a folder without weights: its last checkpoint, or an export."""
    steps = {
        int(number[0]): inner
        for inner in folder.iterdir()
        if (number := re.findall(r"\d+$", inner.name)) and is_model_folder(inner)
    }
    if steps:
        return f"did you mean {steps[max(steps)]}?"
    return f"a run is exported first: `tinyalign export {folder} FOLDER`"


def read_table(paper, data, path):
    """Token log-probabilities of a table as JSON holds it."""
    form = SCORES if paper.method == "reward" else FORM
    try:
        rows = [[data[prompt][answer] for answer in paper.answers] for prompt in paper.prompts]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} has nothing for {error}; {form}") from None
    try:
        table = as_policy(paper, rows) if paper.method == "reward" else fill(rows, paper.mask)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: {error}; {form}") from None
    if not np.isfinite(table).all() or table.max() > 1e-6:
        raise InputError(f"{path} holds a number that is no log-probability; {form}")
    return table


def as_policy(paper, scores):
    """Scores (P, K) of a reward model as the policy e^score/Z, which loses nothing: (P, K, T).

    A reward is known up to a constant for each prompt, and so is a policy's logit. The whole
    log-probability stands in the place of the first token.
    """
    scores = np.array(scores, float)
    table = np.zeros((*scores.shape, paper.mask.shape[1]))
    table[:, :, 0] = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
    return table
