"""The results of a finished comparison, read back from its folder."""

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign import methods
from tinyalign.methods import evaluate
from tinyalign.report import Goal, MethodResult
from tinyalign.runs import files, lookup, plan, target, tuned
from tinyalign.runs.compare import cost, known, samples
from tinyalign.runs.config import Config

SCORES_READ = ("accuracy", "reward", "kl", "entropy", "optimum_kl")  # of a policy's evaluation
SHORT = {"reference": "ref", "reward_model": "RM"}  # names of networks in the tables


class Results(NamedTuple):
    """A comparison on one task."""

    rows: list[MethodResult]  # of every seed: the start, then each method
    costs: dict[str, cost.Cost]  # of every method where it could be measured
    exact: Any  # (kl, reward) of the best policies there are, or () where they are not known
    config: Config  # as typed, with the first seed
    seeds: int
    problems: tuple = ()  # samples.Problem: what the policies of the first seed answer


def seed_folder(folder, seed):
    """Where the runs of one seed are."""
    return Path(folder) / f"seed{seed}"


def comparison_json(names, config, seeds, failed):
    """The content of compare.json: everything that reading the folder takes."""
    settings = plan.plain_settings(config)
    return {"methods": list(names), "seeds": seeds, "config": settings, "failed": failed}


def read(folder):
    """The Results in the folder of a comparison."""
    folder = Path(folder)
    comparison = json.loads((folder / "compare.json").read_text())
    settings, seeds = comparison["config"], comparison["seeds"]
    # JSON has no paths: they come back as strings, or as null.
    paths = {name: Path(settings[name]) for name in ("init_from", "data") if settings[name]}
    config = Config(**settings | paths)
    task = None if config.data else lookup.find_task(config)
    folders = [seed_folder(folder, seed) for seed in range(config.seed, config.seed + seeds)]
    rows = []
    for i, own_folder in enumerate(folders):
        own = dataclasses.replace(config, seed=config.seed + i)
        own_rows = seed_rows(own_folder, comparison["methods"], own, comparison["failed"])
        rows += known.with_known_answers(own_rows, own_folder, task)
    path = folder / "costs.json"
    costs = json.loads(path.read_text()) if path.exists() else {}
    costs = {method: cost.Cost(**fields) for method, fields in costs.items()}
    if config.until:  # the tables ask for what the runs were to reach
        asked = target.parse_until(config.until)
        rows = [row._replace(goal=Goal(asked.score, asked.amount)) for row in rows]
    exact = known.exact_frontier([own / "start" for own in folders], task)
    problems = samples.read_problems(rows, folders[0], task)
    return Results(rows, costs, exact, config, seeds, problems)


def seed_rows(folder, names, config, failed):
    """The results of one seed: the start, then each method with its curve from there."""
    problems = num_eval_problems(config)
    start = result_row("start", folder / "start")
    # KL is measured to the start, so its own is 0.
    start = start._replace(kl=0.0, seed=config.seed, problems=problems)
    rows = [start]
    for name in names:
        message = failed.get(f"{folder.name}/{name}")
        row = failed_row(name, message) if message else result_row(name, folder / name, start)
        rows.append(row._replace(seed=config.seed, problems=problems))
    return rows


def curve_start(start, drawn):
    """The first points of a curve: the start, and again where earlier stages have drawn."""
    scores = 0.0, start.accuracy, start.reward
    return ((0, *scores), (drawn, *scores)) if drawn else ((0, *scores),)


def num_eval_problems(config):
    """How many held-out problems accuracy is measured on; 0 with a file of one's own."""
    if config.data:
        return 0
    return len(evaluate.subsample_evenly(lookup.find_task(config).held_out, config.eval_size))


def failed_row(name, message):
    """The result of a run that failed: nothing but its name and the reason."""
    method = lookup.last_method(name)
    return MethodResult(
        name, method.learns_from, method.family, failure=message, table=table_of(method)
    )


def table_of(method):
    """The table in which a method stands: those of one table get the same chance."""
    if not method.trains:
        return "test time"
    if method.imitates:
        return "demonstrations"
    return "rewards" if method.samples_while_learning else "fixed feedback"


def result_row(name, folder, start=None):
    """The result of a finished run: the scores of its last stage, the cost of all stages.

    start  the start's result, where the curve begins; None: the run is the start
    """
    summaries = files.read_summaries(folder)
    last, method = summaries[-1], methods.find(summaries[-1]["method"])
    row = MethodResult(
        method=name,
        learns_from=last["learns_from"],
        family=method.family,
        table=table_of(method),
        caveat=method.caveat,
        online=method.samples_while_learning,
        stages=len(summaries) + (start is not None),  # the warm start is a run of its own
        **costs_of(summaries),
        **(search_of(method, last["settings"]) if start is not None else {}),
    )
    if method.trains_reward_model:  # whose accuracy is over pairs
        return row._replace(pair_accuracy=last["eval_accuracy"])
    scores = {name: last.get(f"eval_{name}", np.nan) for name in SCORES_READ}
    curves = {}
    if start is not None:
        curves["curve"] = learning_curve(folder, summaries, start)
        curves["path"] = path_from(folder, summaries, start)
    return row._replace(**scores, **curves)


def costs_of(summaries):
    """What all stages of a run took, and the gradient steps of the last: fields of MethodResult."""
    last = summaries[-1]
    return {
        "samples": sum(summary["completions_sampled"] for summary in summaries),
        "labels": sum(summary["completions_judged"] for summary in summaries),
        "updates": last["updates"],
        "models": ", ".join(SHORT.get(model, model) for model in last["networks"]),
        "bytes": max(summary["bytes"] for summary in summaries),
        "seconds": sum(summary["train_seconds"] for summary in summaries),
    }


def search_of(method, settings):
    """What a search says of a run: {sensitivity, settings}; empty where its settings are others.

    method    of its last stage, whose settings these are, a dict
    """
    if settings["env"] not in tuned.entries():  # the figures of another task say nothing here
        return {}
    config = Config(**settings)
    entry = tuned.entry_for(method, config, lookup.find_model(config))
    if entry is None or any(settings[key] != value for key, value in entry["chosen"].items()):
        return {}
    words = ", ".join(f"{key} {value:g}" for key, value in entry["chosen"].items())
    return {"sensitivity": entry["median"] - entry["score"], "settings": words}


def path_from(folder, summaries, start):
    """((KL, accuracy, reward), …) of every evaluation of the last stage, from the start on."""
    rows = [row for row in files.read_metrics(folder) if row["stage_index"] == len(summaries) - 1]
    points = tuple(
        (row["eval_kl"], row["eval_accuracy"], row.get("eval_reward", np.nan))
        for row in rows
        if "eval_kl" in row and "eval_accuracy" in row
    )
    return ((0.0, start.accuracy, start.reward), *points)


def learning_curve(folder, summaries, start):
    """((samples, share of the stage's steps, accuracy, reward), …): the start, the last stage."""
    rows = [row for row in files.read_metrics(folder) if row["stage_index"] == len(summaries) - 1]
    # Every stage counts its own samples: those of the stages before come on top.
    before = sum(summary["completions_sampled"] for summary in summaries[:-1])
    steps = summaries[-1]["steps"]
    points = tuple(
        (
            before + m["completions_sampled"],
            m["step"] / steps,
            m["eval_accuracy"],
            m.get("eval_reward", np.nan),
        )
        for m in rows
        if "eval_accuracy" in m
    )
    return curve_start(start, before) + points if points else ()
