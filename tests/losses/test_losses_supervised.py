"""Cross-entropy, reward models and rankings."""

import itertools
import math

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import bandits, batches, close, ragged, rewards, shifts, sigma, slope, vectors

from tinyalign import losses as L

LOG2 = math.log(2)
scores = st.floats(-30, 30)
margins = st.floats(-3, 3)


def token_logps(theta, targets):
    """log softmax of logits (N, T, V) at the target ids, written with a one-hot mask."""
    logp = theta - anp.log(anp.sum(anp.exp(theta), axis=-1, keepdims=True))
    return anp.sum(np.eye(theta.shape[-1])[targets] * logp, axis=-1)


@given(ragged(st.just(0.0)), st.integers(2, 9))
def test_a_uniform_policy_costs_log_v(batch, size):
    """logp = −log V everywhere: L = log V, also with a ragged mask."""
    mask, zero = batch
    close(L.cross_entropy(zero - math.log(size), mask), math.log(size))


@given(ragged(st.floats(-50, 0)))
def test_cross_entropy_is_a_mean_over_all_tokens(batch):
    """L = −Σ mask·logp / Σ mask; the tokens of all rows pooled."""
    mask, logp = batch
    close(L.cross_entropy(logp, mask), -logp[mask > 0].mean())


@given(ragged(st.floats(-50, 0)))
def test_micro_batches_combine_by_their_token_counts(batch):
    """Σ_micro loss·tokens / Σ tokens = full-batch loss."""
    mask, logp = batch
    parts = [L.cross_entropy(logp[[i]], mask[[i]]) for i in range(len(mask))]
    close(np.sum(parts * mask.sum(axis=1)) / mask.sum(), L.cross_entropy(logp, mask))


def test_the_cross_entropy_gradient_is_probability_minus_one_hot():
    """dL/dlogits = (softmax − one-hot)·mask/Σmask; each row sums to 0."""
    rng = np.random.default_rng(0)
    theta, targets = rng.normal(size=(2, 4, 5)), rng.integers(0, 5, size=(2, 4))
    mask = np.array([[0, 1, 1, 1], [1, 1, 0, 0.0]])
    gradient = slope(lambda x: L.cross_entropy(token_logps(x, targets), mask), theta)
    probs = np.exp(theta) / np.exp(theta).sum(axis=-1, keepdims=True)
    close(gradient, (probs - np.eye(5)[targets]) * mask[..., None] / mask.sum())
    close(gradient.sum(axis=-1), 0.0, atol=1e-12)


def test_imitation_ends_at_the_frequencies_of_the_demonstrations():
    """Zero gradient at log q for data with frequencies q; the minimum is the entropy of q."""
    targets = np.array([[0, 0, 0, 0, 0, 1, 1, 1, 2, 2]])
    q = np.array([0.5, 0.3, 0.2])
    mask = np.ones((1, 10))

    def loss(logits):
        return L.cross_entropy(token_logps(logits + np.zeros((1, 10, 3)), targets), mask)

    close(slope(loss, np.log(q)), 0.0, atol=1e-12)
    close(loss(np.log(q)), -np.sum(q * np.log(q)))


# Reward model


@given(batches(scores, 2), shifts, margins)
def test_a_reward_model_reads_differences(batch, shift, margin):
    """L(r_w + c, r_l + c) = L(r_w, r_l); L = log(1 + e^{m − (r_w − r_l)})."""
    win, lose = batch
    base = L.bradley_terry(win, lose, margin=margin)
    close(base, np.logaddexp(0, margin - (win - lose)))
    close(L.bradley_terry(win + shift, lose + shift, margin=margin), base)


@given(batches(rewards, 2))
def test_swapping_the_answers_of_a_reward_model_adds_the_difference(batch):
    """L(d) − L(−d) = −d; log 2 at d = 0."""
    win, lose = batch
    close(L.bradley_terry(win, lose) - L.bradley_terry(lose, win), lose - win)
    close(L.bradley_terry(win, win), LOG2)


@given(batches(scores, 2), margins)
def test_reward_model_slopes(batch, margin):
    """dL/dr_w = −σ(m − d) = −dL/dr_l."""
    win, lose = batch
    wrong = sigma(margin - (win - lose))
    close(slope(L.bradley_terry, win, lose, at=0, margin=margin), -wrong)
    close(slope(L.bradley_terry, win, lose, at=1, margin=margin), wrong)


@given(batches(scores, 3), st.floats(0.01, 3))
def test_a_margin_is_a_handicap(batch, more):
    """L(d; m) = L(d − m; 0), with one margin per pair as well; a larger one costs more."""
    win, lose, margin = batch
    base = L.bradley_terry(win, lose, margin=margin)
    close(base, L.bradley_terry(win - margin, lose))
    assert (L.bradley_terry(win, lose, margin=margin + more) >= base - 1e-12).all()
    with pytest.raises(ValueError, match="margin"):
        L.bradley_terry(win, lose, margin=np.zeros((len(win), 1)))


@given(vectors(scores), st.floats(0, 1))
def test_centring_is_free_for_opposite_scores(score, center):
    """c·(r_w + r_l)²: 0 at r_w = −r_l; L(a + 5, −a + 5) − L(a, −a) = 100c."""
    free = L.bradley_terry(score, -score)
    close(L.bradley_terry(score, -score, center=center), free)
    moved = L.bradley_terry(score + 5, 5 - score, center=center)
    close(moved - free, 100 * center)


@given(bandits(), shifts)
def test_the_reward_model_recovers_the_reward_up_to_a_constant(bandit, shift):
    """Σ μ_i μ_j P_ij ∇L(r_i, r_j) = 0 at the true reward + c."""
    _, reward, sampler = bandit
    preference = sigma(reward[:, None] - reward[None, :])
    i, j = (x.reshape(-1) for x in np.meshgrid(range(4), range(4), indexing="ij"))
    weight = sampler[i] * sampler[j] * preference[i, j]
    gradient = slope(lambda r: weight * L.bradley_terry(r[i], r[j]), reward + shift)
    close(gradient, 0.0, atol=1e-8)


# Plackett–Luce


@given(batches(rewards, 2))
def test_a_ranking_of_two_is_a_pair(batch):
    """Plackett–Luce with K = 2 is Bradley–Terry."""
    close(L.plackett_luce(np.stack(batch, axis=1)), np.logaddexp(0, batch[1] - batch[0]))


@given(vectors(st.floats(-10, 10), min_size=2, max_size=5))
def test_the_probabilities_of_all_orders_sum_to_one(score):
    """Σ over the K! orders of e^{−L} = 1."""
    orders = np.array(list(itertools.permutations(score)))
    close(np.exp(-L.plackett_luce(orders)).sum(), 1.0)


@given(vectors(st.floats(-10, 10), min_size=2, max_size=5), shifts)
def test_a_ranking_is_drawn_without_replacement(score, shift):
    """e^{−L} = Π_k e^{r_k}/Σ_{j≥k} e^{r_j}; r + c changes nothing."""
    weight = np.exp(score)
    expected = -sum(math.log(weight[k] / weight[k:].sum()) for k in range(len(score)))
    close(L.plackett_luce(score[None]), expected)
    close(L.plackett_luce(score[None] + shift), expected, rtol=1e-8)


def test_a_ranking_needs_two_answers_and_two_axes():
    """K ≥ 2, (B, K); equal scores cost log K!."""
    close(L.plackett_luce(np.full((1, 4), 2.0)), math.log(24))
    with pytest.raises(ValueError, match="K"):
        L.plackett_luce(np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"\(B, K\)"):
        L.plackett_luce(np.zeros(3))
