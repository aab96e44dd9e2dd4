"""From what was typed to a job: methods, settings, task and start, all checked before any work."""

import dataclasses
import difflib
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.methods import stages, train_ppo
from tinyalign.methods.stages import Setting
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs import budget
from tinyalign.runs import dataset as files
from tinyalign.runs.config import FILE_STEPS, LEARNED_BETA, LIKE, MODELS, RANGES, RECIPES
from tinyalign.runs.start import find_model, fresh, load_start, require_fit
from toy_envs import arithmetic, bandit, hackable, programs

OPERATIONS = {"addition": "+", "subtraction": "-", "multiplication": "*"}
TASKS = {"bandit": bandit.make, "programs": programs.make, "hackable": hackable.make}


class Phase(NamedTuple):
    """One stage to come."""

    method: methods.Method
    config: Any  # Config with the recipe filled in
    stop_at: float | None  # a warm start stops at this share of solved training problems
    data: Any  # dataset.Data, or None: the task's own examples
    held_out_data: Any
    limit: Any = None  # budget.Limit, where the number of steps is not what ends it


class Job(NamedTuple):
    """Everything a run needs, checked."""

    config: Any  # Config as typed
    phases: tuple[Phase, ...]
    task: Any  # toy_envs.task.Task, or None with data of your own
    vocabulary: Any
    model: Any  # a module of tinyalign.models
    model_name: str
    carried: dict[str, Any]  # parameters to start from: "policy", perhaps "reward_model"


def make(names, config):
    """Check what was typed and lay out the stages: (method names, Config) -> Job."""
    rows = [find_method(name) for name in names]
    check_values(config)
    model_name = find_model(config)
    task = None if config.data else find_task(config)
    phases = [fill(row, config, model_name, typed=True) for row in rows]
    phases = budget.fitted(phases, config)
    start, note = load_start(config)
    phases = with_warm_up(phases, config, model_name, start)
    vocabulary = task
    if task is None:
        known = Vocabulary(note["alphabet"], note["ends"]) if note else None
        phases, vocabulary = with_lines(phases, config, known)
    width = longest_row(task, phases)
    if start:
        require_fit(config, start, note, model_name, vocabulary, width)
    carried = start or fresh(config, model_name, vocabulary, width)
    return Job(config, tuple(phases), task, vocabulary, MODELS[model_name], model_name, carried)


def stopping(job):
    """The same job, its last stage ended as a warm start: at --start_accuracy."""
    *before, last = job.phases
    stop_at = None if job.task is None else job.config.start_accuracy  # a file solves nothing
    return job._replace(phases=(*before, last._replace(stop_at=stop_at)))


def find_method(name):
    """The row of a method, or an InputError that lists them."""
    row = methods.named(name)
    if row is None:
        known = ", ".join(method.name for method in methods.METHODS)
        near = difflib.get_close_matches(name, [method.name for method in methods.METHODS], n=1)
        meant = f"did you mean {near[0]}? Or " if near else ""
        raise InputError(f"there is no method {name!r}: {meant}choose from {known}")
    return row


def find_task(config):
    """The task named by --env, or an InputError that lists them."""
    if config.env in OPERATIONS:
        return arithmetic.make(config.digits, OPERATIONS[config.env])
    if config.env not in TASKS:
        known = ", ".join([*OPERATIONS, *TASKS])
        raise InputError(f"there is no environment {config.env!r}: choose from {known}")
    return TASKS[config.env]()


def fill(row, config, model_name, typed):
    """The phase of a method: its settings are what was typed, else its own, else the recipe's."""
    recipe, given = recipe_of(row, config, model_name), dataclasses.asdict(config)
    recipe = {k: v for k, v in recipe.items() if not typed or given[k] is None}
    filled = dataclasses.replace(config, **recipe)
    if row.advantages and filled.advantage not in row.advantages:
        raise InputError(
            f"{row.name} has no --advantage {filled.advantage}: choose from "
            f"{', '.join(row.advantages)}"
        )
    if row.tie and not row.surrogate and filled.beta == 0:
        raise InputError(f"--beta is 0, but {row.name} needs a number above 0, such as 0.1")
    alone = row.stage in (train_ppo.ppo, stages.supervised)  # no two completions are compared
    if filled.num_generations == 1 and not alone and not config.data:
        raise InputError(
            f"--num_generations is 1, but {row.name} compares completions of one prompt: want 2 "
            "or more"
        )
    stop_at = config.start_accuracy if row.stage is stages.supervised else None
    return Phase(row, filled, stop_at, None, None)


