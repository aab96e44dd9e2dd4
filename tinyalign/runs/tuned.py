"""The settings that `tinyalign tune` chose: tuned.json, which ships with the package."""

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("tuned.json")


@cache
def entries():
    """{task: {run: entry}}; an entry is what runs.compare.tune.entry_of returns."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def entry_for(row, config, model_name):
    """The entry of a method that a run with this config takes its settings from, or None.

    A search holds for its model and its budget; one at the method's own recipe for any budget.
    """
    task = config.env if config.env in entries() else "addition"
    for name, entry in entries().get(task, {}).items():
        fits = entry["model"] == model_name and entry["budget"] in ("recipe", config.budget)
        if name.partition("@")[0] == row.name and fits and not contradicts(entry, config):
            return entry
    return None


def contradicts(entry, config):
    """Whether other gradient steps for a rollout were typed than those of the entry."""
    names = ("num_iterations", "num_minibatches")
    chosen = entry["chosen"]
    return any(
        getattr(config, name) not in (None, chosen[name]) for name in names if name in chosen
    )
