"""Known answers on a bandit. Each optimum is checked by a gradient of zero."""

import itertools
import math

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st
from strategies import bandits, close, log_probabilities, probabilities, shifts, sigma, slope

from tinyalign import losses as L
from tinyalign import optimum as O

betas = st.floats(0.1, 3.0)
counts = st.integers(1, 20)


def preferences(reward):
    return sigma(reward[:, None] - reward[None, :])


def kl(p, q):
    return np.sum(p * np.log(p / q))


# RLHF


@given(bandits(), betas)
def test_the_rlhf_optimum_has_zero_gradient_and_the_value_beta_log_z(bandit, beta):
    """∇(E r − β·KL) = 0 at π* ∝ π_ref·e^{r/β}; J(π*) = β·log Σ π_ref·e^{r/β}."""
    ref, reward, _ = bandit
    best = O.optimal_policy(ref, reward, beta=beta)

    def objective(theta):
        logp = log_probabilities(theta)
        return anp.sum(anp.exp(logp) * (reward - beta * (logp - np.log(ref))))

    close(grad(objective)(np.log(best)), 0.0, atol=1e-8)
    close(best.sum(), 1.0)
    value = O.rlhf_objective(best, ref, reward, beta=beta)
    close(value, objective(np.log(best)))
    close(value, beta * math.log(np.sum(ref * np.exp(reward / beta))))


@given(bandits(), betas)
def test_no_other_policy_beats_the_rlhf_optimum(bandit, beta):
    """J(π*) − J(π) = β·KL(π ‖ π*) ≥ 0."""
    ref, reward, other = bandit
    best = O.optimal_policy(ref, reward, beta=beta)
    gap = O.rlhf_objective(best, ref, reward, beta=beta) - O.rlhf_objective(
        other, ref, reward, beta=beta
    )
    close(gap, beta * kl(other, best), atol=1e-8)


@given(bandits(), betas, shifts)
def test_the_optimum_ignores_a_constant_reward_and_has_its_limits(bandit, beta, shift):
    """r + c changes nothing; β → ∞ is the reference, β → 0 the best arm."""
    ref, reward, _ = bandit
    best = O.optimal_policy(ref, reward, beta=beta)
    close(O.optimal_policy(ref, reward + shift, beta=beta), best, atol=1e-8)
    close(O.optimal_policy(ref, reward, beta=1e12), ref)
    greedy = O.optimal_policy(ref, np.array([0.0, 1.0, 3.0, 2.0]), beta=1e-3)
    close(greedy, [0, 0, 1, 0])


def test_the_optimum_never_leaves_the_reference():
    """π_ref(y) = 0 → π*(y) = 0, even if y has by far the largest reward; no overflow."""
    ref, reward = np.array([0.5, 0.5, 0.0]), np.array([0.0, 1.0, 1e6])
    expected = np.array([1, math.e, 0]) / (1 + math.e)
    close(O.optimal_policy(ref, reward, beta=1.0), expected)
    close(O.acceptance_rate(ref, reward, beta=1.0), (1 + math.exp(-1)) / 2)
    assert O.rlhf_objective(ref, ref, reward, beta=1.0) == 0.5
    outside = np.array([0.0, 0.0, 1.0])
    assert O.rlhf_objective(outside, ref, reward, beta=1.0) == -math.inf
    assert O.rlhf_objective(outside, ref, reward, beta=0.0) == 1e6
    close(O.kl(np.array([1.0, 0.0]), np.array([0.5, 0.5])), math.log(2))


def test_optima_work_on_batches_of_prompts_and_keep_float32():
    """Leading axes are prompts: row by row the same answer."""
    rng = np.random.default_rng(0)
    ref = np.stack([probabilities(x) for x in rng.normal(size=(3, 4))])
    reward = rng.normal(size=(3, 4))
    for solve in (
        lambda p, r: O.optimal_policy(p, r, beta=0.5),
        lambda p, r: O.best_of_n(p, r, 3),
        lambda p, r: O.rlhf_objective(p, np.ones_like(p) / 4, r, beta=0.5),
        lambda p, r: O.acceptance_rate(p, r, beta=0.5),
        lambda p, r: O.win_rate(p, np.ones_like(p) / 4, r),
        lambda p, r: O.filtered_policy(p, r, threshold=-9.0),
    ):
        close(solve(ref, reward), [solve(p, r) for p, r in zip(ref, reward, strict=True)])
        assert solve(ref.astype(np.float32), reward.astype(np.float32)).dtype == np.float32


# Best of n


@given(bandits(size=5), counts, counts)
def test_best_of_n_composes(bandit, n, m):
    """Σ P_n = 1; BoN(BoN(p, n), m) = BoN(p, nm); n = 1 is the reference."""
    ref, reward, _ = bandit
    close(O.best_of_n(ref, reward, n).sum(), 1.0)
    close(O.best_of_n(O.best_of_n(ref, reward, n), reward, m), O.best_of_n(ref, reward, n * m))
    close(O.best_of_n(ref, reward, 1), ref)


