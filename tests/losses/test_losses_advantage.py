"""Group baselines, GAE, shaped rewards, KL control."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import bandits, close, fractions, groups, ragged, shifts

from tinyalign import losses as L

BASELINES = [L.group_center, L.group_standardize, L.group_rank, L.leave_one_out]
each_baseline = pytest.mark.parametrize("baseline", BASELINES, ids=lambda f: f.__name__)
spread_out = st.integers(-50, 50).map(lambda n: n / 4)


# Groups


@each_baseline
@given(reward=groups(min_group=2))
def test_advantages_of_a_group_sum_to_zero(baseline, reward):
    """Σ_i A_i = 0."""
    close(baseline(reward).sum(axis=1), 0.0, atol=1e-8)


@each_baseline
@pytest.mark.parametrize("value", [3.3, 0.0, -1e-3, 1e6, 0.1])
@pytest.mark.parametrize("size", [2, 7, 8])
def test_equal_rewards_have_advantage_exactly_zero(baseline, value, size):
    """All equal → 0, not rounding noise and not NaN."""
    assert (baseline(np.full((3, size), value)) == 0).all()


def test_equal_rewards_stay_zero_without_any_epsilon():
    """0/0 is never formed: eps = 0, and a group of equal rewards beside one with spread."""
    advantages = L.group_standardize(np.array([[3.3, 3.3, 3.3], [0.0, 1.0, 2.0]]), eps=0.0)
    close(advantages, [[0, 0, 0], [-1, 0, 1]])


@each_baseline
@given(reward=groups(min_group=2), seed=st.integers(0, 100))
def test_groups_are_independent_and_order_does_not_matter(baseline, reward, seed):
    """A(r[π]) = A(r)[π]; changing one group leaves the others alone."""
    order = np.random.default_rng(seed).permutation(reward.shape[1])
    close(baseline(reward[:, order]), baseline(reward)[:, order])
    alone = [baseline(row[None])[0] for row in reward]  # a tiny reward beside a large one too
    np.testing.assert_array_equal(baseline(reward), np.array(alone))


@given(groups(min_group=2, elements=spread_out), st.floats(0.1, 50), shifts)
def test_standardised_rewards_forget_scale_and_shift(reward, scale, shift):
    """eps = 0: A(ar + b) = A(r) for a > 0, A(−r) = −A(r); sample std 1."""
    base = L.group_standardize(reward, eps=0.0)
    varied = np.ptp(reward, axis=1) > 0
    moved = L.group_standardize(scale * reward + shift, eps=0.0)
    close(moved[varied], base[varied], atol=1e-7)
    close(L.group_standardize(-reward, eps=0.0), -base)
    close(base[varied].std(axis=1, ddof=1), 1.0)


@given(groups(min_group=2, elements=spread_out), st.floats(0, 1), st.sampled_from([0, 1]))
def test_standardising_divides_by_std_plus_eps(reward, eps, ddof):
    """A = (r − mean)/(std + ε), with the std of the stated ddof."""
    std = reward.std(axis=1, ddof=ddof, keepdims=True)
    assume((std > 1e-9).all())
    expected = (reward - reward.mean(axis=1, keepdims=True)) / (std + eps)
    close(L.group_standardize(reward, eps=eps, ddof=ddof), expected)


@pytest.mark.parametrize("right", [1, 2, 3, 7])
def test_binary_rewards_give_the_closed_form(right):
    """Success rate p, ddof 0: +√((1 − p)/p) and −√(p/(1 − p)); ΣA² = K (centred: Kp(1 − p))."""
    reward = (np.arange(8) < right).astype(float)[None]
    p = right / 8
    advantages = L.group_standardize(reward, eps=0.0, ddof=0)
    expected = np.where(reward > 0, math.sqrt((1 - p) / p), -math.sqrt(p / (1 - p)))
    close(advantages, expected)
    close((advantages**2).sum(), 8)
    close((L.group_center(reward) ** 2).sum(), 8 * p * (1 - p))


@given(groups(min_group=2, elements=spread_out), st.floats(-5, 5), shifts)
def test_centred_rewards_are_the_rewards_minus_their_mean(reward, scale, shift):
    """A = r − mean, A(ar + b) = aA."""
    close(L.group_center(reward), reward - reward.mean(axis=1, keepdims=True))
    close(L.group_center(scale * reward + shift), scale * L.group_center(reward), atol=1e-8)


@given(groups(min_group=1))
def test_rank_advantages_read_only_the_order(reward):
    """Invariant to increasing transforms; equal rewards, equal advantages; mean 0, std 1."""
    advantages = L.group_rank(reward)
    order = np.unique(reward, return_inverse=True)[1].reshape(reward.shape)
    close(L.group_rank(order**3 - 5.0), advantages)  # a smooth function rounds two to one
    for row, advantage in zip(reward, advantages, strict=True):
        for i, j in itertools.permutations(range(len(row)), 2):
            assert (row[i] < row[j]) == (advantage[i] < advantage[j])
            assert (row[i] == row[j]) == (advantage[i] == advantage[j])
    varied = np.ptp(reward, axis=1) > 0
    close(advantages[varied].std(axis=1), 1.0)


def test_rank_advantages_have_a_closed_form_without_ties():
    """K distinct rewards: (rank − (K − 1)/2)/√((K² − 1)/12), rank 0 the worst."""
    advantages = L.group_rank(np.array([[10.0, 30.0, 20.0, 40.0]]))
    close(advantages, (np.array([[0, 2, 1, 3]]) - 1.5) / math.sqrt(15 / 12))


def test_tied_ranks_are_averaged():
    """(1, 0, 0, 0) → (1.732, −0.577, −0.577, −0.577); argsort of argsort would order the zeros."""
    expected = [[math.sqrt(3), *[-1 / math.sqrt(3)] * 3], [1, 1, -1, -1]]
    close(L.group_rank(np.array([[1.0, 0, 0, 0], [1, 1, 0, 0]])), expected)


@given(groups(min_group=2, elements=spread_out))
def test_leave_one_out_compares_with_the_others(reward):
    """A_i = r_i − mean_{j≠i} r_j = K/(K − 1)·(r_i − mean)."""
    size = reward.shape[1]
    others = [[np.delete(row, i).mean() for i in range(size)] for row in reward]
    close(L.leave_one_out(reward), reward - np.array(others))
    close(L.leave_one_out(reward), size / (size - 1) * L.group_center(reward))


@given(groups(min_group=2, elements=spread_out), st.integers(0, 100))
def test_leave_one_out_is_a_sum_over_pairs(reward, seed):
    """Σ A_i s_i = 1/(K − 1)·Σ_{i<j}(r_i − r_j)(s_i − s_j) for any s."""
    size = reward.shape[1]
    s = np.random.default_rng(seed).normal(size=size)
    for row, advantage in zip(reward, L.leave_one_out(reward), strict=True):
        pairs = itertools.combinations(range(size), 2)
        expected = sum((row[i] - row[j]) * (s[i] - s[j]) for i, j in pairs) / (size - 1)
        close(np.sum(advantage * s), expected)


def test_leave_one_out_of_two_is_their_difference():
    """K = 2: ±(r₁ − r₂)."""
    close(L.leave_one_out(np.array([[5.0, 3.0]])), [[2, -2]])


@pytest.mark.parametrize("size", [2, 3])
@given(bandits(size=3))
def test_leave_one_out_is_unbiased_and_the_mean_baseline_is_not(size, bandit):
    """All K-tuples of a 3-arm bandit: RLOO E[g] = ∇J; mean baseline E[g] = (K − 1)/K·∇J."""
    probs, reward, _ = bandit
    score = np.eye(3) - probs
    exact = probs * (reward - probs @ reward)
    tuples = np.array(list(itertools.product(range(3), repeat=size)))
    chance = np.prod(probs[tuples], axis=1)

    def expected_gradient(baseline):
        advantage = baseline(reward[tuples])
        return np.einsum("n,ng,ngk->k", chance, advantage, score[tuples]) / size

    close(expected_gradient(L.leave_one_out), exact)
    close(expected_gradient(L.group_center), (size - 1) / size * exact)


@given(bandits(size=4), st.floats(0.1, 2))
def test_a_kl_penalty_in_the_reward_gives_the_rlhf_gradient(bandit, beta):
    """R = r − β·k1: E[g] of RLOO = ∇(E r − β·KL)."""
    probs, reward, ref = bandit
    shaped = reward - beta * np.log(probs / ref)
    tuples = np.array(list(itertools.product(range(4), repeat=2)))
    chance = np.prod(probs[tuples], axis=1)
    advantage = L.leave_one_out(shaped[tuples])
    score = np.eye(4) - probs
    gradient = np.einsum("n,ng,ngk->k", chance, advantage, score[tuples]) / 2
    close(gradient, probs * (shaped - probs @ shaped))


@pytest.mark.parametrize("kind", [bool, int, np.float32])
@each_baseline
def test_exact_match_rewards_may_have_any_type(baseline, kind):
    """True/False, 0/1 and float32 rewards; float32 stays float32."""
    reward = np.array([[1, 0, 0, 1], [1, 1, 1, 1]])
    advantages = baseline(reward.astype(kind))
    close(advantages, baseline(reward.astype(float)), rtol=1e-6)
    assert advantages.dtype == (np.float32 if kind == np.float32 else np.float64)


def test_groups_have_two_axes_and_enough_members():
    """(P, G); leave-one-out and a sample std need G ≥ 2."""
    for baseline in BASELINES:
        with pytest.raises(ValueError, match=r"\(P, G\)"):
            baseline(np.zeros(4))
    for baseline in (L.leave_one_out, L.group_standardize):
        with pytest.raises(ValueError, match="group_size"):
            baseline(np.zeros((4, 1)))
    assert (L.group_standardize(np.ones((4, 1)), ddof=0) == 0).all()
    for wrong in ({"eps": -1e-4}, {"ddof": 2}, {"ddof": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            L.group_standardize(np.zeros((2, 3)), **wrong)


# Whitening

values = st.floats(-100, 100)


@given(ragged(values), st.sampled_from([np.nan, 1e6]), st.booleans())
def test_whitening_reads_only_the_mask(batch, garbage, shift_mean):
    """Mean 0 (or kept) and sample variance v/(v + 1e-8) over the mask; 0 on padding."""
    mask, x = batch
    keep = mask > 0
    assume(keep.sum() >= 2)
    whitened = L.whiten(np.where(keep, x, garbage), mask, shift_mean=shift_mean)
    assert (whitened[~keep] == 0).all()
    close(whitened[keep].mean(), 0.0 if shift_mean else x[keep].mean(), atol=1e-6)
    variance = x[keep].var(ddof=1)
    close(whitened[keep].var(ddof=1), variance / (variance + 1e-8), atol=1e-6)


def test_whitening_needs_two_tokens():
    """A sample variance of one number does not exist."""
    with pytest.raises(ValueError, match="2"):
        L.whiten(np.ones((1, 3)), np.array([[1.0, 0, 0]]))
    with pytest.raises(ValueError, match=r"\(1, 3\).*\(1, 2\)"):
        L.whiten(np.ones((1, 3)), np.ones((1, 2)))


# GAE


def double_sum(reward, value, gamma, lam):
    """A_t = Σ_l (γλ)^l·δ_{t+l} for one unpadded row, term by term."""
    size = len(reward)
    following = [*value[1:], 0.0]
    delta = [reward[t] + gamma * following[t] - value[t] for t in range(size)]
    return [
        sum((gamma * lam) ** step * delta[t + step] for step in range(size - t))
        for t in range(size)
    ]


@given(ragged(values, 2), fractions, fractions, st.sampled_from([np.nan, 77.0, -np.inf]))
def test_gae_is_the_explicit_double_sum_and_never_reads_padding(batch, gamma, lam, garbage):
    """A_t = Σ_l (γλ)^l·δ_{t+l}, V = 0 after the end; returns = A + V; padding holds 0."""
    mask, reward, value = batch
    dirty = [np.where(mask > 0, x, garbage) for x in (reward, value)]
    advantage, returns = L.gae(*dirty, mask, gamma=gamma, lam=lam)
    for i, length in enumerate(mask.sum(axis=1).astype(int)):
        expected = double_sum(reward[i, :length], value[i, :length], gamma, lam)
        close(advantage[i, :length], expected, atol=1e-8)
        close(returns[i, :length], expected + value[i, :length], atol=1e-8)
        assert (advantage[i, length:] == 0).all()
        assert (returns[i, length:] == 0).all()


@given(ragged(values, 2), fractions)
def test_gae_between_one_step_and_the_whole_return(batch, gamma):
    """λ = 0: A = r + γV' − V; λ = 1: A = discounted return − V."""
    _, reward, value = batch
    mask = np.ones_like(reward)
    following = np.concatenate([value[:, 1:], np.zeros((len(value), 1))], axis=1)
    one_step, _ = L.gae(reward, value, mask, gamma=gamma, lam=0.0)
    close(one_step, reward + gamma * following - value)
    _, returns = L.gae(reward, value, mask, gamma=gamma, lam=1.0)
    size = reward.shape[1]
    discounted = [sum(gamma ** (u - t) * reward[:, u] for u in range(t, size)) for t in range(size)]
    close(returns, np.stack(discounted, axis=1), atol=1e-8)


