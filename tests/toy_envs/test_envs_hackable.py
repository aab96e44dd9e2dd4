"""Optimise a proxy and the true reward rises, then falls. By enumeration, exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toy_envs import hackable

LENGTH = np.arange(hackable.LONGEST + 1)
REFERENCE = hackable.reference()
GOLD = hackable.gold(LENGTH)
TASK = hackable.make()


def best_of(n):
    """Distribution of the longest of n ordinary answers: P(max = L) = F(L)ⁿ − F(L − 1)ⁿ."""
    below = np.cumsum(REFERENCE)
    return np.diff(below**n, prepend=0.0)


def kl(policy):
    kept = policy > 0
    return max(0.0, np.sum(policy[kept] * np.log(policy[kept] / REFERENCE[kept])))


def tilted(beta):
    """The optimum of E[proxy] − β KL: reference · exp(proxy/β), normalised."""
    exponent = hackable.fit_proxy() * LENGTH / beta
    weight = REFERENCE * np.exp(exponent - exponent.max())
    return weight / weight.sum()


def test_ordinary_answers_are_poisson():
    assert REFERENCE.sum() == pytest.approx(1)
    assert np.isclose(REFERENCE @ LENGTH, 8)
    assert np.isclose(REFERENCE @ LENGTH**2, 8 + 8**2)


def test_best_of_n_over_optimises_the_proxy():
    """True reward 1.65 → 1.83 at n = 4 → 0.94 at n = 1024, while the proxy only rises."""
    n = 2 ** np.arange(11)
    true = np.array([best_of(count) @ GOLD for count in n])
    proxy = [best_of(count) @ LENGTH for count in n]
    np.testing.assert_allclose(true[[0, 2, 10]], [1.65, 1.83, 0.94], atol=0.006)
    assert true.argmax() == 2 and np.all(np.diff(proxy) > 0)


def test_best_of_n_follows_the_published_form():
    """R(d) − R(0) = d (α − β d) with d = √KL: R² > 0.98 over n = 1 … 1024."""
    policies = [best_of(count) for count in 2 ** np.arange(11)]
    d = np.sqrt([kl(policy) for policy in policies])
    gain = np.array([policy @ GOLD for policy in policies]) - REFERENCE @ GOLD
    columns = np.transpose([d, -(d**2)])
    fitted = columns @ np.linalg.lstsq(columns, gain, rcond=None)[0]
    unexplained = np.sum((gain - fitted) ** 2) / np.sum((gain - gain.mean()) ** 2)
    assert 1 - unexplained > 0.98


def test_the_kl_optimum_is_better_than_ordinary_at_first_and_far_worse_later():
    true = {beta: tilted(beta) @ GOLD for beta in (0.2, 0.02)}
    assert true[0.2] == pytest.approx(1.74, abs=0.01)
    assert true[0.02] < -9


@given(st.integers(0, 50))
def test_the_proxy_always_learns_that_more_is_better(seed):
    """And its weight is the likelihood's maximum: there the gradient vanishes."""
    weight = hackable.fit_proxy(seed=seed)
    assert 0 < weight < 0.2
    rng = np.random.default_rng(seed)
    a, b = rng.choice(LENGTH, size=(2, 400), p=REFERENCE)
    wins = GOLD[a] - GOLD[b] > rng.logistic(size=400)
    gradient = (wins - 1 / (1 + np.exp(-weight * (a - b)))) * (a - b)
    assert abs(gradient.sum()) < 1e-9


def test_the_proxy_approaches_the_maximum_of_the_expected_likelihood():
    """With many pairs the weight is the root of Σ p(a) p(b) (P(a ≻ b) − σ(w (a − b))) (a − b)."""
    chance = np.outer(REFERENCE, REFERENCE)
    gap = LENGTH[:, None] - LENGTH
    prefer = 1 / (1 + np.exp(GOLD - GOLD[:, None]))
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        gradient = np.sum(chance * (prefer - 1 / (1 + np.exp(-middle * gap))) * gap)
        low, high = (middle, high) if gradient > 0 else (low, middle)
    assert hackable.fit_proxy(pairs=400_000) == pytest.approx(low, abs=2e-3)


def test_the_task_shows_the_proxy_and_keeps_the_truth_apart():
    answers = ["", "!" * 11, "!" * 40, "!" * 40]
    ended = [True, True, True, False]
    prompts = list(TASK.train[:4])
    reward = TASK.reward(prompts, answers, ended)
    np.testing.assert_allclose(reward, hackable.fit_proxy() * np.array([0, 11, 40, 0]))
    true = hackable.true_reward(prompts, answers, ended)
    assert true.argmax() == 1 and true[2] < -10
    assert TASK.success(prompts, answers, ended).tolist() == [0, 1, 0, 0]


def test_demonstrations_and_candidates_have_the_lengths_of_ordinary_answers():
    prompts = TASK.train + TASK.held_out
    shown = np.array([len(TASK.solution(prompt)) for prompt in prompts])
    drawn = np.array([len(c) for c in TASK.candidates("000?", np.random.default_rng(0), 20_000)])
    for lengths, tolerance in ((shown, 0.002), (drawn, 0.02)):
        share = np.bincount(lengths, minlength=41) / len(lengths)
        assert np.abs(share - REFERENCE).max() < tolerance
    assert not set(TASK.train) & set(TASK.held_out) and len(prompts) == 1000
    assert set("".join(prompts)) | {hackable.MARK} <= set(TASK.alphabet)
    assert shown.max() < TASK.max_new_tokens == 41


def test_bad_hackable_input_is_named():
    for options in ({"questions": 5}, {"held_out": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            hackable.make(**options)
