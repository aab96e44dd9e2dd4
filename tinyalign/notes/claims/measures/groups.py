"""The learning signal of a group of K completions, by enumerating all groups."""

from itertools import product

import numpy as np

from tinyalign.losses import group_center, group_rank, group_standardize, leave_one_out
from tinyalign.losses.numerics import softmax
from tinyalign.notes.claims.measures.measure import Measure
from tinyalign.optimum import policy_gradient
from toy_envs import feedback

# Group sizes K, and chances that a completion is right.
SIZES = (2, 4, 8, 16, 64)
CHANCES = (0.2, 0.5)
LOGITS, REWARD = np.log([0.3, 0.5, 0.2]), np.array([1.0, 0.0, 0.0])  # three arms
# Two groups whose rewards are not 0 and 1; the second differs by noise alone.
GRADED, NEARLY_EQUAL = np.array([[0.0, 1.0, 2.0, 9.0]]), np.array([[1.0, 1.0001, 1.0, 1.0]])


def all_groups(size, chance):
    """Every group of `size` rewards 0 or 1 and its probability: (2^K, K), (2^K,)."""
    rewards = np.array(list(product((0.0, 1.0), repeat=size)))
    right = rewards.sum(axis=1)  # (2^K,)
    return rewards, chance**right * (1 - chance) ** (size - right)


def signal():
    """{p: {K: share of groups in which not all rewards are equal}}, p the chance of reward 1."""
    # A group is silent when all of it is right, or all of it wrong.
    return {str(p): {str(k): 1 - p**k - (1 - p) ** k for k in SIZES} for p in CHANCES}


def all_picks(size):
    """Every group of K arms out of three: arms (3^K, K), probabilities, scores (3^K, K, 3)."""
    picks = np.array(list(product(range(3), repeat=size)))
    # The score is the gradient of the log-probability in the logits: one-hot minus probabilities.
    return picks, np.prod(softmax(LOGITS)[picks], axis=1), np.eye(3)[picks] - softmax(LOGITS)


def gradients():
    """{baseline: {K: expected gradient as a share of the true one}}, three arms."""
    true = policy_gradient(LOGITS, REWARD)
    figures = {"mean": {}, "leave_one_out": {}}
    for size in (2, 4, 8):
        picks, chance, score = all_picks(size)
        for name, baseline in (("mean", group_center), ("leave_one_out", leave_one_out)):
            # Mean over a group's completions, expected over all groups: (3,).
            mean = np.einsum("n,ng,ngk->k", chance, baseline(REWARD[picks]), score) / size
            figures[name][str(size)] = float(mean @ true / (true @ true))
    return figures


def precision():
    """Standard deviation of one group's gradient divided by its mean; groups of four.

    The cases are no baseline and the group's mean, with a constant added to all rewards.
    """
    figures, size = {}, 4
    picks, chance, score = all_picks(size)
    for offset in (0.0, 1.0, 3.0):
        reward = REWARD + offset
        for name, gain in (("none", reward[picks]), ("group", group_center(reward[picks]))):
            each = np.einsum("ng,ngk->nk", gain, score) / size
            mean = chance @ each
            spread = np.sqrt(chance @ np.sum((each - mean) ** 2, axis=1))
            figures[f"{name}, offset {offset:g}"] = float(spread / np.linalg.norm(mean))
    return figures


def scorers():
    """Standard deviation of GRPO's advantages, and share of silent groups, for four scorers.

    Groups have eight completions, each right with probability 0.5. The scorers: one that is always
    right, a coin, one that always says yes, and a right one whose policy is right at 99 %.
    """
    cases = {"perfect": 0.5, "coin": 0.5, "always yes": 1.0, "perfect, p 0.99": 0.99}
    figures = {}
    for name, share in cases.items():
        rewards, chance = all_groups(8, share)
        spread = np.sqrt(chance @ np.mean(group_standardize(rewards) ** 2, axis=1))
        # The first group is all zeros and the last all ones.
        figures[name] = {"spread": float(spread), "silent": float(chance[[0, -1]].sum())}
    figures["coin"]["agrees"] = 0.5  # a coin is right half of the time
    return figures


