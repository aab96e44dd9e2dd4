"""What training costs: passes through networks, settings to choose, lines to write."""

import dataclasses
import inspect
import io
import tokenize

from tinyalign.methods import rollouts, samples, train_offline, train_ppo
from tinyalign.notes.claims.rules import Measure, Rule, as_they_are
from tinyalign.runs import plan
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

BANDIT = Config(env="bandit")  # its completions have one token, so a token sampled is one reading
COMPARED = ("sft", "dpo", "ipo", "tpo", "kto", "rrhf", "infonca", "ppo", "grpo")
BACKWARD = 2  # a backward pass takes about two forward passes' arithmetic


def passes():
    """{method: forward passes of one completion through one network, backward ones as two}.

    recipe    of the whole recipe, in thousands
    sampled   completions drawn in the whole recipe, in thousands
    rollout   of a step of the loop
    drawn     completions drawn in a step of the loop
    update    of a gradient step
    """
    found = {}
    for name in COMPARED:
        job = plan.plan_run([name], BANDIT)
        taken, steps = cost.measure(job), job.stages[-1].config.steps
        update, updates = passes_of(taken), steps * taken.updates
        found[name] = {
            "recipe": round(update * updates / 1000, 1),
            "sampled": round(taken.tokens * updates / 1000, 1),
            "rollout": round(update * taken.updates, 1),
            "drawn": round(taken.tokens * taken.updates, 1),
            "update": round(update, 1),
        }
    return found


def passes_of(taken):
    """Passes of one gradient step: a cost.Cost in one number."""
    return taken.forward + BACKWARD * taken.backward + taken.tokens


def group_passes():
    """{K: passes of a step of GRPO with eight prompts and groups of K}."""
    found = {}
    for group in (4, 16):
        config = dataclasses.replace(BANDIT, batch_size=8, num_generations=group)
        found[str(group)] = passes_of(cost.measure(plan.plan_run(["grpo"], config)))
    return found


class Noted:
    """A config that remembers which settings were read."""

    def __init__(self, config):
        self._config, self._read = config, set()

    def __getattr__(self, name):
        self._read.add(name)
        return getattr(self._config, name)


GENERAL = {"seed", "steps", "batch_size", "learning_rate", "warmup_steps", "max_grad_norm"}


def settings():
    """{method: settings of its own that its stage reads, besides those that all have}."""
    found = {}
    for name in COMPARED:
        job = plan.plan_run([name], BANDIT)
        setting = plan.stage_inputs(job, len(job.stages) - 1, job.initial_params)
        noted = Noted(dataclasses.replace(setting.config, num_pairs=64))
        prepared = setting.method.stage(setting._replace(config=noted))
        prepared.train_step(prepared.networks, setting.rng, 0)
        fields = {field.name for field in dataclasses.fields(Config)}
        found[name] = sorted(noted._read & fields - GENERAL)
    return found


def code_lines():
    """{method: lines of code of the stage that only its family has, and of what that calls}."""
    own = {
        "dpo": [train_offline.preference, samples.comparison_batch, samples.batched_logp],
        "ppo": [train_ppo.ppo, train_ppo.compute_gae, rollouts.sample_batch, rollouts.minibatches],
    }
    return {name: sum(map(lines_of, functions)) for name, functions in own.items()}


def lines_of(function):
    """Lines of a function that hold code: no comments, no docstring, no blank lines."""
    source = inspect.getsource(function)
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))[:-1]
    lines = {t.start[0] for t in tokens if t.type not in skipped and '"""' not in t.string}
    return len(lines)


def share_of_ppo(name):
    """weigh: a method's recipe in passes, as a share of PPO's."""

    def weigh(figures):
        return {"share": figures[name]["recipe"] / figures["ppo"]["recipe"], **figures[name]}

    return weigh


def time_row(name, claimed):
    """The rule of a training time that note 004 gives as a share of PPO's."""
    return Rule(
        ("passes",), share_of_ppo(name), lambda w: abs(w["share"] - claimed) <= NEAR,
        f"{{share:.0%}} of PPO's passes through networks in this library's recipes, "
        f"{claimed:.0%} claimed",
    )  # fmt: skip


