"""Randomness: data, training and looks draw from streams of their own."""

import numpy as np

from tinyalign.runs import files, plan, train
from tinyalign.runs.config import Config


def first_draws(seed):
    """{what it is for: the first three uniform draws} of two stages' generators."""
    job = plan.plan_run(["dpo", "grpo"], Config(env="bandit", seed=seed))
    found = {}
    for stage in range(2):
        setting = plan.stage_inputs(job, stage, job.initial_params)
        found["data", stage] = setting.rng
        progress = files.initial_progress(job, stage)
        found["training", stage] = np.random.default_rng()
        found["training", stage].bit_generator.state = progress.rng
        for step in range(3):
            for use in (2, 3, 4):
                place = progress._replace(step=step)
                found["look", stage, step, use] = train.evaluation_rng(setting, place, use)
    return {name: tuple(rng.random(3)) for name, rng in found.items()}


def test_no_two_streams_are_the_same():
    """Of one seed or of two: 44 generators, 44 different beginnings."""
    draws = [*first_draws(0).values(), *first_draws(1).values()]
    assert len(draws) == len(set(draws)) == 44


def test_a_stream_is_a_function_of_seed_and_place():
    assert first_draws(3) == first_draws(3)
