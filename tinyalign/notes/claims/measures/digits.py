"""Training runs on one-digit addition with a small transformer, over many seeds."""

import dataclasses
import functools
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tinyalign.methods import find
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.claims.runs import (
    DIGITS,
    digits_rewards,
    digits_start,
    digits_task,
    digits_value,
    train,
)
from tinyalign.runs import plan

SEEDS = range(10)
# More seeds where the spread of seeds is asked for: no single run may decide the answer.
MANY = range(15)
RATES = (1, 10, 30)  # times the recipe's learning rate
SEARCHED = ["learning rate"]  # a ranking of methods would need their strengths searched as well
# A sixteenth of each recipe's passes: GRPO 48 steps of 256 completions, PPO 19 steps of 256.
ONLINE_STEPS, OFFLINE_STEPS = 48, 75
PASSES = {"num_iterations": 2, "num_minibatches": 2}
SHAPE = {
    "ppo": {"batch_size": 256, "steps": 19, **PASSES},
    "grpo": {"num_generations": 8, **PASSES},
}


def config_of(name, seed, rate=1, **settings):
    """The config of a small run at so many times the recipe's learning rate."""
    online = find(name).learns_from == "rewards"
    # A KL in every online method, as the notes have it; the recipe of GRPO leaves it out.
    steps = {"steps": ONLINE_STEPS, "beta": 0.01}
    fields = steps if online else {"steps": OFFLINE_STEPS, "num_pairs": 500}
    # A method's own shape comes after the defaults, and the caller's settings come last.
    fields |= {"learning_rate": rate * (1e-3 if online else 3e-4)} | SHAPE.get(name, {}) | settings
    return dataclasses.replace(DIGITS, seed=seed, **fields)


def endings(name):
    """{multiple of the recipe's learning rate: final reward of each seed}, and starting rewards.

    searched  the settings that were searched for each method
    """
    # All methods of a seed continue from the same warm start.
    starts = {seed: digits_start(seed) for seed in MANY}
    figures = {"searched": SEARCHED, "start": [digits_value(starts[s], s) for s in MANY]}
    for rate in RATES:
        ends = [train([name], config_of(name, s, rate), initial=starts[s]) for s in MANY]
        figures[str(rate)] = [digits_value(end, s) for s, end in zip(MANY, ends, strict=True)]
    return figures


def clips():
    """PPO with four passes over each batch at ten times its learning rate: clip 0.2 and 10.

    start, 0.2, 10.0                 reward before, and after training with these clips
    kept start, kept 0.2, kept 10.0  the same on the problems that the policy solved at the start
    """
    figures = {}
    for seed in SEEDS:
        policies = {"start": digits_start(seed)}
        # A clip of 10 is next to none.
        for clip in (0.2, 10.0):
            settings = {"epsilon": clip, "num_iterations": 4, "steps": 15}
            config = config_of("ppo", seed, 10, **settings)
            policies[str(clip)] = train(["ppo"], config, initial=policies["start"])
        rewards = {name: digits_rewards(p, seed).mean(axis=1) for name, p in policies.items()}
        solved = rewards["start"] >= 0.5
        for name, reward in rewards.items():
            figures.setdefault(name, []).append(float(reward.mean()))
            figures.setdefault(f"kept {name}", []).append(float(reward[solved].mean()))
    return figures


def learned_rewards():
    """True reward after GRPO on the task's own reward, and on one learned from 1000 pairs."""
    figures = {"exact": [], "learned": [], "start": []}
    for seed in SEEDS:
        start = digits_start(seed)
        figures["start"].append(digits_value(start, seed))
        # The reward model is trained first, from the same warm start.
        taught = config_of("reward", seed, 10, steps=300, num_pairs=1000)
        judged = train(["reward"], taught, initial=start)
        config = config_of("grpo", seed, 3)
        figures["exact"].append(digits_value(train(["grpo"], config, initial=start), seed))
        config = dataclasses.replace(config, reward="model", beta=None)  # as suits that reward
        end = train(["grpo"], config, initial=judged)
        figures["learned"].append(digits_value({"policy": end["policy"]}, seed))
    return figures


def pairs_file(folder):
    """Write a file of pairs: each problem with its sum and up to four wrong answers."""
    task, rng = digits_task(), np.random.default_rng(0)
    lines = []
    for prompt in (*task.train, *task.held_out):
        right = task.solution(prompt)
        wrong = [text for text in task.candidates(prompt, rng, 20) if text != right]
        for text in wrong[:4]:
            lines.append(json.dumps({"prompt": prompt, "chosen": right, "rejected": text}))
    path = Path(folder) / "pairs.jsonl"
    path.write_text("\n".join(lines))
    return path


# Learning rates that are searched for a stage of `from_nothing`.
STAGE_RATES = {"sft": (1e-3, 3e-3, 1e-2), "orpo": (1e-3, 3e-3, 1e-2), "dpo": (1e-4, 3e-4, 1e-3)}
TUNING_SEEDS = range(100, 103)


def from_nothing():
    """Reward after ORPO, after SFT, and after SFT then DPO, from untrained policies."""
    with TemporaryDirectory() as folder:
        shared = dataclasses.replace(
            DIGITS, data=pairs_file(folder), context=16, steps=300, warmup_steps=30
        )
        rates, figures = {}, {"untrained": [reward_after((), shared, s, {}) for s in SEEDS]}
        # SFT comes first, so that the SFT before DPO has the rate that is best for SFT.
        for names in (("sft",), ("orpo",), ("sft", "dpo")):
            rates[names[-1]] = best_last_rate(names, shared, rates)
            figures[",".join(names)] = [reward_after(names, shared, s, rates) for s in SEEDS]
    return figures


def best_last_rate(names, shared, rates):
    """The learning rate of the last of these stages that does best on the tuning seeds."""

    def total(rate):
        tried = rates | {names[-1]: rate}
        return sum(reward_after(names, shared, seed, tried) for seed in TUNING_SEEDS)

    return max(STAGE_RATES[names[-1]], key=total)


def reward_after(names, shared, seed, rates):
    """Reward after these stages from an untrained policy; rates are {method: learning rate}."""
    config = dataclasses.replace(shared, seed=seed)
    params = plan.plan_run(["sft"], config).initial_params
    for name in names:
        of_stage = dataclasses.replace(config, learning_rate=rates[name])
        params = train([name], of_stage, initial=params)
    return digits_value(params, seed, data=config.data)


SMALL = "one-digit addition, small transformer, 15 seeds, a sixteenth of the recipe's passes, "
SMALL += "at 1, 10 and 30 times its learning rate"
METHODS = ("dpo", "ipo", "tpo", "kto", "rrhf", "orpo", "grpo", "ppo")
MEASURES = {
    f"endings_{name}": Measure(functools.partial(endings, name), f"{name} on {SMALL}", exact=False)
    for name in METHODS
} | {
    "clips": Measure(
        clips,
        "PPO on one-digit addition, four passes over each batch, 10 times its learning rate, "
        "15 steps, 10 seeds",
        exact=False,
    ),
    "learned_rewards": Measure(
        learned_rewards, "GRPO on one-digit addition, 10 seeds, reward learned from 1000 pairs",
        exact=False,
    ),
    "from_nothing": Measure(
        from_nothing,
        "pairs of a right and a wrong sum, 300 steps a stage, 10 seeds, each stage at the best of "
        "3 learning rates on 3 other seeds",
        exact=False,
    ),
}  # fmt: skip
