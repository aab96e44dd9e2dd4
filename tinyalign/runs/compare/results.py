"""What a finished comparison came to, read back from its folder."""

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyalign import methods, policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.losses.numerics import log_softmax
from tinyalign.methods import evaluate
from tinyalign.models import tokenizer
from tinyalign.optimum import optimal_policy
from tinyalign.report import Row
from tinyalign.runs import files as files
from tinyalign.runs import plan
from tinyalign.runs.compare import cost
from tinyalign.runs.config import Config

BETAS = np.geomspace(30, 0.03, 60)  # of the exact frontier, in units of reward per nat
SHORT = {"reference": "ref", "reward_model": "RM"}


class Results(NamedTuple):
    """A comparison on one task."""

    rows: list[Row]  # of every seed: the start, then each method
    costs: dict[str, cost.Cost]  # of every method where it could be measured
    exact: Any  # (kl, reward) of the best there can be, or () where that is not known
    config: Config  # as typed, with the first seed
    seeds: int


def seed_folder(folder, seed):
    """Where the runs of one seed are."""
    return Path(folder) / f"seed{seed}"


def note(names, config, seeds, failed):
    """What compare.json says: everything that reading the folder takes."""
    typed = plan.plain_settings(config)
    return {"methods": list(names), "seeds": seeds, "config": typed, "failed": failed}


def read(folder):
    """The Results in the folder of a comparison."""
    folder = Path(folder)
    told = json.loads((folder / "compare.json").read_text())
    typed = told["config"]
    paths = {name: Path(typed[name]) for name in ("init_from", "data") if typed[name]}
    config = Config(**typed | paths)
    rows = []
    for seed in range(config.seed, config.seed + told["seeds"]):
        own = dataclasses.replace(config, seed=seed)
        rows += rows_of(seed_folder(folder, seed), told["methods"], own, told["failed"])
    path = folder / "costs.json"
    costs = json.loads(path.read_text()) if path.exists() else {}
    costs = {method: cost.Cost(**found) for method, found in costs.items()}
    return Results(
        rows, costs, exact_frontier(folder, config, told["seeds"]), config, told["seeds"]
    )


def rows_of(folder, names, config, failed):
    """The rows of one seed: the start, then each method's curve from there."""
    problems = problems_of(config)
    first = row_of("start", folder / "start")
    first = first._replace(kl=0.0, seed=config.seed, problems=problems)
    rows = [first]
    for name in names:
        reason = failed.get(f"{folder.name}/{name}")
        row = broken(name, reason) if reason else row_of(name, folder / name, first)
        row = row._replace(seed=config.seed, problems=problems)
        rows.append(row._replace(stages=len(name.split(",")) + 1))
    return rows


def begun(first, drawn):
    """What a curve begins with: the start, up to where earlier stages have drawn their samples."""
    scores = 0.0, first.accuracy, first.reward
    return ((0, *scores), (drawn, *scores)) if drawn else ((0, *scores),)


def problems_of(config):
    """How many held-out problems accuracy is measured on; 0 with a file of one's own."""
    if config.data:
        return 0
    return len(evaluate.subsample_evenly(plan.find_task(config).held_out, config.eval_size))


def broken(name, reason):
    """The row of a run that came to no result."""
    method = methods.named(name.split(",")[-1])
    none = [np.nan] * 3
    return Row(
        name, method.learns_from, method.family, *none, np.nan, "–", 0, np.nan, diverged=reason
    )


def row_of(name, folder, first=None):
    """What a finished run came to: its last stage's result, the cost of all.

    first  the start's row, which its curve begins with; None: the run is the start
    """
    summaries = files.read_summaries(folder)
    last, method = summaries[-1], methods.named(summaries[-1]["method"])
    found = last.get("eval_accuracy", np.nan)
    judge = method.trains == "reward_model"  # whose accuracy is over pairs
    return Row(
        method=name,
        needs=last["learns_from"],
        family=method.family,
        accuracy=np.nan if judge else found,
        reward=last.get("eval_reward", np.nan),
        kl=last.get("eval_kl", np.nan),
        samples=sum(summary["completions_sampled"] for summary in summaries),
        models=", ".join(SHORT.get(model, model) for model in last["networks"]),
        bytes=max(summary["bytes"] for summary in summaries),
        seconds=sum(summary["train_seconds"] for summary in summaries),
        curve=() if judge or first is None else curve_of(folder, summaries, first),
        entropy=last.get("eval_entropy", np.nan),
        online=method.samples_while_learning,
        pair_accuracy=found if judge else np.nan,
    )


def curve_of(folder, summaries, first):
    """((samples, share of the stage's steps, accuracy, reward), …): the start, the last stage."""
    rows = [row for row in files.read_metrics(folder) if row["stage_index"] == len(summaries) - 1]
    before = sum(summary["completions_sampled"] for summary in summaries[:-1])
    steps = summaries[-1]["steps"]
    looks = tuple(
        (
            before + m["completions_sampled"],
            m["step"] / steps,
            m["eval_accuracy"],
            m.get("eval_reward", np.nan),
        )
        for m in rows
        if "eval_accuracy" in m
    )
    return begun(first, before) + looks if looks else ()


def exact_frontier(folder, config, seeds):
    """(kl, reward) of the policies that no other beats, where all completions can be listed.

    They are π_ref·e^{r/β}/Z for every β; the mean over seeds, each from its own start.
    """
    task = None if config.data else plan.find_task(config)
    if task is None or task.ends or task.max_new_tokens > 1:
        return ()
    found = []
    for seed in range(config.seed, config.seed + seeds):
        ref = start_probabilities(seed_folder(folder, seed) / "start", config, task)
        found.append(frontier_of(ref, rewards_of(task)))
    return tuple(np.mean(found, axis=0))


def frontier_of(ref, reward):
    """(2, len(BETAS)): KL and reward of the best policy at each β; ref and reward (P, K)."""
    best = [optimal_policy(ref, reward, beta=beta) for beta in BETAS]
    kl = [np.mean(np.sum(p * (np.log(p) - np.log(ref)), axis=1)) for p in best]
    return np.array([kl, [np.mean(np.sum(p * reward, axis=1)) for p in best]])


def start_probabilities(folder, config, task):
    """The start's probability of every one-token completion of every prompt, (P, K)."""
    tree, said = files.load_tree(folder / "model.safetensors")
    tokens = to_device(np.array(tokenizer.encode(task, task.held_out)))
    logits = policy.logits(plan.MODELS[said["model"]], tree["policy"], tokens)[:, -1]
    return np.exp(log_softmax(to_host(logits).astype(np.float64)))


def rewards_of(task):
    """The reward of every one-token completion of every prompt, (P, K)."""
    letters = list(task.alphabet)
    size = len(letters)
    return np.array(
        [task.reward([prompt] * size, letters, np.ones(size, bool)) for prompt in task.held_out]
    )
