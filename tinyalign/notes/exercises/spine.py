"""Exercises of page 23: whitening, and the clip fraction of a dashboard."""

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import Question, exercise


def my_whiten(advantage, mask):
    r"""(N, T), (N, T) -> (N, T)

    Whiten advantages: mean 0 and variance 1 over all completion tokens of the batch, where `mask`
    is 1. Divide the sum of squares by the number of tokens *less one*. Add 1e-8 to the variance
    before you take the root, so that equal advantages give 0. The result is 0 where `mask` is 0.

    Hint: Padding may hold anything, so sums run over `advantage * mask`, and the number of tokens
    is `mask.sum()`.

    Hint: Centre first, and multiply by the mask again: the padding now holds −mean.
    """
    count = np.sum(mask)
    centred = (advantage - np.sum(advantage * mask) / count) * mask
    return centred / np.sqrt(np.sum(centred**2) / (count - 1) + 1e-8)


def check_my_whiten(solution):
    """Against lists of the tokens that count."""
    draw = np.random.default_rng(9)
    inputs = [
        {"advantage": draw.normal(size=shape).round(1) + 1.0, "mask": padded(draw, shape)}
        for shape in ((1, 3), (2, 4), (4, 3))
    ]
    inputs.append({"advantage": np.full((2, 3), -1.5), "mask": np.ones((2, 3))})

    require_same(solution, my_whiten, inputs, {
        "The sum of squares is divided by the number of tokens, want one less.":
            lambda x, m: my_whiten(x, m) * np.sqrt(np.sum(m) / (np.sum(m) - 1)),
        "Padding counts in mean and variance.":
            lambda x, m: my_whiten(x, np.ones_like(m)) * m,
        "Each row is whitened alone, want the whole batch.":
            lambda x, m: np.concatenate(
                [my_whiten(x[i : i + 1], m[i : i + 1]) for i in range(len(x))]),
        "The mean is not subtracted: only the scale changes.":
            lambda x, m: x * m * scale(x, m),
        "The advantages are centred, and not divided by their standard deviation.":
            lambda x, m: my_whiten(x, m) / scale(x, m),
        "Padding is not 0 afterwards.":
            lambda x, m: (x - np.sum(x * m) / np.sum(m)) * scale(x, m),
        "The variance of equal advantages is 0, want 1e-8 added to it.":
            lambda x, m: my_whiten(x, m) * (scale(x, m, guard=0.0) / scale(x, m)),
    }, wanted=token_by_token)  # fmt: skip


def padded(draw, shape):
    """A mask whose rows have at least two tokens, and padding behind them."""
    length = draw.integers(2, shape[1], size=(shape[0], 1))
    return (np.arange(shape[1]) < length).astype(float)


def scale(x, m, guard=1e-8):
    """One divided by the standard deviation of the tokens that count."""
    return 1 / np.sqrt(np.var(x[m > 0], ddof=1) + guard)


def token_by_token(advantage, mask):
    """Whitening with lists."""
    kept = [a for a, m in zip(advantage.ravel(), mask.ravel(), strict=True) if m]
    mean = sum(kept) / len(kept)
    spread = (sum((a - mean) ** 2 for a in kept) / (len(kept) - 1) + 1e-8) ** 0.5
    return np.where(mask > 0, (advantage - mean) / spread, 0.0)


def my_clip_fraction(logp, old_logp, advantage, mask, clip):
    r"""four arrays (N, T), a number -> one number

    Which share of the completion tokens does PPO's clip hold back? A token is held back where its
    advantage is positive and its ratio above `1 + clip`, or where its advantage is negative and
    its ratio below `1 - clip`.

    Hint: The ratio is $\exp(\log\pi - \log\pi_{old})$.

    Hint: Combine the two cases with `|`, and divide the number of such tokens by `mask.sum()`.
    """
    ratio = np.exp(logp - old_logp)
    up, down = (advantage > 0) & (ratio > 1 + clip), (advantage < 0) & (ratio < 1 - clip)
    return np.sum((up | down) * mask) / np.sum(mask)


def check_my_clip_fraction(solution):
    """Against a loop over the tokens."""
    draw, inputs = np.random.default_rng(12), []
    for shape in ((1, 4), (3, 4), (6, 5)):
        old = draw.normal(size=shape).round(1) - 3
        inputs.append({
            "logp": old + 0.5 * draw.normal(size=shape).round(1), "old_logp": old,
            "advantage": draw.normal(size=shape).round(1), "mask": padded(draw, shape), "clip": 0.2,
        })  # fmt: skip

    def held_back(ratio, a, m, c):
        return my_clip_fraction(np.log(ratio), 0.0, a, m, c)

    require_same(solution, my_clip_fraction, inputs, {
        "All tokens with a ratio outside the band are counted: the sign of the advantage decides "
        "which side is held back.":
            lambda p, q, a, m, c: np.sum((np.abs(np.exp(p - q) - 1) > c) * m) / np.sum(m),
        "Only tokens with a positive advantage are counted.":
            lambda p, q, a, m, c: held_back(np.exp(p - q), np.maximum(a, 0), m, c),
        "Padding counts.":
            lambda p, q, a, m, c: held_back(np.exp(p - q), a, np.ones_like(m), c),
        "The number of tokens is divided by the size of the array, want by the mask's sum.":
            lambda p, q, a, m, c: held_back(np.exp(p - q), a, m, c) * np.mean(m),
        "The ratio is upside down: old over new.":
            lambda p, q, a, m, c: held_back(np.exp(q - p), a, m, c),
        "The sides are exchanged: a correction is never held back.":
            lambda p, q, a, m, c: held_back(np.exp(p - q), -a, m, c),
    }, wanted=counted_by_a_loop)  # fmt: skip


def counted_by_a_loop(logp, old_logp, advantage, mask, clip):
    """The clip fraction, from PPO's objective: the clipped term is the smaller one."""
    count = 0
    for new, old, a in zip(logp[mask > 0], old_logp[mask > 0], advantage[mask > 0], strict=True):
        ratio = np.exp(new - old)
        count += min(max(ratio, 1 - clip), 1 + clip) * a < ratio * a
    return count / np.sum(mask)


EXERCISES = (
    exercise("23.1", my_whiten, check_my_whiten),
    exercise("23.2", my_clip_fraction, check_my_clip_fraction),
)
QUESTIONS = (
    Question(
        "23.3", "on paper",
        "A reward model gives *every* answer of a batch the score −1.6. The critic says 0 "
        "everywhere, $\\beta = 0$ and $\\gamma = \\lambda = 1$. What are the raw advantages, the "
        "whitened advantages and the first value loss? What does the policy learn from this batch?",
        "Every token has the return −1.6, so the raw advantage is −1.6 everywhere. Subtracting the "
        "mean leaves 0, and the variance is 0 too. Without the $10^{-8}$ under the root this would "
        "be 0/0. With it the whitened advantages are 0, but for rounding. The value loss is "
        "½ · 1.6² = 1.28. The policy learns nothing, which is right: no answer was better than "
        "another. The critic learns that −1.6 is to be expected.",
    ),
    Question(
        "23.4", "open ended",
        "You may check twenty answers by hand, once in the whole run. At which step of the run "
        "would you do so, and which curve of the dashboard tells you the step?",
        "The reward alone never gives the alarm. On this page the KL is the best clock: look "
        "where the KL has grown fast and the reward begins to level off. Compare the answers with "
        "those of the start, and keep checkpoints so that you can go back.",
    ),
)  # fmt: skip
