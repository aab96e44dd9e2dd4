"""Exercises of page 31: the errors of a verifier."""

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_majority_flips(p):
    """one number -> one number

    A verifier gives the wrong verdict with probability `p`. It is asked three times, each time
    with fresh luck, and the majority decides. With which probability is the majority wrong?

    Hint: The majority is wrong where two or three verdicts are wrong.

    Hint: Exactly two of three are wrong with probability $3 p^2 (1-p)$.
    """
    return 3 * p**2 * (1 - p) + p**3


def check_my_majority_flips(solution):
    """Against all eight outcomes."""
    require_same(solution, my_majority_flips, [{"p": p} for p in (0.3, 0.1, 0.5, 0.8)], {
        "All three have to be wrong here: two of three are enough.": lambda p: p**3,
        "Only exactly two are counted: three wrong verdicts are a majority too.":
            lambda p: 3 * p**2 * (1 - p),
        "The two wrong verdicts can stand at three places.": lambda p: p**2 * (1 - p) + p**3,
        "Three wrong verdicts are counted twice.": lambda p: 3 * p**2,
        "That is the probability that the majority is right.":
            lambda p: 1 - my_majority_flips(p),
        "At least one wrong verdict is asked here: want at least two.":
            lambda p: 1 - (1 - p) ** 3,
    }, wanted=eight_outcomes)  # fmt: skip


def eight_outcomes(p):
    """The probability of a wrong majority, outcome by outcome."""
    chance = 0.0
    for wrong in np.ndindex(2, 2, 2):
        if sum(wrong) >= 2:
            chance += np.prod([p if each else 1 - p for each in wrong])
    return chance


def my_equal_beta(beta, false_positive, false_negative):
    r"""three numbers -> one number

    A verifier passes a wrong answer with probability `false_positive`, and fails a right answer
    with probability `false_negative`. A policy is trained on its verdicts with the weight `beta` of
    the KL. With which weight would an exact verifier have the same optimum?

    Hint: What is the mean verdict for a right answer, and what for a wrong one?

    Hint: Their difference is $1 - f - n$. The optimum depends on it divided by $\beta$.
    """
    return beta / (1 - false_positive - false_negative)


def check_my_equal_beta(solution):
    """Against the odds of a right answer at the optimum."""
    inputs = [
        {"beta": b, "false_positive": f, "false_negative": n}
        for b, f, n in ((1.0, 0.2, 0.2), (0.5, 0.1, 0.3), (2.0, 0.0, 0.4), (0.3, 0.35, 0.05))
    ]
    require_same(solution, my_equal_beta, inputs, {
        "β is multiplied: errors shrink the reward, which acts like a larger β.":
            lambda b, f, n: b * (1 - f - n),
        "Only wrong verdicts on wrong answers count here: failed right answers count too.":
            lambda b, f, n: b / (1 - f),
        "Only wrong verdicts on right answers count here: passed wrong answers count too.":
            lambda b, f, n: b / (1 - n),
        "Both kinds of errors are taken for equally likely.": lambda b, f, n: b / (1 - 2 * f),
        "The two shares are multiplied: the mean verdicts are subtracted, 1 − n and f.":
            lambda b, f, n: b / ((1 - f) * (1 - n)),
        "β is not changed: the difference between right and wrong has shrunk.":
            lambda b, f, n: b,
    }, wanted=beta_of_the_odds)  # fmt: skip


def beta_of_the_odds(beta, false_positive, false_negative):
    """One divided by what the verdicts add to the log-odds of right against wrong."""
    right, wrong = np.exp((1 - false_negative) / beta), np.exp(false_positive / beta)
    return 1 / np.log(right / wrong)


EXERCISES = (
    exercise("31.1", my_majority_flips, check_my_majority_flips),
    exercise("31.2", my_equal_beta, check_my_equal_beta),
)
QUESTIONS = (
    Question(
        "31.3", "on paper",
        "Under the SFT model 30 % of the answers are right, and a verifier passes these and "
        "another 30 % that are wrong. Which share of the answers is right at the optimum for "
        "$\\beta = 1$? Which share can be reached at most, and for which $\\beta$?",
        "At $\\beta = 1$ the weights are 0.3 e for right, 0.3 e for passed and wrong, and 0.4 for "
        "the others. The share of right answers is 0.815 / 2.031 = 0.402. For $\\beta$ towards 0 "
        "the failed answers vanish and the share grows towards 0.3 / 0.6 = 0.5, and never beyond: "
        "the verifier cannot part the two kinds that it passes.",
    ),
    Question(
        "31.4", "open ended",
        "You have written a verifier for programs: it runs three tests. Name two ways in which a "
        "policy can pass without a right program. How would you find out during training?",
        "A program can print the three expected outputs, or change the tests. Keep tests that the "
        "training never runs, and compare both pass rates: a gap that grows is the alarm. Read "
        "some of the answers that pass, above all short ones and ones that look alike.",
    ),
)  # fmt: skip
