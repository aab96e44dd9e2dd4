"""Settings of single stages on a small task, prepared as the command prepares them."""

import numpy as np
from devices import sent

from tinyalign.runs import plan
from tinyalign.runs.config import Config


def setting(name, *, task=None, table_seed=None, **settings):
    """The StageInputs of one method: on the bandit and the tabular model unless told otherwise.

    task        a Task in place of the one that env names
    table_seed  start from a random table of logits; None starts from zeros, the uniform policy
    """
    job = plan.plan_run([name], Config(**{"env": "bandit", "model": "tabular", **settings}))
    if task is not None:
        job = job._replace(task=task, vocabulary=task)
    made = plan.stage_inputs(job, 0, job.initial_params)
    return made if table_seed is None else made._replace(initial_policy=table(made, table_seed))


def table(setting, seed):
    """Random parameters of the tabular model, on the device in use."""
    size = len(setting.vocabulary.alphabet) + setting.vocabulary.ends
    logits = np.random.default_rng(seed).normal(size=(size, size))
    return {"table": sent(logits.astype(np.float32))}


def log_softmax(logits):
    """Log-probabilities over the last axis: the tests' own, not the library's."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
