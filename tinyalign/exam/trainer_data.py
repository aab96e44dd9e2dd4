"""A task's feedback for another trainer: JSONL with TRL's columns, and the reward as a file.

The columns are those that `tinyalign run --data` reads, so that ours and theirs can be given the
same lines.
"""

import json
import shutil
from pathlib import Path

import numpy as np

import toy_envs
from tinyalign.errors import InputError
from tinyalign.methods.labels import rewards_by_rank
from tinyalign.runs import files, lookup, plan
from toy_envs import feedback

REWARD = '''"""The reward of {name}, for other trainers. It needs NumPy and the folder toy_envs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from toy_envs import {module}  # noqa: E402

TASK = {module}.{call}
EOS = {eos}  # token id of end-of-sequence


def reward(prompts, completions, completion_ids=None, **columns):
    """A number for each completion.

    completion_ids  token ids of each completion, which TRL passes: one that does not end with EOS
                    was cut off, and a task may call that wrong. Without ids all are finished.
    """
    finished = [True] * len(completions)
    if completion_ids is not None and EOS is not None:
        finished = [list(ids[-1:]) == [EOS] for ids in completion_ids]
    return [float(r) for r in TASK.reward(list(prompts), list(completions), finished)]
'''


def export_data(config, name, count, folder):
    """Write data.jsonl for a method, and reward.py with the folder toy_envs that it imports.

    config   Config: the task, the seed, and how comparisons are made
    name     of a method: what it learns from decides the columns
    count    prompts to take; each training prompt is used before any is used again
    folder   Path, missing or empty
    returns  the lines, a list of dicts
    raises   InputError for an unknown task or method, no feedback, or a folder that holds something
    """
    lookup.check_values(config)
    row, task = lookup.find_method(name), lookup.find_task(config)
    stage = plan.resolve_config(row, config, lookup.find_model(config))
    if count < 1:
        raise InputError(f"--num_prompts is {count}, want 1 or more")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and not empty: name a new folder")
    lines = records(stage, task, count)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / "data.jsonl").write_text(text, encoding="utf8")
        write_reward(folder, config, task)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    return lines


def records(stage, task, count):
    """The lines of a stage's method on a task: a list of dicts."""
    row, config = stage.method, stage.config
    rng = files.random_stream(files.EXAMPLES, config.seed)
    prompts = [str(prompt) for prompt in np.resize(rng.permutation(task.train), count)]
    if row.learns_from == "rewards":
        return [{"prompt": prompt} for prompt in prompts]
    if row.learns_from == "demonstrations":
        return [{"prompt": prompt, "completion": task.solution(prompt)} for prompt in prompts]
    completions, reward = feedback.draw(task, prompts, config.num_generations, rng)
    try:
        labels = row.label(reward, rng, config)
    except ValueError as error:
        raise InputError(f"the candidates give no examples to train on: {error}") from None
    if len(labels.prompt) == 0:
        raise InputError("all candidates of every prompt got the same reward: raise --num_prompts")
    columns = label_columns(row.learns_from, labels, completions, reward)
    asked = [prompts[i] for i in labels.prompt]
    return [
        {"prompt": prompt, **dict(zip(columns, values, strict=True))}
        for prompt, *values in zip(asked, *columns.values(), strict=True)
    ]


def label_columns(kind, labels, completions, reward):
    """{column: a list of B values} of feedback, without the prompts.

    kind         what a method learns from: pairs, triples, thumbs or rankings
    labels       index arrays of toy_envs.feedback, B of them
    completions  P lists of G strings, which the labels speak of
    reward       (P, G)
    """
    if kind == "rankings":  # a ranking that label noise made wrong is told as it is
        rewards = rewards_by_rank(reward[labels.prompt], labels.order)
        texts = [completions[i] for i in labels.prompt]
        return {"completions": texts, "rewards": rewards.tolist()}
    flags = {"label": labels.desirable.tolist()} if kind == "thumbs" else {}
    roles = [name for name in labels._fields if name not in ("prompt", "desirable")]
    return {
        role: [completions[i][j] for i, j in zip(labels.prompt, getattr(labels, role), strict=True)]
        for role in roles
    } | flags


def write_reward(folder, config, task):
    """Write reward.py, and beside it a copy of the tasks, so that nothing else is needed."""
    arithmetic = config.env in lookup.OPERATIONS
    text = REWARD.format(
        name=task.name,
        module="arithmetic" if arithmetic else config.env,
        call=f"make({config.digits}, {lookup.OPERATIONS[config.env]!r})"
        if arithmetic
        else "make()",
        eos=len(task.alphabet) if task.ends else None,
    )
    (folder / "reward.py").write_text(text, encoding="utf8")
    source = Path(toy_envs.__file__).parent
    shutil.copytree(source, folder / "toy_envs", ignore=shutil.ignore_patterns("__pycache__"))