@given(bandits(size=5), counts)
def test_best_of_n_stays_within_its_bounds(bandit, n):
    """KL ≤ log n − (n − 1)/n; win rate ≤ n/(n + 1); E r non-decreasing in n."""
    ref, reward, _ = bandit
    best = O.best_of_n(ref, reward, n)
    used = best > 0
    assert kl(best[used], ref[used]) <= math.log(n) - (n - 1) / n + 1e-9
    close(O.best_of_n_kl_bound(n), math.log(n) - (n - 1) / n)
    assert O.win_rate(best, ref, reward) <= n / (n + 1) + 1e-9
    assert O.best_of_n(ref, reward, n + 1) @ reward >= best @ reward - 1e-9


@pytest.mark.parametrize("reward", [[0.3, -1.0, 2.0, 0.5], [1.0, 0.0, 1.0, 0.0], [2.0] * 4])
def test_best_of_three_agrees_with_all_triples(reward):
    """Brute force over all triples, ties broken evenly among the draws that reach the maximum."""
    ref, reward = np.array([0.4, 0.3, 0.2, 0.1]), np.array(reward)
    expected = np.zeros(4)
    for triple in itertools.product(range(4), repeat=3):
        triple = np.array(triple)
        best = triple[reward[triple] == reward[triple].max()]
        for y in best:
            expected[y] += np.prod(ref[triple]) / len(best)
    close(O.best_of_n(ref, reward, 3), expected)


@given(bandits(size=5))
def test_best_of_many_is_the_best_and_reads_only_the_order(bandit):
    """The best is missed only where no draw is it; invariant to increasing transforms of r."""
    ref, _, _ = bandit
    reward = np.array([0.3, -1.0, 2.0, 0.5, -2.0])
    close(O.best_of_n(ref, reward, 10_000)[2], 1 - (1 - ref[2]) ** 10_000)
    close(O.best_of_n(ref, np.exp(3 * reward), 4), O.best_of_n(ref, reward, 4))


# Expectations


@given(bandits())
def test_expectations_are_finite_sums(bandit):
    """E r = Σ p·r; ∇E r = p∘(r − p·r); P(y_i ≻ y_j) = σ(r_i − r_j); a draw wins ½."""
    probs, reward, other = bandit
    close(O.expectation(probs, reward), sum(p * r for p, r in zip(probs, reward, strict=True)))
    gradient = grad(lambda t: anp.sum(anp.exp(log_probabilities(t)) * reward))(np.log(probs))
    close(O.policy_gradient(np.log(probs), reward), gradient)
    close(O.bradley_terry_preference(reward), preferences(reward))
    close(O.win_rate(probs, probs, reward), 0.5)
    expected = sum(
        probs[i] * other[j] * (0.5 if reward[i] == reward[j] else float(reward[i] > reward[j]))
        for i, j in itertools.product(range(4), repeat=2)
    )
    close(O.win_rate(probs, other, reward), expected)
    close(O.kl(probs, other), kl(probs, other))


# Optima of the other methods: a gradient of zero, or a grid


def pair_population(loss, theta, ref, sampler, preference, **kwargs):
    """Σ_ij μ_i μ_j P_ij·L(i chosen, j rejected), through `optimum.pair_expectation`."""
    h, zero = log_probabilities(theta) - np.log(ref), np.zeros((len(ref), len(ref)))
    chosen, rejected = h[:, None] + zero, h[None, :] + zero
    table = loss(chosen, rejected, zero, zero, **kwargs)
    return O.pair_expectation(table, sampler, preference)


@given(bandits(), betas)
def test_dpo_shares_the_rlhf_optimum_for_any_pair_sampler(bandit, beta):
    """Bradley–Terry labels: ∇ Σ μ_i μ_j P_ij·DPO = 0 at `optimal_policy`."""
    ref, reward, sampler = bandit
    best = np.log(O.optimal_policy(ref, reward, beta=beta))
    args = (ref, sampler, preferences(reward))
    close(slope(lambda t: pair_population(L.dpo, t, *args, beta=beta), best), 0.0, atol=1e-8)


@given(bandits(), betas)
def test_the_ipo_policy_has_zero_gradient(bandit, tau):
    """π ∝ π_ref·e^{P(y ≻ μ)/τ}."""
    ref, reward, sampler = bandit
    best = np.log(O.ipo_policy(ref, preferences(reward), sampler, tau=tau))
    args = (ref, sampler, preferences(reward))
    close(slope(lambda t: pair_population(L.ipo, t, *args, tau=tau), best), 0.0, atol=1e-8)


