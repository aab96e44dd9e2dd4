"""Online methods on the bandit over many seeds, judged by exact expected reward."""

import dataclasses

import autograd.numpy as np

from tinyalign.methods import find
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.claims.runs import (
    BANDIT,
    SCORER,
    bandit_probs,
    bandit_value,
    make_plan,
    train,
)
from tinyalign.optimum import kl
from tinyalign.runs import files
from tinyalign.runs.plan import stage_inputs as setting_of
from toy_envs import bandit

SEEDS = range(10)
# GRPO stops in the middle of learning, where differences can be seen.
STEPS = 15
BETA = 0.01  # of the KL: weak, so that the best answer can become likely
# 1 for the best answer to each prompt and 0 elsewhere, (prompts, answers).
BEST = bandit.reward_table() == bandit.reward_table().max(axis=1, keepdims=True)


def success(params):
    """Exact probability of the best answer, mean over the prompts."""
    return bandit_value(params, BEST)


def right_or_wrong(wrong=0.0, asked=1, seed=0):
    """The bandit with reward 1 for the best answer and 0 for others, scored with errors.

    wrong  chance that one verdict is wrong
    asked  verdicts on each completion, of which the majority counts
    """
    task, rng = bandit.make(), files.random_stream(SCORER, seed)

    def reward(prompts, completions, finished):
        truth = task.success(prompts, completions, finished)
        # Each verdict is wrong by itself; then the majority of them counts.
        flips = rng.random((asked, len(truth))) < wrong
        return (np.mean(np.where(flips, 1 - truth, truth), axis=0) > 0.5).astype(float)

    return task._replace(reward=reward)


def grpo(seed, *, prompts, group, steps=STEPS, **scorer):
    """Probability of the best answer after GRPO from the uniform policy.

    scorer  keyword arguments of right_or_wrong
    """
    config = dataclasses.replace(
        BANDIT, seed=seed, steps=steps, batch_size=prompts, num_generations=group,
        learning_rate=0.1, beta=BETA,
    )  # fmt: skip
    return success(train(["grpo"], config, task=right_or_wrong(**scorer, seed=seed)))


def group_sizes():
    """GRPO by group size K: with 8 prompts a step, and with 64 completions a step."""
    figures = {}
    for group in (2, 4, 8, 16):
        figures[f"prompts {group}"] = [grpo(s, prompts=8, group=group) for s in SEEDS]
    # With as many completions a step, smaller groups see more prompts.
    for group in (2, 8):
        figures[f"completions {group}"] = [grpo(s, prompts=64 // group, group=group) for s in SEEDS]
    return figures


def noisy_scorer():
    """GRPO where one verdict in five is wrong: asked once, or the majority of three."""
    return {
        "once": [grpo(s, prompts=8, group=8, wrong=0.2) for s in SEEDS],
        "thrice": [grpo(s, prompts=8, group=8, wrong=0.2, asked=3) for s in SEEDS],
        "never wrong": [grpo(s, prompts=8, group=8) for s in SEEDS],
    }


def tied_ppo():
    """PPO by the weight of its KL penalty: final KL to the start, and expected reward."""
    figures = {}
    for beta in (0.1, 0.3, 1.0):
        config = dataclasses.replace(BANDIT, steps=40, batch_size=64, learning_rate=0.1, beta=beta)
        ends = [train(["ppo"], dataclasses.replace(config, seed=s)) for s in range(5)]
        # The start is uniform, so the KL is taken to 1 over the number of answers.
        probs = [bandit_probs(end) for end in ends]
        figures[f"kl {beta}"] = [
            float(kl(p, np.full_like(p, 1 / p.shape[1])).mean()) for p in probs
        ]
        figures[f"reward {beta}"] = [bandit_value(end) for end in ends]
    return figures


GOOD = 0.9  # probability of the best answer
LIMIT = 120  # steps after which a run counts as one that has not arrived


RATES, TUNING_SEEDS = (0.1, 0.3, 1.0, 3.0, 10.0), range(100, 110)


def reach():
    """Completions until the best answer has probability 0.9, 64 a step; GRPO and PPO.

    Each method has the learning rate that arrives first on seeds of its own.
    """
    # Eight groups of eight, or 64 prompts with one completion each.
    shapes = {"grpo": (8, 8), "ppo": (64, 1)}
    figures = {}
    for name, shape in shapes.items():

        def total(rate, name=name, shape=shape):
            return sum(samples_to_reach(name, s, rate, *shape) for s in TUNING_SEEDS)

        best = min(RATES, key=total)
        figures[name] = [samples_to_reach(name, s, best, *shape) for s in SEEDS]
    return figures


def samples_to_reach(name, seed, rate, prompts, group):
    """Completions sampled until the goal is reached, or in LIMIT steps."""
    shape = {"batch_size": prompts, "num_generations": group}
    config = dataclasses.replace(
        BANDIT, seed=seed, steps=LIMIT, learning_rate=rate, beta=BETA, **shape
    )
    run_plan = make_plan([name], config, right_or_wrong())
    stage = find(name).stage(setting_of(run_plan, 0, run_plan.initial_params))
    # The same random numbers as runs.train uses, so that the runs are the same.
    networks, rng = stage.networks, files.random_stream(files.TRAINING, seed)
    for step in range(LIMIT):
        if success({"policy": networks["policy"].params}) >= GOOD:
            return step * prompts * group
        networks, _ = stage.train_step(networks, rng, step)
    return LIMIT * prompts * group


TEN = "the bandit, reward 1 for the best answer, 10 seeds"
MEASURES = {
    "group_sizes": Measure(group_sizes, f"GRPO on {TEN}, 15 steps", exact=False),
    "noisy_scorer": Measure(noisy_scorer, f"GRPO on {TEN}, 15 steps", exact=False),
    "tied_ppo": Measure(tied_ppo, "PPO on the bandit, 40 steps, 5 seeds", exact=False),
    "reach": Measure(
        reach,
        f"{TEN}, 64 completions a step, each method at the best of 5 rates on 10 other seeds",
        exact=False,
    ),
}
