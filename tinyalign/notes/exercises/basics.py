"""Exercises of pages 00 and 01: a policy gradient, log-probabilities, attention."""

import autograd.numpy as np

from tinyalign.losses.numerics import log_softmax, softmax
from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful


def my_policy_gradient(logits, reward):
    r"""(K,), (K,) -> (K,)

    Write the gradient of the expected reward of a softmax policy, without autograd.

    Hint: The expected reward is $\sum_k p_k r_k$, and $\partial p_k / \partial z_j = p_k (1[k
    = j] - p_j)$.

    Hint: Collect the terms: each entry is $p_k$ times how much $r_k$ exceeds the expected
    reward.
    """
    p = softmax(logits)
    return p * (reward - p @ reward)


def check_my_policy_gradient(solution):
    """Against finite differences of the expected reward."""
    require_same(solution, my_policy_gradient, bandits(), {
        "The expected reward p @ r is not subtracted.": lambda z, r: softmax(z) * r,
        "The factor p is missing.": lambda z, r: r - softmax(z) @ r,
        "The sign is turned: this is the slope of a loss.":
            lambda z, r: -my_policy_gradient(z, r),
        "The mean of r is subtracted; want the expectation, which weighs r by p.":
            lambda z, r: softmax(z) * (r - np.mean(r)),
    }, wanted=slopes_of_expected_reward)  # fmt: skip


def bandits():
    """Logits and rewards of three bandits."""
    draw = np.random.default_rng(4)
    return [
        {"logits": draw.normal(size=k).round(1), "reward": draw.normal(size=k).round(1)}
        for k in (2, 3, 7)
    ]


def slopes_of_expected_reward(logits, reward):
    """The gradient by central differences."""
    steps = 1e-5 * np.eye(len(logits))
    rises = [(softmax(logits + s) - softmax(logits - s)) @ reward / 2e-5 for s in steps]
    return np.array(rises)


def my_best_baseline(logits, reward):
    r"""(K,), (K,) -> one number

    Write the baseline that makes the noise smallest. It is one number, and it is *not* the
    expected reward: minimise $\mathbb{E}[(r-b)^2 \lVert\nabla\log\pi\rVert^2]$ over $b$.

    Hint: The noise is a parabola in $b$: set its derivative to 0.

    Hint: The answer is a weighted mean of the rewards. The weights are $p_k$ times the squared
    length of $\nabla\log\pi(k)$, whose entries are $1[k = j] - p_j$.
    """
    p = softmax(logits)
    squared = np.sum((np.eye(len(p)) - p) ** 2, axis=1)  # length² of each ∇log p, (K,)
    return p @ (reward * squared) / (p @ squared)


def check_my_best_baseline(solution):
    """Against the place where the noise, a parabola in b, is least."""
    require_same(solution, my_best_baseline, bandits(), {
        "That is the expected reward: near the best baseline, but the squared gradients are not "
        "weighed in.": lambda z, r: softmax(z) @ r,
        "That is the mean of the rewards: neither the probabilities nor the gradients are "
        "weighed in.": lambda z, r: np.mean(r),
        "A baseline that knows the answer is no baseline: want one number for all answers.":
            lambda z, r: r,
        "The weights do not sum to 1: divide by p @ squared.":
            lambda z, r: my_best_baseline(z, r) * weight(z),
    }, wanted=lowest_noise)  # fmt: skip


def weight(logits):
    """The expected squared length of ∇log p."""
    p = softmax(logits)
    return p @ np.sum((np.eye(len(p)) - p) ** 2, axis=1)


def lowest_noise(logits, reward):
    """The vertex of the parabola through the noise at three baselines."""
    p = softmax(logits)
    squared = np.sum((np.eye(len(p)) - p) ** 2, axis=1)
    left, middle, right = (p @ ((reward - b) ** 2 * squared) for b in (-1.0, 0.0, 1.0))
    return (left - right) / (2 * (left - 2 * middle + right))


def my_token_logp(logits, ids):
    """(B, T, V), (B, T) -> (B, T - 1)

    Score tokens: logits `(B, T, V)` and ids `(B, T)` to `(B, T − 1)`.

    Hint: The logits at position $t$ predict the token at position $t + 1$.

    Hint: Cut the last logits and the first ids, take `log_softmax`, and pick with
    `np.take_along_axis`.
    """
    logp = log_softmax(logits[:, :-1])
    return np.take_along_axis(logp, ids[:, 1:, None], axis=2)[..., 0]


def check_my_token_logp(solution):
    require_lawful(solution, my_token_logp, "token_logp", {
        "The logits are shifted the wrong way: logits at t predict the token at t + 1.":
            lambda z, ids: picked(log_softmax(z[:, 1:]), ids[:, 1:]),
        "Each token is scored by the logits that have already read it: shift the ids.":
            lambda z, ids: picked(log_softmax(z[:, :-1]), ids[:, :-1]),
        "These are logits: log_softmax is missing.":
            lambda z, ids: picked(z[:, :-1], ids[:, 1:]),
        "These are probabilities: take the logarithm.":
            lambda z, ids: picked(softmax(z[:, :-1]), ids[:, 1:]),
    })  # fmt: skip


