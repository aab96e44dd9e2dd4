"""Pair losses with a reference."""

import math

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    bandits,
    batches,
    betas,
    close,
    flips,
    log_probabilities,
    log_sigma,
    pairs,
    shifts,
    sigma,
    slope,
    vectors,
)

from tinyalign import losses as L

moderate = st.floats(-20.0, 0.0)


def moderate_pairs():
    return batches(moderate, 4)


def margin(win, lose, ref_w, ref_l):
    return (win - ref_w) - (lose - ref_l)


def of_margin(loss, d, **kwargs):
    """A margin loss as a function of D alone: everything on the chosen side."""
    d = np.asarray(d, float)
    zero = np.zeros_like(d)
    return loss(d, zero, zero, zero, **kwargs)


def minimiser(function, low, high, points=200_001):
    grid = np.linspace(low, high, points)
    return grid[np.argmin(function(grid))]


B, E, LAM, TAU = 0.3, 0.2, 4.0, 0.25
LOG2 = math.log(2)
AT_THE_REFERENCE = {
    # loss: (parameters, value, slope in chosen, slope in rejected)
    "dpo": (dict(beta=B), LOG2, -B / 2, B / 2),
    "cdpo": (dict(beta=B, flip=E), LOG2, -B * (0.5 - E), B * (0.5 - E)),
    "robust_dpo": (
        dict(beta=B, flip=E),
        LOG2,
        -B / (2 * (1 - 2 * E)),
        B / (2 * (1 - 2 * E)),
    ),
    "hinge": (dict(beta=B), 1.0, -B, B),
    "ipo": (dict(tau=TAU), 1 / (4 * TAU**2), -1 / TAU, 1 / TAU),
    "exo_pair": (
        dict(beta=B, eps=E),
        -LOG2 - 0.5 * math.log(E * (1 - E)),
        -B / 4 * math.log((1 - E) / E),
        B / 4 * math.log((1 - E) / E),
    ),
    "bco": (dict(beta=B), 2 * LOG2, -B / 2, B / 2),
    "apo_zero": (dict(beta=B), 1.0, -B / 4, B / 4),
    "apo_down": (dict(beta=B), 1.0, 0.0, B / 4),
    "sppo": (dict(beta=B), 1 / (2 * B**2), -1 / B, 1 / B),
    "dpop": (dict(beta=B, lam=LAM), LOG2, -B * (1 + LAM / 2) / 2, B / 2),
}


@pytest.mark.parametrize("name", AT_THE_REFERENCE)
@given(pair=batches(moderate, 2))
def test_value_and_slopes_at_the_reference_tell_the_losses_apart(name, pair):
    """At logp = ref, one row a loss: L, dL/dlogp_w, dL/dlogp_l (dpop: the mean of two slopes)."""
    kwargs, value, chosen_slope, rejected_slope = AT_THE_REFERENCE[name]
    loss, (win, lose) = getattr(L, name), pair
    close(loss(win, lose, win, lose, **kwargs), value)
    close(slope(loss, win, lose, win, lose, at=0, **kwargs), chosen_slope)
    close(slope(loss, win, lose, win, lose, at=1, **kwargs), rejected_slope)


def test_dpop_has_two_slopes_at_the_reference():
    """DPOP's kink: −β/2 just above the reference, −β(1 + λ)/2 just below."""
    zero = np.zeros(1)
    for offset, expected in ((1e-9, -B / 2), (-1e-9, -B * (1 + LAM) / 2)):
        gradient = slope(L.dpop, zero + offset, zero, zero, zero, beta=B, lam=LAM)
        close(gradient, expected, rtol=1e-6)


MARGIN_LOSSES = ["dpo", "cdpo", "robust_dpo", "ipo", "hinge", "exo_pair"]


@pytest.mark.parametrize("name", MARGIN_LOSSES)
@given(batch=moderate_pairs(), shift=st.lists(shifts, min_size=4, max_size=4))
def test_a_constant_per_prompt_cancels(name, batch, shift):
    """L(logp + c(x)) = L(logp), for the policy and for the reference: log Z(x) drops out."""
    loss, (win, lose, ref_w, ref_l) = getattr(L, name), batch
    c = np.array(shift)[: len(win)]
    close(loss(win + c, lose + c, ref_w, ref_l), loss(*batch), rtol=1e-8)
    close(loss(win, lose, ref_w + c, ref_l + c), loss(*batch), rtol=1e-8)


