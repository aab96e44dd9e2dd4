"""What was typed, looked up: methods, tasks, models and ranges; InputError says what there is."""

import difflib

from tinyalign import methods
from tinyalign.errors import InputError
from tinyalign.runs.config import MODELS, RANGES
from toy_envs import arithmetic, bandit, hackable, programs

OPERATIONS = {"addition": "+", "subtraction": "-", "multiplication": "*"}
TASKS = {"bandit": bandit.make, "programs": programs.make, "hackable": hackable.make}


def find_method(name):
    """The row of a method, or an InputError that lists them."""
    row = methods.named(name)
    if row is None:
        known = [method.name for method in methods.METHODS]
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"did you mean {near[0]}? Or " if near else ""
        raise InputError(f"there is no method {name!r}: {meant}choose from {', '.join(known)}")
    return row


def find_task(config):
    """The task named by --env, or an InputError that lists them."""
    if config.env in OPERATIONS:
        return arithmetic.make(config.digits, OPERATIONS[config.env])
    if config.env not in TASKS:
        known = ", ".join([*OPERATIONS, *TASKS])
        raise InputError(f"there is no environment {config.env!r}: choose from {known}")
    return TASKS[config.env]()


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
    name = config.model or ("tabular" if config.env == "bandit" else "transformer")
    if name not in MODELS:
        raise InputError(f"there is no model {name!r}: choose from {', '.join(MODELS)}")
    if name == "transformer" and (config.width or 64) % config.heads:
        raise InputError(
            f"--width must be a multiple of --heads, got {config.width or 64} and "
            f"{config.heads}: choose for example --width {16 * config.heads}"
        )
    return name