@given(ragged(values, 2), fractions, fractions)
def test_returns_satisfy_their_recursion(batch, gamma, lam):
    """R_t = r_t + γ[(1 − λ)V_{t+1} + λR_{t+1}]."""
    _, reward, value = batch
    _, returns = L.gae(reward, value, np.ones_like(reward), gamma=gamma, lam=lam)
    mixed = (1 - lam) * value[:, 1:] + lam * returns[:, 1:]
    close(returns[:, :-1], reward[:, :-1] + gamma * mixed, atol=1e-8)


def test_an_exact_critic_leaves_no_advantage():
    """r = (1, 2, 3), V = (6, 5, 3), γ = 1: A = 0."""
    advantage, returns = L.gae(
        np.array([[1.0, 2, 3]]), np.array([[6.0, 5, 3]]), np.ones((1, 3)), gamma=1.0
    )
    close(advantage, 0.0, atol=1e-12)
    close(returns, [[6, 5, 3]])


@given(ragged(values, 2), fractions, fractions)
def test_a_gap_in_the_mask_separates_two_episodes(batch, gamma, lam):
    """Neither V_{t+1} nor A_{t+1} crosses a masked token: two episodes in a row = two rows."""
    mask, reward, value = batch
    gap = np.zeros((len(mask), 1))
    joined = [np.concatenate([x, gap, x], axis=1) for x in (reward, value, mask)]
    advantages, _ = L.gae(*joined, gamma=gamma, lam=lam)
    alone, _ = L.gae(reward, value, mask, gamma=gamma, lam=lam)
    close(advantages, np.concatenate([alone, gap, alone], axis=1))


