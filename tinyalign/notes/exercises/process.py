"""Exercises of page 27: rewards for lines, and what the best policy makes of them."""

from math import comb

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_line_credit(reward):
    """(N, T) -> (N, T)

    `reward` holds a reward for each of the T lines of N answers. Return the advantage of each line:
    its own reward and all later ones, minus the mean of this sum over the answers.

    Hint: A line can change what comes after it, and nothing that stands before it.

    Hint: Add up from the right, along the second axis. The mean is taken over the first axis, for
    each line.
    """
    later = np.cumsum(reward[:, ::-1], axis=1)[:, ::-1]
    return later - np.mean(later, axis=0)


def check_my_line_credit(solution):
    """Against sums with loops."""
    draw = np.random.default_rng(27)
    inputs = [{"reward": draw.integers(-3, 9, size=shape) / 2} for shape in ((2, 3), (3, 4))]
    require_same(solution, my_line_credit, inputs, {
        "All rewards of the answer are added, want this line and later ones.":
            lambda r: 0 * r + centred(r.sum(1, keepdims=True)),
        "Only the line's own reward counts here, want later ones too.": centred,
        "Earlier lines are added, want later ones.": lambda r: centred(np.cumsum(r, axis=1)),
        "The line's own reward is left out, want it too.":
            lambda r: my_line_credit(r) - centred(r),
        "The mean is not subtracted, want a mean for each line.": from_here_on,
        "One mean is subtracted from all lines, want a mean for each line.":
            lambda r: from_here_on(r) - np.mean(from_here_on(r)),
        "The mean over the lines of an answer is subtracted, want the mean over the answers.":
            lambda r: from_here_on(r) - np.mean(from_here_on(r), axis=1, keepdims=True),
    }, wanted=line_by_line)  # fmt: skip


def centred(x):
    """Minus the mean over the answers."""
    return x - np.mean(x, axis=0)


def from_here_on(reward):
    """The sum of each reward and all later ones."""
    return np.cumsum(reward[:, ::-1], axis=1)[:, ::-1]


def line_by_line(reward):
    """The advantages with loops."""
    count, lines = reward.shape
    total = np.array([[sum(reward[i, t:]) for t in range(lines)] for i in range(count)])
    return np.array([[row[t] - sum(total[:, t]) / count for t in range(lines)] for row in total])


def my_best_for_lines(q, n, beta):
    r"""three numbers -> one number

    Under the reference each of `n` lines follows with the chance `q`, whatever stands before it.
    Each line that follows earns $1/n$, and `beta` is the weight of the KL. With which chance do all
    lines follow at the optimum?

    Hint: The weight of an answer is a product over its lines, so each line has an optimum of its
    own.

    Hint: A line follows with the weight $q\, e^{1/(n\beta)}$ and does not with the weight $1 - q$.
    """
    weight = q * np.exp(1 / (n * beta))
    return (weight / (weight + 1 - q)) ** n


def check_my_best_for_lines(solution):
    """Against the optimum over the number of lines that follow."""
    inputs = [
        {"q": q, "n": n, "beta": beta}
        for q, n, beta in ((0.7, 2, 0.5), (0.5, 4, 0.25), (0.9, 8, 0.1), (0.3, 3, 1.5))
    ]

    def share(weight, q):
        return weight / (weight + 1 - q)

    require_same(solution, my_best_for_lines, inputs, {
        "That is the optimum of the outcome reward, want a reward for each line.":
            lambda q, n, b: share(q**n * np.exp(1 / b), q**n),
        "Each line earns a whole point here, want 1/n.":
            lambda q, n, b: share(q * np.exp(1 / b), q) ** n,
        "That is the chance of one line, want all lines.":
            lambda q, n, b: share(q * np.exp(1 / (n * b)), q),
        "The reward is multiplied by β, want divided.":
            lambda q, n, b: share(q * np.exp(b / n), q) ** n,
        "The weights are not divided by their sum, want a probability.":
            lambda q, n, b: (q * np.exp(1 / (n * b))) ** n,
        "The reference is left out, want q and 1 − q before the rewards.":
            lambda q, n, b: 1 / (1 + np.exp(-1 / (n * b))) ** n,
    }, wanted=by_number_of_lines)  # fmt: skip


def by_number_of_lines(q, n, beta):
    """The share of answers in which all n lines follow, among those in which 0, 1, … n do."""
    weights = [
        comb(n, k) * q**k * (1 - q) ** (n - k) * np.exp(k / (n * beta)) for k in range(n + 1)
    ]
    return weights[-1] / sum(weights)


EXERCISES = (
    exercise("27.1", my_line_credit, check_my_line_credit),
    exercise("27.2", my_best_for_lines, check_my_best_for_lines),
)
QUESTIONS = (
    Question(
        "27.3", "on paper",
        "Each right line earns $1/n$. A filler is always right, and it has the chance $\\rho$ "
        "under the reference. By which factor does one more filler change the weight of an answer "
        "at the optimum? Leave out that fillers can stand at several places. Below which β do "
        "longer answers weigh more, for $n = 4$ and $\\rho = 0.1$? What changes if a filler earns "
        "nothing?",
        "The factor is $\\rho\\, e^{1/(n\\beta)}$. It is above 1 where "
        "$\\beta < 1/(n \\ln(1/\\rho)) = 1/(4 \\cdot 2.303) = 0.109$. If a filler earns nothing, "
        "the factor is $\\rho$ as under the reference, at every β.",
    ),
    Question(
        "27.4", "open ended",
        "A trained model judges the steps of a proof, and its mean verdict is your reward. The "
        "reward rises for a day, and then fewer proofs are right. What do you look at, and what "
        "do you change?",
        "Count the steps, and the steps that say nothing new, before and after the turn. Read "
        "proofs with a high reward and a wrong end. Put the outcome beside the verdicts, pay for "
        "the worst step or for progress in place of the mean, and stop where a second measurement "
        "falls. A judge that is trained on the steps of the first policy has never seen the steps "
        "of the later one.",
    ),
)  # fmt: skip
