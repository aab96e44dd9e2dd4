"""Online methods on the bandit: many seeds, and what a policy is worth is an exact sum."""

import dataclasses

import autograd.numpy as np

from tinyalign.methods import named
from tinyalign.notes.claims.rules import GAP, Measure, Rule, between, less, more, paired
from tinyalign.notes.claims.runs import BANDIT, bandit_probs, bandit_value, laid_out, train
from tinyalign.optimum import kl
from tinyalign.runs.plan import stage_inputs as setting_of
from toy_envs import bandit

SEEDS = range(10)
STEPS = 15  # of GRPO: in the middle of learning, where differences can be seen
BEST = bandit.reward_table() == bandit.reward_table().max(axis=1, keepdims=True)


def success(params):
    """Exact probability of the best answer, mean over the prompts."""
    return bandit_value(params, BEST)


def right_or_wrong(wrong=0.0, asked=1, seed=0):
    """The bandit with reward 1 for the best answer and 0 for others, told by a scorer that errs.

    wrong  chance that one verdict is wrong
    asked  verdicts on each completion, of which the majority counts
    """
    task, rng = bandit.make(), np.random.default_rng([seed, 5])

    def reward(prompts, completions, finished):
        truth = task.success(prompts, completions, finished)
        flips = rng.random((asked, len(truth))) < wrong
        return (np.mean(np.where(flips, 1 - truth, truth), axis=0) > 0.5).astype(float)

    return task._replace(reward=reward)


def grpo(seed, *, prompts, group, steps=STEPS, **scorer):
    """The probability of the best answer after GRPO, from the uniform policy."""
    config = dataclasses.replace(
        BANDIT, seed=seed, steps=steps, batch_size=prompts, num_generations=group, learning_rate=0.1
    )
    return success(train(["grpo"], config, task=right_or_wrong(**scorer, seed=seed)))


def group_sizes():
    """GRPO by group size K: with 8 prompts a step, and with 64 completions a step."""
    found = {}
    for group in (2, 4, 8, 16):
        found[f"prompts {group}"] = [grpo(s, prompts=8, group=group) for s in SEEDS]
    for group in (2, 8):
        found[f"completions {group}"] = [grpo(s, prompts=64 // group, group=group) for s in SEEDS]
    return found


def noisy_scorer():
    """GRPO where one verdict in five is wrong: asked once, the majority of three."""
    return {
        "once": [grpo(s, prompts=8, group=8, wrong=0.2) for s in SEEDS],
        "thrice": [grpo(s, prompts=8, group=8, wrong=0.2, asked=3) for s in SEEDS],
        "never wrong": [grpo(s, prompts=8, group=8) for s in SEEDS],
    }


def tied_ppo():
    """PPO by the weight of its KL: KL of the policy to its start, and expected reward."""
    found = {}
    for beta in (0.1, 0.3, 1.0):
        config = dataclasses.replace(BANDIT, steps=40, batch_size=64, learning_rate=0.1, beta=beta)
        ends = [train(["ppo"], dataclasses.replace(config, seed=s)) for s in range(5)]
        probs = [bandit_probs(end) for end in ends]
        found[f"kl {beta}"] = [float(kl(p, np.full_like(p, 1 / p.shape[1])).mean()) for p in probs]
        found[f"reward {beta}"] = [bandit_value(end) for end in ends]
    return found


GOOD = 0.9  # probability of the best answer
LIMIT = 120  # steps


def reach():
    """Completions until the best answer has probability 0.9; 64 a step, in groups or singly."""
    shapes = {"grpo": (8, 8), "ppo": (64, 1)}
    return {
        name: [samples_to_reach(name, s, *shape) for s in SEEDS] for name, shape in shapes.items()
    }


def samples_to_reach(name, seed, prompts, group):
    """Completions drawn until then, or those of LIMIT steps."""
    config = dataclasses.replace(
        BANDIT, seed=seed, steps=LIMIT, batch_size=prompts, num_generations=group, learning_rate=0.1
    )
    job = laid_out([name], config, right_or_wrong())
    stage = named(name).stage(setting_of(job, 0, job.initial_params))
    networks, rng = stage.networks, np.random.default_rng([seed, 0, 1])
    for step in range(LIMIT):
        if success({"policy": networks["policy"].params}) >= GOOD:
            return step * prompts * group
        networks, _ = stage.train_step(networks, rng, step)
    return LIMIT * prompts * group


def spreads(first, second):
    """weigh: distances of single seeds from their mean, on two sides."""

    def weigh(figures):
        sides = [np.abs(np.array(figures[k]) - np.mean(figures[k])) for k in (first, second)]
        return paired(*(side.tolist() for side in sides))

    return weigh


def passes_to_reach(found, passes):
    """weigh: completions to reach the goal, times the passes that one takes."""
    each = {name: passes[name]["rollout"] / passes[name]["drawn"] for name in found}
    sides = [[each[name] * count / 1000 for count in found[name]] for name in ("grpo", "ppo")]
    return paired(*sides)


TEN = "the bandit, reward 1 for the best answer, 10 seeds"
MEASURES = {
    "group_sizes": Measure(group_sizes, f"GRPO on {TEN}, 15 steps", exact=False),
    "noisy_scorer": Measure(noisy_scorer, f"GRPO on {TEN}, 15 steps", exact=False),
    "tied_ppo": Measure(tied_ppo, "PPO on the bandit, 40 steps, 5 seeds", exact=False),
    "reach": Measure(reach, f"{TEN}, 64 completions a step", exact=False),
}
RULES = {
    "sixteen_better": Rule(
        ("group_sizes",), between("prompts 16", "prompts 4"), more,
        f"same prompts, K = 16 against 4, probability of the best answer: {GAP}",
    ),
    "eight_better": Rule(
        ("group_sizes",), between("prompts 8", "prompts 2"), more,
        f"same prompts, K = 8 against 2, probability of the best answer: {GAP}",
    ),
    "eight_better_per_sample": Rule(
        ("group_sizes",), between("completions 8", "completions 2"), more,
        f"same number of completions, K = 8 against 2: {GAP}",
    ),
    "vote_steadies": Rule(
        ("noisy_scorer",), spreads("thrice", "once"), less,
        f"distance of a seed from the mean, asked three times against once: {GAP}",
    ),
    "vote_helps": Rule(
        ("noisy_scorer",), between("thrice", "once"), more,
        f"probability of the best answer, asked three times against once: {GAP}",
    ),
    "scorer_limits": Rule(
        ("noisy_scorer",), between("once", "never wrong"), less,
        f"one verdict in five wrong against none: {GAP}",
    ),
    "ppo_controls_drift": Rule(
        ("tied_ppo",), between("kl 1.0", "kl 0.1"), less,
        f"KL to the start with beta 1 against 0.1: {GAP}",
    ),
    "grpo_needs_more_samples": Rule(
        ("reach",), between("grpo", "ppo"), more,
        "completions to reach 0.9: GRPO {first:,.0f}, PPO {second:,.0f}: difference {gap:+,.0f} "
        "(95 %: {low:+,.0f} to {high:+,.0f}){apart}",
    ),
    "grpo_saves_compute": Rule(
        ("reach", "passes"), passes_to_reach, less,
        "thousands of passes to reach 0.9: GRPO {first:.1f}, PPO {second:.1f}: difference "
        "{gap:+.1f} (95 %: {low:+.1f} to {high:+.1f}){apart}",
    ),
}  # fmt: skip
