"""Each method that learns from its own samples, through its own stage, to its own optimum.

Two prompts, four arms. The optimum is where the expected gradient, summed over every group of arms,
is 0. A stage comes near on samples; then its logits are averaged over K steps of P prompts at a
constant learning rate. By Polyak and Juditsky the average has the covariance H⁻¹·S·H⁻ᵀ/(K·P) around
the optimum, whatever the step size: H is the slope of the expected gradient and S the covariance of
one prompt's gradient there, both summed over every group too. Bounds are 5 standard errors, and
0.02 for the curvature of the gradient within the steps that Adam makes.
"""

from itertools import product

import numpy as np
import pytest
from optima import ARMS, CONTEXTS, REWARD, inverse, log_policy, log_softmax, setting, sigma

BETA, P, G, K = 0.5, 64, 3, 150
GROUPS = np.array(list(product(range(ARMS), repeat=G)))
EASY = {"warmup_steps": 0, "learning_rate": 0.1, "steps": 1000, "max_grad_norm": 100.0}
DRAWN = {"batch_size": P, "num_generations": G, "num_iterations": 1, "num_minibatches": 1}


def less_batch_mean(context, worth):
    """worth (C,): what every arm is worth at the optimum, its KL taken off: β·log Z."""
    return lambda x: x - worth.mean()


def less_greedy(context, worth):
    """The reward of the likeliest arm, without a KL."""
    return lambda x: x - REWARD[context].max()


def less_value(context, worth):
    """What a critic predicts that has learned."""
    return lambda x: x - worth[context]


def leave_one_out(context, worth):
    return lambda x: (x - x.mean(axis=1, keepdims=True)) * G / (G - 1)


def center(context, worth):
    return lambda x: x - x.mean(axis=1, keepdims=True)


def standardize(context, worth):
    return lambda x: (x - x.mean(1, keepdims=True)) / (x.std(1, ddof=1, keepdims=True) + 1e-4)


def rank(context, worth):
    """Midranks less their mean, over their spread."""

    def of(x):
        place = (x[:, :, None] > x[:, None]).sum(2) + (x[:, :, None] == x[:, None]).sum(2) / 2
        spread = place.std(axis=1, keepdims=True)
        return (place - place.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)

    return of


def forward(h):
    """β·k3 as a loss: its slope in log π is β·(1 − e^{−h}), h = log π − log π_ref."""
    return BETA * (1 - np.exp(-h))


def reverse(h):
    """β·k2 as a loss: β·h."""
    return BETA * h


def nowhere(h):
    return 0.0


CASES = {  # settings; own advantage, whether the KL is taken off the reward, its slope as a loss
    "reinforce": ({}, less_batch_mean, True, nowhere),
    "rloo": ({}, leave_one_out, True, nowhere),
    "remax": ({}, less_greedy, True, nowhere),
    "reinforce_pp": ({}, less_batch_mean, True, nowhere),
    "ppo": ({"num_iterations": 2}, less_value, True, nowhere),
    "grpo": ({}, standardize, False, forward),
    "grpo center": ({"advantage": "center", "kl": "k2"}, center, False, reverse),
    "grpo rank": ({"advantage": "rank"}, rank, False, forward),
    "gspo": ({}, standardize, False, forward),  # of one token: GRPO again
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("gspo",)]


def gradients(theta, context, ref, advantage, in_reward, in_loss):
    """(chance of every group, its gradient (groups, A)) of one prompt of a context."""
    logp = log_softmax(theta)
    x = REWARD[context][GROUPS] - (BETA * (logp - ref)[GROUPS] if in_reward else 0)
    weight = -advantage(x) + in_loss((logp - ref)[GROUPS])
    score = np.eye(ARMS)[GROUPS] - np.exp(logp)  # of log π(arm) in the logits
    return np.prod(np.exp(logp)[GROUPS], axis=1), np.mean(weight[:, :, None] * score, axis=1)


def root(expected, theta):
    """Logits at which an expected gradient is 0, by Newton's method; (them, its slope there)."""
    nudge, theta = 1e-5 * np.eye(ARMS), theta - theta.mean()
    for _ in range(100):
        slope = np.transpose([(expected(theta + d) - expected(theta - d)) / 2e-5 for d in nudge])
        here = expected(theta)
        if np.abs(here).max() < 1e-10:
            return theta, slope
        move = np.linalg.solve(slope + (np.sqrt(here @ here) + 1e-9) * np.eye(ARMS), here)
        theta = theta - move / max(1.0, np.abs(move).max())
        theta = theta - theta.mean()
    raise AssertionError(f"no root: {here}")


