"""Exercises of pages 07 and 13: advantages, the clipped surrogate, groups."""

from itertools import product

import autograd.numpy as np

from tinyalign.notes.exercises.comparing import require_same
from tinyalign.notes.exercises.exercise import exercise
from tinyalign.notes.exercises.lawful import require_lawful


def my_gae(reward, value, mask, *, gamma=1.0, lam=0.95):
    r"""(N, T), (N, T), (N, T) -> advantage (N, T), returns (N, T)

    GAE, from the right. The padding may hold anything.

    Hint: The advantage at $t$ is $\delta_t + \gamma\lambda$ times the advantage at $t + 1$, with
    $\delta_t = r_t + \gamma V_{t+1} - V_t$. After the last token both are 0.

    Hint: Set reward and value to 0 outside the mask, walk from the last column to the first, and
    set the advantage to 0 where the mask is 0. The returns are advantage plus value.
    """
    reward, value = np.where(mask > 0, reward, 0.0), np.where(mask > 0, value, 0.0)
    advantage, carry, ahead = np.zeros(value.shape), 0.0, 0.0
    for t in reversed(range(value.shape[1])):
        carry = reward[:, t] + gamma * ahead - value[:, t] + gamma * lam * carry
        carry = np.where(mask[:, t] > 0, carry, 0.0)
        advantage[:, t], ahead = carry, value[:, t]
    return advantage, advantage + value


def check_my_gae(solution):
    def gae(reward, value, mask, gamma, lam):
        return my_gae(reward, value, mask, gamma=gamma, lam=lam)

    require_lawful(solution, my_gae, "gae", {
        "lam is not used: this is the return minus the value.":
            lambda r, v, m, *, gamma=1.0, lam=0.95: gae(r, v, m, gamma, 1.0),
        "The advantages of later tokens are missing: this is delta alone.":
            lambda r, v, m, *, gamma=1.0, lam=0.95: gae(r, v, m, gamma, 0.0),
        "gamma is not used.":
            lambda r, v, m, *, gamma=1.0, lam=0.95: gae(r, v, m, 1.0, lam),
        "The returns are the advantages: add the values.":
            lambda r, v, m, *, gamma=1.0, lam=0.95: (gae(r, v, m, gamma, lam)[0],) * 2,
        "The padding is read as if it were tokens.":
            lambda r, v, m, *, gamma=1.0, lam=0.95: gae(r, v, np.ones(m.shape), gamma, lam),
        "The answers are exchanged: want (advantage, returns).":
            lambda r, v, m, *, gamma=1.0, lam=0.95: gae(r, v, m, gamma, lam)[::-1],
    })  # fmt: skip


def my_clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2):
    r"""(N, T), (N, T), (N, T) -> (N, T)

    The clipped surrogate of PPO, as a loss.

    Hint: The ratio is $\rho = \pi / \pi_{old}$. Of $\rho A$ and the same with the clipped ratio
    the objective takes the smaller one.

    Hint: `np.clip(ratio, 1 - clip_low, 1 + clip_high)`, `np.minimum`, and a minus sign, because
    a loss is minimised.
    """
    ratio = np.exp(logp - old_logp)
    clipped = np.clip(ratio, 1 - clip_low, 1 + clip_high)
    return -np.minimum(ratio * advantage, clipped * advantage)


def check_my_clipped_surrogate(solution):
    def terms(logp, old, a, low, high):
        ratio = np.exp(logp - old)
        return ratio * a, np.clip(ratio, 1 - low, 1 + high) * a

    require_lawful(solution, my_clipped_surrogate, "clipped_surrogate", {
        "The larger of the two is taken, which clips the wrong side: want the smaller.":
            lambda p, q, a, *, clip_low=0.2, clip_high=0.2:
                -np.maximum(*terms(p, q, a, clip_low, clip_high)),
        "The sign is turned: a loss is minus the objective.":
            lambda p, q, a, *, clip_low=0.2, clip_high=0.2:
                np.minimum(*terms(p, q, a, clip_low, clip_high)),
        "The clipped term alone: a ratio that has gone the wrong way gets no gradient back.":
            lambda p, q, a, *, clip_low=0.2, clip_high=0.2: -terms(p, q, a, clip_low, clip_high)[1],
        "The ratio is upside down: want new over old.":
            lambda p, q, a, *, clip_low=0.2, clip_high=0.2:
                -np.minimum(*terms(q, p, a, clip_low, clip_high)),
        "Nothing is clipped.": lambda p, q, a, *, clip_low=0.2, clip_high=0.2: -np.exp(p - q) * a,
        "clip_low and clip_high are exchanged.":
            lambda p, q, a, *, clip_low=0.2, clip_high=0.2:
                -np.minimum(*terms(p, q, a, clip_high, clip_low)),
    })  # fmt: skip


def my_group_standardize(reward, *, eps=1e-4, ddof=1):
    """(P, G) -> (P, G)

    GRPO's advantage: rewards of each group, centred and divided by their standard deviation
    (with `ddof`) plus `eps`. A group of equal rewards gets 0 everywhere, with `eps=0` as well.

    Hint: Take mean and standard deviation along axis 1, with `keepdims=True`.

    Hint: The mean of several 0.1 is not 0.1 to the last digit. Subtract the first reward of the
    group before anything else; then equal rewards are 0 exactly, and `np.where` can choose.
    """
    shifted = reward - reward[:, :1]
    spread = np.std(shifted, axis=1, ddof=ddof, keepdims=True)
    centred = shifted - np.mean(shifted, axis=1, keepdims=True)
    return centred / np.where(spread > 0, spread + eps, 1.0)


