"""Conventions that move things about: where an epsilon, a weight or a whitening stands."""

import numpy as np

from tinyalign.laws.harness.spec import Convention
from tinyalign.laws.outcomes import Broken, NotApplicable, OutOfDomain


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
    shift, mask = 0.0 if numbers["shift_mean"] else mean, arrays[1]
    # what stands in the padding is not rescaled either
    return arrays, numbers, lambda value: value + (value - shift) * (ratio - 1) * mask


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


def mean_to_sum(arrays, numbers):
    """From the mean over an answer's tokens to their sum."""
    count = arrays[3] - arrays[2]
    if np.any(count < 1):
        raise OutOfDomain("an answer without tokens has no mean")
    return arrays, numbers, lambda value: value * count


LOGP_PER = Convention(
    "logp_per",
    "answer",
    {"answer": "the sum over the answer's tokens", "token": "the mean over the answer's tokens"},
    {"token": mean_to_sum},
)
