"""Evaluation: figures of a policy and of a judge, against sums over every completion."""

import numpy as np
import pytest
from devices import fetched, sent
from optima import ARMS, CONTEXTS, REWARD, judge, log_policy, setting
from preparation import log_softmax, table
from recorder import setting as addition

from tinyalign.methods import evaluate

SIZE = 400


def rng():
    return np.random.default_rng(0)


def test_a_policy_is_measured_on_held_out_prompts():
    """KL, entropy and accuracy exactly, KL(policy ‖ start) and not the reverse; the reward of
    samples within 5 standard errors."""
    made = setting("dpo", eval_size=SIZE)
    params = table(made, 6)
    new, old = log_policy(params), log_policy(made.initial_policy)
    found, chance = evaluate.evaluate_policy(made, params, rng()), np.exp(new)
    kl = np.sum(chance * (new - old), axis=1).mean()
    assert abs(kl - np.sum(np.exp(old) * (old - new), axis=1).mean()) > 0.05
    assert found["eval_kl"] == pytest.approx(kl, rel=1e-5)
    assert found["eval_entropy"] == pytest.approx(-np.sum(chance * new, axis=1).mean(), rel=1e-5)
    assert found["eval_accuracy"] == np.mean(new.argmax(axis=1) == REWARD.argmax(axis=1))
    mean = np.sum(chance * REWARD, axis=1)
    error = np.sqrt((np.sum(chance * REWARD**2, axis=1) - mean**2).mean() / SIZE)
    assert abs(found["eval_reward"] - mean.mean()) < 5 * error
    assert set(found) == {
        "eval_kl", "eval_entropy", "eval_accuracy", "eval_reward", "eval_optimum_kl",
    }  # fmt: skip


def test_a_task_with_three_attempts_reports_pass_at_1_and_pass_at_3():
    """Within 5 standard errors. The policy gives the best arm half of the time; at another
    temperature than 1 it would give it more often, or less."""
    made = setting("dpo", eval_size=SIZE)
    made = made._replace(task=made.task._replace(attempts=3))
    logits = np.zeros((ARMS, ARMS), np.float32)
    logits[:CONTEXTS] = 2 * REWARD
    params = {"table": sent(logits)}
    found = evaluate.evaluate_policy(made, params, rng())
    right = np.exp(log_policy(params))[np.arange(CONTEXTS), REWARD.argmax(axis=1)]
    assert 0.4 < right.mean() < 0.6
    for k, draws in ((1, 6 * 100), (3, 2 * 100)):  # six samples of each of 100 prompts
        share = 1 - (1 - right) ** k
        error = np.sqrt((share * (1 - share)).mean() / draws)
        assert abs(found[f"eval_pass@{k}"] - share.mean()) < 5 * error


def test_a_kl_is_a_sum_over_the_tokens_of_a_completion():
    """Of one to three tokens, on problems that training does not see."""
    made, scored = addition("grpo", eval_size=50)
    params = table(made, 6)
    kl = evaluate.evaluate_policy(made, params, rng())["eval_kl"]
    ((prompts, texts, _),) = scored
    assert set(prompts) <= set(made.task.held_out) and not set(prompts) & set(made.task.train)
    new, old = (
        log_softmax(fetched(p["table"]).astype(float)) for p in (params, made.initial_policy)
    )
    each = np.sum(np.exp(new) * (new - old), axis=1)  # after every token
    ids, end, total = {c: i for i, c in enumerate(made.task.alphabet)}, len(new) - 1, 0.0
    for text in texts:
        read = ["=", *text][: made.task.max_new_tokens]
        total += sum(each[ids[character]] for character in read)
    assert end not in ids.values()
    assert kl == pytest.approx(total / len(texts), rel=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_judge_is_measured_on_pairs_of_held_out_prompts(sign):
    """A judge whose scores are the rewards is always right without doubt; with the opposite, never.
    As many pairs as were typed, 200 at most."""
    asked, made = [], setting("reward", num_pairs=50, label_temperature=0.0)
    task = made.task

    def reward(prompts, arms, finished):
        asked.extend(prompts)
        return task.reward(prompts, arms, finished)

    made = made._replace(task=task._replace(train=("a",), held_out=("b",), reward=reward))
    found = evaluate.evaluate_reward_model(made, judge(made, sign), rng())
    assert found == {"eval_accuracy": float(sign == 1)}
    assert asked == ["b"] * 50 * made.config.num_generations
