"""The runs that a comparison is made of: the start of a seed, and each method from there.

A run is named by its method, or by several joined by commas: stages one after another. A method
that reads its rollouts in minibatches can be named with the gradient steps that it takes for each:
grpo@1 or grpo@4.
"""

import dataclasses
import json

from tinyalign.errors import InputError
from tinyalign.methods import METHODS
from tinyalign.runs import lookup, plan
from tinyalign.runs.compare import cost, results
from tinyalign.runs.compare.sweep import LOST, ONE_AT_A_TIME, RunSpec, make_plan, submit
from tinyalign.runs.folder import read_object
from tinyalign.runs.storage import write_atomically
from tinyalign.runs.target import last_that_trains_a_policy

# The budget of --all and of several seeds, unless another is typed. Settings were searched for it.
SHARED_BUDGET = {
    "bandit": "labels:32768,samples:131072",
    "addition": "labels:8192,samples:65536",
}
FEW_ON_BANDIT = "labels:16384,samples:32768"
EVALS_PER_RUN = 8  # unless --eval_every is typed
# What follows an @: passes over each batch of rollouts, and gradient steps of each pass.
UPDATES = {
    "1": {"num_iterations": 1, "num_minibatches": 1},
    "4": {"num_iterations": 2, "num_minibatches": 2},
}


def every_name():
    """The names of --all: where a method can take several gradient steps a rollout, with each."""
    names = []
    for row in METHODS:
        names += [f"{row.name}@{count}" for count in UPDATES] if row.minibatches else [row.name]
    return names


def stages_of(name):
    """The methods that a run's name lists: "sft,grpo@1" → ["sft", "grpo"]."""
    return [stage.partition("@")[0] for stage in name.split(",")]


def own_config(name, config):
    """The config of one run: with the updates of its name, and --until where that can end it."""
    *before, last = name.split(",")
    method, at, count = last.partition("@")
    for stage in before:
        if "@" in stage:
            raise InputError(
                f"{stage!r} is not the last stage of {name}: only the last stage takes an @"
            )
    if at:
        typed = [n for n in UPDATES["1"] if getattr(config, n) is not None]
        if typed:
            raise InputError(f"{last} sets --{typed[0]} itself: give one of the two")
        if count not in UPDATES or not lookup.find_method(method).minibatches:
            raise InputError(
                f"{last!r} names no run: after the @ of a method that takes several gradient steps "
                f"for a rollout, such as grpo, stands {' or '.join(UPDATES)}"
            )
        config = dataclasses.replace(config, **UPDATES[count])
    rows = [lookup.find_method(stage) for stage in stages_of(name)]
    if last_that_trains_a_policy(rows) is None:
        return dataclasses.replace(config, until=None)
    return config


def require_job(name, config):
    """InputError for a run that cannot be carried out."""
    plan.plan_run(stages_of(name), with_eval_every(own_config(name, config), 1))


def shared_budget(env, many=True):
    """The budget that makes runs comparable on a task.

    many  with intervals over seeds: on the bandit a few runs show as much with less
    """
    if env == "bandit" and not many:
        return FEW_ON_BANDIT
    return SHARED_BUDGET.get(env, SHARED_BUDGET["addition"])


def with_eval_every(config, steps):
    """The config with eval_every filled in: EVALS_PER_RUN evaluations in so many steps."""
    if config.eval_every is not None:
        return config
    return dataclasses.replace(config, eval_every=max(1, -(-steps // EVALS_PER_RUN)))


def start_job(config, folder):
    """The job of a seed's start: SFT by its recipe, until it reaches --warm_start_accuracy."""
    # What was typed for the methods does not hold for their start.
    begin = dataclasses.replace(
        config, steps=None, learning_rate=None, batch_size=None, budget="recipe", until=None,
        eval_every=25,
    )  # fmt: skip
    folder = results.seed_folder(folder, config.seed) / "start"
    return RunSpec(folder, ("sft",), begin, stop_early=True)


def method_job(name, config, folder):
    """The job of one run, from the start of its seed."""
    stages, own = tuple(stages_of(name)), results.seed_folder(folder, config.seed)
    config = own_config(name, config)
    reward = "model" if "reward," in name else config.reward
    # The number of steps depends on the budget; only the plan knows it.
    steps = plan.plan_run(list(stages), with_eval_every(config, 1)).stages[-1].config.steps
    config = dataclasses.replace(
        with_eval_every(config, steps), init_from=own / "start", reward=reward
    )
    return RunSpec(own / name, stages, config)


def measure_costs(names, config, folder, executor):
    """Write costs.json: what one update of each method takes, measured in the workers."""
    path = folder / "costs.json"
    known = read_object(path) or {}  # what is damaged is measured again
    # Absolute, because a worker elsewhere has another current folder.
    futures = {
        name: submit(executor, job_cost, method_job(name, config, folder.absolute()))
        for name in names
        if name not in known
    }
    costs = {name: cost_or_none(future) for name, future in futures.items()}
    known |= {name: measured._asdict() for name, measured in costs.items() if measured}
    write_atomically(path, json.dumps(known, indent=1).encode())


def cost_or_none(future):
    """The cost that a worker has measured; None where the worker was lost."""
    try:
        return future.result()
    except LOST:
        return None


def job_cost(job):
    """The cost.Cost of a job's last stage, with the highest peak of all its stages; or None."""
    try:
        with ONE_AT_A_TIME:
            run_plan = make_plan(job)
            costs = [cost.measure(run_plan, stage) for stage in range(len(run_plan.stages))]
    except InputError:  # such as a start whose few samples all have the same reward
        return None
    return costs[-1]._replace(peak=max(stage.peak for stage in costs))
