"""Feedback: what annotators say about scored candidates, against the laws they follow."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toy_envs import arithmetic, bandit
from toy_envs.feedback import demonstrations, draw, pairs, rankings, thumbs, triples

seeds = st.integers(0, 2**32)
shapes = st.tuples(st.integers(1, 6), st.integers(3, 6))
coarse = shapes.flatmap(lambda s: arrays(np.float64, s, elements=st.integers(-2, 2).map(float)))
fine = shapes.flatmap(lambda s: arrays(np.float64, s, elements=st.floats(-9, 9, width=32)))
rewards = st.one_of(coarse, fine)  # coarse ones have many ties
temperatures = st.sampled_from([0.0, 0.3, 2.0])
noises = st.sampled_from([0.0, 0.2, 1.0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def at(reward, prompt, candidate):
    return reward[prompt, candidate]


@given(rewards, seeds, st.integers(1, 4))
def test_a_sure_annotator_never_prefers_the_lower_reward(reward, seed, copies):
    prompt, chosen, rejected = pairs(reward, np.random.default_rng(seed), pairs_per_prompt=copies)
    assert np.all(at(reward, prompt, chosen) > at(reward, prompt, rejected))


@given(rewards, seeds, temperatures, noises)
def test_a_pair_names_two_candidates_of_one_prompt_with_different_rewards(reward, seed, t, noise):
    rng = np.random.default_rng(seed)
    prompt, chosen, rejected = pairs(reward, rng, temperature=t, noise=noise)
    assert np.all(at(reward, prompt, chosen) != at(reward, prompt, rejected))
    assert np.array_equal(prompt, np.flatnonzero(np.ptp(reward, axis=1) > 0))  # ties give no pair


@given(rewards, seeds)
def test_noise_1_at_temperature_0_exchanges_every_pair(reward, seed):
    right = pairs(reward, np.random.default_rng(seed))
    wrong = pairs(reward, np.random.default_rng(seed), noise=1.0)
    assert np.array_equal(right.chosen, wrong.rejected)
    assert np.array_equal(right.rejected, wrong.chosen)


@pytest.mark.parametrize("temperature, noise", [(0.5, 0.0), (2.0, 0.0), (1.0, 0.2), (0.0, 0.3)])
def test_pairs_follow_bradley_and_terry(temperature, noise):
    """P(i ≻ j) = (1 − noise) σ(Δ/T) + noise σ(−Δ/T), and every pair is drawn equally often."""
    reward = np.array([[0.0, 0.7, -1.0, 1.5]])
    n = 60_000
    pair = pairs(
        reward,
        np.random.default_rng(3),
        pairs_per_prompt=n,
        temperature=temperature,
        noise=noise,
    )
    count = np.zeros((4, 4))
    np.add.at(count, (pair.chosen, pair.rejected), 1)
    gap = reward[0][:, None] - reward[0]
    sure = (gap > 0).astype(float) if temperature == 0 else sigmoid(gap / (temperature or 1))
    expected = n / 6 * ((1 - noise) * sure + noise * (1 - sure))
    np.fill_diagonal(expected, 0)
    assert np.abs(count - expected).max() < 5 * np.sqrt(n / 6)


def test_pairs_with_noise_one_half_say_nothing():
    reward = np.array([[0.0, 10.0]])
    pair = pairs(reward, np.random.default_rng(0), pairs_per_prompt=40_000, noise=0.5)
    assert abs(np.mean(pair.chosen == 1) - 0.5) < 5 * 0.5 / np.sqrt(40_000)


@given(rewards, seeds, temperatures, noises)
def test_a_ranking_is_a_permutation(reward, seed, temperature, noise):
    ranking = rankings(reward, np.random.default_rng(seed), temperature=temperature, noise=noise)
    assert np.array_equal(
        np.sort(ranking.order, axis=1),
        np.broadcast_to(np.arange(reward.shape[1]), ranking.order.shape),
    )
    assert np.array_equal(ranking.prompt, np.flatnonzero(np.ptp(reward, axis=1) > 0))


@given(rewards, seeds)
def test_a_sure_ranking_descends(reward, seed):
    ranking = rankings(reward, np.random.default_rng(seed))
    ranked = np.take_along_axis(reward[ranking.prompt], ranking.order, axis=1)
    assert np.all(np.diff(ranked, axis=1) <= 0)


def test_rankings_follow_plackett_and_luce():
    """P(order) = Π_k exp(r_k/T) / Σ_{not yet placed} exp(r/T), over all six orders of three."""
    reward, temperature, n = np.array([0.3, -0.5, 1.0]), 0.8, 50_000
    ranking = rankings(
        np.tile(reward, (n, 1)), np.random.default_rng(1), temperature=temperature
    ).order
    weight = np.exp(reward / temperature)
    orders, counts = np.unique(ranking, axis=0, return_counts=True)
    assert len(orders) == 6
    for (a, b, c), count in zip(orders, counts, strict=True):
        law = weight[a] / weight.sum() * weight[b] / (weight[b] + weight[c])
        assert abs(count / n - law) < 5 * 0.5 / np.sqrt(n)


def test_rankings_with_noise_1_are_uniform():
    n = 30_000
    ranking = rankings(np.tile([0.0, 5.0, 9.0], (n, 1)), np.random.default_rng(1), noise=1.0).order
    _, counts = np.unique(ranking, axis=0, return_counts=True)
    assert len(counts) == 6
    assert np.abs(counts / n - 1 / 6).max() < 5 * 0.5 / np.sqrt(n)


@given(rewards, seeds, st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_sure_thumb_is_up_exactly_above_the_threshold(reward, seed, place, flips):
    """Or exactly not above, where every thumb is flipped; the threshold is below the highest."""
    assume(np.ptp(reward) > 1e-6)
    threshold = reward.min() + place * np.ptp(reward)
    above = (reward > threshold).ravel()
    assume(above.any())  # place may round up to the highest reward
    rng = np.random.default_rng(seed)
    thumb = thumbs(reward, rng, threshold=threshold, noise=float(flips))
    assert np.array_equal(thumb.desirable ^ flips, above)
    assert np.array_equal(reward[thumb.prompt, thumb.completion], reward.ravel())


def test_thumbs_follow_the_logistic_law():
    reward = np.tile([-1.0, 0.0, 2.0], (20_000, 1))
    rng = np.random.default_rng(2)
    thumb = thumbs(reward, rng, threshold=0.5, temperature=1.5, noise=0.1)
    liked = thumb.desirable.reshape(reward.shape).mean(axis=0)
    law = sigmoid((reward[0] - 0.5) / 1.5)
    assert np.abs(liked - (0.9 * law + 0.1 * (1 - law))).max() < 5 * 0.5 / np.sqrt(20_000)


def test_thumbs_that_all_agree_are_refused():
    with pytest.raises(ValueError, match="same thumb"):
        thumbs(np.ones((3, 4)), np.random.default_rng(0))


@given(rewards, seeds)
def test_a_triple_is_highest_second_and_lowest(reward, seed):
    triple = triples(reward, np.random.default_rng(seed))
    ranked = -np.sort(-reward, axis=1)
    kept = ranked[:, 1] > ranked[:, -1]
    assert np.array_equal(triple.prompt, np.flatnonzero(kept))
    for name, column in (("gold", 0), ("chosen", 1), ("rejected", -1)):
        assert np.array_equal(
            at(reward, triple.prompt, getattr(triple, name)), ranked[kept, column]
        )
    assert np.all(triple.gold != triple.chosen)


@given(rewards, seeds, st.floats(-9, 9))
def test_a_demonstration_is_a_best_candidate_that_is_good_enough(reward, seed, at_least):
    prompt, best = demonstrations(reward, np.random.default_rng(seed), at_least=at_least)
    assert np.array_equal(at(reward, prompt, best), reward.max(axis=1)[prompt])
    assert np.array_equal(prompt, np.flatnonzero(reward.max(axis=1) >= at_least))


def test_noisy_demonstrations_are_uniform_and_ties_are_broken_evenly():
    n = 30_000
    rng = np.random.default_rng(4)
    uniform = demonstrations(np.tile([0.0, 0.0, 9.0], (n, 1)), rng, noise=1.0).best
    assert np.abs(np.bincount(uniform) / n - 1 / 3).max() < 5 * 0.5 / np.sqrt(n)
    tied = demonstrations(np.tile([9.0, 0.0, 9.0], (n, 1)), rng).best
    assert abs(np.mean(tied == 0) - 0.5) < 5 * 0.5 / np.sqrt(n)


@given(rewards, seeds)
def test_feedback_is_a_function_of_the_generator_and_leaves_rewards_alone(reward, seed):
    before = reward.copy()
    for told in (demonstrations, pairs, rankings, triples):
        first = told(reward, np.random.default_rng(seed), noise=0.3)
        again = told(reward, np.random.default_rng(seed), noise=0.3)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.array_equal(reward, before)


def test_drawn_candidates_are_scored_by_their_task():
    for task in (arithmetic.make(), bandit.make()):
        completions, reward = draw(task, task.train[:3], 5, np.random.default_rng(0))
        for prompt, row, scores in zip(task.train, completions, reward, strict=False):
            assert np.array_equal(scores, task.reward([prompt] * 5, row, np.ones(5, bool)))


@pytest.mark.parametrize(
    "told, reward, options, reason",
    [
        (pairs, np.zeros(4), {}, "shape"),
        (pairs, np.zeros((2, 1)), {}, "G ≥ 2"),
        (triples, np.zeros((2, 2)), {}, "G ≥ 3"),
        (rankings, np.zeros((0, 3)), {}, "shape"),
        (pairs, np.array([[0.0, np.nan]]), {}, "not finite"),
        (pairs, np.eye(2), {"temperature": -1.0}, "temperature"),
        (thumbs, np.eye(2), {"noise": 1.5}, "noise"),
    ],
)
def test_bad_feedback_input_is_named(told, reward, options, reason):
    with pytest.raises(ValueError, match=reason):
        told(reward, np.random.default_rng(0), **options)
