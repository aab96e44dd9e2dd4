"""Exercises of pages 17 and 18: gradients without matrices, and what a comparison counts."""

from itertools import product

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise


def my_softmax_pullback(p, g):
    """(N, K), (N, K) -> (N, K)

    The pullback of softmax along the last axis: from p and g = dL/dp to dL/dscores, without
    ever forming a matrix of derivatives.

    Hint: The derivative of entry k in score j is p_k times ((k = j) − p_j).

    Hint: Each entry is p times how much g exceeds its mean under p, row by row.
    """
    return p * (g - np.sum(p * g, axis=-1, keepdims=True))


def check_my_softmax_pullback(solution):
    """Against the matrix of derivatives."""
    draw = np.random.default_rng(7)
    small = {"p": np.array([[0.5, 0.5]]), "g": np.array([[1.0, 0.0]])}
    large = {"p": draw.dirichlet(np.ones(5), 7), "g": draw.normal(size=(7, 5))}
    require_same(solution, my_softmax_pullback, [small, large], {
        "The probabilities sum to 1, so raising one lowers the others: subtract the mean of g "
        "under p.": lambda p, g: p * g,
        "The factor p is missing.": lambda p, g: g - np.sum(p * g, axis=-1, keepdims=True),
        "The plain mean of g is subtracted: want the mean under p.":
            lambda p, g: p * (g - np.mean(g, axis=-1, keepdims=True)),
        "The sum runs down the columns: want it along the rows.":
            lambda p, g: p * (g - np.sum(p * g, axis=0, keepdims=True)),
        "The sum runs over all rows: want one for each row.":
            lambda p, g: p * (g - np.sum(p * g)),
    }, wanted=by_the_matrix)  # fmt: skip


def by_the_matrix(p, g):
    """Row by row: the matrix diag(p) − p pᵀ times the slopes."""
    rows = zip(p, g, strict=True)
    return np.array([(np.diag(row) - np.outer(row, row)) @ slope for row, slope in rows])


def my_embed_gradient(ids, g, vocab):
    """(N,), (N, C), V -> (V, C)

    The gradient of an embedding table as one product with a matrix of zeros and ones.

    Hint: Row v of the gradient is the sum of those rows of g whose id is v.

    Hint: Compare `ids[:, None]` with `np.arange(vocab)` to get the matrix (N, V); its transpose
    times g is the answer.
    """
    return (ids[:, None] == np.arange(vocab)).astype(g.dtype).T @ g


def check_my_embed_gradient(solution):
    """Against a loop over the tokens."""
    draw = np.random.default_rng(8)
    small = {"ids": np.array([1, 1]), "g": np.array([[1.0], [2.0]]), "vocab": 2}
    large = {"ids": draw.integers(6, size=20), "g": draw.normal(size=(20, 3)), "vocab": 6}
    require_same(solution, my_embed_gradient, [small, large], {
        "A token that occurs twice keeps its last row only: add the rows up.": last_of_each,
        "The transpose is returned: want one row for each token of the vocabulary.":
            lambda ids, g, vocab: my_embed_gradient(ids, g, vocab).T,
        "The rows are averaged: want their sum.": lambda ids, g, vocab:
            my_embed_gradient(ids, g, vocab)
            / np.maximum(np.bincount(ids, minlength=vocab), 1)[:, None],
        "The rows of g are looked up: the gradient goes the other way.":
            lambda ids, g, vocab: g[ids % len(g)][:vocab],
    }, wanted=by_a_loop)  # fmt: skip


def last_of_each(ids, g, vocab):
    """The assignment that overwrites."""
    out = np.zeros((vocab, g.shape[1]))
    out[ids] = g
    return out


def by_a_loop(ids, g, vocab):
    """Token after token."""
    out = np.zeros((vocab, g.shape[1]))
    for each, row in zip(ids, g, strict=True):
        out[each] += row
    return out


def my_factor(k):
    """a whole number -> one number

    The factor between leave-one-out and the centred advantage, for groups of `k`.

    Hint: Write both for a group in which one reward is 1 and the others are 0.

    Hint: The better answer gets 1 by leave-one-out and 1 − 1/k by centring.
    """
    return k / (k - 1)


def check_my_factor(solution):
    """Against a group with one success."""
    require_same(solution, my_factor, [{"k": k} for k in (2, 3, 8)], {
        "That is the inverse: leave-one-out is the larger one.": lambda k: (k - 1) / k,
        "That is the size of the group.": lambda k: k,
        "The two differ: they would be equal for endless groups only.": lambda k: 1.0,
        "The others are k − 1, and the group is k: want their ratio.": lambda k: (k + 1) / k,
    }, wanted=lambda k: 1 / (1 - 1 / k))  # fmt: skip


def my_gradient_steps(completions, group, prompts, passes, minibatches):
    """five whole numbers -> one whole number

    Gradient steps in a run that draws `completions`, `group` to a prompt and `prompts` to a
    rollout, reading each rollout in `passes` passes of `minibatches` minibatches.

    Hint: How many completions has a rollout, and how many rollouts are there?

    Hint: Each rollout gives `passes * minibatches` steps.
    """
    return completions // (group * prompts) * passes * minibatches


def check_my_gradient_steps(solution):
    """Against a loop that counts."""
    names = ("completions", "group", "prompts", "passes", "minibatches")
    cases = [(64, 4, 2, 1, 1), (16_384, 8, 128, 2, 2), (4096, 4, 64, 3, 2)]
    require_same(solution, my_gradient_steps, [dict(zip(names, c, strict=True)) for c in cases], {
        "That is the number of rollouts: each one gives several steps.":
            lambda c, g, p, passes, parts: c // (g * p),
        "The minibatches are not counted.": lambda c, g, p, passes, parts: c // (g * p) * passes,
        "The passes are not counted.": lambda c, g, p, passes, parts: c // (g * p) * parts,
        "A rollout has `group` completions for each of its prompts.":
            lambda c, g, p, passes, parts: c // p * passes * parts,
        "More minibatches are more steps: multiply.":
            lambda c, g, p, passes, parts: c // (g * p) * passes // parts,
    }, wanted=steps_by_a_loop)  # fmt: skip


def steps_by_a_loop(completions, group, prompts, passes, minibatches):
    """Rollout after rollout."""
    drawn, steps = 0, 0
    while drawn + group * prompts <= completions:
        drawn += group * prompts
        steps += sum(1 for _ in product(range(passes), range(minibatches)))
    return steps


EXERCISES = (
    exercise("17.1", my_softmax_pullback, check_my_softmax_pullback),
    exercise("17.2", my_embed_gradient, check_my_embed_gradient),
    exercise("18.1", my_factor, check_my_factor),
    exercise("18.2", my_gradient_steps, check_my_gradient_steps),
)
