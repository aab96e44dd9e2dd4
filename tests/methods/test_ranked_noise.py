"""Label noise reaches the methods that learn from rankings."""

import numpy as np
import pytest
from recorder import USUAL, record, setting, take_one_step

from tinyalign.methods import labels

__all__ = ["record"]  # a fixture


def test_a_right_ranking_leaves_the_rewards_as_they_are():
    reward = np.array([[3.0, 1.0, 2.0], [0.5, 0.5, -1.0]])
    order = np.array([[0, 2, 1], [1, 0, 2]])
    assert np.array_equal(labels.rewards_by_rank(reward, order), reward)


def test_a_wrong_ranking_gives_the_best_reward_to_the_completion_that_it_puts_first():
    reward, order = np.array([[3.0, 1.0, 2.0]]), np.array([[1, 2, 0]])
    assert labels.rewards_by_rank(reward, order).tolist() == [[1.0, 3.0, 2.0]]


@pytest.mark.parametrize("name", ["rrhf", "infonca", "nca"])
def test_noise_changes_what_is_trained_on_and_no_noise_does_not(record, name):
    """Of many prompts: the rewards of their samples as scored, or exchanged among completions."""
    for noise, exchanged in ((0.0, False), (1.0, True)):
        calls = record("ranked_step")
        many = USUAL | {"batch_size": 200, "num_pairs": 60}
        made, scored = setting(name, label_noise=noise, **many)
        take_one_step(made)
        _, _, _, reward = calls[0].arrays
        of_prompt = {tuple(row) for row in scored[0][2].reshape(-1, reward.shape[1])}
        fed = {tuple(row) for row in reward}
        assert {tuple(sorted(row)) for row in fed} <= {tuple(sorted(row)) for row in of_prompt}
        assert (fed <= of_prompt) != exchanged
