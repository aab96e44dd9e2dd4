"""Conventions that move things about: where an epsilon, a weight or a whitening stands."""

from dataclasses import replace

import numpy as np

from tinyalign.laws.harness.law import Broken, NotApplicable, OutOfDomain
from tinyalign.laws.harness.spec import Convention


def masked_deviation(x, mask, ddof):
    """(mean, standard deviation) over all real tokens of the batch."""
    count = np.sum(mask)
    mean = np.sum(x * mask) / count
    return mean, np.sqrt(np.sum((x - mean) ** 2 * mask) / (count - ddof))


def whitened_with_epsilon_outside(arrays, numbers):
    """From x/(deviation + eps) to x/√(variance + eps)."""
    mean, deviation = masked_deviation(*arrays, numbers["ddof"])
    ratio = (deviation + numbers["eps"]) / np.sqrt(deviation**2 + numbers["eps"])
    # a mean that was added back is not rescaled
    shift = 0.0 if numbers["shift_mean"] else mean
    return arrays, numbers, lambda value: (value - shift) * ratio + shift


def standardized_with_epsilon_inside(arrays, numbers):
    """From x/√(variance + eps) to x/(deviation + eps)."""
    deviation = np.std(arrays[0], axis=1, ddof=numbers["ddof"], keepdims=True)
    ratio = np.sqrt(deviation**2 + numbers["eps"]) / (deviation + numbers["eps"])
    return arrays, numbers, lambda value: value * ratio


PLACES = {"outside": "eps added to the deviation", "inside": "eps added to the variance"}
EPS_INSIDE = Convention(
    "eps_place", "outside", PLACES, {"inside": standardized_with_epsilon_inside}
)
EPS_OUTSIDE = Convention("eps_place", "inside", PLACES, {"outside": whitened_with_epsilon_outside})


def weight_place(number, term):
    """The other of two terms is weighed: w · term + likelihood for term + w · likelihood."""

    def undo(arrays, numbers):
        weight = numbers[number]
        if weight == 0:
            raise NotApplicable(f"{number} = 0 leaves out the other term")
        return arrays, numbers | {number: 1 / weight}, lambda value: weight * value

    return Convention(
        "weighs",
        "likelihood",
        {"likelihood": f"{number} times the likelihood", term: f"{number} times the {term} term"},
        {term: undo},
    )


def whitened_at_the_end(arrays, numbers):
    """From (whitened advantage, returns) to (advantage, returns): the returns still tell it."""
    value, mask = arrays[1], arrays[2]
    if np.sum(mask) < 2:
        raise OutOfDomain("one token alone cannot be whitened")

    def restore(answer):
        advantage = (answer[1] - value) * mask
        # by n or by n - 1, an epsilon here or there: the whitened one is checked loosely
        for ddof in (0, 1) if np.sum(mask) > 1 else (0,):
            mean, deviation = masked_deviation(advantage, mask, ddof)
            want = (advantage - mean) / np.sqrt(deviation**2 + 1e-8) * mask
            if np.allclose(answer[0] * mask, want, rtol=1e-2, atol=1e-2):
                return np.stack([advantage, answer[1]])
        raise Broken("gives an advantage that is not the whitened difference of returns and value")

    return arrays, numbers, restore


WHITENED = Convention(
    "whitened",
    "no",
    {"no": "the advantages themselves", "yes": "advantages whitened over the batch at the end"},
    {"yes": whitened_at_the_end},
)


def tokens_at_the_front(arrays, numbers):
    """From rows whose tokens stand first to rows that have them where the mask says."""
    score, *tables = arrays
    mask = np.asarray(tables[-1])
    order = np.argsort(1 - mask, axis=1, kind="stable")  # (N, T): the real tokens first
    back = np.argsort(order, axis=1)

    def restore(value):
        return np.take_along_axis(value, back, axis=1) if np.ndim(value) == 2 else value

    return [score, *(np.take_along_axis(a, order, axis=1) for a in tables)], numbers, restore


TOKENS = Convention(
    "tokens",
    "anywhere",
    {
        "anywhere": "rewards of rows that have tokens wherever the mask says",
        "front": "rewards of rows whose tokens all stand at the front, before any padding",
    },
    {"front": tokens_at_the_front},
)
LEFTOVER = Convention(
    "leftover",
    "zero",
    {"zero": "0 in the padding", "kept": "whitening that leaves numbers in the padding"},
    {"kept": lambda arrays, numbers: (arrays, numbers, lambda value: value * arrays[-1])},
)


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
            [a[:, None] for a in x], p, lambda value: value[:, 0] if np.ndim(value) else value
        )
    },
    form=True,
)  # fmt: skip
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
    shape = np.shape(arrays[0])
    if any(np.ndim(a) == 1 for a in arrays):
        raise OutOfDomain("one row has no other rows inside")
    whole = [a if np.shape(a) == shape else a + 0 * arrays[0] for a in arrays]  # (N, 1) to (N, T)
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
