"""What a group of K completions says: every group of zeros and ones, weighted by its chance."""

from itertools import product

import numpy as np

from tinyalign.losses import group_center, group_rank, group_standardize, leave_one_out
from tinyalign.losses.numerics import softmax
from tinyalign.notes.claims.rules import Measure, Rule, as_they_are
from tinyalign.optimum import policy_gradient
from toy_envs import feedback

SIZES = (2, 4, 8, 16, 64)
CHANCES = (0.2, 0.5)
LOGITS, REWARD = np.log([0.3, 0.5, 0.2]), np.array([1.0, 0.0, 0.0])  # three arms
GRADED = np.array([[0.0, 1.0, 2.0, 9.0]])


def all_groups(size, chance):
    """Every group of `size` rewards 0 or 1 and its probability: (2^K, K), (2^K,)."""
    rewards = np.array(list(product((0.0, 1.0), repeat=size)))
    right = rewards.sum(axis=1)
    return rewards, chance**right * (1 - chance) ** (size - right)


def signal():
    """{p: {K: share of groups in which not all rewards are equal}}, p the chance of a reward."""
    return {str(p): {str(k): 1 - p**k - (1 - p) ** k for k in SIZES} for p in CHANCES}


def all_picks(size):
    """Every group of `size` of three arms: (3^K, K), its probability and its scores."""
    picks = np.array(list(product(range(3), repeat=size)))
    return picks, np.prod(softmax(LOGITS)[picks], axis=1), np.eye(3)[picks] - softmax(LOGITS)


def gradients():
    """{baseline: {K: share of the true gradient that the expected one is}}, three arms."""
    true = policy_gradient(LOGITS, REWARD)
    found = {"mean": {}, "leave_one_out": {}}
    for size in (2, 4, 8):
        picks, chance, score = all_picks(size)
        for name, baseline in (("mean", group_center), ("leave_one_out", leave_one_out)):
            mean = np.einsum("n,ng,ngk->k", chance, baseline(REWARD[picks]), score) / size
            found[name][str(size)] = float(mean @ true / (true @ true))
    return found


def precision():
    """{K: standard deviation of one group's gradient by its mean}, reward shifted by `offset`.

    Without a baseline, and with the group's mean as one; three arms, every group of four.
    """
    found, size = {}, 4
    picks, chance, score = all_picks(size)
    for offset in (0.0, 1.0, 3.0):
        reward = REWARD + offset
        for name, gain in (("none", reward[picks]), ("group", group_center(reward[picks]))):
            each = np.einsum("ng,ngk->nk", gain, score) / size
            mean = chance @ each
            spread = np.sqrt(chance @ np.sum((each - mean) ** 2, axis=1))
            found[f"{name}, offset {offset:g}"] = float(spread / np.linalg.norm(mean))
    return found


def scorers():
    """Standard deviation of GRPO's advantages by what the scorer knows, and share of silent groups.

    Eight completions, half of them right. The scorer says what is right, or tosses a coin, or
    always says yes; and last it is right, but the policy is nearly always right too (p = 0.99).
    """
    cases = {"perfect": 0.5, "coin": 0.5, "always yes": 1.0, "perfect, p 0.99": 0.99}
    found = {}
    for name, share in cases.items():
        rewards, chance = all_groups(8, share)
        spread = np.sqrt(chance @ np.mean(group_standardize(rewards) ** 2, axis=1))
        found[name] = {"spread": float(spread), "silent": float(chance[[0, -1]].sum())}
    found["coin"]["agrees"] = 0.5  # a coin is right half of the time
    return found


def argsort_ranks(reward):
    """Note 004, line 216: ranks by position where rewards are equal."""
    return np.argsort(np.argsort(reward, axis=1), axis=1).astype(float)


def guards():
    """What a guard against no spread has to do: on the note's ranks, and on rewards themselves."""
    rewards, _ = all_groups(4, 0.5)
    spread = argsort_ranks(rewards).std(axis=1)
    with_epsilon = group_standardize(rewards, eps=1e-8, ddof=0)
    raw = rewards.std(axis=1)[:, None]
    centred = rewards - rewards.mean(axis=1, keepdims=True)
    with_guard = np.where(raw < 0.01, 0.0, centred / np.where(raw < 0.01, 1.0, raw))
    return {
        "groups": len(rewards),
        "least_rank_spread": float(spread.min()),
        "guarded": int(np.sum(spread < 0.01)),
        "reward_spread_0": int(np.sum(raw == 0)),
        "apart": float(np.abs(with_epsilon - with_guard).max()),
        "rank_apart": float(np.abs(group_rank(rewards) - with_epsilon).max()),
        "graded_apart": float(np.abs(group_rank(GRADED) - group_standardize(GRADED, ddof=0)).max()),
    }


def old_groups():
    """How far a prompt's advantages move when other groups, older ones, change: nowhere."""
    now = np.array([[1.0, 0.0, 3.0]])
    old = np.array([[9.0, 9.0, 8.0]])
    moved = [
        np.abs(f(np.concatenate([now, old]))[0] - f(now)[0]).max()
        for f in (group_center, group_standardize)
    ]
    return {"moved": float(max(moved))}


