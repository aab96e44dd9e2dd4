"""Expected gradients on a tree of two tokens with three choices each, by exact enumeration."""

from itertools import product

import numpy as np
from hypothesis import strategies as st

from tinyalign.laws.catalogue.domain import floats, log_softmax
from tinyalign.laws.harness.law import assert_close, law, rounding

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
    score = np.zeros((9, 2, 12))
    for leaf, (one, two) in enumerate(LEAVES):
        # the three logits of the second token that this first token leads to
        row = slice(3 + 3 * one, 6 + 3 * one)
        score[leaf, 0, :3] = np.eye(3)[one] - np.exp(log_softmax(tree[:3]))
        score[leaf, 1, row] = np.eye(3)[two] - np.exp(log_softmax(tree[row]))
    return score


def push(tree, weight):
    """E[Σ_t weight_t · score_t], weight (9, 2): what REINFORCE expects to do to the logits."""
    # (9,): probability of a whole completion
    chance = np.exp(np.sum(token_logp(tree), axis=1))
    return np.einsum("y,yt,yti->i", chance, weight, scores(tree))


def slope_of_expectation(tree, total):
    """The slope of E[total], total (9,) per completion."""
    return push(tree, np.stack([total, total], axis=1))


def follows_score_minus_sequence_kl(loss, x, p, tree, ref, score):
    """what is still to come, in front of the score, follows E[score] - β·KL of whole sequences"""
    logp, ref_logp, score = token_logp(np.array(tree)), token_logp(np.array(ref)), np.array(score)
    reward = loss(score, logp, ref_logp, np.ones((9, 2)), **p)
    # (9, 2): the reward of a token and of all that follow
    to_go = np.cumsum(reward[:, ::-1], axis=1)[:, ::-1]
    # the KL of a sequence is the sum of its tokens' log-ratios
    total = score - p["beta"] * np.sum(logp - ref_logp, axis=1)
    want = slope_of_expectation(np.array(tree), total)
    assert_close(push(np.array(tree), to_go), want, tolerance=rounding(1e-8, 1e-2))


def critic_cannot_bias(loss, x, p, tree, score, critic):
    """γ = λ = 1: whatever the critic says, the expected gradient is that of the expected reward"""
    # completions that share a first token share its reward: (9, 2)
    reward = np.stack([np.array(score)[3 * LEAVES[:, 0]], np.array(score)], axis=1)
    # one value before the first token, one after each choice of it
    value = np.stack([np.full(9, critic[0]), np.array(critic)[1 + LEAVES[:, 0]]], axis=1)
    advantage = loss(reward, value, np.ones((9, 2)), **p | {"gamma": 1.0, "lam": 1.0})[0]
    want = slope_of_expectation(np.array(tree), np.sum(reward, axis=1))
    assert_close(push(np.array(tree), advantage), want, tolerance=rounding(1e-8, 1e-2))


SEQUENCE_KL = law(follows_score_minus_sequence_kl, "KL6", tree=trees, ref=trees, score=nine)
UNBIASED = law(critic_cannot_bias, "RE4", tree=trees, score=nine, critic=four)
