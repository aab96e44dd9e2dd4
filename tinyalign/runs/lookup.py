"""What was typed, found: methods, tasks, models and initial parameters.

What is not there, or does not fit, is an InputError that says what there is.
"""

from functools import cache
from pathlib import Path

import numpy as np

from tinyalign import methods
from tinyalign.engine.backend import FLOAT, to_host
from tinyalign.engine.tree import leaves
from tinyalign.errors import InputError, folded, nearest
from tinyalign.runs import files
from tinyalign.runs.config import MODELS, RANGES, Config
from tinyalign.runs.hugging_face import is_model_folder, read_model_folder
from tinyalign.runs.storage import Saved, checksum, read_saved
from toy_envs import arithmetic, bandit, hackable, programs

OPERATIONS = {"addition": "+", "subtraction": "-", "multiplication": "*"}
TASKS = {"bandit": bandit.make, "programs": programs.make, "hackable": hackable.make}


def find_method(name):
    """The row of a method, however its letters are cased; or an InputError that lists them."""
    rows = {row.name: row for row in methods.METHODS}
    if folded(name) not in rows:
        near = nearest(name, rows)
        meant = f"did you mean {near}? Or " if near else ""
        raise InputError(f"there is no method {name!r}: {meant}choose from {', '.join(rows)}")
    return rows[folded(name)]


def last_method(run):
    """The row of the method that a run's name ends with: "reward,ppo@4" → ppo."""
    return find_method(run.split(",")[-1].partition("@")[0])


def find_task(config):
    """The task named by --env, or an InputError that lists them."""
    return make_task(config.env, config.digits)


@cache  # listing all problems takes longer than all else that a plan does
def make_task(name, digits):
    """The task of this name; of arithmetic, with operands of so many digits."""
    if name in OPERATIONS:
        return arithmetic.make(digits, OPERATIONS[name])
    if name not in TASKS:
        known = ", ".join([*OPERATIONS, *TASKS])
        raise InputError(f"there is no environment {name!r}: choose from {known}")
    return TASKS[name]()


def check_values(config):
    """InputError for the first setting that is out of range."""
    for name, (low, high) in RANGES.items():
        value = getattr(config, name)
        if value is not None and not low <= value <= high:
            raise InputError(f"--{name} is {value}, want a number from {low} to {high}")
    if config.kl not in ("k1", "k2", "k3"):
        raise InputError(f"--kl is {config.kl!r}, want k1, k2 or k3")
    if config.reward not in ("exact", "model"):
        raise InputError(f"--reward is {config.reward!r}, want exact or model")


def find_model(config):
    """The name of the model to use, or an InputError that lists them."""
    usual = "tabular" if config.env == "bandit" else "transformer"
    name = usual if config.model is None else config.model
    if name not in MODELS:
        raise InputError(f"there is no model {name!r}: choose from {', '.join(MODELS)}")
    if name == "transformer" and (config.width or 64) % config.heads:
        raise InputError(
            f"--width must be a multiple of --heads, got {config.width or 64} and "
            f"{config.heads}: choose for example --width {16 * config.heads}"
        )
    return name


def load_initial_params(config):
    """What --init_from holds: storage.Saved; without the option it is empty."""
    if config.init_from is None:
        return Saved({}, {}, "")
    if is_model_folder(config.init_from):
        params, known = read_model_folder(config.init_from)
        facts = {"model": "transformer", "alphabet": known.alphabet, "ends": known.ends}
        digest = checksum({name: to_host(leaf) for name, leaf in leaves(params).items()}, facts)
        return Saved({"policy": params}, facts, digest)
    saved = read_saved(Path(config.init_from) / "model.safetensors")
    names = {"model", "alphabet", "ends"}
    if "policy" not in saved.tree or not isinstance(saved.note, dict) or names - set(saved.note):
        raise InputError(
            f"--init_from {config.init_from} holds no policy: give the folder of a run of sft"
        )
    for name, leaf in leaves(saved.tree).items():
        if leaf.dtype != FLOAT or not np.isfinite(to_host(leaf)).all():
            raise InputError(
                f"--init_from {config.init_from}: its weights {name} are {leaf.dtype}, or hold NaN "
                "or infinity, want finite float32: start from another run"
            )
    return saved


def require_fit(config, params, metadata, model_name, vocabulary, width):
    """InputError unless the parameters have the model, characters and length that are needed."""
    # The same characters in the same order: token ids mean nothing without them.
    wanted = {"model": model_name, "alphabet": vocabulary.alphabet, "ends": bool(vocabulary.ends)}
    for key, value in wanted.items():
        if metadata[key] != value:
            raise InputError(
                f"--init_from {config.init_from} has {key} {metadata[key]!r}, but this run needs "
                f"{value!r}: start from a run of the same kind"
            )
    require_shapes(config, params["policy"], model_name, vocabulary)
    limit = MODELS[model_name].context(params["policy"])
    if width > limit:
        raise InputError(
            f"--init_from {config.init_from} reads {limit} tokens, but a prompt and its completion "
            f"here take {width}: train a policy with --context {width}"
        )


def require_shapes(config, tree, model_name, vocabulary):
    """InputError unless these are the weights of such a model, with a row for each token."""
    model, count = MODELS[model_name], len(vocabulary.alphabet) + vocabulary.ends
    try:
        wanted = files.shapes(
            model.init(np.random.default_rng(0), vocab=count, **model.sizes(tree))
        )
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
        wanted = None
    if wanted != files.shapes(tree):
        raise InputError(
            f"--init_from {config.init_from}: its weights are not those of a {model_name} that "
            f"reads {count} tokens: start from another run"
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
    rng = files.random_stream(files.WEIGHTS, config.seed)
    return {"policy": MODELS[model_name].init(rng, vocab=count, **sizes)}


def check_fit(row, config):
    """Raise InputError where the settings of a stage do not fit its method.

    config  Config with no recipe field left at None
    """
    if row.advantages and config.advantage not in row.advantages:
        raise InputError(
            f"{row.name} has no --advantage {config.advantage}: choose from "
            f"{', '.join(row.advantages)}"
        )
    if row.kl_placement == "loss" and config.beta == 0 and config.kl != Config.kl:
        raise InputError(
            f"--kl {config.kl} estimates the KL in the loss, but --beta is 0, so there is none: "
            "give --beta above 0 too, such as 0.01"
        )
    if row.beta_sets and not row.surrogate and config.beta == 0:
        raise InputError(f"--beta is 0, but {row.name} needs a number above 0, such as 0.1")
    if row.compares and config.num_generations == 1 and not config.data:
        raise InputError(
            f"--num_generations is 1, but {row.name} compares completions of one prompt: want 2 "
            "or more"
        )