def test_gae_keeps_float32_and_checks_its_arguments():
    """float32 in, float32 out; γ and λ in [0, 1]; three arrays of one shape (N, T)."""
    x, mask = np.ones((2, 3), np.float32), np.ones((2, 3))
    assert [a.dtype for a in L.gae(x, x, mask)] == [np.float32] * 2
    assert L.whiten(x + np.arange(3, dtype=np.float32), mask).dtype == np.float32
    for name in ("gamma", "lam"):
        for value in (-0.1, 1.1):
            with pytest.raises(ValueError, match=name):
                L.gae(x, x, mask, **{name: value})
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        L.gae(x, x[:, :1], mask[:, :1])
    with pytest.raises(ValueError, match=r"\(N, T\)"):
        L.gae(x[0], x[0], mask[0])


# Shaped rewards and KL control


@given(ragged(st.floats(-20, 0), 2), st.floats(0, 2), st.sampled_from([np.nan, 1e3, -np.inf]))
def test_shaped_rewards_add_up_to_the_score_minus_the_kl(batch, beta, garbage):
    """Σ_t r_t = score − βΣ(logp − ref); the score sits on the last real token only."""
    mask, logp, ref = batch
    keep, score = mask > 0, np.arange(1.0, len(mask) + 1)
    dirty = np.where(keep, logp, garbage), np.where(keep, ref, garbage)
    shaped = L.kl_shaped_reward(score, *dirty, mask, beta=beta)
    k1 = np.where(keep, logp - ref, 0.0)
    close(shaped.sum(axis=1), score - beta * k1.sum(axis=1), atol=1e-8)
    last = mask.sum(axis=1).astype(int) - 1
    expected = -beta * k1
    expected[np.arange(len(mask)), last] += score
    close(shaped, expected)


