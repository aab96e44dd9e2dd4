"""Offline methods on the bandit, by the amount, the kind and the quality of their data."""

import dataclasses

from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.claims.runs import BANDIT, bandit_value, train
from toy_envs import bandit

SEEDS = range(10)


def offline(name, seed, **settings):
    """Expected reward after training on samples of the uniform policy.

    settings  fields of Config
    """
    config = dataclasses.replace(BANDIT, seed=seed, steps=200, **settings)
    return bandit_value(train([name], config))


def thumbs():
    """DPO on pairs and KTO on thumbs of the same completions: 400 of them, and 100."""
    data = {"num_generations": 2, "num_pairs": 200}
    # A pair is two completions, so a quarter of the pairs is a quarter of the completions.
    quarter = data | {"num_pairs": 50}
    return {
        "dpo": [offline("dpo", s, **data) for s in SEEDS],
        "kto": [offline("kto", s, **data) for s in SEEDS],
        "kto, a quarter": [offline("kto", s, **quarter) for s in SEEDS],
        "dpo, a quarter": [offline("dpo", s, **quarter) for s in SEEDS],
        "start": [float(bandit.reward_table().mean())] * len(SEEDS),
    }


def wrong_pairs():
    """DPO and IPO on 200 pairs, with none or three in ten of them exchanged."""
    data = {"num_generations": 2, "num_pairs": 200}
    return {
        f"{name}, noise {noise}": [offline(name, s, label_noise=noise, **data) for s in SEEDS]
        for name in ("dpo", "ipo")
        for noise in (0.0, 0.3)
    }


def candidates():
    """Eight candidates for each of 50 prompts: DPO gets one pair of them, the others all scores."""
    data = {"num_generations": 8, "num_pairs": 50}
    return {name: [offline(name, s, **data) for s in SEEDS] for name in ("dpo", "infonca", "rrhf")}


OFFLINE = "the bandit, labels by Bradley–Terry, 200 steps, 10 seeds"
MEASURES = {
    "thumbs": Measure(thumbs, OFFLINE, exact=False),
    "wrong_pairs": Measure(wrong_pairs, OFFLINE, exact=False),
    "candidates": Measure(candidates, OFFLINE, exact=False),
}