@given(bandits(), betas)
def test_the_bco_policy_has_zero_gradient_at_its_own_delta(bandit, beta):
    """π = π_ref·odds(P(y ≻ μ))^{1/β}·e^{δ/β} sums to 1 and stops every log-ratio separately."""
    ref, reward, sampler = bandit
    best, delta = O.bco_policy(ref, preferences(reward), sampler, beta=beta)
    close(best.sum(), 1.0)
    h, zero = np.log(best) - np.log(ref), np.zeros((4, 4))

    def loss(h):
        table = L.bco(h[:, None] + zero, h[None, :] + zero, zero, zero, beta=beta, delta=delta)
        return O.pair_expectation(table, sampler, preferences(reward))

    close(slope(loss, h), 0.0, atol=1e-8)


@given(bandits(), st.floats(0.1, 2))
def test_free_log_ratios_under_sppo_go_to_the_centred_win_rate(bandit, beta):
    """Σ μ_i μ_j P_ij·SPPO has zero gradient at h = (P(y ≻ μ) − ½)/β."""
    _, reward, sampler = bandit
    preference, zero = preferences(reward), np.zeros((4, 4))
    h = (preference @ sampler - 0.5) / beta

    def loss(h):
        table = L.sppo(h[:, None] + zero, h[None, :] + zero, zero, zero, beta=beta)
        return O.pair_expectation(table, sampler, preference)

    close(slope(loss, h), 0.0, atol=1e-8)
    update = O.sppo_update(sampler, preference, beta=beta)
    expected = sampler * np.exp(h)
    close(update, expected / expected.sum())


@given(betas, st.floats(0.01, 0.99))
def test_the_cdpo_margin_stops_cdpo_and_exo(beta, flip):
    """D = log((1 − ε)/ε)/β: gradient 0 in both losses."""
    d, zero = np.array([O.cdpo_margin(beta=beta, flip=flip)]), np.zeros(1)
    close(slope(L.cdpo, d, zero, zero, zero, beta=beta, flip=flip), 0.0, atol=1e-9)
    close(slope(L.exo_pair, d, zero, zero, zero, beta=beta, eps=flip), 0.0, atol=1e-9)
    close(d, math.log((1 - flip) / flip) / beta)


@given(bandits(), st.floats(0.2, 2), st.floats(0.3, 2))
def test_the_nca_log_ratios_have_zero_gradient(bandit, beta, alpha):
    """h_i = log(K·softmax(r/α)_i)/β."""
    _, reward, _ = bandit
    h = O.nca_log_ratio(reward, beta=beta, alpha=alpha)[None]
    close(slope(L.nca, h, reward[None], beta=beta, alpha=alpha), 0.0, atol=1e-10)
    close(np.mean(np.exp(beta * h)), 1.0)


@given(bandits(), st.floats(0.2, 1), st.floats(0.3, 2))
def test_infonca_at_temperature_alpha_beta_shares_the_rlhf_optimum(bandit, beta, alpha):
    """Zero gradient at π ∝ π_ref·e^{r/(αβ)}; h − mean h = (r − mean r)/(αβ)."""
    ref, reward, _ = bandit
    best = O.optimal_policy(ref, reward, beta=alpha * beta)
    h = (np.log(best) - np.log(ref))[None]
    close(slope(L.infonca, h, reward[None], beta=beta, alpha=alpha), 0.0, atol=1e-8)
    close(h - h.mean(), (reward - reward.mean())[None] / (alpha * beta), atol=1e-8)


@given(bandits())
def test_filtering_keeps_the_shape_of_the_reference(bandit):
    """RAFT: π_ref·1[r ≥ c]/Z, where the cross-entropy on what passes has zero gradient."""
    ref, reward, _ = bandit
    threshold = np.median(reward)
    best = O.filtered_policy(ref, reward, threshold=threshold)
    kept = ref * (reward >= threshold)
    close(best, kept / kept.sum())

    def imitation(theta):
        return -anp.sum(kept / kept.sum() * log_probabilities(theta))

    near = np.log(np.maximum(best, 1e-300))
    close(grad(imitation)(near), 0.0, atol=1e-8)
    with pytest.raises(ValueError, match="threshold"):
        O.filtered_policy(ref, reward, threshold=reward.max() + 1)


@given(bandits())
def test_raft_on_binary_rewards_is_reinforce_over_the_acceptance_rate(bandit):
    """∇ of imitation of the accepted draws = ∇J/P(accept), no baseline."""
    ref, _, _ = bandit
    reward = np.array([1.0, 0.0, 1.0, 0.0])
    filtered = O.filtered_policy(ref, reward, threshold=0.5)

    def imitation(theta):
        return anp.sum(filtered * log_probabilities(theta))

    expected = O.policy_gradient(np.log(ref), reward) / O.expectation(ref, reward)
    close(grad(imitation)(np.log(ref)), expected)