@pytest.mark.parametrize("name", ["sppo", "apo_zero", "apo_down", "bco", "dpop"])
def test_anchored_losses_see_a_constant_per_prompt(name):
    """SPPO, APO, BCO and DPOP fix each log-ratio: a shift of both is not free."""
    args = [np.array([x]) for x in (-5.0, -7.0, -6.0, -1.0)]
    shifted = [args[0] - 3, args[1] - 3, *args[2:]]
    assert abs(getattr(L, name)(*args) - getattr(L, name)(*shifted)) > 1e-3


@pytest.mark.parametrize("name", [*MARGIN_LOSSES, "sppo", "apo_zero", "apo_down", "bco", "dpop"])
@given(batch=moderate_pairs(), shift=shifts)
def test_only_the_move_from_the_reference_counts(name, batch, shift):
    """Moving logp_w and ref_w together changes nothing; moving logp_w alone does."""
    loss, (win, lose, ref_w, ref_l) = getattr(L, name), batch
    close(loss(win + shift, lose, ref_w + shift, ref_l), loss(*batch), rtol=1e-7, atol=1e-8)
    if name in ("dpo", "robust_dpo"):
        assert (loss(win - 1, lose, ref_w, ref_l) > loss(*batch)).all()


# DPO


@given(pairs(), betas)
def test_swapping_chosen_and_rejected_in_dpo_adds_the_scaled_margin(batch, beta):
    """L(D) − L(−D) = −βD."""
    win, lose, ref_w, ref_l = batch
    close(
        L.dpo(*batch, beta=beta) - L.dpo(lose, win, ref_l, ref_w, beta=beta),
        -beta * margin(*batch),
        atol=1e-8,
    )


@given(moderate_pairs(), betas)
def test_dpo_pulls_with_the_probability_of_being_wrong(batch, beta):
    """dL/dlogp_w = −βσ(−βD) = −dL/dlogp_l."""
    wrong = sigma(-beta * margin(*batch))
    close(slope(L.dpo, *batch, at=0, beta=beta), -beta * wrong)
    close(slope(L.dpo, *batch, at=1, beta=beta), beta * wrong)


@given(moderate_pairs())
def test_dpo_with_a_tiny_beta_is_linear_in_the_margin(batch):
    """β → 0: (L − log 2)/β → −D/2."""
    close((L.dpo(*batch, beta=1e-5) - LOG2) / 1e-5, -margin(*batch) / 2, atol=1e-2, rtol=1e-3)


def test_dpo_decreases_and_is_convex_and_positive_in_the_margin():
    """L depends on z alone: L > 0, L' < 0, L'' > 0."""
    values = of_margin(L.dpo, np.linspace(-9, 9, 181), beta=1.0)
    assert (values > 0).all()
    assert (np.diff(values) < 0).all()
    assert (np.diff(values, 2) > 0).all()


def test_the_dpo_gradient_saturates_on_the_wrong_side_only():
    """dL/dz → −1 at z = −60, → 0 at z = 60."""
    zero = np.zeros(2)
    close(slope(L.dpo, np.array([-60.0, 60.0]), zero, zero, zero, beta=1.0), [-1, 0], atol=1e-12)


@given(moderate_pairs(), vectors(st.floats(-5, 0), min_size=2, max_size=4))
def test_a_shared_suffix_leaves_dpo_unchanged(batch, suffix):
    """Sums: the same extra tokens on both sides add the same to both log-probabilities."""
    win, lose, ref_w, ref_l = batch
    close(L.dpo(win + suffix.sum(), lose + suffix.sum(), ref_w, ref_l), L.dpo(*batch), rtol=1e-8)


@given(pairs(), betas)
def test_dpo_is_a_logistic_loss_of_the_margin(batch, beta):
    """L = log(1 + e^{−βD}), by the definition, for every finite log-probability."""
    close(L.dpo(*batch, beta=beta), np.logaddexp(0, -beta * margin(*batch)))


