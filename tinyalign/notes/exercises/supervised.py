"""Exercises of pages 02 and 03: supervised fine-tuning and reward models."""

import autograd.numpy as np

from tinyalign.losses.numerics import log_sigmoid, log_softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful


def my_cross_entropy(logp, mask):
    """(N, T), (N, T) -> one number

    The loss: log-probabilities of targets and a mask, to one number.

    Hint: Every token that counts has the same weight, whichever row it stands in.

    Hint: Divide one sum by another: minus the sum of log-probabilities, by the sum of the
    mask. A log-probability outside the mask may be anything.
    """
    return -np.sum(np.where(mask > 0, logp, 0.0)) / np.sum(mask)


def check_my_cross_entropy(solution):
    require_lawful(solution, my_cross_entropy, "cross_entropy", {
        "That is the mean of the rows' means: a token of a short row counts for more. Divide one "
        "sum by one sum.": lambda logp, mask: -np.mean(np.sum(logp * mask, 1) / np.sum(mask, 1)),
        "The mean runs over all places: divide by the number of ones in the mask.":
            lambda logp, mask: -np.mean(logp * mask),
        "The mask is not used.": lambda logp, mask: -np.mean(logp),
        "That is a sum: divide by the number of ones in the mask.":
            lambda logp, mask: -np.sum(logp * mask),
        "The sign is turned: the loss is minus the log-probability.":
            lambda logp, mask: np.sum(logp * mask) / np.sum(mask),
        "0 times minus infinity is NaN: choose with np.where, do not multiply.":
            lambda logp, mask: -np.sum(logp * mask) / np.sum(mask),
    })  # fmt: skip


def my_mask(prompt_length, length, width):
    """(N,), (N,), number of tokens in a row -> (N, width - 1)

    The mask: from prompt lengths and total lengths, which targets are learned? Column $t$ of a
    mask speaks of the token in column $t + 1$.

    Hint: Write down the places of the tokens that the columns speak of: 1, 2, …, width − 1.

    Hint: A target is learned if its place is at least `prompt_length` and less than `length`.
    """
    place = np.arange(1, width)  # column t of the mask speaks of token t + 1
    return (place >= prompt_length[:, None]) & (place < length[:, None])


def check_my_mask(solution):
    """Against a loop over the tokens."""
    rows = [([2], [4], 5), ([1, 3], [3, 4], 4), ([1, 2, 4], [5, 3, 6], 7)]
    names = ("prompt_length", "length", "width")
    inputs = [dict(zip(names, (np.array(p), np.array(n), w), strict=True)) for p, n, w in rows]
    require_same(solution, my_mask, inputs, {
        "The mask starts one token late: the first token of the answer is not learned.":
            lambda p, n, w: my_mask(p + 1, n, w),
        "The mask starts one token early: the last token of the prompt is learned.":
            lambda p, n, w: my_mask(p - 1, n, w),
        "The end token is not learned: the model would never stop.":
            lambda p, n, w: my_mask(p, n - 1, w),
        "The padding is learned: the mask has to end at length.":
            lambda p, n, w: my_mask(p, 0 * n + w, w),
        "The first token has nothing that predicts it: a row of w tokens has w − 1 targets.":
            lambda p, n, w: (np.arange(w) >= p[:, None]) & (np.arange(w) < n[:, None]),
    }, wanted=mask_by_a_loop)  # fmt: skip


def mask_by_a_loop(prompt_length, length, width):
    """One target after the other."""
    pairs = zip(prompt_length, length, strict=True)
    return np.array([[float(p <= t < n) for t in range(1, width)] for p, n in pairs])


def my_bradley_terry(chosen_reward, rejected_reward, *, margin=0.0, center=0.0):
    """(B,), (B,) -> (B,)

    The loss, with its margin and its centring.

    Hint: The probability that the chosen answer wins is the sigmoid of the difference of the
    rewards, less the margin. The centring is `center` times the square of the *sum* of the
    rewards.

    Hint: Take `log_sigmoid` of the difference: the logarithm of a sigmoid is minus infinity
    for large negative differences.
    """
    gap = chosen_reward - rejected_reward - margin
    return -log_sigmoid(gap) + center * (chosen_reward + rejected_reward) ** 2


def check_my_bradley_terry(solution):
    def right(w, v, margin=0.0, center=0.0):
        return my_bradley_terry(w, v, margin=margin, center=center)

    require_lawful(solution, my_bradley_terry, "bradley_terry", {
        "The margin has the wrong sign: the difference has to exceed the margin.":
            lambda w, v, *, margin=0.0, center=0.0: right(w, v, -margin, center),
        "The margin is not used.": lambda w, v, *, margin=0.0, center=0.0: right(w, v, 0, center),
        "The centring is not used.":
            lambda w, v, *, margin=0.0, center=0.0: right(w, v, margin),
        "The centring holds the difference near 0, want the sum: the loss would fight itself.":
            lambda w, v, *, margin=0.0, center=0.0:
                right(w, v, margin) + center * (w - v) ** 2,
        "Chosen and rejected are exchanged.":
            lambda w, v, *, margin=0.0, center=0.0: right(v, w, margin, center),
        "The sign is turned: the loss is minus the log-probability.":
            lambda w, v, *, margin=0.0, center=0.0: log_sigmoid(w - v - margin)
            + center * (w + v) ** 2,
    })  # fmt: skip


def my_plackett_luce(ranked_reward):
    r"""(B, K), best first -> (B,)

    For rankings of $K$ answers instead of pairs: Plackett and Luce. The probability of a
    ranking is the product of "best of those that are left". At $K = 2$ the loss has to be that
    of exercise 1.

    Hint: The first factor is the softmax of all $K$ rewards at place 1, the second the softmax
    of the last $K - 1$ at place 2, and so on.

    Hint: Sum $-\log\mathrm{softmax}(r_{k:})_1$ over $k = 1, …, K - 1$.
    """
    places = range(ranked_reward.shape[1] - 1)
    return sum(-log_softmax(ranked_reward[:, k:])[:, 0] for k in places)


def check_my_plackett_luce(solution):
    require_lawful(solution, my_plackett_luce, "plackett_luce", {
        "Only the first place is scored: the ranking of the others counts too.":
            lambda r: -log_softmax(r)[:, 0],
        "Answers that have been ranked stay in the denominator: want a softmax over those left.":
            lambda r: -np.sum(log_softmax(r)[:, :-1], axis=1),
        "The ranking is read worst first.": lambda r: my_plackett_luce(r[:, ::-1]),
        "That is the mean over the places, want the sum.":
            lambda r: my_plackett_luce(r) / (r.shape[1] - 1),
        "The sign is turned: the loss is minus the log-probability.":
            lambda r: -my_plackett_luce(r),
    })  # fmt: skip


EXERCISES = (
    exercise("02.1", my_cross_entropy, check_my_cross_entropy),
    exercise("02.2", my_mask, check_my_mask),
    exercise("03.1", my_bradley_terry, check_my_bradley_terry),
    exercise("03.2", my_plackett_luce, check_my_plackett_luce),
)
