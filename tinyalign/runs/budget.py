"""How much each run may use, so that methods are compared on one footing: --budget.

recipe      every method as its own recipe has it
samples:N   N completions drawn, those that offline methods learn from included; these take
            steps in proportion, so that they read each as often as in the recipe
labels:N    N completions judged, for methods that learn from feedback; steps in proportion too
steps:N     N gradient steps of the policy
seconds:S   the first step that ends after S seconds of training; evaluation is not counted

Several are joined by commas: labels:8192,samples:65536 gives a method that learns from feedback
so many labels, and one that scores its own samples so many samples.

Learning rates fall to 0 where the budget ends, whichever it is. Supervised fine-tuning draws no
completions, and best-of-n draws them only when it is asked: by samples they keep their recipes.
"""

import dataclasses
from typing import NamedTuple

from tinyalign.errors import InputError

# Each with an example.
UNITS = {"samples": "32000", "labels": "8192", "steps": "300", "seconds": "10"}
NOT_TYPED = {
    "samples": ("steps", "num_pairs", "num_labels"),
    "labels": ("steps", "num_pairs", "num_labels"),
    "steps": ("steps",),
    "seconds": ("steps",),
}


class StopRule(NamedTuple):
    """A stage ends at the first step after which it has used this much."""

    unit: str  # samples or seconds: a field of files.Progress
    amount: float


def parse_budget(text):
    """{"samples": 32000.0}, empty for the recipe; InputError for anything else."""
    if text == "recipe":
        return {}
    parts = [parse_part(part) for part in text.split(",")]
    if len(dict(parts)) < len(parts):
        raise InputError(f"--budget is {text!r}, want every unit once")
    return dict(parts)


def parse_part(text):
    """("samples", 32000.0) of the text between two commas."""
    unit, _, amount = text.strip().partition(":")
    try:
        value = float(amount)
    except ValueError:
        value = 0.0
    whole = unit == "seconds" or value.is_integer()  # there is no half a sample or step
    if unit not in UNITS or not 0 < value < 1e12 or not whole:
        examples = ", ".join(f"{unit}:{example}" for unit, example in UNITS.items())
        raise InputError(f"--budget is {text!r}, want recipe, or such as {examples}")
    return unit, value


def apply_budget(stages, config):
    """The stages that were typed, made to fit config.budget; they share it equally."""
    budget = parse_budget(config.budget)
    for name in {name for unit in budget for name in NOT_TYPED[unit]}:
        if getattr(config, name) is not None:
            raise InputError(f"--budget {config.budget} sets --{name} itself: give one of the two")
    if config.data and budget.keys() & {"samples", "labels"}:
        raise InputError("no completions are sampled with --data: give --budget in steps")
    units = [limit_of(stage.method, budget) for stage in stages]
    # Stages that share a unit share its amount; SFT, which uses no samples, leaves all to others.
    return [
        FIT[unit](stage, budget[unit] / units.count(unit)) if unit else stage
        for stage, unit in zip(stages, units, strict=True)
    ]


def limit_of(method, budget):
    """The first unit of a budget that a method uses while it trains, or None."""
    return next((unit for unit in budget if applies_to(method, unit)), None)


def applies_to(method, unit):
    """Whether a method uses any of it while it trains."""
    if unit == "labels":
        return bool(method.label) and not method.samples_while_learning
    return bool(method.trains) and (unit != "samples" or not method.imitates)


def samples_per_step(stage):
    """Completions that one rollout of an online method draws, at least."""
    config = stage.config
    return config.batch_size * (config.num_generations + stage.method.extra_samples)


def fit_samples(stage, amount):
    """Fewer or more prompts to compare completions of; fewer or more rollouts."""
    online = stage.method.samples_while_learning
    unit = samples_per_step(stage) if online else stage.config.num_generations
    count = int(amount // unit)
    if count == 0:
        raise InputError(
            f"--budget leaves {amount:.0f} samples to {stage.method.name}, which draws {unit} at "
            "once: raise it, or lower --batch_size and --num_generations"
        )
    if online:
        return with_config(stage, steps=count)._replace(stop_rule=StopRule("samples", count * unit))
    return in_proportion(stage, count / stage.config.num_pairs)


def fit_labels(stage, amount):
    """Fewer or more labels, of as many more prompts."""
    return in_proportion(stage, amount / stage.config.num_labels)


def in_proportion(stage, ratio):
    """More prompts, labels and steps by one factor: a label is read as often as in the recipe."""
    names = ("num_pairs", "num_labels", "steps")
    changes = {name: max(1, round(ratio * getattr(stage.config, name))) for name in names}
    return with_config(stage, **changes)


def fit_steps(stage, amount):
    """As many gradient steps; an online method takes several for each of its rollouts."""
    updates = stage.method.updates_per_rollout(stage.config)
    count = int(amount // updates)
    if count == 0:
        raise InputError(
            f"--budget leaves {amount:.0f} steps to {stage.method.name}, which takes {updates} for "
            "a rollout: raise it, or lower --num_iterations and --num_minibatches"
        )
    return with_config(stage, steps=count)


def fit_seconds(stage, amount):
    """The stage ends after so many seconds; its steps set only the learning-rate schedule."""
    return stage._replace(stop_rule=StopRule("seconds", amount))


def with_config(stage, **changes):
    """The stage with other settings."""
    return stage._replace(config=dataclasses.replace(stage.config, **changes))


FIT = {"samples": fit_samples, "labels": fit_labels, "steps": fit_steps, "seconds": fit_seconds}


def amount_used(rule, progress):
    """How much of a StopRule a stage has used."""
    return getattr(progress, rule.unit)


def schedule_position(rule, total, progress):
    """Where on a learning-rate schedule of `total` steps a stage stands."""
    if rule is None:
        return progress.step
    return min(total - 1, int(total * amount_used(rule, progress) // rule.amount))


def is_over(rule, total, progress):
    """Whether a stage has come to its end."""
    return progress.step >= total if rule is None else amount_used(rule, progress) >= rule.amount
