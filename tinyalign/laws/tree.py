"""Expected gradients on a tree of two tokens with three choices each, by exact enumeration."""

from itertools import product

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.domain import floats, log_softmax
from tinyalign.laws.law import law, rounding, same

LEAVES = np.array(list(product(range(3), range(3))))  # both tokens of the nine completions
trees = st.lists(floats(-2.0, 2.0), min_size=12, max_size=12)  # three logits, then three rows
nine = st.lists(floats(-3.0, 3.0), min_size=9, max_size=9)
four = st.lists(floats(-3.0, 3.0), min_size=4, max_size=4)


def token_logp(tree):
    """(9, 2): log-probs of both tokens of each completion."""
    first, second = log_softmax(tree[:3]), log_softmax(np.reshape(tree[3:], (3, 3)))
    return np.stack([first[LEAVES[:, 0]], second[LEAVES[:, 0], LEAVES[:, 1]]], axis=1)


def scores(tree):
    """(9, 2, 12): slopes of each token's log-prob in the twelve logits."""
    found = np.zeros((9, 2, 12))
    for leaf, (one, two) in enumerate(LEAVES):
        row = slice(3 + 3 * one, 6 + 3 * one)
        found[leaf, 0, :3] = np.eye(3)[one] - np.exp(log_softmax(tree[:3]))
        found[leaf, 1, row] = np.eye(3)[two] - np.exp(log_softmax(tree[row]))
    return found


def push(tree, weight):
    """E[Σ_t weight_t · score_t], weight (9, 2): what REINFORCE expects to do to the logits."""
    chance = np.exp(np.sum(token_logp(tree), axis=1))
    return np.einsum("y,yt,yti->i", chance, weight, scores(tree))


def slope_of_expectation(tree, total):
    """The slope of E[total], total (9,) per completion."""
    return push(tree, np.stack([total, total], axis=1))


def pushes_down_the_sequence_kl(loss, x, p, tree, ref, score):
    """what is still to come, in front of the score, follows E[score] - β·KL of whole sequences"""
    logp, ref_logp, score = token_logp(np.array(tree)), token_logp(np.array(ref)), np.array(score)
    reward = loss(score, logp, ref_logp, np.ones((9, 2)), **p)
    to_go = np.cumsum(reward[:, ::-1], axis=1)[:, ::-1]
    total = score - p["beta"] * np.sum(logp - ref_logp, axis=1)
    want = slope_of_expectation(np.array(tree), total)
    same(push(np.array(tree), to_go), want, room=rounding(1e-8, 1e-2))


def critic_cannot_bias(loss, x, p, tree, score, critic):
    """γ = λ = 1: whatever the critic says, the expected gradient is that of the expected reward"""
    reward = np.stack([np.array(score)[3 * LEAVES[:, 0]], np.array(score)], axis=1)
    value = np.stack([np.full(9, critic[0]), np.array(critic)[1 + LEAVES[:, 0]]], axis=1)
    advantage = loss(reward, value, np.ones((9, 2)), **p | {"gamma": 1.0, "lam": 1.0})[0]
    want = slope_of_expectation(np.array(tree), np.sum(reward, axis=1))
    same(push(np.array(tree), advantage), want, room=rounding(1e-8, 1e-2))


SEQUENCE_KL = law("KL6", pushes_down_the_sequence_kl, tree=trees, ref=trees, score=nine)
UNBIASED = law("RE4", critic_cannot_bias, tree=trees, score=nine, critic=four)
