"""Exercises of pages 19 and 20: means over tokens, ratios of answers."""

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful


def my_token_weights(lengths, limit):
    """(N,), a number -> GRPO's, Dr. GRPO's, DAPO's weights, (N,) each

    Compute the weight of one token of each answer, for all three means. `lengths` holds the
    number of tokens of each answer, and `limit` is the fixed length.

    Hint: GRPO averages in each answer and then over answers, so a token of answer i has weight
    1 / (N · length of i).

    Hint: Dr. GRPO puts the limit in place of the length. DAPO divides by the number of all tokens.
    """
    count, ones = len(lengths), np.ones(len(lengths))
    return 1 / (count * lengths), ones / (count * limit), ones / np.sum(lengths)


def check_my_token_weights(solution):
    inputs = [{"lengths": np.array(n), "limit": w} for n, w in (([2, 8], 8), ([3, 1, 6], 10))]
    require_same(as_rows(solution), my_token_weights, inputs, {
        "Dr. GRPO's weight lacks the number of answers.": as_rows(
            lambda n, limit: (1 / (len(n) * n), 1 / limit, 1 / n.sum())),
        "GRPO's weight lacks the number of answers.": as_rows(
            lambda n, limit: (1 / n, 1 / (len(n) * limit), 1 / n.sum())),
        "DAPO divides by all tokens of the group, not by those of one answer.": as_rows(
            lambda n, limit: (1 / (len(n) * n), 1 / (len(n) * limit), 1 / n)),
        "GRPO's and Dr. GRPO's weights are exchanged.": as_rows(
            lambda n, limit: (1 / (len(n) * limit), 1 / (len(n) * n), 1 / n.sum())),
    })  # fmt: skip


def as_rows(weights):
    """The function, with one number in place of an array spread over all answers."""

    def spread(lengths, limit):
        given = weights(lengths, limit)
        if given is None:
            return None
        return np.array([np.asarray(each) * np.ones(len(lengths)) for each in given])

    return spread


def my_micro_batch_mean(x, mask, *, tokens):
    """(N, T), (N, T) -> one number

    Write the part of a token mean that one micro-batch contributes. `tokens` is the number of
    tokens in the whole batch.

    Hint: The parts of all micro-batches have to add up to the mean over the whole batch.

    Hint: Divide the sum over the mask by `tokens`. What stands outside the mask may be anything.
    """
    return np.sum(np.where(mask > 0, x, 0.0)) / tokens


def check_my_micro_batch_mean(solution):
    require_lawful(solution, my_micro_batch_mean, "micro_batch_mean", {
        "The sum is divided by the tokens of the micro-batch: short ones count for more.":
            lambda x, mask, *, tokens: np.sum(np.where(mask > 0, x, 0.0)) / np.sum(mask),
        "That is the sum: divide by `tokens`.":
            lambda x, mask, *, tokens: np.sum(np.where(mask > 0, x, 0.0)),
        "The mask is not used.": lambda x, mask, *, tokens: np.sum(x) / tokens,
        "The sum is divided by all places, padding included.":
            lambda x, mask, *, tokens: np.mean(np.where(mask > 0, x, 0.0)),
    })  # fmt: skip


def my_gspo(logp, old_logp, advantage, mask, *, clip_low=3e-4, clip_high=4e-4):
    """(N, T), (N, T), (N, 1) or (N,), (N, T) -> (N,)

    Write GSPO's loss, one number for each answer.

    Hint: The ratio of an answer is the geometric mean of the ratios of its tokens.

    Hint: Take e to the power of the *mean* log-ratio over the mask, and go on as in PPO.
    """
    gap = np.sum(np.where(mask > 0, logp - old_logp, 0.0), axis=1) / np.sum(mask, axis=1)
    ratio, gain = np.exp(gap), np.reshape(advantage, -1)  # (N,)
    return -np.minimum(ratio * gain, np.clip(ratio, 1 - clip_low, 1 + clip_high) * gain)


