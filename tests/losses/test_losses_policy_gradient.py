"""Clipped surrogates, value loss, entropy, overlong penalty."""

import math

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import bandits, batches, close, log_probabilities, ragged, slope

from tinyalign import losses as L

advantages = st.floats(-5, 5)
drifts = st.floats(-3, 3)
clips = st.floats(0.0, 0.9)
RATIO = np.array([[0.5, 0.9, 1.1, 1.5]])
OLD = np.array([[-2.0, -1.0, -3.0, -0.7]])


# REINFORCE


@given(bandits(), st.floats(-3, 3))
def test_any_constant_baseline_leaves_the_policy_gradient_alone(bandit, baseline):
    """E[−∇L] with A = r − b is ∇J = p∘(r − p·r) for every b."""
    probs, reward, _ = bandit

    def loss(theta):
        return anp.sum(probs * L.reinforce(log_probabilities(theta), reward - baseline))

    close(-grad(loss)(np.log(probs)), probs * (reward - probs @ reward))


@given(bandits(), st.floats(-3, 3))
def test_the_gradient_of_reinforce_is_linear_in_its_advantage(bandit, shift):
    """L = −A·logp; its value may have any sign."""
    probs, reward, _ = bandit
    logp = np.log(probs)
    close(L.reinforce(logp, reward + shift), -(reward + shift) * logp)
    close(slope(L.reinforce, logp, reward + shift), -(reward + shift))


def test_the_best_constant_baseline_weighs_by_the_squared_score():
    """b* = E[‖s‖²R]/E[‖s‖²] has the least variance."""
    rng = np.random.default_rng(0)
    theta, reward = rng.normal(size=4), rng.normal(size=4)
    probs = np.exp(theta) / np.exp(theta).sum()
    squared = (1 - probs) ** 2 + (np.sum(probs**2) - probs**2)  # ‖e_y − p‖² for each y
    best = np.sum(probs * squared * reward) / np.sum(probs * squared)

    def variance(baseline):
        score = slope_rows(probs)
        gradient = -(reward - baseline)[:, None] * score
        mean = probs @ gradient
        return np.sum(probs * np.sum((gradient - mean) ** 2, axis=1))

    for offset in (0.01, 1.0):
        assert variance(best) < min(variance(best + offset), variance(best - offset))


def slope_rows(probs):
    """−∂L/∂θ of `reinforce` with advantage 1, one row per action: the score e_y − p."""
    rows = []
    for y in range(len(probs)):
        one_hot = np.eye(len(probs))[y]
        rows.append(
            -grad(lambda t, m=one_hot: L.reinforce(anp.sum(m * log_probabilities(t)), 1.0))(
                np.log(probs)
            )
        )
    return np.array(rows)


# PPO


def test_the_clip_in_all_four_quadrants():
    """ρ = (0.5, 0.9, 1.1, 1.5), ε = 0.2 and 0.3: gradient −ρA, or 0 once past the clip."""
    logp = OLD + np.log(RATIO)
    kwargs = dict(clip_low=0.2, clip_high=0.3)
    up = slope(L.clipped_surrogate, logp, OLD, np.ones((1, 1)), **kwargs)
    down = slope(L.clipped_surrogate, logp, OLD, -np.ones((1, 1)), **kwargs)
    close(up, [[-0.5, -0.9, -1.1, 0]])
    close(down, [[0, 0.9, 1.1, 1.5]])


@given(batches(drifts, 2), advantages)
def test_at_ratio_one_the_clipped_surrogate_is_reinforce(batch, advantage):
    """ρ = 1: value −A, gradient −A, not 0, also with a clip of width 0."""
    logp = np.stack(batch, axis=1)
    a = np.full((len(logp), 1), advantage)
    close(L.clipped_surrogate(logp, logp, a), np.broadcast_to(-a, logp.shape))
    gradient = slope(L.clipped_surrogate, logp, logp, a)
    close(gradient, slope(L.reinforce, logp, a))
    close(slope(L.truncated_importance, logp, logp, a, clip_high=0.2), gradient)


