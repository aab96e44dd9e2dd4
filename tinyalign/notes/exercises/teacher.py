"""Exercises of page 24: the distance to a teacher, and the KL to come."""

import numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_generalized_js(student, teacher, beta):
    r"""(V,), (V,), one number -> one number

    Compute the generalised Jensen–Shannon distance of a student to its teacher from their
    probabilities. `beta` is the weight of the teacher, in the mixture and in the sum.

    Hint: The mixture is $m = \beta q + (1-\beta) p$, with the teacher $q$ and the student $p$.

    Hint: Add $\beta\,\mathrm{KL}(q \| m)$ and $(1-\beta)\,\mathrm{KL}(p \| m)$.
    """
    mixture = beta * teacher + (1 - beta) * student
    of_teacher = np.sum(teacher * np.log(teacher / mixture))
    of_student = np.sum(student * np.log(student / mixture))
    return beta * of_teacher + (1 - beta) * of_student


def kl(p, q):
    """KL(p ‖ q) of probabilities."""
    return np.sum(p * np.log(p / q))


def check_my_generalized_js(solution):
    """Against the entropy of the mixture minus the mean entropy."""
    inputs = [
        {"student": np.array(p), "teacher": np.array(q), "beta": beta}
        for p, q, beta in (
            ([0.5, 0.5], [0.9, 0.1], 0.25),
            ([0.2, 0.5, 0.3], [0.6, 0.3, 0.1], 0.7),
            ([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], 0.1),
        )
    ]
    require_same(solution, my_generalized_js, inputs, {
        "Student and teacher are exchanged.":
            lambda p, q, b: my_generalized_js(q, p, b),
        "The mixture has the weights exchanged: want β for the teacher.":
            lambda p, q, b: b * kl(q, (1 - b) * q + b * p) + (1 - b) * kl(p, (1 - b) * q + b * p),
        "The two KLs have their weights exchanged: want β for the teacher's.":
            lambda p, q, b: (1 - b) * kl(q, b * q + (1 - b) * p) + b * kl(p, b * q + (1 - b) * p),
        "The KLs point from the mixture to the two: want them to the mixture.":
            lambda p, q, b: b * kl(b * q + (1 - b) * p, q) + (1 - b) * kl(b * q + (1 - b) * p, p),
        "The two KLs are added without weights: want β and 1 − β.":
            lambda p, q, b: kl(q, b * q + (1 - b) * p) + kl(p, b * q + (1 - b) * p),
        "There is no mixture here: the KLs are those between student and teacher.":
            lambda p, q, b: b * kl(q, p) + (1 - b) * kl(p, q),
        "β is ½ here, whatever the parameter says.":
            lambda p, q, b: my_generalized_js(p, q, 0.5),
    }, wanted=difference_of_entropies)  # fmt: skip


def difference_of_entropies(student, teacher, beta):
    """How much larger the entropy of the mixture is than the mean of both entropies."""

    def entropy(probs):
        return -sum(p * np.log(p) for p in probs)

    mixture = [beta * q + (1 - beta) * p for p, q in zip(student, teacher, strict=True)]
    return entropy(mixture) - beta * entropy(teacher) - (1 - beta) * entropy(student)


def my_reward_to_come(logp, teacher_logp, mask):
    r"""(N, T), (N, T), (N, T) -> (N, T)

    A token earns the teacher's log-probability minus the student's. Give each token what it earns
    itself and what all later tokens of its text earn. The mask is 1 for a token of the text and 0
    behind its end: what stands there earns nothing, and gets 0.

    Hint: Multiply what the tokens earn by the mask before you add.

    Hint: `np.cumsum` adds from the front. Turn the rows round with `[:, ::-1]`, before and after.
    """
    earned = (teacher_logp - logp) * mask
    return np.cumsum(earned[:, ::-1], axis=1)[:, ::-1]


def check_my_reward_to_come(solution):
    """Against loops; the numbers in the padding are large."""
    rng, inputs = np.random.default_rng(24), []
    for lengths, width in (((2,), 2), ((3, 1), 3), ((4, 2, 3), 5)):
        mask = (np.arange(width) < np.array(lengths)[:, None]).astype(float)
        logp, teacher = (-rng.exponential(size=mask.shape).round(1) for _ in range(2))
        logp = np.where(mask > 0, logp, -9.0)
        inputs.append({"logp": logp, "teacher_logp": teacher, "mask": mask})
    require_same(solution, my_reward_to_come, inputs, {
        "Only the token itself counts here: want the later tokens too.":
            lambda p, q, m: (q - p) * m,
        "Each token gets the reward of the whole text: want the token and what follows.":
            lambda p, q, m: np.sum((q - p) * m, axis=1, keepdims=True) * m,
        "The tokens before are counted: want the later ones.":
            lambda p, q, m: np.cumsum((q - p) * m, axis=1) * m,
        "The token itself is missing.":
            lambda p, q, m: my_reward_to_come(p, q, m) - (q - p) * m,
        "The sign is turned: want a reward where the teacher finds the token likelier.":
            lambda p, q, m: -my_reward_to_come(p, q, m),
        "The padding earns something: multiply by the mask before you add.":
            lambda p, q, m: np.cumsum((q - p)[:, ::-1], axis=1)[:, ::-1] * m,
        "The sum is over the texts: want a sum over the tokens of one text.":
            lambda p, q, m: np.cumsum(((q - p) * m)[::-1], axis=0)[::-1],
    }, wanted=added_in_loops)  # fmt: skip


def added_in_loops(logp, teacher_logp, mask):
    """What every token earns from its place on, token by token."""
    result = np.zeros(mask.shape)
    for n, length in enumerate(mask.sum(axis=1).astype(int)):
        for t in range(length):
            result[n, t] = sum(teacher_logp[n, u] - logp[n, u] for u in range(t, length))
    return result


EXERCISES = (
    exercise("24.1", my_generalized_js, check_my_generalized_js),
    exercise("24.2", my_reward_to_come, check_my_reward_to_come),
)
QUESTIONS = (
    Question(
        "24.3", "on paper",
        "The tokens of a text do not depend on each other. What one token earns, the teacher's "
        "log-probability minus the student's, has the variance $v$. A text has $n$ tokens, and the "
        "mean reward is subtracted. Compare the variance of one token's gradient under a reward of "
        "each token and under a reward of the whole text. What does this mean for texts of 1000 "
        "tokens?",
        "The gradient of one token is $\\nabla\\log p(y_t)$, which has the mean 0, times what the "
        "token earns. Let $c$ be the mean square of $\\nabla\\log p(y_t)$. The token's own "
        "earnings give a variance of about $v c$. The reward of the whole text adds what the "
        "other $n - 1$ tokens earn. They say nothing about this token, and add $(n-1) v c$. "
        "Together this is about $n v c$, so the variance is $n$ times as large. The mean gradient "
        "is the same, so texts of 1000 tokens need about 1000 times as many samples. On this page "
        "the tokens do depend on each other, and then the mean gradients differ as well.",
    ),
    Question(
        "24.4", "open ended",
        "Your teacher is a service that returns texts and the log-probabilities of the tokens that "
        "it has written, and nothing else. Which ways of this page are open to you? What would you "
        "measure to see whether the student is too small?",
        "SFT on the teacher's texts is open. The other ways need the teacher's probabilities of "
        "tokens that the student has chosen, so ask first whether the service can score a given "
        "text. A student is too small if it stays behind the teacher on its own texts although the "
        "loss on the teacher's texts has stopped falling. Compare then a reward of each token "
        "with a reward of whole texts: if the student could be the teacher, both would end alike.",
    ),
)  # fmt: skip