@given(bandits(), betas)
def test_rejection_sampling_accepts_the_rlhf_optimum(bandit, beta):
    """π_ref·e^{(r − r_max)/β} ∝ π*, its sum is the acceptance rate; a smaller r_max is biased."""
    ref, reward, _ = bandit
    accept = ref * np.exp((reward - reward.max()) / beta)
    close(O.acceptance_rate(ref, reward, beta=beta), accept.sum())
    close(accept / accept.sum(), O.optimal_policy(ref, reward, beta=beta))
    capped = np.minimum(np.exp([-1.0, 0.0, 1.0]), 1.0)  # r = (0, 1, 2), r_max taken as 1
    biased = capped / capped.sum() - O.optimal_policy(np.full(3, 1 / 3), np.arange(3.0), beta=1.0)
    assert np.abs(biased).max() > 0.1


def test_stages_of_dpo_multiply():
    """T stages of sDPO, each from the last: π_0·e^{Tr/β}, one DPO at β/T."""
    ref, reward, beta = probabilities(np.array([0.3, -1, 0.5])), np.array([1.0, 0.2, -0.4]), 0.6
    policy = ref
    for _ in range(3):
        policy = O.optimal_policy(policy, reward, beta=beta)
    close(policy, O.optimal_policy(ref, reward, beta=beta / 3))


def test_self_play_reaches_nash_on_average_but_not_at_last():
    """Rock, paper, scissors, η = 0.1: the mean of 8000 rounds → uniform, the last stays away."""
    beats = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    preference = 0.5 + 0.5 * (beats - beats.T)
    policy, total = np.array([0.5, 0.3, 0.2]), np.zeros(3)
    for _ in range(8000):
        policy = O.sppo_update(policy, preference, beta=10.0)
        total += policy
    close(total / 8000, 1 / 3, atol=2e-2)
    assert np.abs(policy - 1 / 3).max() > 0.05


def test_one_answer_is_a_bandit_too():
    """Against itself it wins half of the time, and every optimum is the reference."""
    one, half = np.ones(1), np.full((1, 1), 0.5)
    close(O.pair_expectation(np.full((1, 1), 3.0), one, half), 1.5)
    close(O.optimal_policy(one, one, beta=1.0), one)
    close(O.ipo_policy(one, half, one, tau=0.1), one)
    close(O.kl(one, one), 0.0)
    close(O.win_rate(one, one, one), 0.5)


def test_optima_check_their_arguments():
    """Shapes, ranges, and log-probabilities given where probabilities are meant.

    NumPy itself would stretch the 1 of a shape (1,).
    """
    p, r = np.full(3, 1 / 3), np.zeros(3)
    table = np.full((3, 3), 0.5)
    refused = [
        (lambda: O.optimal_policy(p, r[:1], beta=1.0), r"\(3,\).*\(1,\)"),
        (lambda: O.optimal_policy(np.log(p), r, beta=1.0), "probabilities"),
        (lambda: O.optimal_policy(p, r, beta=0.0), "beta"),
        (lambda: O.optimal_policy(p, r, beta=-1.0), "beta"),
        (lambda: O.best_of_n(p, r, 0), "n must"),
        (lambda: O.best_of_n(p, r[:, None], 2), r"\(3,\).*\(3, 1\)"),
        (lambda: O.best_of_n(np.log(p), r, 2), "probabilities"),
        (lambda: O.best_of_n_kl_bound(0), "n must"),
        (lambda: O.rlhf_objective(p, p[:1], r, beta=1.0), r"\(3,\).*\(1,\)"),
        (lambda: O.rlhf_objective(p, p, r, beta=-1.0), "beta"),
        (lambda: O.kl(p, p[:1]), r"\(3,\).*\(1,\)"),
        (lambda: O.expectation(p, r[:1]), r"\(3,\).*\(1,\)"),
        (lambda: O.policy_gradient(p, r[:1]), r"\(3,\).*\(1,\)"),
        (lambda: O.win_rate(p, p, r[:1]), r"\(3,\).*\(1,\)"),
        (lambda: O.pair_expectation(table, p, table[:1]), r"\(3, 3\).*\(1, 3\)"),
        (lambda: O.pair_expectation(table, p[:1], table), r"\(1,\).*\(3,\)"),
        (lambda: O.ipo_policy(p, table, p, tau=0.0), "tau"),
        (lambda: O.bco_policy(p, table, p, beta=0.0), "beta"),
        (lambda: O.sppo_update(p, table, beta=0.0), "beta"),
        (lambda: O.cdpo_margin(beta=1.0, flip=0.0), "flip"),
        (lambda: O.nca_log_ratio(r, beta=1.0, alpha=0.0), "alpha"),
        (lambda: O.acceptance_rate(p, r, beta=0.0), "beta"),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()
