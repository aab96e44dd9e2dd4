"""Ranked and scored lists, and rejection sampling."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import bandits, close, log_probabilities, seeds, slope

from tinyalign import losses as L


@st.composite
def lists(draw, *, reward=None, max_size=5):
    """Scores and rewards (B, K), K ≥ 2; rewards with ties."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(2, max_size)))
    reward = st.integers(-3, 3).map(float) if reward is None else reward
    scores = draw(arrays(np.float64, shape, elements=st.floats(-20, 0)))
    return scores, draw(arrays(np.float64, shape, elements=reward))


def rank_loss(p, r):
    return L.rrhf(p, r, np.zeros(len(p)), weight=0.0)


def row(*numbers):
    return np.array([numbers], float)


def softmax_rows(x):
    weight = np.exp(x - x.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


# RRHF


def test_rrhf_of_a_reversed_triple_is_four():
    """p = (−1, −2, −3), r = (1, 2, 3): 1 + 2 + 1 = 4; the agreeing order costs 0."""
    close(rank_loss(row(-1, -2, -3), row(1, 2, 3)), 4.0)
    close(rank_loss(row(-3, -2, -1), row(1, 2, 3)), 0.0)


@given(lists())
def test_rrhf_is_a_sum_of_hinges_over_misordered_pairs(batch):
    """Σ_{r_i<r_j} max(0, p_i − p_j), pair by pair."""
    for p, r in zip(*batch, strict=True):
        pairs = itertools.permutations(range(len(p)), 2)
        expected = sum(max(0.0, p[i] - p[j]) for i, j in pairs if r[i] < r[j])
        close(rank_loss(p[None], r[None]), expected)


@given(lists())
def test_rrhf_reads_only_the_order_of_the_rewards(batch):
    """Invariant to increasing transforms r → e^{3r}; ties are ignored, so equal rewards cost 0."""
    p, r = batch
    close(rank_loss(p, np.exp(3 * r)), rank_loss(p, r))
    assert (rank_loss(p, np.zeros_like(r)) == 0).all()


@given(lists(), st.floats(-50, 50), st.floats(0, 10))
def test_rrhf_ignores_a_shift_and_scales_with_the_scores(batch, shift, scale):
    """L(p + c) = L(p), L(cp) = cL(p)."""
    p, r = batch
    close(rank_loss(p + shift, r), rank_loss(p, r), atol=1e-8)
    close(rank_loss(scale * p, r), scale * rank_loss(p, r), atol=1e-8)


@given(lists())
def test_repeating_the_candidates_multiplies_rrhf_by_four(batch):
    """Each pair appears 2·2 times: there is no normaliser."""
    p, r = batch
    twice = rank_loss(np.concatenate([p, p], axis=1), np.concatenate([r, r], axis=1))
    close(twice, 4 * rank_loss(p, r))


@given(lists())
def test_rrhf_slopes_count_pairs(batch):
    """dL/dp_i = #{j: r_i<r_j, p_i>p_j} − #{j: r_j<r_i, p_j>p_i}; they sum to 0."""
    p, r = batch
    p = p + 1e-3 * np.arange(p.shape[1])  # no ties among scores: those are kinks
    too_high = (r[:, :, None] < r[:, None, :]) & (p[:, :, None] > p[:, None, :])
    clear = np.abs(p[:, :, None] - p[:, None, :]) + np.eye(p.shape[1]) > 1e-9
    if clear.all():
        gradient = slope(rank_loss, p, r)
        close(gradient, too_high.sum(axis=2) - too_high.sum(axis=1))
        close(gradient.sum(axis=1), 0.0)


def test_rrhf_adds_the_weighted_likelihood_of_the_best():
    """L = ranking + w·NLL(best)."""
    p, r, nll = row(-1, -2, -3), row(1, 2, 3), np.array([0.7])
    close(L.rrhf(p, r, nll), 4.7)
    close(L.rrhf(p, r, nll, weight=2.0), 5.4)


# InfoNCA and NCA


@given(lists(), st.floats(0.05, 5), st.floats(0.05, 5))
def test_infonca_is_a_cross_entropy_of_two_softmaxes(batch, beta, alpha):
    """L = −Σ softmax(r/α)·log softmax(βh); slope β(softmax(βh) − softmax(r/α))."""
    h, r = batch
    target, model = softmax_rows(r / alpha), softmax_rows(beta * h)
    expected = -np.sum(target * (beta * h - (beta * h).max(axis=1, keepdims=True)), axis=1)
    spread = np.exp(beta * h - (beta * h).max(axis=1, keepdims=True)).sum(axis=1)
    close(L.infonca(h, r, beta=beta, alpha=alpha), expected + np.log(spread))
    close(slope(L.infonca, h, r, beta=beta, alpha=alpha), beta * (model - target))


@given(lists(), st.floats(0.05, 5), st.floats(0.2, 5), st.floats(-50, 50))
def test_infonca_ignores_shifts_of_scores_and_of_rewards(batch, beta, alpha, shift):
    """L(h + c, r) = L(h, r + c) = L(h, r)."""
    h, r = batch
    base = L.infonca(h, r, beta=beta, alpha=alpha)
    close(L.infonca(h + shift, r, beta=beta, alpha=alpha), base, rtol=1e-8)
    close(L.infonca(h, r + shift, beta=beta, alpha=alpha), base, rtol=1e-8)


@given(lists(), st.floats(0.05, 2), st.floats(0.5, 5))
def test_infonca_is_least_where_the_model_scores_are_the_rewards(batch, beta, alpha):
    """Minimum H(softmax(r/α)) at βh = r/α + c; α → ∞: the uniform target."""
    h, r = batch
    target = softmax_rows(r / alpha)
    entropy = -np.sum(target * np.log(target), axis=1)
    close(L.infonca(r / (alpha * beta) + 3, r, beta=beta, alpha=alpha), entropy, rtol=1e-8)
    assert (L.infonca(h, r, beta=beta, alpha=alpha) >= entropy - 1e-9).all()
    flat = L.infonca(h, r, beta=beta, alpha=1e9)
    close(flat, -np.mean(np.log(softmax_rows(beta * h)), axis=1), rtol=1e-6)


@given(bandits(), st.floats(0.2, 1), st.floats(0.3, 2))
def test_infonca_has_its_optimum_on_every_subset_of_candidates(bandit, beta, alpha):
    """Zero gradient at π ∝ π_ref·e^{r/(αβ)} for all 3-subsets of the arms."""
    ref, reward, _ = bandit
    theta = np.log(ref) + reward / (alpha * beta)
    subsets = np.array(list(itertools.combinations(range(len(ref)), 3)))

    def loss(t):
        h = log_probabilities(t)[subsets] - np.log(ref)[subsets]
        return L.infonca(h, reward[subsets], beta=beta, alpha=alpha)

    close(slope(loss, theta), 0.0, atol=1e-8)


@given(lists(), st.floats(0.05, 2), st.floats(0.5, 5))
def test_nca_pins_every_log_ratio(batch, beta, alpha):
    """Zero slope at βh_i = log(K·softmax(r/α)_i); a shift of all h is not free."""
    h, r = batch
    best = np.log(r.shape[1] * softmax_rows(r / alpha)) / beta
    close(slope(L.nca, best, r, beta=beta, alpha=alpha), 0.0, atol=1e-10)
    assert (
        L.nca(best, r, beta=beta, alpha=alpha) < L.nca(best + 1 / beta, r, beta=beta, alpha=alpha)
    ).all()
    close(L.nca(0 * h, r, beta=beta, alpha=alpha), 2 * math.log(2))


@given(lists(), st.floats(0.05, 2), st.floats(0.5, 5))
def test_nca_averages_its_noise_term(batch, beta, alpha):
    """L = −Σ w_i·log σ(βh_i) − (1/K)·Σ log σ(−βh_i)."""
    h, r = batch
    signal = softmax_rows(r / alpha) * np.logaddexp(0, -beta * h)
    noise = np.logaddexp(0, beta * h)
    expected = signal.sum(axis=1) + noise.mean(axis=1)
    close(L.nca(h, r, beta=beta, alpha=alpha), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["infonca", "nca"])
def test_lists_with_extreme_scores_and_a_sharp_target_stay_finite(name, dtype):
    """h = ±1e3, α = 1e-9: the target is one-hot, nothing overflows."""
    h, r = row(-1e3, 0, 1e3).astype(dtype), row(3.3, 3.3, -1).astype(dtype)
    function = getattr(L, name)
    assert np.isfinite(function(h, r, beta=1.0, alpha=1e-9)).all()
    assert np.isfinite(slope(function, h, r, beta=1.0, alpha=1e-9)).all()


@pytest.mark.parametrize("name", ["infonca", "nca", "rrhf"])
def test_lists_must_have_two_axes(name):
    """(K,) is refused: one prompt is (1, K)."""
    extra = (np.zeros(()),) if name == "rrhf" else ()
    with pytest.raises(ValueError, match=r"\(B, K\)"):
        getattr(L, name)(np.zeros(3), np.zeros(3), *extra)


# Rejection sampling


def test_rejection_sampling_draws_from_the_tilted_reference():
    """The accepted follow π_ref·e^{r/β}/Z within 5/√n; their share is E[e^{(r − r_max)/β}]."""
    rng = np.random.default_rng(0)
    ref, reward, beta = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.0, 0.5, 1.0, 0.2]), 0.5
    draws = rng.choice(4, size=200_000, p=ref)
    accepted = L.rejection_sample(reward[draws], beta=beta, rng=rng, max_reward=reward.max())
    assert accepted.dtype == bool
    assert accepted.shape == draws.shape
    target = ref * np.exp(reward / beta)
    frequency = np.bincount(draws[accepted], minlength=4) / accepted.sum()
    close(frequency, target / target.sum(), atol=5 / math.sqrt(accepted.sum()), rtol=0)
    rate = np.sum(ref * np.exp((reward - 1.0) / beta))
    close(accepted.mean(), rate, atol=5 / math.sqrt(draws.size), rtol=0)