def check_my_group_standardize(solution):
    def centred(r, axis=1):
        return r - np.mean(r, axis=axis, keepdims=True)

    require_lawful(solution, my_group_standardize, "group_standardize", {
        "The standard deviation is that of all groups together: want each group's own.":
            lambda r, *, eps=1e-4, ddof=1: centred(r) / (np.std(r, ddof=ddof) + eps),
        "The mean is that of all groups together: want each group's own.":
            lambda r, *, eps=1e-4, ddof=1: centred(r, None)
            / (np.std(r, axis=1, ddof=ddof, keepdims=True) + eps),
        "ddof is not used: the square sum is divided by G.":
            lambda r, *, eps=1e-4, ddof=1: my_group_standardize(r, eps=eps, ddof=0),
        "eps is not used.":
            lambda r, *, eps=1e-4, ddof=1: my_group_standardize(r, eps=0.0, ddof=ddof),
        "The rewards are centred and not divided.": lambda r, *, eps=1e-4, ddof=1: centred(r),
    })  # fmt: skip
    # the guard, which rounding can defeat: the mean of three 0.1 is not 0.1
    equal = [np.full((1, 3), level) for level in (1.0, 0.1)]
    inputs = [{"reward": r, "eps": 0.0, "ddof": d} for r in equal for d in (0, 1)]
    require_same(solution, my_group_standardize, inputs, {
        "Rounding gets past the guard: subtract the first reward of the group before anything "
        "else.": lambda r, *, eps, ddof: centred(r) / np.where(
            (s := np.std(r, axis=1, ddof=ddof, keepdims=True)) > 0, s, 1.0),
        "Equal rewards are divided by a standard deviation of 0: choose with np.where.":
            lambda r, *, eps, ddof: centred(r) / np.std(r, axis=1, ddof=ddof, keepdims=True),
    })  # fmt: skip


def my_leave_one_out(reward):
    """(P, G) -> (P, G)

    Leave-one-out: each reward minus the mean reward of the *other* answers of its group.

    Hint: The sum of the others is the sum of the group minus the own reward.

    Hint: The others are G − 1 answers.
    """
    count = reward.shape[1]
    others = (np.sum(reward, axis=1, keepdims=True) - reward) / (count - 1)
    return reward - others


def check_my_leave_one_out(solution):
    def total(r):
        return np.sum(r, axis=1, keepdims=True)

    require_lawful(solution, my_leave_one_out, "leave_one_out", {
        "The own reward is in its baseline: this is the centred advantage, (G − 1)/G times too "
        "small.": lambda r: r - np.mean(r, axis=1, keepdims=True),
        "The sum of the others is divided by G, and they are G − 1.":
            lambda r: r - (total(r) - r) / r.shape[1],
        "The sum of the others is subtracted: want their mean.": lambda r: r - (total(r) - r),
        "That is the baseline: subtract it from the reward.":
            lambda r: (total(r) - r) / (r.shape[1] - 1),
        "The mean runs over all groups: want each group's own.":
            lambda r: r - (np.sum(r) - r) / (r.size - 1),
        "The sign is turned: a better answer has to get more.": lambda r: -my_leave_one_out(r),
    })  # fmt: skip


def my_signal_share(p, k):
    """a probability and a whole number -> one number

    The share of groups of size `k` that carry a signal, for success probability `p` and rewards
    of 0 and 1.

    Hint: A group is silent if all its rewards are equal.

    Hint: All succeed with probability $p^k$, all fail with probability $(1 - p)^k$.
    """
    return 1 - p**k - (1 - p) ** k


def check_my_signal_share(solution):
    """Against a list of all groups of zeros and ones."""
    inputs = [{"p": p, "k": k} for p, k in product((0.1, 0.5, 0.8), (2, 1, 3, 5))]
    require_same(solution, my_signal_share, inputs, {
        "Groups in which all succeed are silent too.": lambda p, k: 1 - (1 - p) ** k,
        "Groups in which all fail are silent too.": lambda p, k: 1 - p**k,
        "That is the share of silent groups: want the others.":
            lambda p, k: p**k + (1 - p) ** k,
        "That is the share for k = 2 only.": lambda p, k: 2 * p * (1 - p),
    }, wanted=share_by_listing)  # fmt: skip


def share_by_listing(p, k):
    """The probability of all groups with two different rewards."""
    groups = np.array(list(product((0, 1), repeat=k)))
    chance = np.prod(np.where(groups == 1, p, 1 - p), axis=1)
    return np.sum(chance[groups.max(axis=1) > groups.min(axis=1)])


EXERCISES = (
    exercise("07.1", my_gae, check_my_gae),
    exercise("07.2", my_clipped_surrogate, check_my_clipped_surrogate),
    exercise("13.1", my_group_standardize, check_my_group_standardize),
    exercise("13.2", my_leave_one_out, check_my_leave_one_out),
    exercise("13.3", my_signal_share, check_my_signal_share),
)
