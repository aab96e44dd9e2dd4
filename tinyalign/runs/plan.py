"""From the command line to a plan: methods, settings, task and start, all checked before any work.

plan_run is one straight path: rows of the table, settings of each stage, budget, warm start,
examples, initial parameters.
"""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from tinyalign import methods
from tinyalign.engine.machine import blas_kernel, describe_machine
from tinyalign.methods.method import StageInputs
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs import dataset, files
from tinyalign.runs.budget import StopRule, apply_budget
from tinyalign.runs.config import MODELS, Config
from tinyalign.runs.hold_out import attach_dataset
from tinyalign.runs.lookup import (
    check_fit,
    check_values,
    find_method,
    find_model,
    find_task,
    init_params,
    load_initial_params,
    require_fit,
)
from tinyalign.runs.recipes import RECIPE_FIELDS, recipe_of
from tinyalign.runs.target import Target, apply_until, warm_start_target, words


class StagePlan(NamedTuple):
    """One stage to come."""

    method: methods.Method
    config: Config  # with the recipe filled in
    target: Target | None = None  # it ends where its policy is this good
    data: Any = None  # dataset.Data, or None: the task's own examples
    held_out_data: Any = None
    stop_rule: StopRule | None = None  # where the number of steps is not what ends it


class RunPlan(NamedTuple):
    """Everything a run needs, checked."""

    config: Config  # as typed
    stages: tuple[StagePlan, ...]
    task: Any  # toy_envs.task.Task, or None with data of your own
    vocabulary: Any
    model_name: str
    model: Any  # a module of tinyalign.models
    initial_params: dict[str, Any]  # "policy", perhaps "reward_model"
    digests: dict[str, str]  # SHA-256 of what was read: the file of --data, the start's weights


def plan_run(names, config):
    """Check what was typed and lay out the stages: (method names, Config) -> RunPlan."""
    rows = [find_method(name) for name in names]
    check_values(config)
    model_name = find_model(config)
    task = None if config.data else find_task(config)
    initial_params, metadata, start_digest = load_initial_params(config)  # or empty
    stages = [resolve_config(row, config, model_name) for row in rows]
    stages = apply_budget(stages, config)
    stages = [with_warmup(stage) for stage in stages]
    stages = apply_until(stages, config) if config.until is not None else stages
    stages = prepend_warm_start(stages, config, model_name, initial_params)
    vocabulary, digests = task, {"init_sha256": start_digest} if metadata else {}
    if task is None:
        known = Vocabulary(metadata["alphabet"], metadata["ends"]) if metadata else None
        content = dataset.read(config.data)  # once: what is hashed is what is trained on
        stages, vocabulary = attach_dataset(stages, config, known, content)
        digests["data_sha256"] = hashlib.sha256(content).hexdigest()
    width = longest_row(task, stages)
    if initial_params:
        require_fit(config, initial_params, metadata, model_name, vocabulary, width)
    else:
        initial_params = init_params(config, model_name, vocabulary, width)
    model = model_name, MODELS[model_name]
    return RunPlan(config, tuple(stages), task, vocabulary, *model, initial_params, digests)


def methods_of(run_plan):
    """The methods of the stages, those put in front included."""
    return [stage.method for stage in run_plan.stages]


def as_warm_start(run_plan):
    """The same plan, its last stage ended as a warm start: at --warm_start_accuracy."""
    *before, last = run_plan.stages
    # A file has no problems that could be solved.
    target = None if run_plan.task is None else warm_start_target(run_plan.config)
    return run_plan._replace(stages=(*before, last._replace(target=target)))


def resolve_config(row, config, model_name):
    """The StagePlan of a method: its settings are what was typed, else what its recipe says."""
    recipe, typed = recipe_of(row, config, model_name), dataclasses.asdict(config)
    # What was typed always wins over the recipe.
    missing = {name: value for name, value in recipe.items() if typed[name] is None}
    resolved = dataclasses.replace(config, **missing)
    check_fit(row, resolved)
    return StagePlan(row, resolved)