@given(lists(reward=st.floats(-5, 5)), seeds, st.floats(-100, 100))
def test_rejection_sampling_reads_reward_differences_within_a_prompt(batch, seed, shift):
    """r + c changes nothing; the best of a row is accepted; only it as β → 0, all as β → ∞."""
    _, r = batch
    r = np.round(r * 16) / 16  # exact under the shift
    shift = round(shift)
    accepted = L.rejection_sample(r, beta=0.7, rng=np.random.default_rng(seed))
    moved = L.rejection_sample(r + shift, beta=0.7, rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(accepted, moved)
    assert accepted[r == r.max(axis=1, keepdims=True)].all()
    strict = L.rejection_sample(r, beta=1e-6, rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(strict, r == r.max(axis=1, keepdims=True))
    assert L.rejection_sample(r, beta=1e9, rng=np.random.default_rng(seed)).mean() > 0.99


def test_a_maximum_that_is_too_small_accepts_without_warning():
    """r > r_max: accepted for certain, which is biased but not an overflow."""
    rng = np.random.default_rng(0)
    assert L.rejection_sample(row(1e4, 1e4), beta=1e-3, rng=rng, max_reward=0.0).all()
    with pytest.raises(ValueError, match="beta"):
        L.rejection_sample(row(1.0, 2.0), beta=0.0, rng=rng)