def annotation():
    """Share of prompts whose eight completions, 40 % right, give a pair; and give a triple."""
    rewards, chance = all_groups(8, 0.4)
    rng = np.random.default_rng(0)
    pair, triple = feedback.pairs(rewards, rng), feedback.triples(rewards, rng)
    return {"pair": float(chance[pair.prompt].sum()), "triple": float(chance[triple.prompt].sum())}


def majority():
    """Chance that a scorer's verdict is wrong: asked once, or three times with the majority."""
    once = {"0.1": 0.1, "0.2": 0.2, "0.4": 0.4}
    return {key: {"once": p, "thrice": p**3 + 3 * p**2 * (1 - p)} for key, p in once.items()}


def two(figures):
    """weigh: what a group of two is worth."""
    return {"signal": figures["0.2"]["2"], "half": figures["0.5"]["2"]}


EXACT = "rewards 0 and 1, every group enumerated"
MEASURES = {
    "signal": Measure(signal, EXACT),
    "gradients": Measure(gradients, "three arms, all groups enumerated"),
    "precision": Measure(precision, "three arms, all groups of four enumerated"),
    "scorers": Measure(scorers, f"groups of eight; {EXACT}"),
    "guards": Measure(guards, f"groups of four; {EXACT}"),
    "old_groups": Measure(old_groups, "two groups"),
    "annotation": Measure(annotation, f"groups of eight, 40 % right; {EXACT}"),
    "majority": Measure(majority, "binomial, in closed form"),
}
RULES = {
    "two_silent": Rule(
        ("signal", "gradients"),
        lambda s, g: two(s) | {"mean": g["mean"]["2"], "loo": g["leave_one_out"]["2"]},
        lambda w: w["mean"] == 0 or w["signal"] == 0,
        "at K = 2, {signal:.0%} of groups speak (p = 0.2; {half:.0%} at 0.5); their expected "
        "gradient is {mean:.0%} of the true one, {loo:.0%} leave-one-out",
    ),
    "four_limited": Rule(
        ("signal",), lambda s: {"four": s["0.2"]["4"], "sixteen": s["0.2"]["16"]},
        lambda w: 0 < w["four"] < w["sixteen"],
        "groups with any signal at p = 0.2: {four:.0%} at K = 4, {sixteen:.0%} at K = 16",
    ),
    "eight_clearer": Rule(
        ("signal",), lambda s: {"four": s["0.2"]["4"], "eight": s["0.2"]["8"]},
        lambda w: w["eight"] > w["four"],
        "groups with any signal at p = 0.2: {four:.0%} at K = 4, {eight:.0%} at K = 8",
    ),
    "group_steadies": Rule(
        ("precision",),
        lambda p: {"none": p["none, offset 1"], "group": p["group, offset 1"],
                   "bare": p["none, offset 0"], "bare_group": p["group, offset 0"]},
        lambda w: w["group"] < w["none"],
        "one group's gradient, standard deviation by mean: {none:.2f} without a baseline, "
        "{group:.2f} with the group's (rewards 1 and 2); {bare:.2f} and {bare_group:.2f} (0 and 1)",
    ),
    "near_zero": Rule(
        ("scorers",),
        lambda s: {"perfect": s["perfect"]["spread"], "coin": s["coin"]["spread"],
                   "solved": s["perfect, p 0.99"]["spread"]},
        lambda w: w["coin"] < w["perfect"],
        "spread of the advantages: perfect scorer {perfect:.2f}, a coin in its place {coin:.2f}, "
        "perfect scorer of a policy that is 99 % right {solved:.2f}",
    ),
    "spans_both_signs": Rule(
        ("scorers",), lambda s: {name: 1 - s[name]["silent"] for name in ("coin", "perfect")},
        lambda w: w["coin"] < w["perfect"],
        "groups whose advantages have both signs: perfect scorer {perfect:.1%}, a coin {coin:.1%}",
    ),
    "ranks_divide_by_zero": Rule(
        ("guards",), as_they_are, lambda w: w["least_rank_spread"] == 0,
        "least spread of the note's ranks over all {groups} groups: {least_rank_spread:.3f}, "
        "four equal rewards included",
    ),
    "guard_better": Rule(
        ("guards",), as_they_are, lambda w: w["guarded"] > 0 or w["apart"] > 1e-6,
        "the guard on ranks acts in {guarded} of {groups} groups; on rewards themselves guard and "
        "epsilon differ by at most {apart:.0e}",
    ),
    "ranks_are_grpo": Rule(
        ("guards",), as_they_are, lambda w: w["graded_apart"] < 1e-6,
        "rank and standardised advantage differ by at most {rank_apart:.0e} on rewards of 0 and 1, "
        "by {graded_apart:.2f} on 0, 1, 2, 9",
    ),
    "old_average": Rule(
        ("old_groups",), as_they_are, lambda w: w["moved"] > 0,
        "advantages move by {moved:.0f} when older groups change",
    ),
    "triples_cost": Rule(
        ("annotation",), as_they_are, lambda w: w["triple"] < w["pair"],
        "{pair:.1%} of prompts give a pair, {triple:.1%} a triple",
    ),
    "vote": Rule(
        ("majority",), lambda m: m["0.2"], lambda w: w["thrice"] < w["once"],
        "wrong verdicts: {once:.1%} asked once, {thrice:.1%} by the majority of three",
    ),
}  # fmt: skip