def argsort_ranks(reward):
    """Ranks as one of the notes computes them: equal rewards are ranked by position."""
    return np.argsort(np.argsort(reward, axis=1), axis=1).astype(float)


def shared_ranks(reward):
    """Ranks in which equal rewards share the mean of their places."""
    below = (reward[:, :, None] > reward[:, None, :]).sum(axis=2)
    equal = (reward[:, :, None] == reward[:, None, :]).sum(axis=2)
    return below + (equal - 1) / 2


def guarded(reward):
    """Advantages with the guard of one of the notes: 0 where the spread is below 0.01."""
    spread = reward.std(axis=1, keepdims=True)
    centred = reward - reward.mean(axis=1, keepdims=True)
    return np.where(spread < 0.01, 0.0, centred / np.where(spread < 0.01, 1.0, spread))


def epsilon(reward):
    """Advantages with an epsilon added to the spread."""
    return group_standardize(reward, eps=1e-8, ddof=0)


def noise_advantages(scores):
    """Largest advantages with an epsilon and with the guard, and the spread of these scores."""
    return {
        "spread": float(scores.std()),
        "epsilon": float(np.abs(epsilon(scores)).max()),
        "guarded": float(np.abs(guarded(scores)).max()),
    }


def guards():
    """What a guard against a small standard deviation does, on ranks and on rewards."""
    rewards, _ = all_groups(4, 0.5)
    ranks = argsort_ranks(rewards)
    return {
        "groups": len(rewards),
        "least_rank_spread": float(ranks.std(axis=1).min()),
        "least_shared_spread": float(shared_ranks(rewards).std(axis=1).min()),
        "apart": float(np.abs(epsilon(rewards) - guarded(rewards)).max()),
        "noise": {
            "rewards": noise_advantages(NEARLY_EQUAL),
            "ranks": noise_advantages(argsort_ranks(NEARLY_EQUAL)),
            "shared ranks": noise_advantages(shared_ranks(NEARLY_EQUAL)),
        },
        "rank_apart": float(np.abs(group_rank(rewards) - epsilon(rewards)).max()),
        "position_apart": float(np.abs(epsilon(ranks) - epsilon(rewards)).max()),
        "graded_apart": float(np.abs(group_rank(GRADED) - group_standardize(GRADED, ddof=0)).max()),
    }


def old_groups():
    """How far the advantages of a prompt move when an older group is added: not at all."""
    now = np.array([[1.0, 0.0, 3.0]])
    old = np.array([[9.0, 9.0, 8.0]])
    moved = [
        np.abs(f(np.concatenate([now, old]))[0] - f(now)[0]).max()
        for f in (group_center, group_standardize)
    ]
    return {"moved": float(max(moved))}


def annotation():
    """Share of prompts whose eight completions, 40 % right, give a pair, and a triple."""
    rewards, chance = all_groups(8, 0.4)
    rng = np.random.default_rng(0)
    pair, triple = feedback.pairs(rewards, rng), feedback.triples(rewards, rng)
    return {"pair": float(chance[pair.prompt].sum()), "triple": float(chance[triple.prompt].sum())}


def majority():
    """Chance that a verdict is wrong: a single one, and the majority of three."""
    # Two of three wrong, or all three.
    once = {"0.1": 0.1, "0.2": 0.2, "0.4": 0.4}
    return {key: {"once": p, "thrice": p**3 + 3 * p**2 * (1 - p)} for key, p in once.items()}


EXACT = "rewards 0 and 1, every group enumerated"
MEASURES = {
    "signal": Measure(signal, EXACT),
    "gradients": Measure(gradients, "three arms, all groups enumerated"),
    "precision": Measure(precision, "three arms, all groups of four enumerated"),
    "scorers": Measure(scorers, f"groups of eight; {EXACT}"),
    "guards": Measure(guards, f"groups of four, and two graded groups; {EXACT}"),
    "old_groups": Measure(old_groups, "two groups"),
    "annotation": Measure(annotation, f"groups of eight, 40 % right; {EXACT}"),
    "majority": Measure(majority, "binomial, in closed form"),
}
