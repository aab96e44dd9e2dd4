"""How many problems an evaluation asks, how often, and what best-of-n makes of them."""

import dataclasses

import numpy as np
import pytest
from optima import BANDIT, REWARD, judge
from optima import setting as on_bandit
from preparation import table
from recorder import setting

from tinyalign.methods import evaluate


def test_best_of_n_looks_at_as_many_problems_as_typed():
    """All of the four held-out problems as often as they fit into 10, with no optimizer state."""
    made, scored = setting("best_of_n", num_generations=3, eval_size=10)
    few = made.task._replace(held_out=made.task.held_out[:4])
    right = few._replace(success=lambda prompts, texts, finished: np.arange(len(prompts)) < 2)
    made = made._replace(task=right)
    stage = made.method.stage(made)
    network = stage.networks["policy"]
    assert network.params is made.initial_policy
    assert (network.adam.mean.size, network.adam.square.size, network.adam.step) == (0, 0, 0)
    networks, metrics = stage.train_step(stage.networks, None, 0)
    assert metrics == {"completions_sampled": 3 * 8} and networks is stage.networks
    assert (made.config.steps, stage.steps, stage.samples) == (1, 1, 0)
    found = stage.evaluate(networks, np.random.default_rng(0))
    assert found["eval_accuracy"] == 2 / 8
    (asked, _, _), (kept, _, _) = scored
    assert kept == 2 * list(few.held_out) and asked == [prompt for prompt in kept for _ in "abc"]
    made = made._replace(config=dataclasses.replace(made.config, eval_size=2))
    _, metrics = made.method.stage(made).train_step({}, None, 0)
    assert metrics == {"completions_sampled": 3 * 2}


def test_best_of_n_reads_a_learned_reward_and_reports_the_true_one():
    """A judge that says the opposite of the truth picks the worst of many: the worst arm."""
    made = on_bandit("best_of_n", num_generations=200, eval_size=6)
    made = made._replace(reward_model=judge(made, -1))
    found = made.method.stage(made).evaluate({}, np.random.default_rng(0))
    assert found["eval_reward"] == pytest.approx(REWARD.min(axis=1).mean())
    assert found["eval_accuracy"] == 0


@pytest.mark.parametrize(
    "count, places", [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, range(10)), (99, range(10))]
)
def test_a_few_prompts_are_taken_evenly(count, places):
    """From the first to the last; all of them where that is not more than asked for."""
    assert evaluate.subsample_evenly(list(range(10)), count) == list(places)


@pytest.mark.parametrize("size, asked", [(3, 3), (8, 8), (15, 8), (17, 16)])
def test_an_evaluation_asks_every_problem_as_often_as_fits(size, asked):
    """Eight held-out problems; the likeliest completion is looked at once for each."""
    greedy, (made, scored) = [], setting("grpo", eval_size=size)
    task = made.task._replace(held_out=made.task.held_out[:8])

    def success(prompts, texts, finished):
        greedy.append(prompts)
        return np.arange(len(prompts)) == 0

    made = made._replace(task=task._replace(success=success))
    found = evaluate.evaluate_policy(made, table(made, 2), np.random.default_rng(0))
    ((prompts, _, reward),) = scored
    assert len(prompts) == asked and len(greedy[0]) == min(size, 8)
    assert found["eval_accuracy"] == pytest.approx(1 / min(size, 8))
    assert found["eval_reward"] == pytest.approx(reward.mean())


@pytest.mark.parametrize("attempts", [2, 3])
def test_several_attempts_are_estimated_from_twice_as_many_samples(attempts):
    """Of at most 100 problems, of which every second is always solved: any k does not help."""
    asked, made = [], on_bandit("grpo", eval_size=150)

    def success(prompts, arms, finished):
        asked.append(prompts)
        return np.array([prompt == BANDIT.held_out[0] for prompt in prompts], float)

    task = BANDIT._replace(attempts=attempts, success=success)
    found = evaluate.evaluate_policy(
        made._replace(task=task), table(made, 2), np.random.default_rng(0)
    )
    assert len(asked[1]) == 2 * attempts * 100
    assert found["eval_pass@1"] == found[f"eval_pass@{attempts}"] == 0.5
    assert "eval_pass@1" not in evaluate.evaluate_policy(
        made, table(made, 2), np.random.default_rng(0)
    )


def test_a_judge_is_measured_on_200_pairs_at_most():
    asked, made = [], on_bandit("reward", num_pairs=500, num_generations=3)

    def reward(prompts, arms, finished):
        asked.append(len(prompts))
        return BANDIT.reward(prompts, arms, finished)

    made = made._replace(task=BANDIT._replace(reward=reward))
    evaluate.evaluate_reward_model(made, judge(made, 1), np.random.default_rng(0))
    assert asked == [200 * 3]