# Noisy labels


def test_cdpo_stops_where_confidence_matches_the_noise():
    """Minimum at βD = log((1 − ε)/ε), where L is the entropy H(ε)."""
    minimum = minimiser(lambda d: of_margin(L.cdpo, d, beta=0.1, flip=E), -60, 60)
    close(minimum, math.log((1 - E) / E) / 0.1, atol=2e-3)
    entropy = -(1 - E) * math.log(1 - E) - E * math.log(E)
    close(of_margin(L.cdpo, minimum, beta=0.1, flip=E), entropy)


@given(moderate_pairs(), betas, st.floats(1e-6, 1 - 1e-6))
def test_cdpo_relabels_by_symmetry(batch, beta, flip):
    """L_ε(D) = L_{1−ε}(−D); dL/dz = σ(z) − (1 − ε)."""
    win, lose, ref_w, ref_l = batch
    swapped = L.cdpo(lose, win, ref_l, ref_w, beta=beta, flip=1 - flip)
    close(L.cdpo(*batch, beta=beta, flip=flip), swapped)
    expected = beta * (sigma(beta * margin(*batch)) - (1 - flip))
    close(slope(L.cdpo, *batch, beta=beta, flip=flip), expected)


def test_cdpo_is_convex_and_even_with_coin_flip_labels():
    """ε = ½: minimum at D = 0; L'' > 0."""
    d = np.linspace(-30, 30, 301)
    values = of_margin(L.cdpo, d, beta=0.2, flip=0.5)
    close(d[np.argmin(values)], 0.0)
    assert (np.diff(values, 2) > 0).all()


@given(pairs(), betas, flips)
def test_robust_dpo_is_unbiased_under_flipped_labels(batch, beta, flip):
    """(1 − ε)·L(D) + ε·L(−D) = DPO(D)."""
    win, lose, ref_w, ref_l = batch
    right = L.robust_dpo(*batch, beta=beta, flip=flip)
    wrong = L.robust_dpo(lose, win, ref_l, ref_w, beta=beta, flip=flip)
    clean = np.logaddexp(0, -beta * margin(*batch))
    scale = 1e-12 * np.abs(beta * margin(*batch)) / (1 - 2 * flip)
    assert (np.abs((1 - flip) * right + flip * wrong - clean) <= 1e-9 + scale).all()


@given(moderate_pairs(), betas, flips)
def test_robust_dpo_never_stops_pushing(batch, beta, flip):
    """dL/dz = −[(1 − ε)σ(−z) + εσ(z)]/(1 − 2ε); L(z) − L(−z) = −z/(1 − 2ε)."""
    win, lose, ref_w, ref_l = batch
    z, scale = beta * margin(*batch), 1 - 2 * flip
    expected = -beta * ((1 - flip) * sigma(-z) + flip * sigma(z)) / scale
    close(slope(L.robust_dpo, *batch, beta=beta, flip=flip), expected)
    swapped = L.robust_dpo(lose, win, ref_l, ref_w, beta=beta, flip=flip)
    close(L.robust_dpo(*batch, beta=beta, flip=flip) - swapped, -z / scale)


def test_robust_dpo_is_unbounded_below():
    """z = 200, ε = 0.2: L = −66.7."""
    close(of_margin(L.robust_dpo, 200.0, beta=1.0, flip=0.2), -200 / 3, atol=1e-6)


@given(pairs(), betas)
def test_without_noise_both_noisy_losses_are_dpo(batch, beta):
    """ε = 0: cDPO = robust DPO = DPO."""
    expected = L.dpo(*batch, beta=beta)
    close(L.cdpo(*batch, beta=beta, flip=0.0), expected, rtol=1e-12, atol=1e-12)
    close(L.robust_dpo(*batch, beta=beta, flip=0.0), expected, rtol=1e-12, atol=1e-12)


# IPO


