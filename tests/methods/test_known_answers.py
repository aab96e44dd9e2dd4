"""Trained policies against answers worked out here by enumeration, without the library's help."""

import numpy as np
import pytest
from devices import fetched, here, sent

from tinyalign import policy
from tinyalign.engine.tree import value_and_grad
from tinyalign.losses import preference
from tinyalign.methods.steps import StepSize, init_train_state, update
from tinyalign.models import tabular
from tinyalign.runs import files, plan, train
from tinyalign.runs.config import Config
from toy_envs import bandit

BETA = 0.5
REWARD = bandit.reward_table(contexts=4, arms=8)  # (4, 8)
CONTEXTS, ARMS = REWARD.shape


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def kl(p, q):
    """KL(p ‖ q) of each row, nats."""
    return np.sum(p * np.log(p / q), axis=1)


def some_reference():
    """Logits of a reference policy that prefers some arms."""
    return np.random.default_rng(5).normal(size=(ARMS, ARMS))


def every_pair():
    """Rows of tokens for all ordered pairs of arms in all contexts: chosen, rejected, weight.

    The weight is how often a pair drawn uniformly is labelled so: Bradley and Terry's σ(r_i − r_j).
    """
    context, i, j = np.indices((CONTEXTS, ARMS, ARMS)).reshape(3, -1)
    wins = 1 / (1 + np.exp(REWARD[context, j] - REWARD[context, i]))
    return np.stack([context, i], 1), np.stack([context, j], 1), wins / len(wins)


def trained(loss, steps):
    """The tabular policy, float64, after Adam with a decaying rate, as (CONTEXTS, ARMS) probs."""
    network = init_train_state(sent({"table": some_reference()}))
    for step in range(steps):
        optimizer = StepSize(0.05 * (1 - step / steps), max_grad_norm=1e9)
        network, _ = update(network, value_and_grad(loss)(network.params), optimizer)
    return softmax(fetched(network.params["table"])[:CONTEXTS])


def closed_form(beta):
    """π* ∝ π_ref e^{r/β} for the reference above."""
    return softmax(some_reference()[:CONTEXTS] + REWARD / beta)


def test_dpo_on_population_preferences_reaches_the_closed_form():
    """KL(π ‖ π*) < 1e-6 where π* ∝ π_ref e^{r/β}: the RLHF optimum without a reward model."""
    chosen, rejected, weight = sent(every_pair())
    frozen = sent({"table": some_reference()})
    reference = [policy.token_logp(tabular, frozen, rows)[:, 0] for rows in (chosen, rejected)]

    def loss(params):
        scores = [policy.token_logp(tabular, params, rows)[:, 0] for rows in (chosen, rejected)]
        return (weight * preference.dpo(*scores, *reference, beta=BETA)).sum(), {}

    assert np.all(kl(softmax(some_reference()[:CONTEXTS]), closed_form(BETA)) > 0.1)
    assert np.all(kl(trained(loss, 1500), closed_form(BETA)) < 1e-6)


def test_the_exact_policy_gradient_with_kl_reaches_the_closed_form():
    """The maximiser of E r − β KL(π ‖ π_ref), all expectations exact, is π*: KL < 1e-6."""
    arms = np.indices((CONTEXTS, ARMS)).reshape(2, -1).T  # every context with every arm
    reference = {"table": some_reference()}
    frozen = here(policy).token_logp(tabular, reference, arms)[:, 0]
    arms, frozen, reward = sent((arms, frozen, REWARD.reshape(-1)))

    def loss(params):
        logp = policy.token_logp(tabular, params, arms)[:, 0]
        probability = np.e**logp
        gain = probability * (reward - BETA * (logp - frozen))
        return -gain.sum() / CONTEXTS, {}

    assert np.all(kl(trained(loss, 1500), closed_form(BETA)) < 1e-6)


def forward_kl_optimum(beta):
    """argmax E_π r − β KL(π_ref ‖ π), π_ref uniform: π_i = β/(K(λ − r_i)), λ by bisection."""
    low, high = REWARD.max(axis=1) + 1e-12, REWARD.max(axis=1) + beta
    for _ in range(200):
        middle = (low + high) / 2
        total = np.sum(beta / ARMS / (middle[:, None] - REWARD), axis=1)
        low, high = np.where(total > 1, middle, low), np.where(total > 1, high, middle)
    return beta / ARMS / (middle[:, None] - REWARD)


def final_policy(tmp_path, method, **settings):
    """The policy that a run of the command's own stages ends with, as probabilities."""
    job = plan.plan_run([method], Config(env="bandit", beta=1.0, **settings))
    train.run(job, tmp_path / f"{method}-{settings['seed']}")
    tree, _ = files.load_tree(tmp_path / f"{method}-{settings['seed']}" / "model.safetensors")
    return softmax(fetched(tree["policy"]["table"]).astype(np.float64)[:CONTEXTS])


@pytest.mark.parametrize("seed", [0, 1])
def test_ppo_ends_at_the_rlhf_optimum(tmp_path, seed):
    """KL in the reward: the optimum is e^{r/β}/Z (uniform reference). Stated bound: 1e-3."""
    found = final_policy(tmp_path, "ppo", seed=seed, steps=60)
    assert np.all(kl(found, softmax(REWARD)) < 1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_grpo_ends_at_the_optimum_of_its_own_objective(tmp_path, seed):
    """k3 as a loss is the forward KL(π_ref ‖ π), and a mean over the own group of G = 8 shrinks
    the gradient of the reward to 7/8. Bounds: 1e-3 to that optimum, 0.03 to RLHF's π*."""
    found = final_policy(tmp_path, "grpo", seed=seed, advantage="center")
    own = forward_kl_optimum(8 / 7)
    assert np.all(kl(found, own) < 1e-3)
    assert np.all(kl(found, softmax(REWARD)) < 0.03)
    assert np.all(kl(own, softmax(REWARD)) > 5e-3)  # the two do differ


@pytest.mark.parametrize("seed", [0, 1])
def test_dpo_on_sampled_pairs_comes_near_the_optimum(tmp_path, seed):
    """4,000 pairs labelled by Bradley and Terry's law: KL(π ‖ π*) below a stated 0.05."""
    found = final_policy(tmp_path, "dpo", seed=seed)
    assert np.all(kl(found, softmax(REWARD)) < 0.05)