def check_my_gspo(solution):
    def loss(p, q, a, mask, low, high, pick=np.minimum, mean=True):
        gap = np.sum(np.where(mask > 0, p - q, 0.0), 1) / (np.sum(mask, 1) if mean else 1)
        ratio, a = np.exp(gap), np.reshape(a, -1)
        return -pick(ratio * a, np.clip(ratio, 1 - low, 1 + high) * a)

    require_lawful(solution, my_gspo, "sequence_clipped_surrogate", {
        "The log-ratios are summed: GSPO takes their mean over the answer's tokens.":
            lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4:
                loss(p, q, a, m, clip_low, clip_high, mean=False),
        "The larger of the two is taken: want the smaller.":
            lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4:
                loss(p, q, a, m, clip_low, clip_high, pick=np.maximum),
        "The sign is turned: a loss is minus the objective.":
            lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4:
                -loss(p, q, a, m, clip_low, clip_high),
        "The ratio is upside down: want new over old.":
            lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4:
                loss(q, p, a, m, clip_low, clip_high),
        "The padding is read as if it were tokens.":
            lambda p, q, a, m, *, clip_low=3e-4, clip_high=4e-4:
                loss(p, q, a, np.ones(m.shape), clip_low, clip_high),
    })  # fmt: skip


def my_slope(ratio, advantage, clip_low, clip_high):
    r"""four numbers -> one number

    Return the slope of GRPO's loss for one token, as a multiple of the slope of $-\log\pi$.

    Hint: Without a clip the slope is the ratio times the advantage.

    Hint: The slope is 0 on one side only: above $1 +$ `clip_high` for a positive advantage, and
    below $1 -$ `clip_low` for a negative one.
    """
    stopped = ratio > 1 + clip_high if advantage > 0 else ratio < 1 - clip_low
    return 0.0 if stopped else ratio * advantage


def check_my_slope(solution):
    """Against differences of the surrogate."""
    inputs = [
        {"ratio": r, "advantage": a, "clip_low": low, "clip_high": high}
        for low, high in ((0.2, 0.28), (0.3, 0.1))
        for r in (1.15, 2.0, 0.5, 0.9, 1.25, 0.75)
        for a in (1.5, -1.5)
    ]
    require_same(solution, my_slope, inputs, {
        "The slope is 0 outside on both sides: a step back is never clipped.":
            lambda r, a, low, high: r * a * (1 - low <= r <= 1 + high),
        "Nothing is clipped.": lambda r, a, low, high: r * a,
        "The ratio is missing.": lambda r, a, low, high: my_slope(r, a, low, high) / r,
        "The wrong side is clipped: the clip stops steps further out.":
            lambda r, a, low, high: r * a - my_slope(r, a, low, high),
        "The two clips are exchanged: clip_high belongs to ratios above 1.":
            lambda r, a, low, high: my_slope(r, a, high, low),
        "The clipped ratio has a slope of 0, and not its own value.":
            lambda r, a, low, high: min(max(r, 1 - low), 1 + high) * a,
    }, wanted=slope_by_differences)  # fmt: skip


def slope_by_differences(ratio, advantage, clip_low, clip_high):
    """The rise of the surrogate over a small step of log π."""

    def gain(log_ratio):
        rho = np.exp(log_ratio)
        return min(rho * advantage, min(max(rho, 1 - clip_low), 1 + clip_high) * advantage)

    return (gain(np.log(ratio) + 1e-5) - gain(np.log(ratio) - 1e-5)) / 2e-5


EXERCISES = (
    exercise("19.1", my_token_weights, check_my_token_weights),
    exercise("19.2", my_micro_batch_mean, check_my_micro_batch_mean),
    exercise("20.1", my_gspo, check_my_gspo),
    exercise("20.2", my_slope, check_my_slope),
)