@given(st.floats(0.01, 10.0), st.floats(-50, 50))
def test_ipo_is_a_parabola_about_half_over_tau(tau, offset):
    """L(1/(2τ)) = 0; L(1/(2τ) + δ) = L(1/(2τ) − δ) = δ²: overshoot costs like undershoot."""
    target = 1 / (2 * tau)
    close(of_margin(L.ipo, target, tau=tau), 0.0)
    close(of_margin(L.ipo, target + offset, tau=tau), offset**2, rtol=1e-8)
    close(of_margin(L.ipo, target - offset, tau=tau), offset**2, rtol=1e-8)


@given(moderate_pairs(), st.floats(0.05, 5.0))
def test_ipo_slopes_and_swap(batch, tau):
    """dL/dlogp_w = 2(D − 1/(2τ)) = −dL/dlogp_l; L(D) − L(−D) = −2D/τ."""
    win, lose, ref_w, ref_l = batch
    expected = 2 * (margin(*batch) - 1 / (2 * tau))
    close(slope(L.ipo, *batch, at=0, tau=tau), expected)
    close(slope(L.ipo, *batch, at=1, tau=tau), -expected)
    swapped = L.ipo(lose, win, ref_l, ref_w, tau=tau)
    close(L.ipo(*batch, tau=tau) - swapped, -2 * margin(*batch) / tau)


@pytest.mark.parametrize("right", [0.5, 0.7, 1.0])
def test_ipo_with_noisy_labels_stops_at_a_finite_margin(right):
    """P(label right) = p: D* = (p − ½)/τ, finite at p = 1 where DPO's is not."""

    def mean_loss(d):
        flipped = of_margin(L.ipo, -d, tau=0.1)
        return right * of_margin(L.ipo, d, tau=0.1) + (1 - right) * flipped

    close(minimiser(mean_loss, -10, 10), (right - 0.5) / 0.1, atol=2e-3)


def test_repeating_every_token_changes_the_sum_form_of_ipo():
    """Sums double; means per token, which are the same numbers again, would not."""
    batch = np.array([[-5.0], [-7.0], [-6.0], [-6.5]])
    assert abs(L.ipo(*(2 * batch)) - L.ipo(*batch)) > 1


# The rest of the family


@given(moderate_pairs(), st.floats(0.01, 2.0), st.floats(-5, 5))
def test_bco_bounds_dpo_from_above_and_its_terms_separate(batch, beta, delta):
    """BCO ≥ DPO for every δ; slopes −βσ(δ − βh_w) and +βσ(βh_l − δ)."""
    win, lose, ref_w, ref_l = batch
    above = L.bco(*batch, beta=beta, delta=delta) - L.dpo(*batch, beta=beta)
    assert (above >= -1e-12).all()  # strictly above, until both round to the same number
    h_w, h_l = win - ref_w, lose - ref_l
    expected = -beta * sigma(delta - beta * h_w)
    close(slope(L.bco, *batch, at=0, beta=beta, delta=delta), expected)
    expected = beta * sigma(beta * h_l - delta)
    close(slope(L.bco, *batch, at=1, beta=beta, delta=delta), expected)


@given(moderate_pairs(), st.floats(0.01, 2.0), st.floats(-20, 20))
def test_bco_moves_its_threshold_with_the_log_ratios(batch, beta, shift):
    """(h + c, δ + βc) changes nothing."""
    win, lose, ref_w, ref_l = batch
    moved = L.bco(win + shift, lose + shift, ref_w, ref_l, beta=beta, delta=beta * shift)
    close(moved, L.bco(*batch, beta=beta))


@given(moderate_pairs(), st.floats(0.01, 2.0))
def test_apo_zero_pushes_the_two_answers_apart_everywhere(batch, beta):
    """0 ≤ L ≤ 2; dL/dlogp_w = −βs(1 − s) ≤ 0 ≤ dL/dlogp_l, s = σ(βh) of each."""
    win, lose, ref_w, ref_l = batch
    value = L.apo_zero(*batch, beta=beta)
    assert ((value >= 0) & (value <= 2)).all()
    s_w, s_l = sigma(beta * (win - ref_w)), sigma(beta * (lose - ref_l))
    close(slope(L.apo_zero, *batch, at=0, beta=beta), -beta * s_w * (1 - s_w))
    close(slope(L.apo_zero, *batch, at=1, beta=beta), beta * s_l * (1 - s_l))


