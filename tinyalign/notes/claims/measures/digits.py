"""Training runs on one-digit addition with a small transformer, over many seeds."""

import dataclasses
import functools
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tinyalign.methods import find
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.claims.runs import DIGITS, digits_start, digits_task, digits_value, train

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
    """GRPO with four passes over each batch at ten times the learning rate: clip 0.2 and 10."""
    figures = {}
    # A clip of 10 is next to none.
    for clip in (0.2, 10.0):
        settings = {"epsilon": clip, "num_iterations": 4, "steps": 15}
        ends = [
            train(["grpo"], config_of("grpo", s, 10, **settings), initial=digits_start(s))
            for s in SEEDS
        ]
        figures[str(clip)] = [digits_value(end, s) for s, end in zip(SEEDS, ends, strict=True)]
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


def from_nothing():
    """Reward after ORPO, after SFT, and after SFT then DPO, from untrained policies."""
    figures = {"orpo": [], "sft": [], "sft,dpo": []}
    with TemporaryDirectory() as folder:
        shared = dataclasses.replace(
            DIGITS, data=pairs_file(folder), context=16, steps=300, warmup_steps=30
        )
        for name, seed in ((name, seed) for name in figures for seed in SEEDS):
            config = dataclasses.replace(shared, seed=seed, learning_rate=3e-3)
            # DPO takes a smaller learning rate than the stage before it.
            first, *rest = name.split(",")
            end = train([first], config)
            for later in rest:
                end = train([later], dataclasses.replace(config, learning_rate=3e-4), initial=end)
            figures[name].append(digits_value(end, seed, data=config.data))
    return figures


SMALL = "one-digit addition, small transformer, 15 seeds, a sixteenth of the recipe's passes, "
SMALL += "at 1, 10 and 30 times its learning rate"
METHODS = ("dpo", "ipo", "tpo", "kto", "rrhf", "orpo", "grpo", "ppo")
MEASURES = {
    f"endings_{name}": Measure(functools.partial(endings, name), f"{name} on {SMALL}", exact=False)
    for name in METHODS
} | {
    "clips": Measure(clips, "GRPO on one-digit addition, 15 steps, 10 seeds", exact=False),
    "learned_rewards": Measure(
        learned_rewards, "GRPO on one-digit addition, 10 seeds, reward learned from 1000 pairs",
        exact=False,
    ),
    "from_nothing": Measure(
        from_nothing, "pairs of a right and a wrong sum, 300 steps a stage, 10 seeds", exact=False
    ),
}  # fmt: skip
