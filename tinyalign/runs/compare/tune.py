"""Settings searched in the open: every method gets the same number of tries, on seeds of its own.

Twelve settings a method, all different: learning rates times values of a second setting, such as
beta. All are tried with a quarter of the budget on two tuning seeds; the best two, and the median
one, with all of it on two others. A method that may take one or four gradient steps a rollout has
six tries for each. On a task whose optimum is known, beta says what is asked for and is not
searched.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np

from tinyalign.errors import InputError
from tinyalign.methods.one_letter import is_enumerable
from tinyalign.runs import lookup, train
from tinyalign.runs.budget import parse_budget
from tinyalign.runs.compare.jobs import UPDATES, method_job, require_job, shared_budget, start_job
from tinyalign.runs.compare.sweep import JobsFailed, sweep
from tinyalign.runs.reads import READ_BY
from tinyalign.runs.recipes import family_recipe
from tinyalign.runs.storage import write_atomically

RATES = {12: (0.3, 1.0, 2.0, 4.0), 6: (0.5, 1.0, 2.0)}  # by the number of tries
SEEDS = 2  # of each round
QUARTER = 4  # the first round has a quarter of the budget
BEST = 2  # settings that the second round tries, besides the median one
ROLLOUT = {"batch_size": 128, "num_generations": 4}  # of every method that samples while it learns


def base_config(name, config):
    """The config of a run before anything is searched: its recipe, at the shared budget."""
    row = lookup.last_method(name)
    shape = ROLLOUT if row.samples_while_learning else {}
    return dataclasses.replace(config, budget=shared_budget(config.env), **shape)


def settings_to_try(name, config):
    """The list of settings, dicts of config fields, that a run is tried with."""
    row = lookup.last_method(name)
    shape = ROLLOUT if row.samples_while_learning else {}
    # Not from an earlier search: the same tries come again whatever was chosen before.
    recipe = family_recipe(row, config, lookup.find_model(config)) | shape
    tries = 6 if "@" in name else 12
    seconds = second_settings(row, recipe, lookup.find_task(config), few=tries == 6)
    return [
        {**shape, "learning_rate": two_digits(factor * recipe["learning_rate"]), **second}
        for factor in RATES[tries]
        for second in seconds
    ]


def second_settings(row, recipe, task, few):
    """The values of the setting that is searched besides the learning rate, as dicts.

    few  two values, else three
    """
    factors = (1.0, 3.0) if few else (1 / 3, 1.0, 3.0)
    sizes = (1.0, 2.0) if few else (0.5, 1.0, 2.0)
    if not is_enumerable(task):
        if row.beta_sets and not row.surrogate:
            return [{"beta": two_digits(factor * recipe["beta"])} for factor in factors]
        if row.kl_placement:
            return [{"beta": beta} for beta in ((0.0, 0.01) if few else (0.0, 0.01, 0.03))]
        if READ_BY["epsilon"](row):
            return [{"epsilon": two_digits(size * recipe["epsilon"])} for size in sizes]
    return [{"batch_size": round(size * recipe["batch_size"])} for size in sizes]


def two_digits(number):
    """The number, rounded to two significant digits."""
    return float(f"{number:.2g}")


def tune(names, config, folder, executor, *, resume=False, on_poll=lambda states: None):
    """Search the settings of every run named: {name: entry}, see entry_of.

    config   config.Config with the task and the first of four tuning seeds
    raises   InputError before any work, and where no setting of a method came to its end;
             JobsFailed where a run failed that did not diverge
    """
    folder = Path(folder)
    for name in names:
        if not lookup.last_method(name).trains:
            raise InputError(f"{name} is not trained, so it has no settings to search")
        require_job(name, base_config(name, config))
    options = {"executor": executor, "resume": resume, "on_poll": on_poll}
    seeds = [config.seed + i for i in range(2 * SEEDS)]
    starts = [start_of_search(dataclasses.replace(config, seed=seed), folder) for seed in seeds]
    sweep(starts, **options)
    tries = {name: dict(enumerate(settings_to_try(name, config))) for name in names}
    first = run_round(tries, config, folder, seeds[:SEEDS], 1 / QUARTER, options)
    finalists = {n: {i: tries[n][i] for i in places_to_go_on(first[n])} for n in names}
    second = run_round(finalists, config, folder, seeds[SEEDS:], 1, options)
    entries = {
        name: entry_of(name, config, tries[name], first[name], finalists[name], second[name])
        for name in names
    }
    write_atomically(folder / "tuned.json", json.dumps(entries, indent=1).encode())
    return entries


def start_of_search(config, folder):
    """The job of a seed's start, by the recipe of SFT and not by an earlier search."""
    job = start_job(config, folder)
    recipe = family_recipe(lookup.find_method("sft"), config, lookup.find_model(config))
    settings = {name: recipe[name] for name in ("learning_rate", "batch_size")}
    return job._replace(config=dataclasses.replace(job.config, **settings))


