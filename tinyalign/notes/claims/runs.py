"""In-memory training runs used by the measures: no folder, no log, only the final parameters."""

import dataclasses
import functools

import numpy as np

from tinyalign.engine.backend import to_host
from tinyalign.losses.numerics import softmax
from tinyalign.methods import samples
from tinyalign.methods.method import passed_on
from tinyalign.runs import files, plan
from tinyalign.runs.config import Config
from tinyalign.runs.dataset import START
from tinyalign.runs.train import reached_target
from toy_envs import arithmetic, bandit

SCORER, ANSWERS = 6, 7  # purposes of random numbers besides those of a run, see runs.files


def train_in_memory(run_plan, index, initial):
    """Train one stage of a plan: {network: its parameters}.

    initial  {network: parameters} from the stages before
    """
    stage_plan, inputs = run_plan.stages[index], plan.stage_inputs(run_plan, index, initial)
    stage = stage_plan.method.stage(inputs)
    networks, rng = stage.networks, files.random_stream(files.TRAINING, run_plan.config.seed, index)
    progress = files.initial_progress(run_plan, index, initial)
    for step in range(stage.steps):
        networks, _ = stage.train_step(networks, rng, step)
        progress = progress._replace(step=step + 1, networks=networks)
        # A warm start stops as soon as it is good enough, as in a run of the command line.
        if stage_plan.target and reached_target(inputs, stage_plan.target, progress):
            break
    return {name: network.params for name, network in networks.items()}


def train(names, config, *, initial=None, task=None):
    """Train stages one after another: {network: its parameters in the end}.

    names    methods
    config   config.Config
    initial  {"policy": parameters} to start from; None: those that the plan begins with
    task     in place of the one that config names
    """
    run_plan = make_plan(names, config, task)
    # Stages that the plan puts before the named ones, such as a warm start, are left out.
    indices = range(len(run_plan.stages) - len(names), len(run_plan.stages))
    initial = dict(run_plan.initial_params if initial is None else initial)
    for index in indices:
        networks = train_in_memory(run_plan, index, initial)
        initial |= passed_on(networks)
    return initial


def make_plan(names, config, task=None):
    """The plan of these methods, on another task where one is given."""
    run_plan = plan.plan_run(names, config)
    return run_plan if task is None else run_plan._replace(task=task, vocabulary=task)


# The bandit: a policy's expected reward is a sum over its answers.

BANDIT = Config(env="bandit", batch_size=32)


def bandit_probs(params):
    """The tabular policy as probabilities of every answer to every prompt, (prompts, answers)."""
    table = bandit.reward_table()
    # The first rows belong to the prompts' tokens, the others to answers and the end.
    return softmax(np.asarray(to_host(params["policy"]["table"]), float)[: len(table)])


def bandit_value(params, table=None):
    """Exact expected reward, mean over the prompts."""
    table = bandit.reward_table() if table is None else table
    return float((bandit_probs(params) * table).sum(axis=1).mean())


# Addition of two digits below ten: a transformer small enough for dozens of runs.

DIGITS = Config(
    env="addition", digits=1, width=32, layers=1, batch_size=32, warm_start_accuracy=0.4
)
SAMPLES = 10  # completions of each problem, whose mean reward is a policy's reward


def digits_task():
    """One-digit addition; all problems count as seen, because so few leave nothing to hold out."""
    return arithmetic.make(1, "+")


@functools.cache
def digits_start(seed):
    """The warm start of a seed's runs: fine-tuned until about 40 % of the problems are solved."""
    config = dataclasses.replace(DIGITS, seed=seed)
    run_plan = plan.as_warm_start(plan.plan_run(["sft"], config))
    return train_in_memory(run_plan, 0, run_plan.initial_params)


def digits_value(params, seed, data=None):
    """Mean reward of sampled completions of the training problems.

    data  the file whose characters the policy was trained on, where there was one
    """
    return float(digits_rewards(params, seed, data).mean())


def digits_rewards(params, seed, data=None):
    """Rewards of sampled completions of the training problems, (P, SAMPLES); see digits_value."""
    run_plan = plan.plan_run(["sft"], dataclasses.replace(DIGITS, seed=seed, data=data))
    inputs = plan.stage_inputs(run_plan, 0, params)._replace(task=digits_task())
    prompts = list(inputs.task.train)
    rng = files.random_stream(ANSWERS, seed)
    # A policy trained on a file has read START in front of every prompt.
    questions = [f"{START}{prompt}" if data else prompt for prompt in prompts]
    rollout = samples.sample_completions(inputs, params["policy"], questions, rng, 1.0, SAMPLES)
    return samples.score(inputs, prompts, rollout)
