"""The cost of training: passes through networks for a completion, settings to choose."""

import dataclasses

from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.runs import plan
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

# Completions of the bandit have one token, so sampling a completion is one forward pass.
BANDIT = Config(env="bandit")
COMPARED = ("sft", "dpo", "ipo", "tpo", "kto", "rrhf", "infonca", "ppo", "grpo")
BACKWARD = 2  # a backward pass takes about two forward passes' arithmetic


def passes():
    """{method: its passes, each of one completion through one network}; a backward pass is two.

    each     passes for each completion that is sampled, or that given data contain
    once     the same where a method that samples reads each completion once, and not twice
    drawn    completions sampled in one step of the training loop
    group    completions sampled of each prompt
    """
    figures = {}
    for name in COMPARED:
        twice, once = (
            plan.plan_run([name], dataclasses.replace(BANDIT, num_iterations=n)) for n in (2, 1)
        )
        taken = cost.measure(twice)
        figures[name] = {
            "each": passes_each(taken),
            "once": passes_each(cost.measure(once)),
            # Each step of the loop has `taken.updates` gradient steps.
            "drawn": round(taken.tokens * taken.updates, 1),
            "group": twice.stages[-1].config.num_generations if taken.tokens else 0,
        }
    return figures


def passes_each(taken):
    """Passes of one completion, from a cost.Cost."""
    # A method that samples nothing sends each given completion backward once.
    return round(count_passes(taken) / (taken.tokens or taken.backward), 1)


def count_passes(taken):
    """Passes of one gradient step, from its cost.Cost."""
    return taken.forward + BACKWARD * taken.backward + taken.tokens


def group_passes():
    """{K: passes of one GRPO step with eight prompts and groups of K}."""
    figures = {}
    for group in (4, 16):
        config = dataclasses.replace(BANDIT, batch_size=8, num_generations=group)
        figures[str(group)] = count_passes(cost.measure(plan.plan_run(["grpo"], config)))
    return figures


class RecordingConfig:
    """A config that records which settings were read."""

    def __init__(self, config):
        self._config, self._read = config, set()

    def __getattr__(self, name):
        # Python calls this for every name that the object itself does not have.
        self._read.add(name)
        return getattr(self._config, name)


# Settings that every method has, and those that make the data of a method that samples nothing.
DATA = {
    "label_noise", "label_temperature", "num_generations", "num_labels", "num_pairs", "temperature",
}  # fmt: skip
GENERAL = {"seed", "steps", "batch_size", "learning_rate", "warmup_steps", "max_grad_norm", "set"}


def settings():
    """{method: the settings that its stage reads, without those of every method or of data}."""
    figures = {}
    for name in COMPARED:
        run_plan = plan.plan_run([name], BANDIT)
        inputs = plan.stage_inputs(run_plan, len(run_plan.stages) - 1, run_plan.initial_params)
        # One step of training reads all of them; 64 pairs are enough for it.
        recording = RecordingConfig(dataclasses.replace(inputs.config, num_pairs=64))
        stage = inputs.method.stage(inputs._replace(config=recording))
        stage.train_step(stage.networks, inputs.rng, 0)
        fields = {field.name for field in dataclasses.fields(Config)} - GENERAL
        online = inputs.method.learns_from == "rewards"
        figures[name] = sorted(recording._read & (fields if online else fields - DATA))
    return figures


MEASURES = {
    "passes": Measure(
        passes,
        "one completion, counted in a step on the bandit; PPO, GRPO with a KL term, two epochs",
    ),
    "group_passes": Measure(group_passes, "GRPO on the bandit, counted in a step"),
    "settings": Measure(
        settings,
        "settings that a stage reads, besides those that all share and those that make the data",
    ),
}