def run_round(settings, config, folder, seeds, share, options):
    """Try settings: {name: [[score of each seed] of each setting]}; −∞ for a run that diverged.

    settings  {name: {place among the settings of its search: setting}}
    share     of the shared budget
    raises    JobsFailed where a run failed otherwise, such as for lack of memory
    """
    jobs = {
        (name, i, seed): tuning_job(name, i, setting, share, seed, config, folder)
        for name, tried in settings.items()
        for i, setting in tried.items()
        for seed in seeds
    }
    try:
        done = sweep(list(jobs.values()), **options)
    except JobsFailed as error:
        # A setting that diverges is a bad one; a worker that was lost says nothing of its setting.
        if not all(isinstance(why, train.Diverged) for why in error.errors.values()):
            raise
        done = error.finished
    return {
        name: [
            [score_of(done.get(jobs[name, i, seed].folder), config) for seed in seeds]
            for i in tried
        ]
        for name, tried in settings.items()
    }


def tuning_job(name, index, setting, share, seed, config, folder):
    """The run of one setting on one seed."""
    amounts = parse_budget(shared_budget(config.env))
    budget = ",".join(f"{unit}:{round(share * amount)}" for unit, amount in amounts.items())
    own = dataclasses.replace(config, seed=seed, budget=budget, eval_every=10**7, **setting)
    job = method_job(name, own, folder)
    return job._replace(folder=job.folder.with_name(f"{name}-share{share:g}-{index}"))


def score_of(summaries, config):
    """What a run is judged by: how near it is to its optimum, or reward, or accuracy."""
    if summaries is None:
        return -np.inf
    last = summaries[-1]
    if "eval_optimum_kl" in last:
        return -last["eval_optimum_kl"]
    score = "eval_reward" if is_enumerable(lookup.find_task(config)) else "eval_accuracy"
    return last.get(score, last["eval_accuracy"])  # a judge has an accuracy only


def places_to_go_on(scores):
    """The best places of the first round, and the median one."""
    order = np.argsort(-np.mean(scores, axis=1), kind="stable")
    return [int(i) for i in (*order[:BEST], order[len(order) // 2])]


def entry_of(name, config, settings, first, finalists, second):
    """What tuned.json keeps of a search.

    model, budget  that it holds for: recipe where the budget is also the method's recipe
    chosen         the best setting of the second round
    score, median  of it, and of the median setting, means over the seeds of the second round
    tried          [setting, scores with a quarter of the budget]
    finalists      [setting, scores with all of it]; the median setting is the last

    settings and finalists come as to run_round.
    """
    settings, finalists = list(settings.values()), list(finalists.values())
    row, means = lookup.last_method(name), np.mean(second, axis=1)
    best = int(means.argmax())
    if not np.isfinite(means[best]):
        raise InputError(f"no setting of {name} came to its end on every seed: nothing is chosen")
    shared, updates = shared_budget(config.env), UPDATES.get(name.partition("@")[2], {})
    return {
        "model": lookup.find_model(config),
        "budget": shared if row.samples_while_learning else "recipe",
        "first_seed": config.seed,
        "chosen": updates | finalists[best],
        "score": float(means[best]),
        "median": float(means[-1]),
        "tried": [list(pair) for pair in zip(settings, first, strict=True)],
        "finalists": [list(pair) for pair in zip(finalists, second, strict=True)],
    }
