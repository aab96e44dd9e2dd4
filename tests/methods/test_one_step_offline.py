"""What each stage that learns from fixed examples gives to its step, worked out from the text."""

from collections import Counter

import numpy as np
import pytest
from preparation import table
from recorder import (
    ADDITION,
    likeliest_of,
    logp_of,
    near,
    points,
    record,
    rewards_of,
    setting,
    take_one_step,
    texts_of,
)

from tinyalign import losses
from tinyalign.methods import labels, samples
from tinyalign.runs import plan
from tinyalign.runs.config import Config
from toy_envs.feedback import Pairs

__all__ = ["record"]  # a fixture
PAIRWISE = ("chosen", "rejected")
SIZE = 40


def roles_of(call, roles):
    """{role: (rows as texts, their rewards)} of a step's arrays; R·B rows, role after role."""
    tokens, mask, *_ = call.arrays
    assert len(tokens) == len(mask) == SIZE * len(roles)
    assert tokens.shape[1] == mask.shape[1] + 1
    parts = zip(np.split(tokens, len(roles)), np.split(mask, len(roles)), strict=True)
    return {role: (texts_of(*p), rewards_of(*p)) for role, p in zip(roles, parts, strict=True)}


def prompts_agree(roles):
    first, *others = ([prompt for prompt, *_ in rows] for rows, _ in roles.values())
    return len(set(first)) == 7 and all(other == first for other in others)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing(record):
    """4 steps up, 6 down: step 1 is half way up, step 3 the peak, step 7 half way down."""
    calls = record("sft_step")
    made, _ = setting("sft", steps=10, learning_rate=0.8, max_grad_norm=0.3)
    for step in (0, 1, 3, 4, 7, 9):
        take_one_step(made, step)
    rates = [call.options["step_size"].learning_rate for call in calls]
    assert rates == pytest.approx([0.2, 0.4, 0.8, 0.8, 0.4, 0.8 / 6])
    assert {call.options["step_size"].max_grad_norm for call in calls} == {0.3}


@pytest.mark.parametrize(
    "name, step",
    [("sft", "sft_step"), ("reward", "reward_model_step"), ("dpo", "preference_step"),
     ("kto", "unpaired_step"), ("nca", "ranked_step"), ("raft", "sft_step"),
     ("online_dpo", "preference_step"), ("grpo", "policy_gradient_step")],
)  # fmt: skip
def test_every_stage_keeps_to_the_schedule(record, name, step):
    """Half of the peak at the second of four steps up; the step gets the stage's own model."""
    calls = record(step)
    made, _ = setting(name, steps=10, learning_rate=0.8, max_grad_norm=0.3)
    networks, _ = take_one_step(made)
    assert calls[0].options["step_size"] == (pytest.approx(0.4), 0.3)
    assert calls[0].options["model"] is made.model
    assert [state.adam for state in networks.values()] == [len(calls)]  # what it handed back


def test_supervised_steps_on_solutions_that_end(record):
    (calls, (made, _)) = record("sft_step"), setting("sft", batch_size=SIZE)
    take_one_step(made)
    rows = texts_of(*calls[0].arrays)
    assert len(rows) == SIZE and len({prompt for prompt, *_ in rows}) == 7
    for prompt, text, finished in rows:
        assert finished and int(text) == int(prompt[0]) + int(prompt[2])


def test_a_reward_model_steps_on_chosen_and_rejected(record):
    (calls, (made, _)) = record("reward_model_step"), setting("reward", batch_size=SIZE)
    take_one_step(made)
    roles = roles_of(calls[0], PAIRWISE)
    assert prompts_agree(roles)
    assert np.all(roles["chosen"][1] > roles["rejected"][1])


@pytest.mark.parametrize("name", ["dpo", "cpo", "rso"])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_pairs_are_fed_with_their_reference(record, name, noise):
    """Without doubt the chosen completion earns more, and less where every label is wrong; ref_logp
    is the start's, while the policy is elsewhere."""
    calls = record("preference_step")
    made, scored = setting(name, batch_size=SIZE, label_noise=noise, temperature=0.9, beta=0.7)
    take_one_step(made, policy=table(made, 2))
    (call,), ((_, texts, _),) = calls, scored
    roles = roles_of(call, PAIRWISE)
    assert prompts_agree(roles)
    gap = roles["chosen"][1] - roles["rejected"][1]
    assert np.all(gap < 0 if noise else gap > 0)
    assert {text for rows, _ in roles.values() for _, text, _ in rows} <= set(texts)
    tokens, mask, ref_logp = call.arrays
    near(ref_logp * mask, logp_of(made.initial_policy, tokens) * mask)
    assert call.options["roles"] == PAIRWISE and call.state.params is not made.initial_policy
    loss = call.options["loss"]
    assert (loss.func, loss.keywords) == (made.method.loss, {"beta": 0.7})


