"""Exercises of page 14 and the capstone: when to stop, memory, and error bars."""

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise


def my_stop(gold_seen):
    """a list of numbers -> an index

    Early stopping: given gold measurements at growing KL, return the index of the best one, the
    first where several are equal. A dip is not the end, and the curve may never fall.

    Hint: Look at all measurements, not at neighbours only.

    Hint: `np.argmax` returns the first place of the largest number.
    """
    return int(np.argmax(np.array(gold_seen)))


def check_my_stop(solution):
    """Against the maximum by a loop."""
    curves = [[1, 3, 2], [1, 2, 3], [3, 2, 1], [1, 2, 1.5, 2.5, 2], [1, 2, 2, 0], [3, 1, 2, 0]]
    require_same(solution, my_stop, [{"gold_seen": list(map(float, c))} for c in curves], {
        "It stops at the first dip, and a dip is not the end.": before_the_first_fall,
        "It stops at the last measurement.": lambda gold: len(gold) - 1,
        "That is the largest value: want its index.": max,
        "Of equal measurements it takes the last: stop at the first.":
            lambda gold: len(gold) - 1 - int(np.argmax(np.array(gold[::-1]))),
        "It counts from 1, want from 0.": lambda gold: my_stop(gold) + 1,
    }, wanted=first_of_the_best)  # fmt: skip


def first_of_the_best(gold_seen):
    """The smallest index whose value no other exceeds."""
    return min(i for i, value in enumerate(gold_seen) if value >= max(gold_seen))


def before_the_first_fall(gold):
    """The index before the first smaller number."""
    falls = (i for i in range(len(gold) - 1) if gold[i + 1] < gold[i])
    return next(falls, len(gold) - 1)


def my_best_kl(alpha, beta):
    r"""two numbers -> one number

    The best KL, in nats, of a fitted curve $d(\alpha - \beta d)$, where $d$ is the square root
    of the KL.

    Hint: The curve is a parabola in $d$. Where is its top?

    Hint: The top is at $d = \alpha / (2\beta)$. The question asks for the KL, and $d$ is its
    root.
    """
    return (alpha / (2 * beta)) ** 2


def check_my_best_kl(solution):
    """Against the highest point of a fine grid."""
    inputs = [{"alpha": a, "beta": b} for a, b in ((1.0, 0.5), (0.3, 0.2), (2.0, 1.7))]
    require_same(solution, my_best_kl, inputs, {
        "That is d, the root of the KL: want d².": lambda a, b: a / (2 * b),
        "There the curve is back at 0: the top lies at half of that d.": lambda a, b: (a / b) ** 2,
        "That is the height of the top: want its place.": lambda a, b: a**2 / (4 * b),
        "That is α/β, the d at which the curve is back at 0.": lambda a, b: a / b,
    }, wanted=highest_on_a_grid, tolerance=1e-4)  # fmt: skip


def highest_on_a_grid(alpha, beta):
    """The KL with the highest value among many."""
    nats = np.linspace(1e-6, 4, 400_001)
    return nats[np.argmax(np.sqrt(nats) * (alpha - beta * np.sqrt(nats)))]


def my_bytes(trained, frozen):
    """two whole numbers -> bytes per parameter

    Bytes per parameter in mixed precision, for a count of trained and of frozen networks. A
    frozen network is held in 2 bytes. A trained one needs weights and gradient in 2 bytes each,
    and a copy of the weights and two moments of Adam in 4 bytes each.

    Hint: Add up what one trained network needs.

    Hint: A trained network needs 2 + 2 + 4 + 4 + 4 bytes.
    """
    return 16 * trained + 2 * frozen


def check_my_bytes(solution):
    """Against the sum of all that is held."""
    cases = [(1, 0), (1, 1), (2, 2), (0, 3)]
    inputs = [{"trained": t, "frozen": f} for t, f in cases]
    require_same(solution, my_bytes, inputs, {
        "The frozen networks are left out.": lambda t, f: 16 * t,
        "A frozen network has no gradient and no optimizer.": lambda t, f: 16 * (t + f),
        "The gradient of a trained network is left out.": lambda t, f: 14 * t + 2 * f,
        "Adam keeps two moments: one is left out.": lambda t, f: 12 * t + 2 * f,
        "A trained network has a copy of its weights in 4 bytes, a gradient and two moments.":
            lambda t, f: 2 * t + 2 * f,
    }, wanted=lambda trained, frozen: sum([2, 2, 4, 4, 4] * trained + [2] * frozen))  # fmt: skip


def my_standard_error(accuracy, problems):
    """a share and a whole number -> one number

    Given an accuracy and a number of held-out problems, return the standard error of the
    accuracy.

    Hint: Each problem is a coin with probability `accuracy`. What is the variance of one coin?

    Hint: The variance of a coin is p(1 − p), and that of a mean of n coins is n times smaller.
    """
    return (accuracy * (1 - accuracy) / problems) ** 0.5


def check_my_standard_error(solution):
    """Against the variance of the binomial distribution, summed up."""
    cases = [(0.5, 4), (0.4, 300), (1.0, 10)]
    inputs = [{"accuracy": a, "problems": n} for a, n in cases]
    require_same(solution, my_standard_error, inputs, {
        "That is the variance: take the root.": lambda a, n: a * (1 - a) / n,
        "That is the error of one problem: a mean of n has √n times less.":
            lambda a, n: (a * (1 - a)) ** 0.5,
        "The factor 1 − p is missing: an accuracy of 1 has no error.": lambda a, n: (a / n) ** 0.5,
        "The root covers n only.": lambda a, n: a * (1 - a) / n**0.5,
        "That is the largest error, for an accuracy of one half.": lambda a, n: 0.5 / n**0.5,
    }, wanted=spread_of_a_binomial)  # fmt: skip


def spread_of_a_binomial(accuracy, problems):
    """The standard deviation of the share of successes."""
    chance = np.array([1.0])
    for _ in range(problems):
        chance = np.convolve(chance, [1 - accuracy, accuracy])
    share = np.arange(problems + 1) / problems
    mean = chance @ share
    return np.sqrt(np.maximum(chance @ (share - mean) ** 2, 0.0))


EXERCISES = (
    exercise("14.1", my_stop, check_my_stop),
    exercise("14.2", my_best_kl, check_my_best_kl),
    exercise("ca.1", my_bytes, check_my_bytes),
    exercise("ca.2", my_standard_error, check_my_standard_error),
)
