"""A bandit of two prompts and four arms, and where a method's stage ends on it."""

import autograd.numpy as np
import preparation
import pytest
from autograd import grad
from devices import fetched, sent

from tinyalign.methods import steps
from toy_envs import bandit

CONTEXTS, ARMS = 2, 4
BANDIT = bandit.make(CONTEXTS, ARMS, seed=0)
REWARD = bandit.reward_table(CONTEXTS, ARMS, seed=0)
NEAR = 3e-3
BETA, EASY = 0.7, {"warmup_steps": 0, "learning_rate": 0.1, "steps": 300, "max_grad_norm": 100.0}
DRAWN = {"num_pairs": 300, "num_generations": 4, "label_noise": 0.1}


class Whole(np.random.Generator):
    """A generator that draws every row of the examples once: each step sees all of them, so that
    gradient descent ends at the optimum of the examples that were drawn, without noise."""

    def integers(self, high, size=None):
        return np.arange(high)


def setting(name, **settings):
    """A setting on this bandit whose start, and so its reference, is far from uniform."""
    return preparation.setting(name, **{"task": BANDIT, "table_seed": 1, **settings})


def log_softmax(theta):
    return theta - np.log(np.sum(np.exp(theta), axis=-1, keepdims=True))


def log_policy(params):
    """Log-probabilities of the arms in each context, (C, A), float64."""
    return log_softmax(fetched(params["table"])[:CONTEXTS].astype(float))


def trained(made, rng, count=300):
    """The networks of the setting's stage after `count` steps."""
    stage = made.method.stage(made)
    networks = stage.networks
    for step in range(count):
        networks, _ = stage.train_step(networks, rng, step)
    return networks


def descend(mean, theta, rounds=60):
    """The minimum of a function of logits, by Newton's method with a line search."""
    slope, shape, theta = grad(mean), theta.shape, theta.ravel()
    nudge = 1e-5 * np.eye(theta.size)

    def at(t):
        return slope(t.reshape(shape)).ravel()

    for _ in range(rounds):
        here = at(theta)
        if np.sqrt(here @ here) < 1e-9:
            break
        curvature = np.array([(at(theta + d) - at(theta - d)) / 2e-5 for d in nudge])
        bend, axes = np.linalg.eigh((curvature + curvature.T) / 2)
        move = axes @ (axes.T @ here / (np.abs(bend) + 1e-3 * np.sqrt(here @ here) + 1e-9))
        move, length = move / max(1.0, np.sqrt(move @ move)), 1.0
        before = mean(theta.reshape(shape))
        while length > 1e-6 and mean((theta - length * move).reshape(shape)) > before:
            length /= 2
        if length <= 1e-6:
            break  # at a kink no step of any length leads down
        theta = theta - length * move
    return theta.reshape(shape)


def settle(mean, theta, rounds=100):
    """Logits that minimise mean(logits, held) where what is held constant is worked out from the
    same logits: the place where a gradient vanishes that takes a part of the loss for a number."""
    for _ in range(rounds):
        last = theta
        theta = descend(lambda free, held=last: mean(free, held), last)
        if np.abs(log_softmax(theta) - log_softmax(last)).max() < 1e-7:
            break
    return theta


def plus(x):
    """log(1 + e^x) = −log σ(−x)."""
    return np.logaddexp(0, x)


def sigma(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


@pytest.fixture
def examples(monkeypatch):
    """examples(step name) -> a list that will hold the arrays of the first call of that step."""

    def watch(name):
        seen, step = [], getattr(steps, name)

        def watched(learner, *arrays, **options):
            seen.extend([] if seen else [fetched(arrays)])
            return step(learner, *arrays, **options)

        monkeypatch.setattr(steps, name, watched)
        return seen

    return watch


def whole(seed=0):
    return Whole(np.random.PCG64(seed))


def assert_same_policy(end, theta, start):
    """Every probability is that of the optimum, which the start was far from."""
    best = np.exp(log_softmax(theta))
    assert np.abs(np.exp(start) - best).max() > 10 * NEAR
    assert np.abs(np.exp(end) - best).max() < NEAR


def inverse(information):
    """Its inverse where logits differ; a constant added to all of them changes nothing."""
    return np.linalg.pinv(information, 1e-9)


def judge(made, sign):
    """A reward model on this bandit whose scores are the true rewards, or their opposites."""
    head = np.zeros((ARMS, ARMS), np.float32)
    head[:CONTEXTS] = sign * REWARD
    head = {"w": head.reshape(-1, 1), "b": np.zeros(1, np.float32)}
    return {"trunk": made.initial_policy, "head": sent(head)}