def test_triples_are_gold_above_chosen_above_rejected(record):
    calls = record("preference_step")
    made, _ = setting("tpo", batch_size=SIZE, beta=0.7)
    take_one_step(made, policy=table(made, 2))
    roles = roles_of(calls[0], ("gold", *PAIRWISE))
    gold, chosen, rejected = (reward for _, reward in roles.values())
    assert prompts_agree(roles)
    assert np.all(gold >= chosen) and np.any(gold > chosen) and np.all(chosen > rejected)
    assert calls[0].options["roles"] == ("gold", *PAIRWISE)


def test_rejection_sampling_compares_the_best_and_the_worst_that_were_accepted():
    """At a tiny β only completions as good as the best are accepted: nothing is left to compare.
    At a huge one all are: best and worst of each prompt that does not tie, exchanged by noise."""
    reward = np.array([[1.0, 3.0, 2.0], [5.0, 5.0, 5.0], [0.0, -1.0, -4.0]])
    rng = np.random.default_rng(0)
    assert len(labels.accepted_pairs(reward, rng, beta=1e-6, noise=0.0).prompt) == 0
    for noise, columns in ((0.0, ([1, 0], [0, 2])), (1.0, ([0, 2], [1, 0]))):
        found = labels.accepted_pairs(reward, rng, beta=1e9, noise=noise)
        for column, expected in zip(found, ([0, 2], *columns), strict=True):
            assert column.tolist() == expected
        assert isinstance(found, Pairs)


def test_thumbs_are_fed_with_completions_of_other_prompts(record):
    """Liked is what earns more than the mean; the mismatched completion of a row is what was drawn
    for the prompt before it; both come with the start's log-probability."""
    calls = record("unpaired_step")
    settings = {"num_generations": 3, "num_pairs": 30, "label_temperature": 0.0}
    made, scored = setting("kto", batch_size=SIZE, beta=0.7, **settings)
    take_one_step(made, policy=table(made, 2))
    (call,), ((prompts, texts, reward),) = calls, scored
    ((tokens, mask, ref_logp, desirable, *mismatched, mismatched_ref),) = call.arrays
    other = np.roll(texts, 3)
    own, odd = texts_of(tokens, mask), texts_of(*mismatched)
    drawn = set(zip(prompts, texts, other, reward > reward.mean(), strict=True))
    fed = {(p, t, s, d == 1) for (p, t, _), (_, s, _), d in zip(own, odd, desirable, strict=True)}
    assert len(own) == SIZE and len(fed) > 20 and fed <= drawn
    assert [prompt for prompt, *_ in own] == [prompt for prompt, *_ in odd]
    near(ref_logp, np.sum(logp_of(made.initial_policy, tokens) * mask, axis=1))
    logp = logp_of(made.initial_policy, mismatched[0])
    near(mismatched_ref, np.sum(logp * mismatched[1], axis=1))
    odds = np.mean(reward > reward.mean()) / np.mean(reward <= reward.mean())
    weights = {"weight_desirable": max(1, 1 / odds), "weight_undesirable": max(1, odds)}
    assert call.options["loss"].keywords == pytest.approx({"beta": 0.7, **weights})
    assert call.options["loss"].func is losses.kto


def test_thumbs_in_doubt_are_wrong_now_and_then(record):
    """At a doubt of 1 a completion that is a point above the mean is disliked 1 time in 4."""
    calls = record("unpaired_step")
    made, scored = setting("kto", batch_size=400, num_pairs=50, label_temperature=1.0)
    take_one_step(made)
    ((tokens, mask, _, desirable, *_),) = calls[0].arrays
    above = rewards_of(tokens, mask) > scored[0][2].mean()
    assert 0.55 < np.mean(above == desirable) < 0.9