@given(moderate_pairs(), st.floats(0.01, 2.0))
def test_apo_down_weighs_the_fall_of_the_chosen_against_the_gap(batch, beta):
    """dL/dlogp_w = β[s(1 − s) − s_D(1 − s_D)], dL/dlogp_l = βs_D(1 − s_D); 0 ≤ L ≤ 2."""
    win, _, ref_w, _ = batch
    value = L.apo_down(*batch, beta=beta)
    assert ((value >= 0) & (value <= 2)).all()
    s, s_d = sigma(beta * (win - ref_w)), sigma(beta * margin(*batch))
    close(slope(L.apo_down, *batch, at=0, beta=beta), beta * (s * (1 - s) - s_d * (1 - s_d)))
    close(slope(L.apo_down, *batch, at=1, beta=beta), beta * s_d * (1 - s_d))


@given(moderate_pairs(), st.floats(0.05, 2.0))
def test_sppo_regresses_each_log_ratio_to_its_own_target(batch, beta):
    """Slopes 2(h_w − 1/(2β)) and 2(h_l + 1/(2β)): neither depends on the other answer."""
    win, lose, ref_w, ref_l = batch
    target = 1 / (2 * beta)
    close(slope(L.sppo, *batch, at=0, beta=beta), 2 * (win - ref_w - target))
    close(slope(L.sppo, *batch, at=1, beta=beta), 2 * (lose - ref_l + target))
    close(L.sppo(ref_w + target, ref_l - target, ref_w, ref_l, beta=beta), 0.0)


@given(moderate_pairs(), betas, st.floats(0, 100))
def test_dpop_penalises_inside_the_sigmoid(batch, beta, lam):
    """L = −log σ(β(D − λ·max(0, ref_w − logp_w))), so ≥ DPO, and DPO where logp_w ≥ ref_w."""
    win, _, ref_w, _ = batch
    z = beta * (margin(*batch) - lam * np.maximum(0, ref_w - win))
    close(L.dpop(*batch, beta=beta, lam=lam), np.logaddexp(0, -z))
    plain = L.dpo(*batch, beta=beta)
    assert (L.dpop(*batch, beta=beta, lam=lam) >= plain - 1e-12).all()
    close(L.dpop(*batch, beta=beta, lam=lam)[win >= ref_w], plain[win >= ref_w])
    low = win < ref_w - 1e-6
    expected = -beta * (1 + lam) * sigma(-np.clip(z, -700, 700))
    close(slope(L.dpop, *batch, beta=beta, lam=lam)[low], expected[low])


def test_exo_pair_is_a_reverse_kl():
    """L = KL(Bernoulli(σ(z)) ‖ Bernoulli(1 − ε)) ≥ 0, 0 where σ(z) = 1 − ε; diverges as ε → 0."""
    d = np.linspace(-5, 5, 101)
    p, eps = sigma(d), 0.2
    kl = p * np.log(p / (1 - eps)) + (1 - p) * np.log((1 - p) / eps)
    close(of_margin(L.exo_pair, d, beta=1.0, eps=eps), kl)
    target = math.log((1 - eps) / eps)
    close(of_margin(L.exo_pair, target, beta=1.0, eps=eps), 0.0, atol=1e-12)
    assert of_margin(L.exo_pair, 0.0, beta=1.0, eps=1e-300) > 300


@given(moderate_pairs(), betas)
def test_hinge_is_zero_beyond_its_margin_and_linear_before(batch, beta):
    """max(0, 1 − z): slope −β before z = 1, 0 after."""
    z = beta * margin(*batch)
    close(L.hinge(*batch, beta=beta), np.maximum(0, 1 - z))
    clear = np.abs(z - 1) > 1e-6
    close(slope(L.hinge, *batch, beta=beta)[clear], np.where(z < 1, -beta, 0.0)[clear])


# Population optima, by enumeration


def population(loss, theta, ref, sampler, preference, **kwargs):
    """Σ_ij μ_i μ_j P_ij L(i chosen, j rejected) for the policy softmax(θ)."""
    size = len(ref)
    logp, ref_logp = log_probabilities(theta), np.log(ref)
    i, j = (x.reshape(-1) for x in np.meshgrid(range(size), range(size), indexing="ij"))
    weight = sampler[i] * sampler[j] * preference[i, j]
    return anp.sum(weight * loss(logp[i], logp[j], ref_logp[i], ref_logp[j], **kwargs))


