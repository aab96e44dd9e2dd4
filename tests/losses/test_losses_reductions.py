"""The identities that tie the methods together, to 1e-12."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import average_logps, batches, betas, close, groups, pairs, ragged, seeds, slope

from tinyalign import losses as L

TIGHT = dict(rtol=1e-12, atol=1e-12)
coefficients = st.floats(0.0, 5.0)
sums = batches(st.floats(-50, 0), 2)


@given(pairs(), betas)
def test_infonca_with_two_candidates_and_a_one_hot_target_is_dpo(batch, beta):
    """K = 2, reward (1, 0), α → 0."""
    win, lose, ref_w, ref_l = batch
    h = np.stack([win - ref_w, lose - ref_l], axis=1)
    reward = np.tile([1.0, 0.0], (len(win), 1))
    loss = L.infonca(h, reward, beta=beta, alpha=1e-3)
    close(loss, L.dpo(*batch, beta=beta), rtol=1e-12, atol=1e-9)


@given(pairs(), betas)
def test_nca_with_two_candidates_and_a_one_hot_target_is_its_pair_form(batch, beta):
    """−log σ(βh_w) − ½log σ(−βh_w) − ½log σ(−βh_l)."""
    win, lose, ref_w, ref_l = batch
    h_w, h_l = beta * (win - ref_w), beta * (lose - ref_l)
    half = (np.logaddexp(0, h_w) + np.logaddexp(0, h_l)) / 2
    loss = L.nca(
        np.stack([h_w, h_l], axis=1), np.tile([1.0, 0.0], (len(win), 1)), beta=1, alpha=1e-3
    )
    close(loss, np.logaddexp(0, -h_w) + half, **TIGHT)


@given(batches(st.floats(-20, 20), 1), st.floats(0.01, 0.99))
def test_exo_turns_the_divergence_of_cdpo_around(batch, eps):
    """cDPO: KL(label ‖ policy) + H(label); EXO: KL(policy ‖ label); both end at one z."""
    (z,), zero = batch, np.zeros_like(batch[0])
    entropy = -(1 - eps) * math.log(1 - eps) - eps * math.log(eps)
    forward = L.cdpo(z, zero, zero, zero, beta=1.0, flip=eps) - entropy
    reverse = L.exo_pair(z, zero, zero, zero, beta=1.0, eps=eps)
    assert (forward >= -1e-12).all()
    assert (reverse >= -1e-12).all()
    target = np.full(1, math.log((1 - eps) / eps))
    nought = np.zeros(1)
    close(L.exo_pair(target, nought, nought, nought, beta=1.0, eps=eps), 0.0, atol=1e-12)
    close(L.cdpo(target, nought, nought, nought, beta=1.0, flip=eps), entropy, **TIGHT)


@given(sums, betas, st.floats(-50, 0))
def test_cpo_is_dpo_with_a_constant_reference(batch, beta, ref):
    """α = 0, any reference that gives both answers the same log-probability."""
    win, lose = batch
    constant = np.full_like(win, ref)
    loss = L.cpo(win, lose, constant, beta=beta, alpha=0.0)
    close(loss, L.dpo(win, lose, constant, constant, beta=beta), rtol=1e-11, atol=1e-12)


@given(batches(average_logps, 3), betas, coefficients)
def test_tpo_with_the_chosen_answer_as_gold_is_cpo(batch, beta, alpha):
    """y_gold = y_w: TPO = CPO; α = 0: their preference terms agree whatever the gold."""
    win, lose, gold = batch
    close(
        L.tpo(win, lose, -win, beta=beta, alpha=alpha),
        L.cpo(win, lose, -win, beta=beta, alpha=alpha),
        **TIGHT,
    )
    plain = L.cpo(win, lose, win, beta=beta, alpha=0.0)
    close(L.tpo(win, lose, gold, beta=beta, alpha=0.0), plain, **TIGHT)


@given(batches(average_logps, 3), betas, coefficients)
def test_tpo_l_without_gold_is_simpo(batch, beta, gamma):
    """α = 0: TPO-L(γ) = SimPO(γ)."""
    win, lose, gold = batch
    loss = L.tpo_l(win, lose, gold, beta=beta, gamma=gamma, alpha=0.0)
    close(loss, L.simpo(win, lose, beta=beta, gamma=gamma), **TIGHT)


@given(sums, betas, st.integers(1, 9))
def test_simpo_on_equal_lengths_is_cpo_with_a_smaller_beta(batch, beta, n):
    """γ = 0, lengths n: SimPO(a; β) = CPO(n·a; β/n)."""
    win, lose = batch
    loss = L.simpo(win / n, lose / n, beta=beta, gamma=0.0)
    close(loss, L.cpo(win, lose, win, beta=beta / n, alpha=0.0), rtol=1e-11, atol=1e-11)


@given(pairs(), betas)
def test_apo_zero_is_kto_on_both_answers(batch, beta):
    """APO-zero = KTO_D + KTO_U at z₀ = 0, λ = 1."""
    win, lose, ref_w, ref_l = batch
    yes, no = np.ones(len(win)), np.zeros(len(win))
    both = L.kto(win, ref_w, yes, 0.0, beta=beta) + L.kto(lose, ref_l, no, 0.0, beta=beta)
    close(L.apo_zero(*batch, beta=beta), both, **TIGHT)


@given(sums, st.floats(0.1, 10), st.floats(-50, 0))
def test_the_hinge_with_a_constant_reference_is_slic(batch, delta, ref):
    """β = 1/δ: hinge = SLiC/δ."""
    win, lose = batch
    constant = np.full_like(win, ref)
    loss = L.hinge(win, lose, constant, constant, beta=1 / delta)
    close(loss, L.slic(win, lose, constant, delta=delta, lam=0.0) / delta, rtol=1e-9, atol=1e-10)


@given(pairs(), betas)
def test_dpop_without_penalty_is_dpo(batch, beta):
    """λ = 0."""
    close(L.dpop(*batch, beta=beta, lam=0.0), L.dpo(*batch, beta=beta), **TIGHT)


@given(batches(st.floats(-20, 20), 1), st.floats(0.05, 5))
def test_sppo_is_twice_ipo_where_the_log_ratios_are_opposite(batch, beta):
    """h_w = −h_l: 2(D/2 − 1/(2β))² = ½·IPO at τ = β/2; elsewhere not."""
    (h,), zero = batch, np.zeros_like(batch[0])
    expected = L.ipo(h, -h, zero, zero, tau=beta / 2) / 2
    close(L.sppo(h, -h, zero, zero, beta=beta), expected, **TIGHT)
    shifted = L.sppo(h + 1, 1 - h, zero, zero, beta=beta)
    close(shifted, expected + 2, rtol=1e-9)


@given(groups(min_group=2, elements=st.floats(-10, 10)))
def test_leave_one_out_is_a_multiple_of_the_mean_baseline(reward):
    """RLOO = K/(K − 1) × Dr.GRPO."""
    size = reward.shape[1]
    close(L.leave_one_out(reward), size / (size - 1) * L.group_center(reward), **TIGHT)


@given(ragged(st.floats(-5, 0)), seeds)
def test_before_the_first_update_ppo_and_grpo_are_reinforce(batch, seed):
    """ρ = 1, β = 0: one gradient for the clipped surrogate, CISPO and REINFORCE."""
    mask, logp = batch
    advantage = np.random.default_rng(seed).normal(size=(len(mask), 1))

    def gradient(loss):
        return slope(lambda x: L.sequence_mean(loss(x), mask), logp)

    expected = gradient(lambda x: L.reinforce(x, advantage))
    close(gradient(lambda x: L.clipped_surrogate(x, logp, advantage)), expected, **TIGHT)
    close(
        gradient(lambda x: L.truncated_importance(x, logp, advantage, clip_high=0.2)),
        expected,
        **TIGHT,
    )
    sequence = slope(
        lambda x: L.sequence_clipped_surrogate(x, logp, advantage, mask) / len(mask), logp
    )
    close(sequence, expected, **TIGHT)


@given(ragged(st.floats(-5, 0)), seeds)
def test_before_the_first_update_nothing_is_clipped_and_whitened_advantages_cost_nothing(
    batch, seed
):
    """ρ ≡ 1: the loss is −mean A = 0 after whitening, k1 = k2 = k3 = 0."""
    mask, logp = batch
    assume(mask.sum() >= 2)  # one token alone cannot be whitened
    advantage = L.whiten(np.random.default_rng(seed).normal(size=mask.shape), mask)
    loss = L.token_mean(L.clipped_surrogate(logp, logp, advantage), mask)
    close(loss, 0.0, atol=1e-10)
    for estimator in (L.k1, L.k2, L.k3):
        assert (estimator(logp, logp) == 0).all()


@given(ragged(st.floats(-5, 0)), seeds)
def test_groups_without_spread_add_nothing_to_the_gradient(batch, seed):
    """DAPO: dropping prompts whose rewards are all equal rescales the mean, not the sum."""
    rng = np.random.default_rng(seed)
    reward = np.stack([np.full(4, 3.3), rng.normal(size=4)])
    advantage = L.group_standardize(reward).reshape(-1, 1)
    logp = -rng.exponential(size=(8, 3))
    gradient = slope(L.clipped_surrogate, logp, logp, advantage)
    assert (gradient[:4] == 0).all()
    assert (gradient[4:] != 0).any()


@pytest.mark.parametrize("size", [2, 5])
def test_cross_entropy_is_the_token_mean_of_reinforce_with_advantage_one(size):
    """−Σ mask·logp/Σ mask: imitation is a policy gradient with every advantage 1."""
    rng = np.random.default_rng(size)
    logp, mask = -rng.exponential(size=(3, size)), np.ones((3, size))
    close(L.cross_entropy(logp, mask), L.token_mean(L.reinforce(logp, 1.0), mask), **TIGHT)
