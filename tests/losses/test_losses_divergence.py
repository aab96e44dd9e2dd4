"""KL estimators, by exact expectation over the vocabulary."""

import autograd.numpy as anp
import numpy as np
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import close, log_probabilities, probabilities, slope

from tinyalign import losses as L

LOGITS = arrays(np.float64, 5, elements=st.floats(-4, 4))


def kl(p, q):
    return np.sum(p * np.log(p / q))


def kl_gradient(theta, ref):
    """∇_θ KL(softmax θ ‖ q) = p∘(log p/q − KL)."""
    p, q = probabilities(theta), probabilities(ref)
    return p * (np.log(p / q) - kl(p, q))


def expected_slope(loss, theta, *, weight=None):
    """E_{y~p}[∇_θ loss(θ)_y] with the samples, hence their probabilities p, held fixed."""
    p = probabilities(theta) if weight is None else weight
    return grad(lambda t: anp.sum(p * loss(t)))(theta)


def scores(theta):
    """∇_θ log p_y for every y, one row each: e_y − p."""
    return np.eye(len(theta)) - probabilities(theta)


@given(LOGITS, LOGITS)
def test_k1_and_k3_are_exactly_kl_in_expectation(theta, ref):
    """Σ p·k1 = Σ p·k3 = KL(p ‖ q), not KL(q ‖ p); k3 ≥ 0; k2 = ½k1²."""
    p, q = probabilities(theta), probabilities(ref)
    logp, logq = np.log(p), np.log(q)
    close(np.sum(p * L.k1(logp, logq)), kl(p, q))
    close(np.sum(p * L.k3(logp, logq)), kl(p, q))
    assert (L.k3(logp, logq) >= -1e-12).all()
    close(L.k2(logp, logq), (logp - logq) ** 2 / 2)
    close(L.exact_kl(theta, ref), kl(p, q))


def test_all_estimators_vanish_at_equality_and_agree_nearby():
    """k1 = k2 = k3 = 0 at equality; k3(δ)/(½δ²) → 1."""
    logp = np.array([-1.0, -5.0, 0.0])
    for estimator in (L.k1, L.k2, L.k3):
        assert (estimator(logp, logp) == 0).all()
    close(L.k3(logp, logp + 1e-3) / 0.5e-6, 1.0, rtol=1e-3)


@given(LOGITS, LOGITS)
def test_as_losses_the_estimators_follow_three_different_gradients(theta, ref):
    """E[∇k1] = 0; E[∇k2] = ∇KL(p ‖ q); E[∇k3] = ∇KL(q ‖ p) = p − q."""
    logq = log_probabilities(ref)

    def of(estimator):
        return expected_slope(lambda t: estimator(log_probabilities(t), logq), theta)

    close(of(L.k1), 0.0)
    close(of(L.k2), kl_gradient(theta, ref))
    close(of(L.k3), probabilities(theta) - probabilities(ref))


@given(LOGITS, LOGITS)
def test_as_detached_rewards_only_k1_follows_the_kl(theta, ref):
    """E[k1·∇log p] = ∇KL(p ‖ q); with k2 and k3 it is not."""
    p = probabilities(theta)
    logp, logq = np.log(p), np.log(probabilities(ref))
    close((p * L.k1(logp, logq)) @ scores(theta), kl_gradient(theta, ref))


def test_k2_and_k3_are_biased_as_rewards():
    """p = (0.6, 0.3, 0.1), q uniform: E[k·∇log p] ≠ ∇KL(p ‖ q)."""
    theta, ref = np.log([0.6, 0.3, 0.1]), np.zeros(3)
    p, logq = probabilities(theta), np.log(np.full(3, 1 / 3))
    for estimator in (L.k2, L.k3):
        gradient = (p * estimator(np.log(p), logq)) @ scores(theta)
        assert np.abs(gradient - kl_gradient(theta, ref)).max() > 0.02


@given(LOGITS, LOGITS)
def test_an_importance_weight_turns_k3_into_the_kl_gradient(theta, ref):
    """∇ E_old[ρ·k3] at π = old is ∇KL(p ‖ q)."""
    old, logq = np.log(probabilities(theta)), log_probabilities(ref)

    def weighted(t):
        logp = log_probabilities(t)
        return anp.exp(logp - old) * L.k3(logp, logq)

    close(expected_slope(weighted, theta), kl_gradient(theta, ref))


@given(LOGITS, LOGITS)
def test_k3_upside_down_estimates_something_else(theta, ref):
    """E_p[k3 swapped] = χ²(p ‖ q) − KL(p ‖ q): 0 at equality and ≥ 0, so only this tells."""
    p, q = probabilities(theta), probabilities(ref)
    chi2 = np.sum(p**2 / q) - 1
    close(np.sum(p * L.k3(np.log(q), np.log(p))), chi2 - kl(p, q), rtol=1e-8)


@given(LOGITS, LOGITS)
def test_the_slope_of_k3_pulls_towards_the_reference(theta, ref):
    """dk3/dlogp = 1 − e^{ref − logp}, 0 at logp = ref."""
    close(slope(L.k3, theta, ref), 1 - np.exp(ref - theta))
    close(slope(L.k3, theta, theta), 0.0)


@given(LOGITS, LOGITS)
def test_the_exact_kl_is_differentiable_in_both_directions(theta, ref):
    """∇_θ KL(p_θ ‖ q) = p∘(log p/q − KL), ∇_ref KL(p ‖ q_ref) = q − p; a shift changes nothing."""
    close(slope(L.exact_kl, theta, ref, at=0), kl_gradient(theta, ref))
    close(slope(L.exact_kl, theta, ref, at=1), probabilities(ref) - probabilities(theta))
    close(L.exact_kl(theta + 100, ref - 100), L.exact_kl(theta, ref))
    assert L.exact_kl(theta, ref) >= -1e-12


# Two tokens, three choices each


def tree(seed=0):
    rng = np.random.default_rng(seed)
    p1, q1 = (probabilities(rng.normal(size=3)) for _ in range(2))
    p2, q2 = (np.stack([probabilities(x) for x in rng.normal(size=(3, 3))]) for _ in range(2))
    return p1, p2, q1, q2


def test_the_sequence_kl_needs_the_ratios_still_to_come():
    """E[Σ_t s_t·Σ_{u≥t} k1_u] = ∇KL(sequence); E[Σ_t s_t·k1_t] drops what a token does later."""
    p1, p2, q1, q2 = tree()
    first = L.k1(np.log(p1), np.log(q1))
    second = L.k1(np.log(p2), np.log(q2))
    future = (p2 * second).sum(axis=1)  # expected k1 of the second token, given the first
    to_go = p1 * (first + future) @ (np.eye(3) - p1)
    token = p1 * first @ (np.eye(3) - p1)

    def sequence_kl(theta):
        logp = log_probabilities(theta)
        return anp.sum(anp.exp(logp) * (logp - np.log(q1) + future))

    close(to_go, grad(sequence_kl)(np.log(p1)))
    assert np.abs(token - to_go).max() > 1e-2


def test_k3_as_a_token_loss_follows_the_forward_kl_of_the_next_token():
    """E[∇k3_1] = p1 − q1: the gradient of KL(q1 ‖ p1), prefixes held fixed."""
    p1, _, q1, _ = tree(1)
    gradient = expected_slope(lambda t: L.k3(log_probabilities(t), np.log(q1)), np.log(p1))
    close(gradient, p1 - q1)