@given(ragged(drifts, 2), advantages, clips, clips)
def test_clipping_can_only_raise_the_loss(batch, advantage, low, high):
    """L ≥ −ρA, with equality inside the band; wide clips are pure importance sampling."""
    _, drift, old = batch
    logp, a = old + drift, np.full((len(old), 1), advantage)
    plain = -np.exp(drift) * a
    clipped = L.clipped_surrogate(logp, old, a, clip_low=low, clip_high=high)
    assert (clipped >= plain - 1e-9).all()
    inside = (np.exp(drift) > 1 - low + 1e-9) & (np.exp(drift) < 1 + high - 1e-9)
    close(clipped[inside], plain[inside])
    close(L.clipped_surrogate(logp, old, a, clip_low=1.0, clip_high=math.inf), plain)


@given(ragged(drifts, 2), st.sampled_from([-2.0, -0.1, 0.0, 0.1, 2.0]))
def test_a_higher_upper_clip_changes_only_good_tokens_that_have_risen(batch, advantage):
    """ε_high 0.2 → 0.28 changes exactly the tokens with A > 0 and ρ > 1.2."""
    _, drift, old = batch
    a = np.full((len(old), 1), advantage)
    narrow = L.clipped_surrogate(old + drift, old, a)
    wide = L.clipped_surrogate(old + drift, old, a, clip_high=0.28)
    ratio = np.exp(old + drift - old)
    expected = (ratio > 1.2) & (a > 0)
    np.testing.assert_array_equal(wide != narrow, expected)


# GSPO


@given(ragged(drifts, 2), advantages)
def test_one_sequence_ratio_is_the_geometric_mean_of_the_token_ratios(batch, advantage):
    """s = e^{mean(logp − old)}, between the smallest and the largest token ratio; −min(sA, …)."""
    mask, drift, old = batch
    a = np.full((len(old), 1), advantage)
    wide = dict(clip_low=1.0, clip_high=math.inf)
    ratio = -L.sequence_clipped_surrogate(old + drift, old, np.ones_like(a), mask, **wide)
    for s, row, keep in zip(ratio, np.exp(drift), mask > 0, strict=True):
        assert row[keep].min() - 1e-9 <= s <= row[keep].max() + 1e-9
        close(s, np.prod(row[keep]) ** (1 / keep.sum()))
    loss = L.sequence_clipped_surrogate(old + drift, old, a, mask, clip_low=0.2, clip_high=0.3)
    close(loss, np.maximum(-ratio * advantage, -np.clip(ratio, 0.8, 1.3) * advantage))


@given(ragged(drifts, 2), advantages)
def test_repeating_or_permuting_tokens_leaves_the_sequence_ratio_alone(batch, advantage):
    """The MEAN log-ratio: repeating every token changes nothing; nor does padding of any kind."""
    mask, drift, old = batch
    a = np.full(len(old), advantage)
    base = L.sequence_clipped_surrogate(old + drift, old, a, mask)
    twice = [np.concatenate([x, x[:, ::-1]], axis=1) for x in (old + drift, old)]
    masks = np.concatenate([mask, mask[:, ::-1]], axis=1)
    close(L.sequence_clipped_surrogate(*twice, a[:, None], masks), base)
    dirty = np.where(mask > 0, old + drift, -np.inf), np.where(mask > 0, old, -np.inf)
    close(L.sequence_clipped_surrogate(*dirty, a[:, None], mask), base)


@given(batches(drifts, 2), advantages)
def test_a_sequence_of_one_token_is_clipped_as_a_token(batch, advantage):
    """|o| = 1: GSPO = GRPO's token loss."""
    old, drift = (x[:, None] for x in batch)
    a, kwargs = np.full_like(old, advantage), dict(clip_low=0.2, clip_high=0.3)
    token = L.clipped_surrogate(old + drift, old, a, **kwargs)
    loss = L.sequence_clipped_surrogate(old + drift, old, a, np.ones_like(old), **kwargs)
    close(loss, token[:, 0])