def recipe_of(row, config, model_name):
    """The values of fields that a method takes where nothing was typed."""
    kind = row.stage.__name__
    recipe = {"label_temperature": float(config.env == "bandit"), "epsilon": 0.2}
    if row.advantages:
        recipe["advantage"] = next(iter(row.advantages))
    recipe |= RECIPES[model_name][LIKE.get(kind, kind)] | row.defaults
    if config.data:
        recipe["steps"] = FILE_STEPS
    if config.reward == "model" and row.surrogate and row.kl_in:
        typed = config.label_temperature
        doubt = recipe["label_temperature"] if typed is None else typed
        recipe["beta"] = recipe["beta"] / doubt if doubt else LEARNED_BETA[row.kl_in]
    return recipe


def with_warm_up(phases, config, model_name, start):
    """The same phases, after what they need and was not typed: a start, a reward model."""
    names = [phase.method.name for phase in phases]
    if config.reward == "model" and "reward" not in names and "reward_model" not in start:
        online_ones = [phase.method in methods.ONLINE for phase in phases]
        place = online_ones.index(True) if any(online_ones) else len(phases)
        learned = fill(methods.named("reward"), config, model_name, typed=False)
        phases = [*phases[:place], learned, *phases[place:]]
    if names[0] != "sft" and config.start is None and model_name != "tabular":
        phases = [fill(methods.named("sft"), config, model_name, typed=False), *phases]
    *before, last = phases
    return [*before, last._replace(stop_at=None)]


def with_lines(phases, config, vocabulary):
    """Give every phase its lines of the file: (phases, vocabulary).

    vocabulary  of the policy to start from, or None: the characters of the file
    """
    for phase in phases:
        if phase.method.learns_from not in files.COLUMNS:
            raise InputError(
                f"{phase.method.name} learns from {phase.method.learns_from}, which "
                "--data cannot hold: use sft, reward or dpo, or an --env"
            )
    filled = []
    for phase in reversed(phases):  # the last one reads every column, so it knows all characters
        needs = phase.method.learns_from
        found = files.load(config.data, needs, context=config.context, vocabulary=vocabulary)
        vocabulary = found.vocabulary
        if len(found.prompts) < 2:
            raise InputError(f"{config.data} has one example, want at least two: one is held out")
        order = np.random.default_rng(0).permutation(len(found.prompts))
        cut = max(1, len(order) // 10)
        train, rest = files.select(found, order[cut:]), files.select(found, order[:cut])
        filled.append(phase._replace(stop_at=None, data=train, held_out_data=rest))
    return filled[::-1], vocabulary


def longest_row(task, phases):
    """Tokens of the longest prompt with its completion."""
    if task is None:
        return max(phase.data.width for phase in phases)
    return max(map(len, (*task.train, *task.held_out))) + task.max_new_tokens


def check_values(config):
    """InputError for the first setting that is out of range."""
    for name, (low, high) in RANGES.items():
        value = getattr(config, name)
        if value is not None and not low <= value <= high:
            raise InputError(f"--{name} is {value}, want a number from {low} to {high}")
    if config.kl not in ("k1", "k2", "k3"):
        raise InputError(f"--kl is {config.kl!r}, want k1, k2 or k3")
    if config.reward not in ("exact", "model"):
        raise InputError(f"--reward is {config.reward!r}, want exact or model")


def setting(job, index, carried):
    """What the stage at this place of the job is prepared from."""
    phase = job.phases[index]
    learned = job.config.reward == "model" and phase.method.stage is not stages.reward_model
    return Setting(
        job.task,
        job.vocabulary,
        job.model,
        phase.config,
        phase.method,
        carried["policy"],
        carried.get("reward_model") if learned else None,  # a judge is not taught by a judge
        phase.data,
        phase.held_out_data,
        np.random.default_rng([job.config.seed, index, 0]),
    )


def describe(job):
    """What config.json says: the methods and every setting as typed, in JSON's types."""
    described = {"methods": [phase.method.name for phase in job.phases], **plain(job.config)}
    if job.config.data:  # the same name may hold other lines when the run is resumed
        described["data_sha256"] = hashlib.sha256(Path(job.config.data).read_bytes()).hexdigest()
    return described


def plain(config):
    """The fields of a Config in JSON's types."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in vars(config).items()}


def model_note(job):
    """What a saved model says of itself, so that another run can tell whether it fits."""
    return {
        "model": job.model_name,
        "alphabet": job.vocabulary.alphabet,
        "ends": bool(job.vocabulary.ends),
    }
