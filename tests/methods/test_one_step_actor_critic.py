"""What PPO, RAFT and online DPO give to their steps, worked out from the text."""

import numpy as np
import pytest
from devices import fetched, sent
from preparation import table
from recorder import (
    BETA,
    END,
    ONE,
    TEMPERATURE,
    USUAL,
    G,
    P,
    assert_measured,
    logp_of,
    near,
    one_step,
    own_logp,
    record,
    reward_to_come,
    setting,
    take_one_step,
    texts_of,
    whiten,
)

from tinyalign import losses

__all__ = ["record"]  # a fixture


def test_ppo_steps_on_whitened_gae_and_its_critic_on_returns(record):
    """The critic reads two tokens off its head; γ = 0.9, λ = 0.7, worked out from the end."""
    actor, fitted = record("policy_gradient_step"), record("critic_step")
    typed = {"gamma": 0.9, "lam": 0.7, "epsilon": 0.17, "entropy_coef": 0.02}
    made, scored = setting("ppo", **USUAL, **ONE, **typed)
    moved, size = table(made, 2), END + 1
    head = np.random.default_rng(5).normal(size=(size * size, 1)).astype(np.float32)
    critic = {"trunk": moved, "head": sent({"w": head, "b": np.full(1, 0.25, np.float32)})}
    _, metrics = one_step(made, policy=moved, critic=critic)
    ((_, (batch,), options),), ((_, fit, asked),), ((prompts, texts, reward),) = (
        actor,
        fitted,
        scored,
    )
    old, ref = own_logp(made, moved, batch, prompts, texts)
    read = batch.tokens[:, :-1]
    before = np.concatenate([read[:, :1], read[:, :-1]], axis=1)
    value = head[before * size + read, 0] + 0.25
    shaped, _ = reward_to_come(reward, old, ref, batch.mask)
    advantage = np.zeros_like(shaped)
    for i, row in enumerate(batch.mask):
        after = gained = 0.0
        for t in np.flatnonzero(row)[::-1]:
            gained = shaped[i, t] + 0.9 * after - value[i, t] + 0.9 * 0.7 * gained
            advantage[i, t], after = gained, value[i, t]
    near(batch.advantage, whiten(advantage, batch.mask))
    tokens, mask, old_value, returns = fit
    assert np.array_equal(tokens, batch.tokens) and np.array_equal(mask, batch.mask)
    near(old_value * mask, value * mask)
    near(returns * mask, (advantage + value) * mask)
    assert asked["clip"] == 0.17 and asked["step_size"] == options["step_size"]
    assert options["surrogate"] is made.method.surrogate and options["clip"] == 0.17
    x = np.arange(batch.mask.size, dtype=float).reshape(batch.mask.shape)
    near(options["reduce"](x, batch.mask), np.sum(x * batch.mask) / np.sum(batch.mask))
    assert (options["beta"], options["entropy_coef"], options["temperature"]) == (0, 0.02, 0.8)
    assert_measured(metrics, batch.mask, old, ref, reward.reshape(P, G))


def test_raft_steps_on_the_best_of_each_prompt_whose_completions_differ(record):
    calls = record("sft_step")
    made, scored = setting("raft", **USUAL | {"num_generations": 2, "batch_size": 20})
    take_one_step(made, policy=table(made, 2))
    (call,), ((prompts, texts, reward),) = calls, scored
    best = [i + reward[i : i + 2].argmax() for i in range(0, 40, 2) if np.ptp(reward[i : i + 2])]
    assert 5 < len(best) < 20
    fed = [(prompt, text) for prompt, text, _ in texts_of(*call.arrays)]
    assert fed == [(prompts[i], texts[i]) for i in best]


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_online_dpo_steps_on_pairs_of_its_own_samples(record, noise):
    """One pair for each prompt whose completions differ, the better one chosen; the worse one where
    every label is wrong."""
    calls = record("preference_step")
    made, scored = setting("online_dpo", **USUAL | {"batch_size": 20}, label_noise=noise)
    take_one_step(made, policy=table(made, 2))
    (call,), ((prompts, texts, reward),) = calls, scored
    tokens, mask, ref_logp = call.arrays
    rows = [(prompt, text) for prompt, text, _ in texts_of(tokens, mask)]
    worth = dict(zip(zip(prompts, texts, strict=True), reward, strict=True))
    pairs = list(zip(rows[: len(rows) // 2], rows[len(rows) // 2 :], strict=True))
    asked = [prompts[i] for i in range(0, 80, G) if np.ptp(reward[i : i + G])]
    assert [chosen[0] for chosen, _ in pairs] == [rejected[0] for _, rejected in pairs] == asked
    assert {worth[chosen] > worth[rejected] for chosen, rejected in pairs} == {noise == 0}
    near(ref_logp * mask, logp_of(made.initial_policy, tokens, TEMPERATURE) * mask)
    assert call.options["temperature"] == TEMPERATURE
    assert call.options["loss"].func is losses.dpo
    assert call.options["loss"].keywords == {"beta": BETA}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_online_dpo_compares_policy_and_reference_at_one_temperature(temperature):
    """A policy that has not moved implies rewards of 0, and a loss of log 2, at any temperature."""
    made, _ = setting("online_dpo", **USUAL | {"temperature": temperature, "batch_size": 20})
    _, metrics = take_one_step(made)
    near(fetched(metrics["rewards/chosen"]), 0.0)
    near(fetched(metrics["rewards/rejected"]), 0.0)
    near(fetched(metrics["loss"]), np.log(2))