@given(ragged(drifts, 2), st.sampled_from([-1.0, 1.0]))
def test_a_sequence_is_clipped_whole_or_not_at_all(batch, advantage):
    """Gradient −sA/|o| on every token of a row, or 0 on all of them."""
    mask, drift, old = batch
    a, kwargs = np.full((len(old), 1), advantage), dict(clip_low=0.2, clip_high=0.3)
    gradient = slope(L.sequence_clipped_surrogate, old + drift, old, a, mask, **kwargs)
    mean = (drift * mask).sum(axis=1) / mask.sum(axis=1)
    s = np.exp(mean)
    active = (s < 1.3) if advantage > 0 else (s > 0.8)
    expected = -(active * s * advantage / mask.sum(axis=1))[:, None] * mask
    away = (np.abs(s - 1.3) > 1e-6) & (np.abs(s - 0.8) > 1e-6)
    close(gradient[away], expected[away])


def test_an_empty_completion_has_no_sequence_ratio():
    """ValueError where the mean log-ratio would divide by 0."""
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"rows \[1\]"):
        L.sequence_clipped_surrogate(x, x, np.ones((2, 1)), np.array([[1, 1, 1], [0, 0, 0]]))


# CISPO


@given(ragged(drifts, 2), st.floats(0.1, 5), st.booleans(), st.floats(0, 5))
def test_truncated_importance_never_drops_a_token(batch, size, positive, cap):
    """Gradient −min(ρ, 1 + ε_high)·A: the weight is capped at 1 + ε_high and not differentiated."""
    _, drift, old = batch
    advantage = size if positive else -size
    a = np.full((len(old), 1), advantage)
    weight = np.minimum(np.exp(old + drift - old), 1 + cap)
    gradient = slope(L.truncated_importance, old + drift, old, a, clip_high=cap)
    close(gradient, -weight * a)
    assert (gradient != 0).all()
    close(L.truncated_importance(old + drift, old, a, clip_high=cap), -weight * a * (old + drift))


def test_truncated_importance_checks_its_arguments():
    """clip_high ≥ 0 is asked for by name; shapes as in the clipped surrogate."""
    x = np.zeros((2, 3))
    with pytest.raises(TypeError):
        L.truncated_importance(x, x, np.ones((2, 1)))
    with pytest.raises(ValueError, match="clip_high"):
        L.truncated_importance(x, x, np.ones((2, 1)), clip_high=-0.1)
    with pytest.raises(ValueError, match="advantage"):
        L.truncated_importance(x, x, np.ones(3), clip_high=0.1)
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 1\)"):
        L.truncated_importance(x, x[:, :1], np.ones((2, 1)), clip_high=0.1)


# Value loss


@given(ragged(st.floats(-50, 50), 3), st.floats(0, 5))
def test_the_clipped_value_loss_bounds_half_the_squared_error(batch, clip):
    """½MSE where V lies within V_old ± ε, ≥ ½MSE everywhere; clip = ∞ is ½MSE."""
    _, value, old, returns = batch
    half = (value - returns) ** 2 / 2
    loss = L.value_loss(value, old, returns, clip=clip)
    assert (loss >= half - 1e-9).all()
    near = np.abs(value - old) <= clip
    close(loss[near], half[near])
    close(L.value_loss(value, old, returns, clip=math.inf), half)


def test_the_value_loss_stops_moving_away_from_the_old_value():
    """V_old = 0, R = 5, ε = 0.2: gradient 0 at V = 1, −6 at V = −1."""
    old, returns = np.zeros((1, 2)), np.full((1, 2), 5.0)
    close(slope(L.value_loss, np.array([[1.0, -1.0]]), old, returns), [[0.0, -6.0]])


# Entropy and length


