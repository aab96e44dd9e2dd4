"""Offline methods on the bandit, by the amount, the kind and the quality of their data.

Every method gets the same search: learning rates times strengths on seeds of their own, the best
setting reported on fresh seeds.
"""

import dataclasses
from itertools import product

import numpy as np

from tinyalign.methods import find
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.notes.claims.runs import BANDIT, bandit_value, make_plan, train_in_memory
from toy_envs import bandit, feedback

SEEDS = range(10)
TUNING_SEEDS = range(100, 103)
RATES = (0.01, 0.03, 0.1)
STRENGTHS = (0.03, 0.1, 0.3, 1.0)  # times the method's own beta


def offline(name, seed, label=None, **settings):
    """Expected reward after training on samples of the uniform policy.

    label     in place of the method's own function that makes feedback of rewards
    settings  fields of Config
    """
    config = dataclasses.replace(BANDIT, seed=seed, steps=200, **settings)
    job = make_plan([name], config)
    if label:
        (stage,) = job.stages
        job = job._replace(stages=[stage._replace(method=stage.method._replace(label=label))])
    return bandit_value(train_in_memory(job, 0, job.initial_params))


def searched(name, **data):
    """Rewards of ten fresh seeds at the rate and strength that did best on the tuning seeds.

    data  arguments of `offline` that say what there is to learn from
    """
    own = find(name).defaults.get("beta")
    # A method without a strength has only its rates to search.
    betas = [own * times for times in STRENGTHS] if own else [None]
    grid = [{"learning_rate": rate, "beta": beta} for rate, beta in product(RATES, betas)]
    best = max(
        grid, key=lambda one: np.mean([offline(name, s, **one, **data) for s in TUNING_SEEDS])
    )
    return [offline(name, s, **best, **data) for s in SEEDS]


def thumbs():
    """DPO on pairs and KTO on thumbs of the same completions: 400 of them, and 100."""
    data = {"num_generations": 2, "num_pairs": 200}
    # A pair is two completions, so a quarter of the pairs is a quarter of the completions.
    quarter = data | {"num_pairs": 50}
    return {
        "dpo": searched("dpo", **data),
        "kto": searched("kto", **data),
        "kto, a quarter": searched("kto", **quarter),
        "dpo, a quarter": searched("dpo", **quarter),
        "start": [float(bandit.reward_table().mean())] * len(SEEDS),
    }


def wrong_pairs():
    """DPO and IPO on 200 pairs, with none or three in ten of them exchanged."""
    data = {"num_generations": 2, "num_pairs": 200}
    return {
        f"{name}, noise {noise}": searched(name, label_noise=noise, **data)
        for name in ("dpo", "ipo")
        for noise in (0.0, 0.3)
    }


def candidates():
    """Eight candidates for each of 50 prompts: DPO gets one pair of them, the others all scores.

    dpo, 28 pairs  28 pairs of them, as many as eight candidates have
    """
    data = {"num_generations": 8, "num_pairs": 50}
    figures = {name: searched(name, **data) for name in ("dpo", "infonca", "rrhf")}
    return figures | {"dpo, 28 pairs": searched("dpo", label=label_many_pairs, **data)}


def label_many_pairs(reward, rng, config):
    """28 labelled pairs of each prompt's completions, drawn at random: feedback.Pairs."""
    return feedback.pairs(reward, rng, pairs_per_prompt=28, temperature=config.label_temperature)


OFFLINE = (
    "the bandit, labels by Bradley–Terry, 200 steps, 10 seeds, at the best of 3 learning rates "
    "and 4 strengths on 3 other seeds"
)
MEASURES = {
    "thumbs": Measure(thumbs, OFFLINE, exact=False),
    "wrong_pairs": Measure(wrong_pairs, OFFLINE, exact=False),
    "candidates": Measure(candidates, OFFLINE, exact=False),
}
