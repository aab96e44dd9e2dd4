"""Exercises of page 29: two stages in a row, and groups that say nothing."""

import autograd.numpy as np

from tinyalign.losses.numerics import softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise
from tinyalign.optimum import optimal_policy


def my_two_stages(ref_probs, reward, beta_first, beta_second):
    r"""(K,), (K,), two numbers -> (K,)

    Return the best policy after two stages with the same reward and the weights `beta_first` and
    `beta_second` of the KL. The reference of the first stage is `ref_probs`. The reference of the
    second stage is the best policy of the first.

    Hint: The best policy of one stage is the reference times $\exp(r / \beta)$, normalised.

    Hint: The exponents of the two stages add up: $r / \beta_1 + r / \beta_2$.
    """
    tilt = reward / beta_first + reward / beta_second
    weight = ref_probs * np.exp(tilt - np.max(tilt))
    return weight / np.sum(weight)


def check_my_two_stages(solution):
    """Against the two stages one after the other."""
    inputs = [
        {"ref_probs": np.array(p), "reward": np.array(r), "beta_first": a, "beta_second": b}
        for p, r, a, b in (
            ([0.5, 0.5], [1.0, 0.0], 1.0, 0.5),
            ([0.2, 0.5, 0.3], [1.0, 0.0, 0.0], 2.0, 3.0),
            ([0.1, 0.6, 0.3], [0.5, -1.0, 2.0], 0.7, 4.0),
        )
    ]
    require_same(solution, my_two_stages, inputs, {
        "The two betas are added: want 1/β of the stages added, because the exponents add up.":
            lambda p, r, a, b: optimal_policy(p, r, beta=a + b),
        "The second stage alone: its reference is the result of the first stage.":
            lambda p, r, a, b: optimal_policy(p, r, beta=b),
        "The first stage alone: the second one goes on from there.":
            lambda p, r, a, b: optimal_policy(p, r, beta=a),
        "The betas are averaged: each stage adds an exponent of its own.":
            lambda p, r, a, b: optimal_policy(p, r, beta=(a + b) / 2),
        "The reference is missing: rare answers stay rarer than common ones.":
            lambda p, r, a, b: softmax(r / a + r / b),
        "The probabilities do not add up to 1: divide by their sum.":
            lambda p, r, a, b: p * np.exp(r / a + r / b),
        "The reward is multiplied by β: a large β has to hold the policy back.":
            lambda p, r, a, b: optimal_policy(p, r, beta=1 / (a + b)),
    }, wanted=one_stage_after_the_other)  # fmt: skip


def one_stage_after_the_other(ref_probs, reward, beta_first, beta_second):
    """Both optima, with a loop over the answers."""
    probs = list(ref_probs)
    for beta in (beta_first, beta_second):
        weight = [p * np.exp(r / beta) for p, r in zip(probs, reward, strict=True)]
        probs = [w / sum(weight) for w in weight]
    return np.array(probs)


def my_silent_share(reward):
    """(P, G) -> one number

    Which share of the groups gives GRPO no signal? A row holds the rewards of one group, and a
    group is silent where all its rewards are equal.

    Hint: Compare the largest and the smallest reward of each row.

    Hint: `np.mean` of a row of true and false is the share of the true ones.
    """
    return np.mean(np.max(reward, axis=1) == np.min(reward, axis=1))


def check_my_silent_share(solution):
    """Against sets of the rewards of a group."""
    inputs = [
        {"reward": np.array(rows, float)}
        for rows in (
            [[0, 0], [0, 1]],
            [[1, 1, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]],
            [[0.5, 0.5], [1.5, 1.5], [2, 0], [1, 1]],
        )
    ]
    require_same(solution, my_silent_share, inputs, {
        "That is the share of the groups with a signal: want the silent ones.":
            lambda r: 1 - my_silent_share(r),
        "Only groups in which all answers are wrong are counted: all right is silent too.":
            lambda r: np.mean(np.max(r, axis=1) == 0),
        "Only groups in which all answers are right are counted: all wrong is silent too.":
            lambda r: np.mean(np.min(r, axis=1) == 1),
        "That is the number of silent groups: want their share.":
            lambda r: my_silent_share(r) * len(r),
        "Columns are compared: a group is a row.": lambda r: my_silent_share(r.T),
    }, wanted=counted_with_sets)  # fmt: skip


def counted_with_sets(reward):
    """The share of the rows that hold one value only."""
    return sum(len(set(row)) == 1 for row in reward.tolist()) / len(reward)


EXERCISES = (
    exercise("29.1", my_two_stages, check_my_two_stages),
    exercise("29.2", my_silent_share, check_my_silent_share),
)
QUESTIONS = (
    Question(
        "29.3", "on paper",
        "A policy solves a problem with probability 0.3. DPO draws four answers, and needs a right "
        "and a wrong one among them. GRPO draws eight, and needs the same. How often does each of "
        "them learn nothing? Answer again for a policy that solves the problem with probability "
        "0.9.",
        "A group of $k$ answers is silent with probability $p^k + (1-p)^k$. For 0.3 this is "
        "0.248 with four answers and 0.058 with eight. For 0.9 it is 0.656 with four answers and "
        "0.430 with eight. A good policy wastes most of a small group, so the last stage wants "
        "larger groups or harder problems.",
    ),
    Question(
        "29.4", "open ended",
        "You have 10,000 judgements and two stages. Which share would you give to DPO, and what "
        "would you measure during the run to decide that the first stage has done its work?",
        "On this page a quarter was fixed before. A better rule looks at fresh samples: the first "
        "stage is done where the reward of fresh samples stops rising while the margin of the old "
        "pairs still grows. Then the pairs are stale.",
    ),
)  # fmt: skip
