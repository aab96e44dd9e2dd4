"""Where a stage ends before its steps do: at the first look that finds its policy good enough.

--until accuracy:S   at a share of held-out problems solved by the likeliest completion
--until reward:R     at a mean reward of sampled completions of held-out problems
a warm start         at --warm_start_accuracy, on the problems that it trains on

The target of --until belongs to the last method that trains a policy. Earlier methods of a pipeline
keep their own ends: if each stopped at the target, the last would have nothing left to learn.

A look takes no training seconds and has randomness of its own, so training is the same with and
without it, up to where it ends. Learning rates keep the schedule of all steps.
"""

import math
from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.methods import evaluate

LOOK_EVERY = 5  # steps: a look takes as long as a step of SFT, so not one at each
SCORES = {"accuracy": evaluate.greedy_accuracy, "reward": evaluate.sampled_reward}


class Target(NamedTuple):
    """A stage ends at the first look at which its policy scores this much."""

    score: str  # accuracy or reward
    amount: float
    problems: str = "held_out"  # a field of toy_envs.task.Task; train for a warm start


def warm_start_target(config):
    """Where SFT ends that others go on from."""
    return Target("accuracy", config.warm_start_accuracy, "train")


def parse_until(text):
    """The Target of --until; InputError for anything that is none."""
    score, _, amount = text.partition(":")
    try:
        value = float(amount)
    except ValueError:
        value = math.nan
    # A reward may be any number, but a share is none of 95.
    possible = 0 < value <= 1 if score == "accuracy" else math.isfinite(value)
    if score not in SCORES or not possible:
        raise InputError(
            f"--until is {text!r}, want accuracy:S with a share S above 0 and at most 1, such as "
            "accuracy:0.95, or reward:R with a number R, such as reward:0.8"
        )
    return Target(score, value)


def apply_until(stages, config):
    """The stages that were typed, the last that trains a policy with the Target of --until."""
    target = parse_until(config.until)
    if config.data:
        raise InputError("--until asks about held-out problems of a task, which --data has none of")
    rows = [stage.method for stage in stages]
    last = last_that_trains_a_policy(rows)
    if last is None:
        names = ",".join(row.name for row in rows)
        raise InputError(f"--until ends the training of a policy, and {names} trains none")
    return [*stages[:last], stages[last]._replace(target=target), *stages[last + 1 :]]


def last_that_trains_a_policy(rows):
    """The index of the last of these methods that trains a policy, or None."""
    indices = [index for index, row in enumerate(rows) if row.trains == "policy"]
    return indices[-1] if indices else None


def is_look(target, config, step):
    """Whether the policy is looked at after so many steps."""
    # An evaluation of held-out problems that meets the target must not be passed over.
    evaluated = target.problems == "held_out" and step % config.eval_every == 0
    return evaluated or step % LOOK_EVERY == 0


def is_reached(target, inputs, params, step, rng):
    """Whether a policy scores what the target asks, where this step has a look at all."""
    if not is_look(target, inputs.config, step):
        return False
    prompts = evaluate.subsample_evenly(
        getattr(inputs.task, target.problems), inputs.config.eval_size
    )
    return SCORES[target.score](inputs, params, prompts, rng) >= target.amount


def outcome(target, scores):
    """What a summary says of a stage with --until: whether the last evaluation meets the target.

    scores  {metric: value} of the last evaluation, which looks at the same completions as a look
    """
    reached = scores[f"eval_{target.score}"] >= target.amount
    return {"until": f"{target.score}:{target.amount:g}", "reached": reached}


def words(target):
    """ "until accuracy 0.95", for a line of settings."""
    where = " on training problems" if target.problems == "train" else ""
    return f"until {target.score} {target.amount:g}{where}"
