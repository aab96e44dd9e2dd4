"""tinyalign: LLM alignment methods from scratch, in NumPy, small enough to read whole.

losses      every loss, advantage, estimator and average: arrays of log-probabilities in
optimum     closed-form answers to check them against
models      transformer, lstm and a table behind the same names; policy scores and samples
methods     every method as a row; how each family is trained, one update in methods.steps
laws        what must be true of a loss, whoever wrote it

Names of models and steps are loaded when they are first used; dir(tinyalign) lists them all.
"""

import importlib

from tinyalign.engine import threads
from tinyalign.engine.version import VERSION

# Before NumPy is loaded, and for the command alone: a library leaves the threads to its user.
if threads.is_command():
    threads.limit_blas_threads()
    threads.end_quietly_on_ctrl_c()
    threads.leave_current_folder()

from tinyalign.losses import *  # noqa: F403  (losses.__all__ is the one list of names)
from tinyalign.optimum import best_of_n, optimal_policy, rlhf_objective

# What a script of one's own needs besides losses: {module: names in it, or () for the module}.
LOADED_LATER = {
    "tinyalign.policy": (),
    "tinyalign.models.tabular": (),
    "tinyalign.models.transformer": (),
    "tinyalign.models.lstm": (),
    "tinyalign.methods.steps": (
        "StepSize", "init_train_state", "policy_gradient_step", "preference_step", "ranked_step",
        "reward_model_step", "sft_step", "unpaired_step",
    ),
    "tinyalign.laws": ("assert_lawful",),
}  # fmt: skip
PLACES = {name: module for module, names in LOADED_LATER.items() for name in names}
PLACES |= {module.split(".")[-1]: module for module, names in LOADED_LATER.items() if not names}


def __getattr__(name):
    """A model or a step, loaded now: `import tinyalign` alone stays quick."""
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(PLACES[name])
    return getattr(module, name) if LOADED_LATER[PLACES[name]] else module


def __dir__():
    return sorted({*globals(), *PLACES})


__all__ = ["best_of_n", "optimal_policy", "rlhf_objective"]
__version__ = VERSION