def test_the_score_finds_the_last_token_of_any_mask():
    """Padding on the left, a gap, or no token at all; a penalty above 0 where π < π_ref."""
    mask = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    zero = np.zeros((4, 4))
    shaped = L.kl_shaped_reward(np.full(4, 5.0), zero, zero, mask, beta=0.1)
    np.testing.assert_array_equal(shaped, [[0, 0, 5, 0], [0, 0, 5, 0], [0] * 4, [0, 0, 0, 5]])
    bonus = L.kl_shaped_reward(np.zeros(1), zero[:1] - 1, zero[:1], mask[3:], beta=0.1)
    close(bonus, 0.1)


def test_shaped_rewards_check_their_arguments():
    """score (N,), the rest (N, T), β ≥ 0; float32 stays float32."""
    x, mask = np.ones((2, 3), np.float32), np.ones((2, 3))
    score = np.ones(2, np.float32)
    assert L.kl_shaped_reward(score, x, x, mask, beta=0.1).dtype == np.float32
    for wrong, said in (
        ((score[:, None], x, x, mask), r"score must have shape \(N,\), got \(2, 1\)"),
        ((score[:1], x, x, mask), r"'score': \(1,\), 'logp_of_one_token': \(2,\)"),
        ((score, x, x[:1], mask), r"'x': \(1, 3\), 'mask': \(2, 3\)"),
    ):
        with pytest.raises(ValueError, match=said):
            L.kl_shaped_reward(*wrong, beta=0.1)
    with pytest.raises(ValueError, match="beta"):
        L.kl_shaped_reward(score, x, x, mask, beta=-0.1)


