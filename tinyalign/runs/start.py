"""What a job starts from: fresh parameters, or those of another run, checked to fit."""

from pathlib import Path

import numpy as np

from tinyalign.errors import InputError
from tinyalign.runs import files
from tinyalign.runs.config import MODELS


def find_model(config):
    """The name of the model to use, or an InputError that lists them."""
    name = config.model or ("tabular" if config.env == "bandit" else "transformer")
    if name not in MODELS:
        raise InputError(f"there is no model {name!r}: choose from {', '.join(MODELS)}")
    if name == "transformer" and (config.width or 64) % config.heads:
        raise InputError(
            f"--width must be a multiple of --heads, got {config.width or 64} and "
            f"{config.heads}: choose for example --width {16 * config.heads}"
        )
    return name


def load_start(config):
    """The parameters of --start and what they say of themselves; two empty ones without it."""
    if config.start is None:
        return {}, {}
    carried, note = files.load(Path(config.start) / "model.safetensors")
    if "policy" not in carried or not {"model", "alphabet", "ends"} <= set(note):
        raise InputError(f"--start {config.start} holds no policy: give the folder of a run of sft")
    return carried, note


def require_fit(config, start, note, model_name, vocabulary, width):
    """InputError unless the start has the model, characters and length that are needed."""
    wanted = {"model": model_name, "alphabet": vocabulary.alphabet, "ends": bool(vocabulary.ends)}
    for key, value in wanted.items():
        if note[key] != value:
            raise InputError(
                f"--start {config.start} has {key} {note[key]!r}, but this run needs {value!r}: "
                "start from a run of the same kind"
            )
    limit = MODELS[model_name].context(start["policy"])
    if width > limit:
        raise InputError(
            f"--start {config.start} reads {limit} tokens, but a prompt and its completion here "
            f"take {width}: train a start with --context {width}"
        )


def fresh(config, model_name, vocabulary, width):
    """Random parameters for a model as large as was typed."""
    sizes = {"width": config.width, "layers": config.layers}
    sizes = {name: value for name, value in sizes.items() if value is not None}
    if model_name == "tabular":
        sizes = {}
    if model_name == "transformer":
        sizes |= {"heads": config.heads, "context": max(width, config.context)}
    count = len(vocabulary.alphabet) + vocabulary.ends
    rng = np.random.default_rng([config.seed])
    return {"policy": MODELS[model_name].init(rng, vocab=count, **sizes)}
