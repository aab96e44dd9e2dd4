"""Exercises of page 30: how the entropy changes, and what a bonus does to the optimum."""

import autograd.numpy as np

from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_entropy_change(logits, advantage):
    r"""(K,), (K,) -> one number

    A small step $\eta$ moves the logits along the advantages: $z + \eta A$. How fast does the
    entropy change? Return its slope at $\eta = 0$.

    Hint: The slope is minus the covariance of $\log\pi$ and $A$ under $\pi$.

    Hint: A covariance is the mean of the product, after the mean of $A$ is subtracted from $A$.
    """
    logp = log_softmax(logits)
    probs = np.exp(logp)
    return -np.sum(probs * logp * (advantage - np.sum(probs * advantage)))


def check_my_entropy_change(solution):
    """Against differences of the entropy."""
    inputs = [
        {"logits": np.array(z), "advantage": np.array(a)}
        for z, a in (
            ([1.0, 0.0], [1.0, 0.0]),
            ([0.5, 2.0, -1.0], [1.0, -0.5, 0.3]),
            ([0.1, 0.4, 1.5, -2.0], [2.0, 1.0, 0.5, 3.0]),
        )
    ]
    right = my_entropy_change
    require_same(solution, right, inputs, {
        "The sign is turned: the entropy falls where likely answers have large advantages.":
            lambda z, a: -right(z, a),
        "The mean advantage is not subtracted: equal advantages must change nothing.":
            lambda z, a: -np.sum(softmax(z) * log_softmax(z) * a),
        "All answers count alike: want the covariance under the policy.":
            lambda z, a: -np.mean(log_softmax(z) * (a - np.mean(a))),
        "The covariance is with the probabilities: want log π.":
            lambda z, a: -np.sum(softmax(z) * softmax(z) * (a - softmax(z) @ a)),
        "That is the entropy itself: want how fast it changes.":
            lambda z, a: -np.sum(softmax(z) * log_softmax(z)),
    }, wanted=slope_by_differences, tolerance=1e-6)  # fmt: skip


def slope_by_differences(logits, advantage):
    """The entropy a little ahead minus the entropy a little behind."""

    def entropy_at(step):
        moved = logits + step * advantage
        return -np.sum(softmax(moved) * log_softmax(moved))

    return (entropy_at(1e-5) - entropy_at(-1e-5)) / 2e-5


def my_best_with_bonus(reward, weight):
    r"""(K,), one number -> (K,)

    Which probabilities maximise the mean reward plus `weight` times the entropy?

    Hint: The bonus is a KL penalty to the uniform policy, up to a constant.

    Hint: The best policy is the softmax of the reward divided by the weight.
    """
    return softmax(reward / weight)


def check_my_best_with_bonus(solution):
    """Against many small steps up the objective."""
    inputs = [
        {"reward": np.array(r), "weight": w}
        for r, w in (([1.0, 0.0], 0.5), ([1.0, 0.8, 0.0], 0.3), ([0.2, -1.0, 0.5, 0.4], 2.0))
    ]
    require_same(solution, my_best_with_bonus, inputs, {
        "The reward is multiplied by the weight: a large weight has to spread the policy.":
            lambda r, w: softmax(r * w),
        "The weight is not used.": lambda r, w: softmax(r),
        "The probabilities do not add up to 1: divide by their sum.":
            lambda r, w: np.exp(r / w),
        "Only the best answer gets probability: this is the optimum without a bonus.":
            lambda r, w: (r == np.max(r)) * 1.0,
        "All answers are alike: this is the optimum of the bonus alone.":
            lambda r, w: np.ones_like(r) / len(r),
        "The signs are turned: the worst answer gets the largest probability.":
            lambda r, w: softmax(-r / w),
    }, wanted=climbed, tolerance=1e-5)  # fmt: skip


def climbed(reward, weight):
    """Where small steps of the logits up the objective end."""
    logits = np.zeros(len(reward))
    for _ in range(150):
        logp = log_softmax(logits)
        gain = reward - weight * logp  # of each answer, up to a constant
        logits = logits + 0.2 / weight * (gain - np.exp(logp) @ gain)
    return softmax(logits)


EXERCISES = (
    exercise("30.1", my_entropy_change, check_my_entropy_change),
    exercise("30.2", my_best_with_bonus, check_my_best_with_bonus),
)
QUESTIONS = (
    Question(
        "30.3", "on paper",
        "A token has the probability 0.01, and another one 0.9. Both are right, and each batch "
        "raises them as far as the clip allows. Where are they after one batch with a clip of 0.2 "
        "upwards, and where with 0.28? How many batches does the rare token need to pass 0.5?",
        "With 0.2 the rare token comes to 0.012, and with 0.28 to 0.0128. The likely token may go "
        "to 1.08, which is beyond 1: the clip never holds it. The rare token has to grow fifty "
        "times. This takes 22 batches with 0.2, because 1.2 to the power of 22 is 55, and 16 "
        "batches with 0.28, because 1.28 to the power of 16 is 52.",
    ),
    Question(
        "30.4", "open ended",
        "Your entropy has fallen to a tenth and the reward still rises. Would you act? What would "
        "you look at first?",
        "A low entropy is harmful only where it stops learning. Look at the share of silent groups "
        "and at the share of problems that one of many samples solves. Where both are as before, "
        "leave the run alone. Where groups fall silent on unsolved problems, draw harder problems, "
        "more answers for each, or widen the clip upwards.",
    ),
)  # fmt: skip