def picked(scores, ids):
    """The score of each id, (B, T, V), (B, T) -> (B, T)."""
    return np.take_along_axis(scores, ids[..., None], axis=2)[..., 0]


def my_sequence_logp(logits, ids, prompt_length, length):
    """(B, T, V), (B, T), (B,), (B,) -> (B,); length counts the prompt too

    Score completions that stand behind prompts of different length, in rows padded on the
    right.

    Hint: Begin with exercise 1, and build a mask `(B, T − 1)`.

    Hint: Column $t$ scores the token at place $t + 1$. That token counts if its place is at
    least `prompt_length` and less than `length`.
    """
    logp = np.take_along_axis(log_softmax(logits[:, :-1]), ids[:, 1:, None], axis=2)[..., 0]
    place = np.arange(1, ids.shape[1])  # of the token that each column scores
    mask = (place >= prompt_length[:, None]) & (place < length[:, None])
    return np.sum(logp * mask, axis=1)


def check_my_sequence_logp(solution):
    require_lawful(solution, my_sequence_logp, "sequence_logp", {
        "The mask starts one token late: the first token of the completion is left out.":
            lambda z, ids, p, n: my_sequence_logp(z, ids, p + 1, n),
        "The mask starts one token early: the last token of the prompt is counted.":
            lambda z, ids, p, n: my_sequence_logp(z, ids, p - 1, n),
        "The mask ends one token early: the end token is left out.":
            lambda z, ids, p, n: my_sequence_logp(z, ids, p, n - 1),
        "The padding is counted: the mask has to end at length.":
            lambda z, ids, p, n: my_sequence_logp(z, ids, p, 0 * n + ids.shape[1]),
        "The prompt is counted: the mask has to begin at prompt_length.":
            lambda z, ids, p, n: my_sequence_logp(z, ids, 0 * p, n),
        "That is the mean over the completion's tokens: want the sum.":
            lambda z, ids, p, n: my_sequence_logp(z, ids, p, n) / np.maximum(n - p, 1),
    })  # fmt: skip


def my_attention(q, k, v):
    r"""(T, d), (T, d), (T, d) -> (T, d)

    Causal attention of one head, from `q`, `k` and `v`, each `(T, d)`.

    Hint: Row $t$ of $q k^\top / \sqrt{d}$ holds the scores of all positions for position $t$.

    Hint: Set the scores above the diagonal to minus infinity *before* the softmax.
    """
    scores = q @ k.T / np.sqrt(q.shape[1])  # (T, T): row t asks, column s answers
    scores = np.where(np.tri(len(q)) > 0, scores, -np.inf)
    return softmax(scores) @ v


def check_my_attention(solution):
    """Against one position at a time, which sees only a slice."""
    draw = np.random.default_rng(3)
    q, k, v = draw.normal(size=(3, 3, 2)).round(1)
    large = dict(zip("qkv", draw.normal(size=(3, 5, 4)), strict=True))
    require_same(solution, my_attention, [{"q": q, "k": k, "v": v}, large], {
        "The scores are not divided by √d.":
            lambda q, k, v: my_attention(q * len(q[0]) ** 0.5, k, v),
        "The scores are divided by d, want √d.":
            lambda q, k, v: my_attention(q / len(q[0]) ** 0.5, k, v),
        "The future leaks: the causal mask is missing.":
            lambda q, k, v: softmax(q @ k.T / len(q[0]) ** 0.5) @ v,
        "The mask comes after the softmax, so the weights of a row do not sum to 1.":
            lambda q, k, v: (softmax(q @ k.T / len(q[0]) ** 0.5) * np.tri(len(q))) @ v,
        "The mask is turned: a position sees the future and not the past.":
            lambda q, k, v: my_attention(q[::-1], k[::-1], v[::-1])[::-1],
        "Queries and keys are exchanged.": lambda q, k, v: my_attention(k, q, v),
    }, wanted=one_position_at_a_time)  # fmt: skip


def one_position_at_a_time(q, k, v):
    """Attention with a loop over the positions."""
    rows = []
    for t in range(len(q)):
        weights = np.exp(k[: t + 1] @ q[t] / np.sqrt(len(q[t])))
        rows.append(weights @ v[: t + 1] / np.sum(weights))
    return np.array(rows)


EXERCISES = (
    exercise("00.1", my_policy_gradient, check_my_policy_gradient),
    exercise("00.2", my_best_baseline, check_my_best_baseline),
    exercise("01.1", my_token_logp, check_my_token_logp),
    exercise("01.2", my_sequence_logp, check_my_sequence_logp),
    exercise("01.3", my_attention, check_my_attention),
)
