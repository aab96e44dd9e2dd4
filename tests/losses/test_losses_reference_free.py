"""Pair losses without a reference, and triples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import average_logps, batches, betas, close, log_sigma, shifts, sigma, slope

from tinyalign import losses as L

LOG2 = math.log(2)
averages = batches(average_logps, 2)
sums = batches(st.floats(-50.0, 0.0), 2)
gammas = st.floats(-3.0, 3.0)
NONE = np.zeros(1)


def logit(a):
    return a - np.log(-np.expm1(a))


# SimPO


@given(averages, betas, st.floats(0, 5))
def test_simpo_is_log_2_exactly_at_its_target_margin(batch, beta, gamma):
    """L = log 2 at a_w − a_l = γ/β."""
    _, lose = batch
    close(L.simpo(lose + gamma / beta, lose, beta=beta, gamma=gamma), LOG2, atol=1e-12)


@given(averages, betas, gammas)
def test_simpo_is_a_logistic_loss_with_a_margin(batch, beta, gamma):
    """L = log(1 + e^{γ − β(a_w − a_l)}); slopes ∓βσ(γ − β(a_w − a_l))."""
    win, lose = batch
    z = beta * (win - lose) - gamma
    close(L.simpo(*batch, beta=beta, gamma=gamma), np.logaddexp(0, -z))
    close(slope(L.simpo, *batch, at=0, beta=beta, gamma=gamma), -beta * sigma(-z))
    close(slope(L.simpo, *batch, at=1, beta=beta, gamma=gamma), beta * sigma(-z))


@given(averages, betas, st.floats(0, 3), st.floats(0.1, 3))
def test_a_larger_target_margin_costs_more(batch, beta, gamma, more):
    """γ is a margin: L(a_w, a_l; γ) = L(a_w − γ/β, a_l; 0), increasing in γ."""
    win, lose = batch
    close(
        L.simpo(win, lose, beta=beta, gamma=gamma),
        L.simpo(win - gamma / beta, lose, beta=beta, gamma=0.0),
    )
    low = L.simpo(win, lose, beta=beta, gamma=gamma)
    assert (L.simpo(win, lose, beta=beta, gamma=gamma + more) >= low - 1e-12).all()


@given(averages, betas, gammas, shifts)
def test_simpo_ignores_a_common_shift_and_is_odd_without_margin(batch, beta, gamma, shift):
    """L(a + c) = L(a); γ = 0: L − L_swapped = −β(a_w − a_l)."""
    win, lose = batch
    moved = L.simpo(win + shift, lose + shift, beta=beta, gamma=gamma)
    close(moved, L.simpo(win, lose, beta=beta, gamma=gamma), rtol=1e-8)
    odd = L.simpo(win, lose, beta=beta, gamma=0.0) - L.simpo(lose, win, beta=beta, gamma=0.0)
    close(odd, -beta * (win - lose))


# ORPO


@given(averages)
def test_the_odds_ratio_term_is_logistic_in_the_log_odds(batch):
    """L = log(1 + e^{−LO}), L(a_w, a_l) − L(a_l, a_w) = −LO, log 2 at a_w = a_l."""
    win, lose = batch
    lo = logit(win) - logit(lose)
    close(L.odds_ratio(win, lose), np.logaddexp(0, -lo))
    close(L.odds_ratio(win, lose) - L.odds_ratio(lose, win), -lo)
    close(L.odds_ratio(win, win), LOG2)


@given(averages)
def test_odds_ratio_slopes_have_the_complement_below(batch):
    """dL/da_w = −σ(−LO)/(1 − p_w), dL/da_l = +σ(−LO)/(1 − p_l)."""
    win, lose = batch
    wrong = sigma(-(logit(win) - logit(lose)))
    close(slope(L.odds_ratio, win, lose, at=0), wrong / np.expm1(win), rtol=1e-7)
    close(slope(L.odds_ratio, win, lose, at=1), -wrong / np.expm1(lose), rtol=1e-7)


@given(batches(st.floats(-40.0, -30.0), 2))
def test_odds_are_probabilities_when_both_are_small(batch):
    """a → −∞: L → −log σ(a_w − a_l)."""
    win, lose = batch
    close(L.odds_ratio(win, lose), -log_sigma(win - lose))


def test_the_odds_ratio_near_certainty():
    """(−1e-17, −1) → 0, (−1, −1e-17) → large; not shift invariant."""
    sure, unsure = np.array([-1e-17]), np.array([-1.0])
    close(L.odds_ratio(sure, unsure), 0.0, atol=1e-12)
    assert L.odds_ratio(unsure, sure) > 30
    base = L.odds_ratio(np.array([-0.5]), np.array([-1.0]))
    assert abs(L.odds_ratio(np.array([-2.5]), np.array([-3.0])) - base) > 0.05


def test_summed_log_probabilities_flatten_the_odds_ratio():
    """Sums (−40, −60) give 0.0 where the means (−2, −3) give 0.289: ORPO needs means."""
    close(L.odds_ratio(np.array([-40.0]), np.array([-60.0])), 0.0, atol=1e-8)
    close(L.odds_ratio(np.array([-2.0]), np.array([-3.0])), 0.289, atol=1e-3)


@given(averages, st.floats(0, 5))
def test_orpo_adds_the_likelihood_of_the_chosen_answer(batch, lam):
    """L = NLL + λ·OR; with NLL = −a_w: dL/da_w = −1 − λσ(−LO)/(1 − p_w)."""
    win, lose = batch
    close(L.orpo(win, lose, -win, lam=lam), -win + lam * L.odds_ratio(win, lose))
    close(L.orpo(win, lose, -win, lam=0.0), -win)
    whole = slope(lambda a: L.orpo(a, lose, -a, lam=lam), win)
    wrong = sigma(-(logit(win) - logit(lose)))
    close(whole, -1 + lam * wrong / np.expm1(win), rtol=1e-7)


# CPO and SLiC


@given(sums, betas, shifts)
def test_cpo_without_likelihood_is_a_logistic_loss_of_the_difference(batch, beta, shift):
    """log 2 at a tie; L(d) − L(−d) = −βd; shift invariant; slopes ∓βσ(−βd)."""
    win, lose = batch
    nll, kwargs = np.zeros_like(win), dict(beta=beta, alpha=0.0)
    d = win - lose
    close(L.cpo(win, lose, nll, **kwargs), np.logaddexp(0, -beta * d))
    close(L.cpo(win, win, nll, **kwargs), LOG2)
    close(L.cpo(win + shift, lose + shift, nll, **kwargs), L.cpo(win, lose, nll, **kwargs))
    close(slope(L.cpo, win, lose, nll, at=0, **kwargs), -beta * sigma(-beta * d))
    close(slope(L.cpo, win, lose, nll, at=1, **kwargs), beta * sigma(-beta * d))


@given(sums, st.floats(0.1, 10))
def test_slic_stops_at_its_margin(batch, delta):
    """0 iff logp_w − logp_l ≥ δ; δ at a tie; slopes in {0, −1} and {0, +1}."""
    win, lose = batch
    nll, kwargs = np.zeros_like(win), dict(delta=delta, lam=0.0)
    value = L.slic(win, lose, nll, **kwargs)
    np.testing.assert_array_equal(value == 0, delta - win + lose <= 0)
    close(L.slic(win, win, nll, **kwargs), delta)
    assert (value + L.slic(lose, win, nll, **kwargs) >= 2 * delta - 1e-9).all()
    clear = np.abs(delta - win + lose) > 1e-6
    inside = (delta - win + lose > 0).astype(float)
    close(slope(L.slic, win, lose, nll, at=0, **kwargs)[clear], -inside[clear])
    close(slope(L.slic, win, lose, nll, at=1, **kwargs)[clear], inside[clear])


@given(sums, st.floats(0.1, 10), st.floats(0.1, 5), shifts)
def test_slic_scales_and_ignores_a_common_shift(batch, delta, scale, shift):
    """slic(c·p, c·δ) = c·slic(p, δ); slic(p + c) = slic(p)."""
    win, lose = batch
    nll = np.zeros_like(win)
    base = L.slic(win, lose, nll, delta=delta)
    close(L.slic(scale * win, scale * lose, nll, delta=scale * delta), scale * base, atol=1e-8)
    close(L.slic(win + shift, lose + shift, nll, delta=delta), base)


@pytest.mark.parametrize(
    ("name", "weight"),
    [("cpo", "alpha"), ("tpo", "alpha"), ("tpo_l", "alpha"), ("slic", "lam"), ("orpo", None)],
)
@given(batch=batches(average_logps, 3), coefficient=st.floats(0, 5))
def test_the_likelihood_enters_through_its_weight_alone(name, weight, batch, coefficient):
    """L(NLL + 2) − L(NLL) = 2α, and dL/dlogp_w does not depend on the NLL."""
    win, lose, nll = batch
    loss = getattr(L, name)
    kwargs = {weight: coefficient} if weight else {}
    added = loss(win, lose, nll + 2, **kwargs) - loss(win, lose, nll, **kwargs)
    close(added, 2 * coefficient if weight else 2.0, atol=1e-8)
    np.testing.assert_array_equal(
        slope(loss, win, lose, nll, **kwargs), slope(loss, win, lose, nll + 2, **kwargs)
    )


# TPO


@given(averages, betas, shifts)
def test_tpo_compares_win_with_lose_and_nothing_with_gold(batch, beta, shift):
    """α = 0: log(1 + e^{−β(logp_w − logp_l)}); a shift of both changes nothing."""
    win, lose = batch
    gold = np.full_like(win, 3.0)
    expected = np.logaddexp(0, -beta * (win - lose))
    close(L.tpo(win, lose, gold, beta=beta, alpha=0.0), expected)
    close(L.tpo(win + shift, lose + shift, gold, beta=beta, alpha=0.0), expected, rtol=1e-8)


def test_the_margin_of_tpo_l_is_not_multiplied_by_beta():
    """log 2 at a_w − a_l = γ/β = 0.4 for β = 2.5, γ = 1."""
    loss = L.tpo_l(NONE - 1.0, NONE - 1.4, NONE, beta=2.5, gamma=1.0, alpha=1.0)
    close(loss, LOG2, atol=1e-12)


@given(batches(average_logps, 3), betas, gammas, st.floats(0, 3))
def test_tpo_l_is_logistic_in_the_means_plus_gold(batch, beta, gamma, alpha):
    """L = log(1 + e^{γ − β(a_w − a_l)}) + α·NLL(gold)."""
    win, lose, gold = batch
    expected = np.logaddexp(0, gamma - beta * (win - lose)) + alpha * -gold
    close(L.tpo_l(win, lose, -gold, beta=beta, gamma=gamma, alpha=alpha), expected)
