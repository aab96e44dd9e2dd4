"""tinyalign: LLM alignment methods from scratch, in NumPy, small enough to read whole.

losses      every loss, advantage, estimator and average: arrays of log-probabilities in
optimum     closed-form answers to check them against
models      transformer, lstm and a table behind the same names; policy scores and samples
methods     every method as a row; how each family is trained, one update in methods.steps
laws        what must be true of a loss, whoever wrote it
"""

from tinyalign.engine import threads
from tinyalign.engine.version import VERSION

# Before NumPy is loaded, and for the command alone: a library leaves the threads to its user.
if threads.is_command():
    threads.limit_blas_threads()
    threads.end_quietly_on_ctrl_c()

from tinyalign.losses import *  # noqa: F403  (losses.__all__ is the one list of names)
from tinyalign.optimum import best_of_n, optimal_policy, rlhf_objective

__all__ = ["best_of_n", "optimal_policy", "rlhf_objective"]
__version__ = VERSION
