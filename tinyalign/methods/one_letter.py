"""Tasks whose completions are one letter: every policy is a table, and optima are known.

ref_probs, reward  (P, K): a row a prompt, a column a letter
"""

import numpy as np

from tinyalign import optimum, policy
from tinyalign.engine.backend import to_device, to_host
from tinyalign.losses.numerics import log_softmax
from tinyalign.models import tokenizer


def is_enumerable(task):
    """Whether every completion of a task is one letter."""
    return task is not None and not task.ends and task.max_new_tokens == 1


def letter_rewards(task):
    """The reward of every letter as a completion of every prompt, (P, K)."""
    letters = list(task.alphabet)
    finished = np.ones(len(letters), bool)
    return np.array(
        [task.reward([prompt] * len(letters), letters, finished) for prompt in task.held_out]
    )


def letter_probs(model, params, task):
    """A policy's probability of every letter as a completion of every prompt, (P, K) float64."""
    tokens = to_device(np.array(tokenizer.encode(task, task.held_out)))
    # (P, S, V) -> (P, V): the token after the last one of the prompt
    logits = policy.logits(model, params, tokens)[:, -1]
    return np.exp(log_softmax(to_host(logits).astype(np.float64)))


def optimum_of_shaped_reward(ref_probs, reward, config):
    """Of methods that take β·KL off the reward: π_ref·e^{r/β}/Z. None without a KL."""
    if config.beta == 0 or config.temperature != 1:
        return None
    return optimum.optimal_policy(ref_probs, reward, beta=config.beta)


def optimum_of_annotator(ref_probs, reward, config):
    """Of DPO on labels of Bradley and Terry's law at temperature T: π_ref·e^{r/(T·β)}/Z.

    None for labels without doubt, where the optimum lies at infinity, and for wrong labels.
    """
    if config.label_temperature == 0 or config.label_noise > 0:
        return None
    return optimum.optimal_policy(ref_probs, reward / config.label_temperature, beta=config.beta)


def optimum_of_soft_ranking(ref_probs, reward, config, *, alpha):
    """Of InfoNCA, whose target is softmax(r/α): π_ref·e^{r/(α·β)}/Z. None for wrong labels."""
    if config.label_noise > 0:
        return None
    return optimum.optimal_policy(ref_probs, reward, beta=alpha * config.beta)


def optimum_kl(inputs, params):
    """KL(policy ‖ the method's own optimum), nats, mean over prompts; None where none is known."""
    task, own = inputs.task, inputs.method.optimum
    if own is None or not is_enumerable(task) or inputs.reward_model is not None:
        return None
    if inputs.method.typed_numbers(inputs.config):  # another loss than the formula is for
        return None
    ref_probs = letter_probs(inputs.model, inputs.initial_policy, task)
    best = own(ref_probs, letter_rewards(task), inputs.config)
    if best is None:
        return None
    probs = letter_probs(inputs.model, params, task)
    return float(np.mean(np.sum(optimum.kl(probs, best), axis=-1)))


def end_point(probs, ref_probs, reward):
    """(KL to the reference in nats, expected reward) of a policy, means over prompts."""
    distance = np.mean(optimum.kl(probs, ref_probs))
    return float(distance), float(np.mean(np.sum(probs * reward, axis=-1)))
