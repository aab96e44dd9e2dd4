"""Exercises of page 26: weights for answers that an older policy has drawn."""

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_answer_weight(logp, old_logp, mask, cap):
    r"""(N, T), (N, T), (N, T), a number -> (N,)

    Write the truncated weight of each whole answer. The log-probabilities are those of single
    tokens, and `mask` is 1 on the tokens of the answer.

    Hint: The ratio of an answer is the product of the ratios of its tokens.

    Hint: Sum the log-ratios over the mask, take e to this power, and take the smaller of the
    result and the cap.
    """
    return np.minimum(np.exp(np.sum(np.where(mask > 0, logp - old_logp, 0.0), axis=1)), cap)


def check_my_answer_weight(solution):
    """Against the product of the ratios, token by token."""
    draw = np.random.default_rng(26)
    inputs = [
        {"logp": -draw.random((n, t)).round(2) - 0.1, "old_logp": -draw.random((n, t)).round(2),
         "mask": (np.arange(t) < draw.integers(1, t, size=(n, 1))).astype(float), "cap": cap}
        for n, t, cap in ((2, 3, 0.8), (4, 5, 2.0), (6, 8, 0.9))
    ]  # fmt: skip
    require_same(solution, my_answer_weight, inputs, {
        "The ratio is upside down.":
            lambda p, q, m, c: my_answer_weight(q, p, m, c),
        "Padding enters the ratio.":
            lambda p, q, m, c: my_answer_weight(p, q, np.ones(m.shape), c),
        "Each token is capped, want a cap on the product.":
            lambda p, q, m, c: np.prod(np.where(m > 0, np.minimum(np.exp(p - q), c), 1), axis=1),
        "The geometric mean is taken, want the product.":
            lambda p, q, m, c: np.minimum(np.exp(np.sum((p - q) * m, 1) / np.sum(m, 1)), c),
        "The cap is missing.":
            lambda p, q, m, c: my_answer_weight(p, q, m, np.inf),
        "An answer past the cap is dropped, want the cap.":
            lambda p, q, m, c: np.where(my_answer_weight(p, q, m, np.inf) > c, 0.0,
                                        my_answer_weight(p, q, m, c)),
    }, wanted=token_by_token)  # fmt: skip


def token_by_token(logp, old_logp, mask, cap):
    """The capped weight of each answer, with loops."""
    weights = []
    for new, old, kept in zip(logp, old_logp, mask, strict=True):
        weight = 1.0
        for t in np.flatnonzero(kept):
            weight *= np.exp(new[t]) / np.exp(old[t])
        weights.append(min(weight, cap))
    return np.array(weights)


def my_truncation_bias(new, old, value, cap):
    r"""(K,), (K,), (K,), a number -> one number

    Compute the exact bias of the truncated estimate of the mean value. `new` and `old` hold the
    probabilities of all K answers under the two policies, the samples come from `old`, and `value`
    holds what is averaged.

    Hint: The bias is the expectation of the estimate minus the mean value under `new`.

    Hint: Add up `old * min(new / old, cap) * value` over all answers, and subtract the sum of
    `new * value`.
    """
    return np.sum((old * np.minimum(new / old, cap) - new) * value)


def check_my_truncation_bias(solution):
    """Against the mass that the cap takes away, answer by answer."""
    draw = np.random.default_rng(27)
    inputs = [
        {"new": draw.dirichlet(np.ones(k)), "old": draw.dirichlet(np.ones(k)) * 0.9 + 0.1 / k,
         "value": draw.normal(size=k).round(1), "cap": cap}
        for k, cap in ((2, 1.1), (4, 1.2), (6, 0.8))
    ]  # fmt: skip
    require_same(solution, my_truncation_bias, inputs, {
        "The sign is wrong: want the estimate minus the truth.":
            lambda p, q, v, c: -my_truncation_bias(p, q, v, c),
        "The samples come from the old policy, not from the new one.":
            lambda p, q, v, c: np.sum(p * (np.minimum(p / q, c) - 1) * v),
        "The ratio is upside down.":
            lambda p, q, v, c: np.sum(q * np.minimum(q / p, c) * v) - np.sum(p * v),
        "The mean under the new policy is not subtracted.":
            lambda p, q, v, c: np.sum(q * np.minimum(p / q, c) * v),
        "The mean under the old policy is subtracted, want that under the new one.":
            lambda p, q, v, c: np.sum(q * np.minimum(p / q, c) * v) - np.sum(q * v),
    }, wanted=missing_mass)  # fmt: skip


def missing_mass(new, old, value, cap):
    """Minus the probability above the cap, times the value."""
    return -sum(max(p - cap * q, 0.0) * v for p, q, v in zip(new, old, value, strict=True))


EXERCISES = (
    exercise("26.1", my_answer_weight, check_my_answer_weight),
    exercise("26.2", my_truncation_bias, check_my_truncation_bias),
)
QUESTIONS = (
    Question(
        "26.3", "on paper",
        "The old policy says the good answer with probability 0.1, the new one with 0.5. The good "
        "answer has the value 1, the other one 0. What is the mean of the estimate of the new mean "
        "value without a weight, with the ratio, and with the ratio capped at 2?",
        "Without a weight it is 0.1. The ratio is 5, and the mean is $0.1 \\cdot 5 = 0.5$, which "
        "is right. With the cap it is $0.1 \\cdot 2 = 0.2$. The single estimates are 0 or 1, 0 or "
        "5, 0 or 2: their standard deviations are 0.3, 1.5 and 0.6.",
    ),
    Question(
        "26.4", "open ended",
        "You may draw a hundred times as many answers for each update. Would you raise the cap or "
        "lower it, and what would you measure first?",
        "More answers shrink the variance and leave the bias, so the best cap rises with the "
        "number of answers. Ionides lets the cap grow as the square root of this number. Measure "
        "the share of weights that the cap cuts: where none is cut, the cap does nothing.",
    ),
)  # fmt: skip