@pytest.mark.parametrize("name", ["dpo", "robust_dpo"])
@given(bandits(), st.floats(0.2, 2.0))
def test_dpo_has_its_population_optimum_at_the_tilted_reference(name, bandit, beta):
    """Σ μ_i μ_j P_ij ∇L = 0 at π ∝ π_ref·e^{r/β}; robust DPO: with labels flipped at rate ε."""
    ref, reward, sampler = bandit
    preference = sigma(reward[:, None] - reward[None, :])
    flip = 0.2 if name == "robust_dpo" else 0.0
    observed = (1 - flip) * preference + flip * preference.T
    kwargs = {"beta": beta, **({"flip": flip} if flip else {})}
    theta = np.log(ref) + reward / beta
    loss = getattr(L, name)
    gradient = slope(lambda t: population(loss, t, ref, sampler, observed, **kwargs), theta)
    close(gradient, 0.0, atol=1e-8)
    if np.ptp(reward) > 0.5:
        at_ref = slope(lambda t: population(loss, t, ref, sampler, observed, **kwargs), np.log(ref))
        assert np.abs(at_ref).max() > 1e-6


@given(bandits(), st.floats(0.2, 2.0))
def test_ipo_has_its_population_optimum_at_the_mean_preference(bandit, tau):
    """Zero gradient at π ∝ π_ref·e^{E_{y'~μ}[P(y ≻ y')]/τ}."""
    ref, reward, sampler = bandit
    preference = sigma(reward[:, None] - reward[None, :])
    theta = np.log(ref) + preference @ sampler / tau
    gradient = slope(lambda t: population(L.ipo, t, ref, sampler, preference, tau=tau), theta)
    close(gradient, 0.0, atol=1e-8)


def test_log_sigma_of_the_tests_agrees_with_its_definition():
    """The tests' own log σ: log σ(0) = −log 2, log σ(x) − log σ(−x) = x."""
    close(log_sigma(0.0), -LOG2)
    close(log_sigma(3.0) - log_sigma(-3.0), 3.0)


# DPO fed with means per token, with a moving reference, and online


@given(moderate_pairs(), st.integers(1, 9), betas)
def test_dpo_of_means_on_equal_lengths_is_dpo_with_a_smaller_beta(batch, n, beta):
    """Lengths n: dpo(mean; β) = dpo(sum; β/n); repeating all tokens leaves means alone."""
    means = [x / n for x in batch]
    close(L.dpo(*means, beta=beta), L.dpo(*batch, beta=beta / n))


def test_a_shared_suffix_changes_dpo_of_means():
    """Means per token: two more tokens on both sides move the answers of unequal length apart."""
    sums, lengths = np.array([-5.0, -9.0, -6.0, -8.0]), np.array([2, 5, 2, 5])
    before = L.dpo(*(sums / lengths)[:, None])
    after = L.dpo(*((sums - 3.0) / (lengths + 2))[:, None])
    assert abs(before - after) > 1e-3


@given(moderate_pairs(), st.floats(0, 1))
def test_a_reference_that_follows_the_policy_shrinks_the_margin(batch, share):
    """Reference α·policy + (1 − α)·ref in log-probability: D scales with 1 − α; α = 1 is log 2."""
    win, lose, ref_w, ref_l = batch
    near = [share * x + (1 - share) * y for x, y in ((win, ref_w), (lose, ref_l))]
    expected = np.logaddexp(0, -0.1 * (1 - share) * margin(*batch))
    close(L.dpo(win, lose, *near), expected)


@given(batches(moderate, 2))
def test_a_pair_of_identical_answers_teaches_nothing(batch):
    """y_w = y_l: dL/dlogp_w + dL/dlogp_l = 0, and the loss is log 2."""
    logp, ref = batch
    both = slope(lambda x: L.dpo(x, x, ref, ref), logp)
    close(both, 0.0, atol=1e-12)
    close(L.dpo(logp, logp, ref, ref), LOG2)