@given(arrays(np.float64, (2, 5), elements=st.floats(-50, 50)), st.floats(-100, 100))
def test_entropy_lies_between_certainty_and_uniform(logits, shift):
    """0 ≤ H ≤ log V; H(z + c) = H(z); −Σ p log p."""
    entropies = L.entropy(logits)
    assert ((entropies >= -1e-12) & (entropies <= math.log(5) + 1e-12)).all()
    close(L.entropy(logits + shift), entropies)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    close(entropies, -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1))


def test_entropy_of_equal_logits_and_of_one_hot():
    """Uniform → log V; one-hot → 0."""
    close(L.entropy(np.zeros((3, 7))), math.log(7))
    close(L.entropy(np.array([1e3, 0.0, -1e3])), 0.0, atol=1e-12)


def test_the_overlong_penalty_is_zero_then_linear_then_minus_one():
    """L = 18, c = 6: lengths (5, 12, 15, 18, 30) → (0, 0, −½, −1, −1)."""
    penalty = L.overlong_penalty(np.array([5, 12, 15, 18, 30]), max_length=18, buffer=6)
    close(penalty, [0, 0, -0.5, -1, -1])


@given(st.integers(1, 100), st.floats(0.01, 1))
def test_the_overlong_penalty_never_rises_with_length(max_length, share):
    """Non-increasing, within [−1, 0], continuous at both knots."""
    buffer = share * max_length
    length = np.linspace(0, 2 * max_length, 400)
    penalty = L.overlong_penalty(length, max_length=max_length, buffer=buffer)
    assert (np.diff(penalty) <= 1e-12).all()
    assert ((penalty >= -1) & (penalty <= 0)).all()
    knots = np.array([max_length - buffer, max_length])
    for side in (-1e-9, 1e-9):
        close(
            L.overlong_penalty(knots + side, max_length=max_length, buffer=buffer),
            [0, -1],
            atol=1e-6,
        )


def test_the_overlong_penalty_checks_its_range():
    """0 < buffer ≤ max_length."""
    for wrong in (dict(max_length=0, buffer=1), dict(max_length=5, buffer=0)):
        with pytest.raises(ValueError):
            L.overlong_penalty(np.array([1]), **wrong)
    with pytest.raises(ValueError, match="buffer"):
        L.overlong_penalty(np.array([1]), max_length=5, buffer=6)


# Two tokens, three choices each


def test_reward_to_go_and_the_full_return_have_one_expected_gradient():
    """E[Σ_t s_t·Σ_{u≥t} r_u] = E[Σ_t s_t·Σ_u r_u] = ∇J, over all nine sequences."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=3), rng.normal(size=(3, 3))
    r1, r2 = rng.normal(size=3), rng.normal(size=(3, 3))

    def log_probs(theta):
        one = log_probabilities(theta[0])
        two = theta[1:] - anp.log(anp.sum(anp.exp(theta[1:]), axis=1, keepdims=True))
        return one[:, None] + 0 * two, two  # (3, 3) each: the first and the second token

    def gradient(advantage1, advantage2):
        theta = np.vstack([first, second])
        one, two = log_probs(theta)
        chance = np.exp(one + two)

        def loss(t):
            a, b = log_probs(t)
            return anp.sum(chance * (L.reinforce(a, advantage1) + L.reinforce(b, advantage2)))

        return -grad(loss)(theta)

    full = r1[:, None] + r2
    exact = grad(lambda t: anp.sum(anp.exp(sum(log_probs(t))) * full))(np.vstack([first, second]))
    close(gradient(full, full), exact)
    close(gradient(full, r2), exact)


@given(bandits())
def test_the_reward_of_the_greedy_answer_is_an_unbiased_baseline(bandit):
    """ReMax: E[(r(y) − r(greedy))·∇log π] = ∇J; the greedy answer has advantage 0."""
    probs, reward, _ = bandit
    advantage = reward - reward[np.argmax(probs)]
    assert advantage[np.argmax(probs)] == 0

    def loss(theta):
        return anp.sum(probs * L.reinforce(log_probabilities(theta), advantage))

    close(-grad(loss)(np.log(probs)), probs * (reward - probs @ reward))