def with_warmup(stage):
    """The stage with its warm-up in steps, a share of those that its budget leaves."""
    config = stage.config
    if config.warmup_steps is not None:
        return stage
    count = round(config.warmup_ratio * config.steps)
    return stage._replace(config=dataclasses.replace(config, warmup_steps=count))


def prepend_warm_start(stages, config, model_name, initial_params):
    """The same stages, after what they need and was not typed: a warm start, a reward model."""
    # By their own recipes, whatever was typed for the others.
    usual = dataclasses.replace(config, warmup_steps=None, **dict.fromkeys(RECIPE_FIELDS))
    trains_reward = any(stage.method.trains_reward_model for stage in stages)
    if config.reward == "model" and not trains_reward and "reward_model" not in initial_params:
        # Right before the first method that asks for rewards while it learns.
        online = [stage.method.samples_while_learning for stage in stages]
        index = online.index(True) if any(online) else len(stages)
        judge = with_warmup(resolve_config(methods.REWARD_MODEL, usual, model_name))
        stages = [*stages[:index], judge, *stages[index:]]
    starts_itself = stages[0].method.imitates or model_name == "tabular"
    if config.init_from is None and not starts_itself:
        stages = [with_warmup(resolve_config(methods.WARM_START, usual, model_name)), *stages]
    *before, last = stages
    return [*map(stop_early, before), last]  # only what others go on from stops early


def stop_early(stage):
    """SFT ends at --warm_start_accuracy, unless --until says where; other stages stay as they are.

    stage  that others go on from
    """
    if stage.target or not stage.method.imitates:
        return stage
    return stage._replace(target=warm_start_target(stage.config))


def longest_row(task, stages):
    """Tokens of the longest prompt with its completion."""
    if task is None:
        return max(stage.data.width for stage in stages)
    return max(map(len, (*task.train, *task.held_out))) + task.max_new_tokens


def stage_inputs(run_plan, index, params):
    """The StageInputs of one stage; params are those that earlier stages left."""
    stage = run_plan.stages[index]
    # A reward model is not taught by a reward model.
    learned = run_plan.config.reward == "model" and not stage.method.trains_reward_model
    return StageInputs(
        task=run_plan.task,
        vocabulary=run_plan.vocabulary,
        model=run_plan.model,
        config=stage.config,
        method=stage.method,
        initial_policy=params["policy"],
        reward_model=params.get("reward_model") if learned else None,
        data=stage.data,
        held_out_data=stage.held_out_data,
        rng=files.random_stream(files.EXAMPLES, run_plan.config.seed, index),
    )


def config_json(run_plan):
    """The content of config.json: version, methods, settings as typed, and what recipes say."""
    names = [stage.method.name for stage in run_plan.stages]
    configs = [vars(stage.config) for stage in run_plan.stages]
    return {
        "random_streams": files.STREAMS_VERSION,
        "methods": names,
        **plain_settings(run_plan.config),
        # The recipes may be others when the run is resumed, and files of the same names too.
        "recipes": [{name: config[name] for name in RECIPE_FIELDS} for config in configs],
        **run_plan.digests,
        "machine": describe_machine() | {"kernel": blas_kernel()},
    }


def plain_settings(config):
    """The fields of a Config in JSON's types."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in vars(config).items()}


def model_metadata(run_plan):
    """What a saved model says of itself, so that another run can tell whether it fits."""
    return {
        "model": run_plan.model_name,
        "alphabet": run_plan.vocabulary.alphabet,
        "ends": bool(run_plan.vocabulary.ends),
    }


def settings_line(stage):
    """The settings of a stage that matter most, of those that the stage reads, in a line."""
    row, config = stage.method, stage.config
    names = ["steps", "learning_rate", "batch_size"] if row.trains else []
    names += ["beta"] if row.beta_sets and (row.kl_placement or not row.surrogate) else []
    sampled = not row.imitates and stage.data is None
    names += ["num_generations"] if sampled else []
    names += ["num_pairs"] if sampled and row.label else []
    parts = [f"{name} {getattr(config, name):g}" for name in names]
    return ", ".join([*parts, words(stage.target)] if stage.target else parts)