def each(figures):
    """weigh: passes per completion sampled of PPO and GRPO, and the recipes of all."""
    weighed = {
        f"{name}_each": row["rollout"] / row["drawn"]
        for name, row in figures.items()
        if row["drawn"]
    }
    return weighed | {name: row["recipe"] for name, row in figures.items()}


def own_settings(figures):
    """weigh: how many settings of its own each method has."""
    return {name: len(read) for name, read in figures.items()}


NEAR = 0.05  # a share given to the percent, without a source: five points either way
MEASURES = {
    "passes": Measure(
        passes, "every recipe, counted in a step on the bandit; backward = 2 forward"
    ),
    "group_passes": Measure(group_passes, "GRPO on the bandit, counted in a step"),
    "settings": Measure(settings, "settings that a stage reads, besides those that all share"),
    "code_lines": Measure(code_lines, "this library's source", exact=False),
}
RULES = {
    "ppo_most_passes": Rule(
        ("passes",), lambda f: each(f) | {"most": max(r["recipe"] for r in f.values())},
        lambda w: w["ppo"] == w["most"],
        "whole recipe, thousands of passes: PPO {ppo:,.0f}, GRPO {grpo:,.0f}, DPO {dpo:,.0f}, "
        "SFT {sft:,.0f}",
    ),
    "ppo_passes_each": Rule(
        ("passes",), each, lambda w: w["grpo_each"] < w["ppo_each"],
        "passes per completion sampled: PPO {ppo_each:.1f}, GRPO {grpo_each:.1f}",
    ),
    "grpo_recipe_less": Rule(
        ("passes",), each, lambda w: w["grpo"] < w["ppo"],
        "whole recipe, thousands of passes: GRPO {grpo:,.0f}, PPO {ppo:,.0f}",
    ),
    "dpo_no_rollouts": Rule(
        ("passes",), lambda f: f["dpo"], lambda w: w["sampled"] == 0,
        "{sampled:.0f} completions sampled while it learns, {update:.0f} passes a step",
    ),
    "dpo_cheaper": Rule(
        ("passes",), share_of_ppo("dpo"), lambda w: w["share"] < 1,
        "DPO's recipe takes {share:.0%} of PPO's passes",
    ),
    "dpo_low": Rule(
        ("passes", "networks"), lambda p, n: share_of_ppo("dpo")(p) | {"held": n["exact"]["dpo"]},
        lambda w: w["share"] < 1 and w["sampled"] == 0 and "critic" not in w["held"],
        "DPO holds {held}, samples {sampled:.0f} completions and takes {share:.0%} of PPO's passes",
    ),
    "tpo_moderate": Rule(
        ("passes", "networks"), lambda p, n: each(p) | {"held": n["exact"]["tpo"]},
        lambda w: w["dpo"] < w["tpo"] < w["ppo"] and "reference" not in w["held"],
        "whole recipe, thousands of passes: DPO {dpo:,.0f}, TPO {tpo:,.0f}, PPO {ppo:,.0f}; TPO "
        "holds {held}",
    ),
    "sixteen_slower": Rule(
        ("group_passes",), lambda f: {"ratio": f["16"] / f["4"]},
        lambda w: abs(w["ratio"] - 4) < 0.2, "{ratio:.2f} times the passes a step",
    ),
    "time_dpo": time_row("dpo", 0.30),
    "time_ipo": time_row("ipo", 0.32),
    "time_rrhf": time_row("rrhf", 0.45),
    "time_grpo": time_row("grpo", 0.50),
    "time_kto": time_row("kto", 0.25),
    "dpo_fewer_settings": Rule(
        ("settings",), own_settings, lambda w: w["dpo"] < w["ppo"],
        "settings of its own: DPO {dpo}, PPO {ppo}",
    ),
    "rrhf_fewer_settings": Rule(
        ("settings",), own_settings, lambda w: w["rrhf"] < w["grpo"],
        "settings of its own: RRHF {rrhf}, GRPO {grpo}",
    ),
    "ppo_more_code": Rule(
        ("code_lines",), as_they_are, lambda w: w["ppo"] > w["dpo"],
        "lines of code of its stage here: PPO {ppo}, DPO {dpo}",
    ),
}  # fmt: skip
