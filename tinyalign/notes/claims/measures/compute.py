"""The cost of training: passes through networks, settings to choose, lines of code."""

import dataclasses
import inspect
import io
import tokenize

from tinyalign.methods import rollouts, samples, train_offline, train_ppo
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

    recipe    passes of the whole recipe, in thousands
    sampled   completions sampled in the whole recipe, in thousands
    rollout   passes of one step of the training loop
    drawn     completions sampled in one step of the training loop
    update    passes of one gradient step
    """
    figures = {}
    for name in COMPARED:
        run_plan = plan.plan_run([name], BANDIT)
        taken, steps = cost.measure(run_plan), run_plan.stages[-1].config.steps
        # Each step of the loop has `taken.updates` gradient steps.
        update, updates = count_passes(taken), steps * taken.updates
        figures[name] = {
            "recipe": round(update * updates / 1000, 1),
            "sampled": round(taken.tokens * updates / 1000, 1),
            "rollout": round(update * taken.updates, 1),
            "drawn": round(taken.tokens * taken.updates, 1),
            "update": round(update, 1),
        }
    return figures


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


# Settings that every method has.
GENERAL = {"seed", "steps", "batch_size", "learning_rate", "warmup_steps", "max_grad_norm"}


def settings():
    """{method: the settings that its stage reads, without those that every method has}."""
    figures = {}
    for name in COMPARED:
        run_plan = plan.plan_run([name], BANDIT)
        inputs = plan.stage_inputs(run_plan, len(run_plan.stages) - 1, run_plan.initial_params)
        # One step of training reads all of them; 64 pairs are enough for it.
        recording = RecordingConfig(dataclasses.replace(inputs.config, num_pairs=64))
        stage = inputs.method.stage(inputs._replace(config=recording))
        stage.train_step(stage.networks, inputs.rng, 0)
        fields = {field.name for field in dataclasses.fields(Config)}
        figures[name] = sorted(recording._read & fields - GENERAL)
    return figures


def code_lines():
    """{method: lines of code of its stage and of the functions of methods/ that it calls}."""
    own = {
        "dpo": [
            train_offline.preference_stage,
            samples.comparison_batch,
            samples.group_logp,
            samples.batched_logp,
        ],
        "ppo": [
            train_ppo.ppo_stage,
            train_ppo.compute_gae,
            rollouts.sample_batch,
            rollouts.minibatches,
        ],
    }
    return {name: sum(map(count_lines, functions)) for name, functions in own.items()}


def count_lines(function):
    """Lines of a function that hold code: no comments, no docstring, no blank lines."""
    source = inspect.getsource(function)
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    # A docstring is a string token in triple quotes; it counts as no code.
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))[:-1]
    lines = {t.start[0] for t in tokens if t.type not in skipped and '"""' not in t.string}
    return len(lines)


MEASURES = {
    "passes": Measure(
        passes, "every recipe, counted in a step on the bandit; backward = 2 forward"
    ),
    "group_passes": Measure(group_passes, "GRPO on the bandit, counted in a step"),
    "settings": Measure(settings, "settings that a stage reads, besides those that all share"),
    "code_lines": Measure(code_lines, "this library's source", exact=False),
}
