"""How much each run may use, so that methods are compared on one footing: --budget.

recipe      every method as its own recipe has it
samples:N   N completions drawn, those that offline methods learn from included; these take
            steps in proportion, so that they read each as often as in the recipe
steps:N     N gradient steps of the policy
seconds:S   the first step that ends after S seconds of training; evaluation is not counted

Learning rates fall to 0 where the budget ends, whichever it is. Supervised fine-tuning draws no
completions, and best-of-n draws them only when it is asked: by samples they keep their recipes.
"""

import dataclasses
from typing import NamedTuple

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.methods import comparisons, rollouts, stages, train_ppo

UNITS = {"samples": "32000", "steps": "300", "seconds": "10"}  # each with an example
NOT_FITTED = {"samples": ("steps", "num_pairs"), "steps": ("steps",), "seconds": ("steps",)}


class Limit(NamedTuple):
    """A stage ends at the first step after which it has used this much."""

    unit: str  # samples or seconds: a field of experiment.Progress
    amount: float


def parse(text):
    """("samples", 32000.0), or None for the recipe; InputError for anything else."""
    if text == "recipe":
        return None
    unit, _, amount = text.partition(":")
    try:
        value = float(amount)
    except ValueError:
        value = 0.0
    whole = unit == "seconds" or value.is_integer()
    if unit not in UNITS or not 0 < value < 1e12 or not whole:
        examples = ", ".join(f"{unit}:{example}" for unit, example in UNITS.items())
        raise InputError(f"--budget is {text!r}, want recipe, or such as {examples}")
    return unit, value


def fitted(phases, config):
    """The stages that were typed, made to fit config.budget; they share it equally."""
    found = parse(config.budget)
    if found is None:
        return phases
    unit, amount = found
    for name in NOT_FITTED[unit]:
        if getattr(config, name) is not None:
            raise InputError(f"--budget {config.budget} sets --{name} itself: give one of the two")
    if config.data and unit == "samples":
        raise InputError("no completions are sampled with --data: give --budget in steps")
    takers = [phase for phase in phases if takes(phase.method, unit)]
    return [
        FIT[unit](phase, amount / len(takers)) if takes(phase.method, unit) else phase
        for phase in phases
    ]


def takes(method, unit):
    """Whether a method uses any of it while it trains."""
    if method.stage is comparisons.best_of_n:
        return False
    return unit != "samples" or method.stage is not stages.supervised


def drawn(phase):
    """Completions that one rollout of an online method draws, at least."""
    config = phase.config
    greedy = phase.method.collect is rollouts.collect_with_greedy
    return config.batch_size * (config.num_generations + greedy)


def fit_samples(phase, amount):
    """Fewer or more prompts to compare completions of; fewer or more rollouts."""
    offline = phase.method not in methods.ONLINE
    unit = phase.config.num_generations if offline else drawn(phase)
    count = int(amount // unit)
    if count == 0:
        raise InputError(
            f"--budget leaves {amount:.0f} samples to {phase.method.name}, which draws {unit} at "
            "once: raise it, or lower --batch_size and --num_generations"
        )
    if offline:  # each comparison is read as often as in the recipe
        steps = max(1, round(phase.config.steps * count / phase.config.num_pairs))
        return with_config(phase, num_pairs=count, steps=steps)
    return with_config(phase, steps=count)._replace(limit=Limit("samples", count * unit))


def fit_steps(phase, amount):
    """As many gradient steps; an online method takes several for each of its rollouts."""
    config, each = phase.config, 1
    if phase.method.stage in (rollouts.policy_gradient, train_ppo.ppo):
        each = config.num_iterations * config.num_minibatches
    count = int(amount // each)
    if count == 0:
        raise InputError(
            f"--budget leaves {amount:.0f} steps to {phase.method.name}, which takes {each} for a "
            "rollout: raise it, or lower --num_iterations and --num_minibatches"
        )
    return with_config(phase, steps=count)


def fit_seconds(phase, amount):
    """The recipe's steps say only how fast the learning rate rises."""
    return phase._replace(limit=Limit("seconds", amount))


def with_config(phase, **changes):
    """The phase with other settings."""
    return phase._replace(config=dataclasses.replace(phase.config, **changes))


FIT = {"samples": fit_samples, "steps": fit_steps, "seconds": fit_seconds}


def spent(limit, progress):
    """How much of a Limit a stage has used."""
    return getattr(progress, limit.unit)


def place(limit, total, progress):
    """Where on a learning-rate schedule of `total` steps a stage stands."""
    if limit is None:
        return progress.step
    return min(total - 1, int(total * spent(limit, progress) // limit.amount))


def is_over(limit, total, progress):
    """Whether a stage has come to its end."""
    return progress.step >= total if limit is None else spent(limit, progress) >= limit.amount