@given(arrays(np.float64, (3, 4), elements=st.floats(-5, 0)), st.floats(0.1, 5), shifts)
def test_reward_to_go_of_shaped_rewards_is_reinforce_plus_plus(logp, scale, shift):
    """γ = λ = 1, V = 0: A_t = score − βΣ_{s≥t}k1_s; β = 0: one value per row, whitened affinely."""
    mask, zero = np.ones((3, 4)), np.zeros((3, 4))
    score = np.array([1.0, -2.0, 0.5])
    shaped = L.kl_shaped_reward(score, logp, zero - 1, mask, beta=0.3)
    advantage, _ = L.gae(shaped, zero, mask, lam=1.0)
    to_go = np.cumsum((logp + 1)[:, ::-1], axis=1)[:, ::-1]
    close(advantage, score[:, None] - 0.3 * to_go)

    def whitened(score):
        plain = L.kl_shaped_reward(score, logp, zero - 1, mask, beta=0.0)
        return L.whiten(L.gae(plain, zero, mask, lam=1.0)[0], mask)

    close(np.ptp(whitened(score), axis=1), 0.0, atol=1e-12)
    close(whitened(scale * score + shift), whitened(score), atol=1e-5)


def test_the_controller_moves_beta_towards_its_target():
    """KL above target raises β, below lowers it, on target keeps it; at most 20 % · n/horizon."""
    kwargs = dict(target=6.0, n=100, horizon=1000)
    close(L.adaptive_beta(0.1, 1e9, **kwargs), 0.102)
    close(L.adaptive_beta(0.1, 0.0, **kwargs), 0.098)
    assert L.adaptive_beta(0.1, 6.0, **kwargs) == 0.1
    close(L.adaptive_beta(0.1, 6.6, **kwargs), 0.1 * 1.01)
    for name in ("target", "horizon"):
        with pytest.raises(ValueError, match=name):
            L.adaptive_beta(0.1, 1.0, **{**kwargs, name: 0})
    with pytest.raises(ValueError, match="beta"):
        L.adaptive_beta(0.0, 1.0, **kwargs)
