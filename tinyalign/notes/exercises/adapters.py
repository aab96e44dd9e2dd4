"""Exercises of page 28: adapters of low rank."""

import numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_merged_weight(w, a, b, alpha):
    r"""(R, C), (R, r), (r, C), a number -> (R, C)

    Add an adapter of rank r to a weight, with the scale α/r of the paper.

    Hint: Read the rank from the shape of `a`.

    Hint: The change is the matrix product of `a` and `b`, times `alpha` divided by the rank.
    """
    return w + alpha / a.shape[1] * (a @ b)


def drawn(seed, shapes):
    """Weights and adapters of these (rows, columns, rank), with a scale α each."""
    rng = np.random.default_rng(seed)
    for rows, columns, rank in shapes:
        w, a, b = (rng.normal(size=s).round(1) for s in ((rows, columns), (rows, rank),
                                                         (rank, columns)))  # fmt: skip
        yield w, a, b, float(rng.integers(3, 9))


def check_my_merged_weight(solution):
    """Against the sum over the rank, entry by entry."""
    inputs = [
        dict(zip(("w", "a", "b", "alpha"), four, strict=True))
        for four in drawn(28, ((3, 3, 2), (4, 4, 3), (5, 5, 2)))
    ]
    require_same(solution, my_merged_weight, inputs, {
        "α is not divided by the rank.":
            lambda w, a, b, c: w + c * (a @ b),
        "α is divided by the number of rows, want the rank.":
            lambda w, a, b, c: w + c / len(a) * (a @ b),
        "The base is missing.":
            lambda w, a, b, c: c / a.shape[1] * (a @ b),
        "The change is subtracted.":
            lambda w, a, b, c: w - c / a.shape[1] * (a @ b),
        "The change is transposed.":
            lambda w, a, b, c: w + c / a.shape[1] * (a @ b).T,
    }, wanted=entry_by_entry)  # fmt: skip


def entry_by_entry(w, a, b, alpha):
    """The merged weight, with loops."""
    merged, rank = np.array(w, float), a.shape[1]
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            merged[i, j] += sum(alpha / rank * a[i, k] * b[k, j] for k in range(rank))
    return merged


def my_gradient_of_b(gradient, a, alpha):
    r"""(R, C), (R, r), a number -> (r, C)

    Compute the gradient of the loss in B. `gradient` is the gradient in the merged weight.

    Hint: A change of B changes the merged weight by α/r · A times this change.

    Hint: Row k of the result adds up the rows of `gradient` with the weights of column k of A.
    """
    return alpha / a.shape[1] * (a.T @ gradient)


def check_my_gradient_of_b(solution):
    """Against differences: the loss sum(gradient · W) is linear in B."""
    inputs = [
        {"gradient": w, "a": a, "alpha": alpha}
        for w, a, _, alpha in drawn(29, ((3, 3, 3), (4, 2, 2), (5, 3, 2)))
    ]
    require_same(solution, my_gradient_of_b, inputs, {
        "The scale α/r is missing.":
            lambda g, a, c: a.T @ g,
        "α is not divided by the rank.":
            lambda g, a, c: c * (a.T @ g),
        "The sign is turned: this is the direction of a descent.":
            lambda g, a, c: -c / a.shape[1] * (a.T @ g),
        "The scale enters twice.":
            lambda g, a, c: (c / a.shape[1]) ** 2 * (a.T @ g),
    }, wanted=differences)  # fmt: skip


def differences(gradient, a, alpha):
    """What one more unit in each entry of B adds to sum(gradient · W)."""
    rank, columns = a.shape[1], gradient.shape[1]
    slope = np.zeros((rank, columns))
    for k in range(rank):
        for j in range(columns):
            b = np.zeros((rank, columns))
            b[k, j] = 1.0
            slope[k, j] = np.sum(gradient * entry_by_entry(0.0 * gradient, a, b, alpha))
    return slope


EXERCISES = (
    exercise("28.1", my_merged_weight, check_my_merged_weight),
    exercise("28.2", my_gradient_of_b, check_my_gradient_of_b),
)
QUESTIONS = (
    Question(
        "28.3", "on paper",
        "A weight has 4096 rows and 4096 columns. How many numbers does an adapter of rank 8 "
        "train, and which share of the weight is this? From which rank on does an adapter train "
        "more numbers than the weight has?",
        "The adapter trains $8 \\cdot (4096 + 4096) = 65\\,536$ numbers, the weight has "
        "16 777 216, and the share is 1/256, or 0.4 %. The two are equal at the rank 2048, half "
        "the width, and beyond this rank the adapter is the larger one.",
    ),
    Question(
        "28.4", "open ended",
        "A run with an adapter of rank 4 ends at a lower reward than full training. How would you "
        "tell a rank that is too low from a learning rate that is too low?",
        "Train longer, and with two more learning rates: a low learning rate gives way, and a low "
        "rank does not. Then double the rank and keep all else, with α/r fixed. Look also at the "
        "singular values of the change that full training makes, if you can afford it once.",
    ),
)  # fmt: skip
