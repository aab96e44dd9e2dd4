"""The settings that `tinyalign tune` chose: tuned.json, which ships with the package."""

import json
from functools import cache
from pathlib import Path

from tinyalign.runs.config import Config

FILE = Path(__file__).with_name("tuned.json")


@cache
def entries():
    """{task: {run: entry}}; an entry is what runs.compare.tune.entry_of returns."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def entry_for(row, config, model_name):
    """The entry of a method that a run with this config takes its settings from, or None.

    A search holds for its model and its budget; one at the method's own recipe for any budget. Of
    several that fit, such as grpo@1 and grpo@4 of a run of grpo, the best score decides.
    """
    task = config.env if config.env in entries() else "addition"
    fitting = [
        entry
        for name, entry in entries().get(task, {}).items()
        if name.partition("@")[0] == row.name
        and entry["model"] == model_name
        and entry["budget"] in ("recipe", config.budget)
        and not contradicts(entry, config)
    ]
    return max(fitting, key=lambda entry: entry["score"], default=None)


def contradicts(entry, config):
    """Whether other examples, sizes or gradient steps a rollout were typed than were searched."""
    if config.data or config.width or config.layers or config.digits != Config.digits:
        return True
    names = ("num_iterations", "num_minibatches")
    chosen = entry["chosen"]
    return any(
        getattr(config, name) not in (None, chosen[name]) for name in names if name in chosen
    )
