"""Conventions about the form of arrays: which axis is which, what one number belongs to."""

from dataclasses import replace

import numpy as np

from tinyalign.laws.harness.spec import Convention
from tinyalign.laws.outcomes import OutOfDomain


def as_it_is(arrays, numbers):
    """For a layout that the caller brings about: one call for each prompt."""
    return arrays, numbers, lambda value: value


LAYOUT = Convention(
    "layout",
    "prompts_first",
    {
        "prompts_first": "rewards (prompts, answers)",
        "group_first": "rewards (answers, prompts)",
        "one_prompt": "rewards (answers,) of one prompt",
        "one_column": "rewards (answers, 1) of one prompt",
    },
    {
        "group_first": lambda arrays, p: ([a.T for a in arrays], p, lambda value: value.T),
        "one_prompt": as_it_is,
        "one_column": as_it_is,
    },
)
ADVANTAGE = Convention(
    "advantage_per",
    "sequence",
    {"sequence": "one advantage a sequence", "token": "an advantage for each token of a sequence"},
    # 0 · mask gives (N, T) in any framework
    {"token": lambda x, p: ([*x[:2], x[2][:, None] + 0 * x[3], x[3]], p, lambda value: value)},
    form=True,
)


def same_along_rows(arrays):
    """The last array (N, T) with its first column everywhere."""
    last = np.asarray(arrays[-1])
    return (*arrays[:-1], np.broadcast_to(last[:, :1], last.shape) + 0.0)


# of tokens, where PPO has an advantage for each and GRPO one for all of an answer
ADVANTAGE_OF_TOKENS = Convention(
    "advantage_per",
    "token",
    {"token": "an advantage for each token", "sequence": "one advantage a sequence"},
    {"sequence": lambda x, p: ([*x[:-1], x[-1][:, 0]], p, lambda value: value)},
    form=True,
    fit={"sequence": same_along_rows},
)
LOGITS_PER = Convention(
    "logits_per",
    "row",
    {"row": "logits (rows, vocabulary)", "token": "logits (rows, tokens, vocabulary)"},
    # (N, V) to (N, 1, V); the answer (N, 1) to (N,)
    {
        "token": lambda x, p: (
            [a[:, None] for a in x], p, lambda value: value[:, 0] if value.ndim else value
        )
    },
    form=True,
)  # fmt: skip
# of an NLL that a trainer has averaged before: one number for the batch
LIKELIHOOD = Convention(
    "nll_per",
    "answer",
    {"answer": "a likelihood for each answer", "batch": "the mean likelihood of the batch"},
    {"batch": lambda x, p: ([*x[:2], x[2].mean()], p, lambda value: value)},
    form=True,
)
# 1.0 · a truth value is a number in any framework
LABELS = Convention(
    "labels",
    "bool",
    {"bool": "labels of True and False", "number": "labels of 1 and 0", "sign": "labels of ±1"},
    {
        "number": lambda x, p: ([*x[:2], 1.0 * x[2], x[3]], p, lambda value: value),
        "sign": lambda x, p: ([*x[:2], 2.0 * x[2] - 1.0, x[3]], p, lambda value: value),
    },
    form=True,
)
# no undo: the tokens are made as they are wanted
OVER_TOKENS = Convention(
    "over_tokens",
    "sum",
    {"sum": "the sum over tokens", "mean": "the mean over tokens, as TRL and HALOs do"},
    form=True,
)
ALIGNED_CHOICES = {"no": "logits[t] for ids[t + 1]", "yes": "logits[t] for ids[t]"}
ALIGNED = Convention(
    "aligned",
    "no",
    ALIGNED_CHOICES,
    {
        "yes": lambda x, p: (
            [x[0][:, :-1], x[1][:, 1:], *(a - 1 for a in x[2:])], p, lambda value: value
        )
    },
    form=True,
)  # fmt: skip
# no undo: the mask and the logits are made as they are wanted
MASK_OVER = Convention(
    "mask_over",
    "tokens",
    {"tokens": "a mask over all tokens", "targets": "a mask without the first token"},
    form=True,
)
ALIGNED_LOGITS = Convention("aligned", "no", ALIGNED_CHOICES, form=True)


def time_first(arrays, numbers):
    """From (T, N) to (N, T), the two outputs as well."""
    return [a.T for a in arrays], numbers, lambda value: np.swapaxes(value, -1, -2)


TIME = Convention(
    "time",
    "second",
    {
        "second": "arrays (rows, time)",
        "first": "arrays (time, rows)",
        "alone": "arrays (time,) of one row",
    },
    {"first": time_first, "alone": lambda arrays, p: (arrays, p, lambda value: value)},
    form=True,
)
VALUES = Convention(
    "values",
    "as_many",
    {"as_many": "a value a step", "one_more": "a value a step and one after the last"},
    {
        "one_more": lambda x, p: (
            [x[0], np.concatenate([x[1], 0 * x[1][:, :1]], axis=1), x[2]], p, lambda value: value
        )
    },
    form=True,
)  # fmt: skip


def only_at_the_last(arrays):
    """Rewards (N, T) without those before the last token that the mask counts."""
    reward, value, mask = arrays
    after = np.cumsum(mask[:, ::-1] > 0, axis=1)[:, ::-1]  # tokens from here on
    return np.where((after <= 1) & (mask > 0), reward, 0.0) + 0.0, value, mask


REWARDS = Convention(
    "reward_per",
    "token",
    {"token": "a reward for each token", "answer": "one reward (N, 1) for a whole answer"},
    {"answer": lambda x, p: ([(x[0] * x[2]).sum(axis=1)[:, None], *x[1:]], p, lambda value: value)},
    form=True,
    fit={"answer": only_at_the_last},
)
# no undo: the prompts are given as they are wanted
INDEX = Convention(
    "index",
    "array",
    {"array": "the prompts as an array of its framework", "plain": "the prompts as a NumPy array"},
    form=True,
)
# no undo: the dones are made as they are wanted
DONES = Convention(
    "dones",
    "with",
    {"with": "dones[t] that end the episode with step t", "before": "dones[t] for the step before"},
    form=True,
)


def in_one_row(arrays, numbers):
    """From (N·T,) to (N, T): tokens, or whole completions, without a second axis."""
    shape = arrays[0].shape  # and not np.shape, which autograd's boxes refuse
    if any(a.ndim == 1 for a in arrays):
        raise OutOfDomain("one row has no other rows inside")
    whole = [a if a.shape == shape else a + 0 * arrays[0] for a in arrays]  # (N, 1) to (N, T)
    row = [a.reshape(-1) for a in whole]
    return row, numbers, lambda value: value.reshape(shape) if value.ndim else value


ONE_ROW = Convention(
    "tokens",
    "table",
    {"table": "tokens as a table (N, T)", "row": "tokens in one row (N,)"},
    {"row": in_one_row},
)
# whole completions by themselves: a dot product takes a table, and makes no loss of it
COMPLETIONS = replace(ONE_ROW, form=True)
BY_TOKEN = ADVANTAGE_OF_TOKENS, ALIGNED_LOGITS, ONE_ROW  # forms of arrays (N, T)
