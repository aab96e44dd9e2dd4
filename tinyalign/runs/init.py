"""The parameters a run starts from: random ones, or those of another run, checked to fit."""

from pathlib import Path

import numpy as np

from tinyalign.errors import InputError
from tinyalign.runs import files
from tinyalign.runs.config import MODELS


def load_initial_params(config):
    """The parameters of --init_from and their metadata; two empty dicts without the option."""
    if config.init_from is None:
        return {}, {}
    params, metadata = files.load_tree(Path(config.init_from) / "model.safetensors")
    if "policy" not in params or not {"model", "alphabet", "ends"} <= set(metadata):
        raise InputError(
            f"--init_from {config.init_from} holds no policy: give the folder of a run of sft"
        )
    return params, metadata


def require_fit(config, params, metadata, model_name, vocabulary, width):
    """InputError unless the parameters have the model, characters and length that are needed."""
    wanted = {"model": model_name, "alphabet": vocabulary.alphabet, "ends": bool(vocabulary.ends)}
    for key, value in wanted.items():
        if metadata[key] != value:
            raise InputError(
                f"--init_from {config.init_from} has {key} {metadata[key]!r}, but this run needs "
                f"{value!r}: start from a run of the same kind"
            )
    limit = MODELS[model_name].context(params["policy"])
    if width > limit:
        raise InputError(
            f"--init_from {config.init_from} reads {limit} tokens, but a prompt and its completion "
            f"here take {width}: train a policy with --context {width}"
        )


def init_params(config, model_name, vocabulary, width):
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