def averaged(made, seed=0):
    """Centred logits (C, A), averaged over K steps at a constant rate after 180 that come near."""
    stage, rng = made.method.stage(made), np.random.default_rng(seed)
    networks = stage.networks
    for count, step in ((120, 0), (60, 800), (K, 800)):  # at rates of 0.1, 0.02 and 0.02
        total = np.zeros((CONTEXTS, ARMS))
        for _ in range(count):
            networks, _ = stage.train_step(networks, rng, step)
            total = total + log_policy(networks["policy"].params) / count
    return total - total.mean(axis=1, keepdims=True)


def centered(logits):
    return logits - logits.mean(axis=-1, keepdims=True)


@pytest.mark.parametrize("name", [*list(CASES)[:-1], *SLOW])
def test_a_method_with_a_kl_ends_at_its_optimum(name):
    """Where the KL is in the reward that is π_ref·e^{r/β}/Z; GRPO's mean over the group takes 1/G
    off the reward, and with k2 in the loss its optimum is π_ref·e^{(1 − 1/G)·r/β}/Z."""
    more, advantage, in_reward, in_loss = CASES[name]
    made = setting(name.split()[0], beta=BETA, **EASY | DRAWN | more)
    found, ref = averaged(made), log_policy(made.initial_policy)
    worth = BETA * np.log(np.sum(np.exp(ref + REWARD / BETA), axis=1))
    for context in range(CONTEXTS):
        settings = ref[context], advantage(context, worth), in_reward, in_loss

        def expected(theta, c=context, settings=settings):
            chance, gradient = gradients(theta, c, *settings)
            return chance @ gradient

        best, slope = root(expected, ref[context])
        share = {"reverse": 1 - 1 / G}.get(in_loss.__name__, 1)
        if in_reward or in_loss is reverse:
            closed = centered(ref[context] + share * REWARD[context] / BETA)
            np.testing.assert_allclose(best, closed, atol=1e-6)
        chance, gradient = gradients(best, context, *settings)
        spread = np.einsum("n,ni,nj->ij", chance, gradient, gradient)
        back = inverse(slope)
        error = np.sqrt(np.diag(2 * back @ spread @ back.T / (K * P)))  # half of P is this context
        assert np.all(np.abs(found[context] - best) < 5 * error + 0.02)
        assert np.abs(centered(ref[context]) - best).max() > 5 * (5 * error.max() + 0.02)


def test_online_dpo_ends_at_its_optimum():
    """π_ref·e^{r/β}/Z, as DPO on pairs of any sampler. There S and H both are the sum of
    w·β²·σσ′·(e_i − e_j)(e_i − e_j)ᵀ over pairs, w how often a prompt gives the pair; a prompt whose
    draws are all one arm gives none."""
    made = setting("online_dpo", beta=BETA, **EASY | DRAWN)
    found, ref = averaged(made), log_policy(made.initial_policy)
    for context in range(CONTEXTS):
        best, information = centered(ref[context] + REWARD[context] / BETA), np.zeros((ARMS, ARMS))
        chance = np.prod(np.exp(log_softmax(best))[GROUPS], axis=1)
        for group, often in zip(GROUPS, chance, strict=True):
            pairs = [(i, j) for i, j in product(group, group) if i != j]
            for i, j in pairs:
                apart = np.eye(ARMS)[i] - np.eye(ARMS)[j]
                gap = REWARD[context][i] - REWARD[context][j]
                doubt = BETA**2 * sigma(gap) * sigma(-gap)
                information += often / len(pairs) * doubt * np.outer(apart, apart)
        error = np.sqrt(np.diag(2 * inverse(information) / (K * P)))
        assert np.all(np.abs(found[context] - best) < 5 * error + 0.02)
        assert np.abs(centered(ref[context]) - best).max() > 5 * error.max() + 0.02


@pytest.mark.parametrize("name", ["dr_grpo", "dapo", "cispo", "raft"])
def test_a_method_without_a_kl_ends_at_the_best_arm(name):
    """In each context; the policy started with less than half on it."""
    drawn = DRAWN | {"batch_size": 32}
    made = setting(name, **EASY | {"steps": 150}, **drawn)
    stage, rng = made.method.stage(made), np.random.default_rng(0)
    networks = stage.networks
    for step in range(150):
        networks, _ = stage.train_step(networks, rng, step)
    end, start = (np.exp(log_policy(p)) for p in (networks["policy"].params, made.initial_policy))
    best = np.arange(CONTEXTS), REWARD.argmax(axis=1)
    assert np.all(start[best] < 0.5) and np.all(end[best] > 0.97)
