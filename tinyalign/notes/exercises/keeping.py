"""Exercises of page 25: what fine-tuning on the right answers does to a policy."""

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_kept_weights(right):
    """(P, G) -> (P, G)

    `right` is 1 where an answer is right, for G answers to each of P prompts. Return the weight of
    each answer in the mean over the right answers of its prompt. A prompt without a right answer
    gets weights of 0.

    Hint: A right answer has the weight 1 divided by the number of right answers to its prompt.

    Hint: Divide by the sum over the second axis, but by 1 where this sum is 0.
    """
    return right / np.maximum(np.sum(right, axis=1, keepdims=True), 1)


def check_my_kept_weights(solution):
    """Against weights prompt by prompt."""
    inputs = [
        {"right": np.array(rows, float)}
        for rows in (
            [[1, 0, 1], [1, 0, 0]],
            [[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 1]],
            [[1, 1], [0, 1], [0, 0]],
        )
    ]

    require_same(solution, my_kept_weights, inputs, {
        "Right answers are divided by all G answers: that is REINFORCE, want the mean over the "
        "right ones.": lambda r: r / r.shape[1],
        "One mean is taken over all prompts, want a mean for each prompt.":
            lambda r: r / np.maximum(np.sum(r), 1),
        "The sum runs over the prompts, want the sum over the answers of a prompt.":
            lambda r: r / np.maximum(np.sum(r, axis=0), 1),
        "A prompt without a right answer gives 0/0, want 0.":
            lambda r: r / np.sum(r, axis=1, keepdims=True),
        "Wrong answers are pushed down here, want them dropped.":
            lambda r: (r - np.mean(r, axis=1, keepdims=True)) / r.shape[1],
        "All answers count alike, want the right ones only.":
            lambda r: np.ones(r.shape) / r.shape[1],
        "Only one right answer is kept, want all of them.":
            lambda r: r * (np.cumsum(r, axis=1) == 1),
    }, wanted=prompt_by_prompt)  # fmt: skip


def prompt_by_prompt(right):
    """The weights with loops."""
    weights = np.zeros(right.shape)
    for p, answers in enumerate(right):
        kept = [i for i, each in enumerate(answers) if each]
        for i in kept:
            weights[p, i] = 1 / len(kept)
    return weights


def my_next_policy(probs, right, n):
    """(K,), (K,), a number -> (K,)

    A policy is fitted fully to the best of `n` answers, for very many groups of n. `probs` holds
    the chance of each answer, and `right` is 1 for a right answer and 0 for a wrong one. Where no
    answer of a group is right, one of the wrong ones is taken. Return the chances under the new
    policy.

    Hint: The best of n is wrong only if all n answers are wrong.

    Hint: Right answers share the chance $1 - (1-a)^n$ in the proportions that they had, and wrong
    answers share the rest.
    """
    a = np.sum(probs * right)
    return np.where(right > 0, probs / a * (1 - (1 - a) ** n), probs / (1 - a) * (1 - a) ** n)


def check_my_next_policy(solution):
    """Against all groups of n answers."""
    inputs = [
        {"probs": np.array(p), "right": np.array(r, float), "n": n} for p, r, n in SMALL_POLICIES
    ]
    require_same(solution, my_next_policy, inputs, {
        "Wrong answers have vanished: want their chance if all n answers are wrong.":
            lambda p, r, n: p * r / np.sum(p * r),
        "All n answers have to be right here, want at least one.":
            lambda p, r, n: with_success(p, r, np.sum(p * r) ** n),
        "That is the policy before, want the one after.": lambda p, r, n: 1.0 * p,
        "The chance of a right answer is multiplied by n, want at least one of n.":
            lambda p, r, n: with_success(p, r, np.minimum(n * np.sum(p * r), 1)),
        "All right answers are equally likely here, want the proportions that they had.":
            lambda p, r, n: my_next_policy(np.where(r > 0, np.sum(p * r) / np.sum(r), p), r, n),
        "The chances do not sum to 1: wrong answers keep their old chance, want less.":
            lambda p, r, n: np.where(r > 0, my_next_policy(p, r, n), p),
        "Each answer is raised by itself, want the group of right answers as one.":
            lambda p, r, n: (1 - (1 - p) ** n) / np.sum(1 - (1 - p) ** n),
    }, wanted=group_by_group)  # fmt: skip


SMALL_POLICIES = (  # chances of the answers, which ones are right, answers in a group
    ([0.2, 0.8], [1, 0], 2),
    ([0.1, 0.3, 0.4, 0.2], [1, 0, 0, 1], 4),
    ([0.25, 0.05, 0.1, 0.6], [0, 1, 0, 1], 3),
)


def with_success(probs, right, won):
    """The policy with this chance of a right answer, and the proportions that it had."""
    a = np.sum(probs * right)
    return np.where(right > 0, probs / a * won, probs / (1 - a) * (1 - won))


def group_by_group(probs, right, n):
    """The chances by adding up all groups of n answers; the first best one is taken."""
    chances = np.zeros(len(probs))
    for group in np.ndindex(*[len(probs)] * n):
        best = max(group, key=lambda answer: right[answer])
        chances[best] += np.prod(probs[list(group)])
    return chances


EXERCISES = (
    exercise("25.1", my_kept_weights, check_my_kept_weights),
    exercise("25.2", my_next_policy, check_my_next_policy),
)
QUESTIONS = (
    Question(
        "25.3", "on paper",
        "A prompt has two right answers, each with the chance 1/2, and no wrong one. Each round "
        "draws four answers and fits the policy to their frequencies. With which chance is only "
        "one answer left after the first round? How likely is it after ten rounds that two drawn "
        "answers differ?",
        "One answer is left if all four are alike: $2 \\cdot (1/2)^4 = 1/8$. Two answers differ "
        "with the chance 1/2 at the start. Each round multiplies the mean by $1 - 1/4$, and after "
        "ten rounds it is $0.5 \\cdot 0.75^{10} = 0.028$.",
    ),
    Question(
        "25.4", "open ended",
        "After five rounds your model solves nine of ten problems of the training set, and the "
        "last tenth was never solved once. What do you try, and which danger has each attempt?",
        "More samples for these problems: dear, and a lucky answer may have an unsound working. "
        "The answer as a hint, as STaR does: the model may write a working that only leads to the "
        "hint. Easier versions of these problems first: they have to be made. Fewer copies of the "
        "easy problems: the policy may forget them. In each case count pass@k and the kinds of "
        "right answers, and not the reward alone.",
    ),
)  # fmt: skip
