"""KTO: thumbs up or down."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st
from strategies import batches, close, logps, sigma, slope

from tinyalign import losses as L

moderate = st.floats(-20.0, 0.0)
weights = st.floats(0.0, 4.0)
points = st.floats(0.0, 5.0)
UP, DOWN = 1, 0


def kto(h, label, z0=0.0, **kwargs):
    zero = np.zeros(len(h))
    return L.kto(h, zero, zero + label, z0, **kwargs)


@pytest.mark.parametrize("weight", [1.0, 1.5])
def test_kto_at_the_reference_is_half_its_weight(weight):
    """h = z₀ = 0: L = λ/2."""
    close(kto(np.zeros(1), UP, weight_desirable=weight), weight / 2)
    close(kto(np.zeros(1), DOWN, weight_undesirable=weight), weight / 2)


@given(batches(logps, 2), points, st.floats(0.01, 2))
def test_the_two_classes_of_kto_add_up_to_one(batch, z0, beta):
    """λ = 1: L_D(h) + L_U(h) = 1; each lies in [0, 1]."""
    logp, ref = batch
    up = L.kto(logp, ref, np.ones(len(logp)), z0, beta=beta)
    down = L.kto(logp, ref, np.zeros(len(logp)), z0, beta=beta)
    close(up + down, 1.0)
    assert ((up >= 0) & (up <= 1) & (down >= 0) & (down <= 1)).all()


@given(batches(moderate, 2), points, weights, weights, st.floats(0.01, 2))
def test_kto_is_a_weighted_sigmoid_without_logarithm(batch, z0, w_up, w_down, beta):
    """L = λ_D(1 − s) or λ_U·s, slopes −λ_D·βs(1 − s) or +λ_U·βs(1 − s), s = σ(β(h − z₀))."""
    logp, ref = batch
    kwargs = dict(beta=beta, weight_desirable=w_up, weight_undesirable=w_down)
    s = sigma(beta * (logp - ref - z0))
    for label, value, sign in ((UP, w_up * (1 - s), -w_up), (DOWN, w_down * s, w_down)):
        labels = np.full(len(logp), label)
        close(L.kto(logp, ref, labels, z0, **kwargs), value)
        gradient = slope(L.kto, logp, ref, labels, z0, **kwargs)
        close(gradient, sign * beta * s * (1 - s))


@given(batches(moderate, 2), points, st.floats(0.1, 10))
def test_kto_moves_with_its_reference_point(batch, z0, shift):
    """(h + c, z₀ + c) changes nothing; h + c alone does."""
    logp, ref = batch
    labels = np.arange(len(logp)) % 2
    base = L.kto(logp, ref, labels, z0)
    close(L.kto(logp + shift, ref, labels, z0 + shift), base)
    assert (L.kto(logp + shift, ref, labels, z0) != base).all()


@given(batches(moderate, 2), points, st.floats(0.1, 4))
def test_contradictory_labels_cancel_for_every_log_ratio(batch, z0, weight):
    """The same answer up and down with equal λ: constant total, gradient 0 (Theorem 4.3)."""
    logp, ref = batch
    kwargs = dict(weight_desirable=weight, weight_undesirable=weight)

    def both(x):
        ones = np.ones(len(logp))
        return L.kto(x, ref, ones, z0, **kwargs) + L.kto(x, ref, 0 * ones, z0, **kwargs)

    close(both(logp), weight)
    close(slope(both, logp), 0.0, atol=1e-12)


def test_kto_gives_up_on_both_sides():
    """The gradient → 0 at h = ±50, β = 1; DPO's → −β on the wrong side."""
    h, zero = np.array([-50.0, 50.0]), np.zeros(2)
    for label in (UP, DOWN):
        gradient = slope(lambda x, label=label: kto(x, label, beta=1.0), h)
        close(gradient, 0.0, atol=1e-12)
    close(slope(L.dpo, h, zero, zero, zero, beta=1.0)[0], -1.0)


def test_labels_may_be_booleans_and_must_be_zero_or_one():
    """True is desirable; ±1 is refused, because −1 would count as true."""
    h, zero = np.array([1.0, 1.0]), np.zeros(2)
    close(
        L.kto(h, zero, np.array([True, False]), 0.0),
        L.kto(h, zero, np.array([1, 0]), 0.0),
    )
    with pytest.raises(ValueError, match="desirable"):
        L.kto(h, zero, np.array([1, -1]), 0.0)
    with pytest.raises(ValueError, match="z0"):
        L.kto(h, zero, np.array([1, 0]), np.zeros((2, 1)))


def test_the_reference_point_is_a_clamped_mean():
    """z₀ = max(0, mean h) over mismatched pairs, with no factor β."""
    z0 = L.kto_z0(np.array([-5.0, -3.0]), np.zeros(2))
    assert z0 == 0.0
    assert L.kto_z0(np.array([5.0, 3.0]), np.ones(2)) == 3.0
    with pytest.raises(ValueError, match=r"\(2,\).*\(2, 1\)"):
        L.kto_z0(np.zeros(2), np.zeros((2, 1)))


def test_no_gradient_flows_through_the_reference_point():
    """z₀ depends on the policy, yet dL/dθ is that at a fixed z₀."""
    logp, zero, labels = np.array([1.0, 2.0, 4.0]), np.zeros(3), np.array([1, 0, 1])
    through = grad(lambda x: anp.sum(L.kto(x, zero, labels, L.kto_z0(x, zero))))(logp)
    fixed = grad(lambda x: anp.sum(L.kto(x, zero, labels, 7 / 3)))(logp)
    close(through, fixed, rtol=1e-14)
    single = logp.astype(np.float32)
    assert L.kto_z0(single, zero.astype(np.float32)).dtype == np.float32
