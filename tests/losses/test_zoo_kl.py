"""The table of KL estimators in losses.divergence, cell by cell: exact gradients on a bandit."""

import autograd.numpy as np
import pytest
from autograd import grad
from strategies import log_probabilities, probabilities

from tinyalign.losses import divergence

THETA, REF = np.array([0.3, -1.2, 0.9, 0.1]), np.array([-0.4, 0.5, 0.2, -1.0])
NOW, LOG_REF = log_probabilities(THETA), log_probabilities(REF)


def wanted(theta):
    """f = KL(π ‖ π_ref)."""
    logp = log_probabilities(theta)
    return np.sum(np.exp(logp) * (logp - LOG_REF))


def backwards(theta):
    """b = KL(π_ref ‖ π)."""
    return np.sum(np.exp(LOG_REF) * (LOG_REF - log_probabilities(theta)))


def mean_square(theta):
    """E_π[k2]."""
    logp = log_probabilities(theta)
    return np.sum(np.exp(logp) * (logp - LOG_REF) ** 2 / 2)


F, B, SQUARE = (grad(function)(THETA) for function in (wanted, backwards, mean_square))
GRADIENTS = {
    "0": 0 * F,
    "∇f": F,
    "∇b": B,
    "∇f − ∇b": F - B,
    "∇E_π[k2]": SQUARE,
    "∇E_π[k2] − ∇f": SQUARE - F,
}


def as_a_loss(estimator):
    """E_π[∇k], the probabilities of the samples held fixed."""
    return grad(lambda t: np.sum(np.exp(NOW) * estimator(log_probabilities(t), LOG_REF)))(THETA)


def as_a_reward(estimator):
    """E_π[k·∇log π], k a number."""
    k = estimator(NOW, LOG_REF)
    return grad(lambda t: np.sum(np.exp(NOW) * k * log_probabilities(t)))(THETA)


def weighted(estimator):
    """∇E_old[ρ·k] at π = π_old."""

    def mean(t):
        logp = log_probabilities(t)
        return np.sum(np.exp(NOW) * np.exp(logp - NOW) * estimator(logp, LOG_REF))

    return grad(mean)(THETA)


def printed_table():
    """The cells of the docstring's table, (estimator, place) to text."""
    rows = [line for line in divergence.__doc__.splitlines() if line.startswith("    k")]
    cells = [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]
    return {(name, i): cell for name, *rest in cells for i, cell in enumerate(rest)}


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
@pytest.mark.parametrize("place", [0, 1, 2], ids=["loss", "reward", "weighted"])
def test_each_kl_estimator_has_the_gradient_that_its_docstring_prints(name, place):
    """Nine cells; the six different gradients differ on this bandit by more than 1 %."""
    measure = (as_a_loss, as_a_reward, weighted)[place]
    found = measure(getattr(divergence, name))
    printed = printed_table()[name, place]
    print(f"\n{name} {measure.__name__}: {np.round(found, 4)} = {printed}")
    assert np.allclose(found, GRADIENTS[printed], rtol=0, atol=1e-12)
    for other in set(GRADIENTS) - {printed}:
        assert not np.allclose(found, GRADIENTS[other], rtol=0, atol=1e-2)


def test_k3_upside_down_is_a_chi_square_less_the_kl():
    """E_π[e^{k1} − k1 − 1] = χ²(π ‖ π_ref) − KL(π ‖ π_ref)."""
    p, q = probabilities(THETA), probabilities(REF)
    swapped = np.sum(p * divergence.k3(LOG_REF, NOW))
    assert np.isclose(swapped, np.sum(p**2 / q) - 1 - wanted(THETA), rtol=1e-12)