@pytest.mark.parametrize("name", ["rrhf", "infonca"])
def test_rankings_are_fed_with_all_rewards(record, name):
    """batch_size groups of one prompt's completions, the reward of each, the start's logp."""
    calls = record("ranked_step")
    made, _ = setting(name, batch_size=SIZE // 4, num_generations=4, beta=0.7)
    take_one_step(made, policy=table(made, 2))
    tokens, mask, ref_logp, reward = calls[0].arrays
    assert (tokens.shape[:2], mask.shape[:2], reward.shape) == 3 * ((SIZE // 4, 4),)
    flat, flat_mask = tokens.reshape(SIZE, -1), mask.reshape(SIZE, -1)
    near(reward.ravel(), rewards_of(flat, flat_mask))
    asked = [prompt for prompt, *_ in texts_of(flat, flat_mask)]
    assert all(len(set(asked[i : i + 4])) == 1 for i in range(0, SIZE, 4))
    assert np.all(reward.max(axis=1) > reward.min(axis=1))
    near(ref_logp.reshape(SIZE, -1) * flat_mask, logp_of(made.initial_policy, flat) * flat_mask)
    assert calls[0].options["loss"].func is made.method.loss


def test_best_of_n_keeps_the_best_of_each_group_and_trains_nothing():
    made, scored = setting("best_of_n", num_generations=5, eval_size=12)
    stage = made.method.stage(made)
    networks, metrics = stage.train_step(stage.networks, np.random.default_rng(0), 0)
    assert networks is stage.networks and stage.steps == 1
    likeliest, _ = setting("best_of_n", num_generations=5, eval_size=12, temperature=1e-3)
    alike = likeliest.method.stage(likeliest).evaluate(networks, np.random.default_rng(0))
    assert alike["eval_reward"] == points(*likeliest_of(likeliest.initial_policy))
    found = stage.evaluate(networks, np.random.default_rng(0))
    (prompts, texts, reward), (asked, kept, _) = scored
    best = reward.reshape(-1, 5).argmax(axis=1) + 5 * np.arange(len(reward) // 5)
    assert metrics == {"completions_sampled": len(reward)}
    assert prompts == [prompt for prompt in asked for _ in range(5)]
    assert set(asked) <= set(ADDITION.held_out) and max(Counter(asked).values()) <= 2
    assert kept == [texts[i] for i in best]
    assert found["eval_reward"] == pytest.approx(reward[best].mean())


def test_the_examples_of_a_stage_are_drawn_once_and_its_rows_each_step(record):
    """Prepared again from the same setting a stage goes on as it would have: the rows of a step
    depend on the generator given to it and on nothing else."""
    calls = record("preference_step")
    for _ in range(2):
        made, scored = setting("dpo", batch_size=SIZE)
        stage = made.method.stage(made)
        for seed in (1, 2):
            stage.train_step(stage.networks, np.random.default_rng(seed), 0)
        assert len(scored) == 1 and stage.samples == len(scored[0][1])
    first, second, again, last = (call.arrays[0] for call in calls)
    assert np.array_equal(first, again) and np.array_equal(second, last)
    assert not np.array_equal(first, second)


def test_chunks_do_not_tear_apart_the_completions_of_a_prompt():
    """Groups of 3 in chunks of about 32 rows, on a model that shares prompts, against rows that
    share nothing."""
    job = plan.plan_run(["tpo"], Config(digits=1, width=16, layers=1))
    made = plan.stage_inputs(job, 1, job.initial_params)
    rng = np.random.default_rng(0)
    prompts, own = rng.integers(12, size=(20, 4)).repeat(3, axis=0), rng.integers(12, size=(60, 3))
    tokens, mask = np.concatenate([prompts, own], axis=1), np.tile([0.0, 0, 0, 1, 1, 1], (60, 1))
    scored = [
        samples.batched_logp(made, made.initial_policy, tokens, mask, group=group, size=32)
        for group in (1, 3)
    ]
    near(scored[1], scored[0])


def test_log_probabilities_of_the_reference_are_put_together_in_order():
    """Whatever the size of the chunks in which they are worked out."""
    made, _ = setting("dpo")
    rng = np.random.default_rng(0)
    tokens, mask = rng.integers(13, size=(10, 6)), np.tile([0.0, 1, 1, 0, 0], (10, 1))
    for chunk in (1, 3, 10, 1024):
        near(
            samples.batched_logp(made, made.initial_policy, tokens, mask, size=chunk),
            logp_of(made.initial_policy, tokens) * mask,
        )
