"""Functions that most readers never need: what they are equal to, what padding is to them."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    EDGE_LOGPS,
    average_logps,
    batches,
    betas,
    central_difference,
    close,
    flips,
    groups,
    log_sigma,
    pairs,
    ragged,
    sigma,
    slope,
)

from tinyalign import losses as L

moderate = st.floats(-20.0, 0.0)
tokens = st.floats(-4.0, -0.01)
numbers = st.floats(-5.0, 5.0)
garbage = st.sampled_from([np.nan, np.inf, -np.inf, 1e3])


def dirty(x, mask, value):
    return np.where(mask > 0, x, value)


# equal to something simpler


@given(pairs(), betas)
def test_f_dpo_towards_alpha_zero_is_dpo_and_js_is_halfway(pair, beta):
    """α → 0: DPO. Both cost log 2 at the reference, where JS has half of DPO's slope."""
    chosen, rejected, ref_chosen, ref_rejected = pair
    near = ref_chosen + 0.01 * np.tanh(chosen), ref_rejected + 0.01 * np.tanh(rejected)
    small = L.f_dpo_alpha(*near, ref_chosen, ref_rejected, beta=beta, alpha=1e-6)
    close(small, L.dpo(*near, ref_chosen, ref_rejected, beta=beta), rtol=1e-6, atol=1e-7)
    at = ref_chosen, ref_rejected, ref_chosen, ref_rejected
    for loss in (L.f_dpo_js, L.f_dpo_alpha):
        close(loss(*at, beta=beta), np.log(2))
    close(slope(L.f_dpo_js, *at, beta=beta), slope(L.dpo, *at, beta=beta) / 2)
    close(slope(L.f_dpo_alpha, *at, beta=beta), slope(L.dpo, *at, beta=beta))


@given(batches(st.floats(-4, 4), 2), betas)
def test_f_dpo_reads_the_derivative_of_its_divergence(h, beta):
    """f'(u) from its definition: log(2u/(1+u)), and (1 − u^−α)/α with the forward KL at α = 1."""
    zero = np.zeros_like(h[0])
    u, v = np.exp(h)
    gap = np.log(2 * u / (1 + u)) - np.log(2 * v / (1 + v))
    close(L.f_dpo_js(*h, zero, zero, beta=beta), -log_sigma(beta * gap), rtol=1e-8)
    for alpha in (0.3, 1.0):
        gap = (1 - u**-alpha) / alpha - (1 - v**-alpha) / alpha
        want = np.logaddexp(0, -beta * gap)
        close(L.f_dpo_alpha(*h, zero, zero, beta=beta, alpha=alpha), want, rtol=1e-8)


@given(pairs(), batches(st.floats(-3, 3), 2, max_size=1), betas)
def test_wpo_is_dpo_times_a_weight_of_at_most_one(pair, weight, beta):
    """min(1, w_w·w_l), a constant: value and slope scale alike."""
    w, v = (np.full_like(pair[0], part[0]) for part in weight)
    share = min(1.0, np.exp(w[0] + v[0]))
    close(L.wpo(*pair, w, v, beta=beta), share * L.dpo(*pair, beta=beta))
    close(slope(L.wpo, *pair, w, v, beta=beta), share * slope(L.dpo, *pair, beta=beta))


def test_wpo_weighs_an_answer_by_what_the_policy_expects_of_its_own():
    """A draw of the policy itself has mean weight near 1: exp(E[log π − log Σπ²]) by hand."""
    p = np.array([0.5, 0.25, 0.25])
    logits = np.broadcast_to(np.log(p), (3, 1, 3)) + 2.0
    weight = L.wpo_log_weight(np.log(p)[:, None], logits, np.ones((3, 1)))
    close(weight, np.log(p / (p**2).sum()))
    close(np.exp(weight) @ p, 1.0)  # on average over its own draws


@given(batches(average_logps, 2), betas, flips, st.floats(-2, 2))
def test_smoothing_mixes_both_labels(pair, beta, flip, gamma):
    """(1−ε)·L(right) + ε·L(wrong): SimPO with −γ for the other label, CPO with its NLL whole."""
    z = beta * (pair[0] - pair[1])
    mixed = (1 - flip) * np.logaddexp(0, gamma - z) + flip * np.logaddexp(0, z - gamma)
    close(L.conservative_simpo(*pair, beta=beta, gamma=gamma, flip=flip), mixed, atol=1e-8)
    zero = np.zeros_like(z)
    cdpo = L.cdpo(*pair, zero, zero, beta=beta, flip=flip)
    got = L.conservative_cpo(*pair, -pair[0], beta=beta, alpha=0.5, flip=flip)
    close(got, cdpo - 0.5 * pair[0], atol=1e-8)
    if flip > 0.01:  # least where z = log((1−ε)/ε)
        best = (np.log((1 - flip) / flip) / beta + pair[1], pair[1])
        close(slope(L.conservative_cpo, *best, zero, beta=beta, alpha=0.0, flip=flip), 0, atol=1e-7)


@given(ragged(tokens, 3))
def test_surrogates_are_ppos_where_their_own_dial_is_off(batch):
    """Dual clip at ∞, decoupled with π_prox = π_old, CISPO's lower end at 1: nothing changes."""
    _, logp, old, advantage = batch
    advantage = advantage + 2.0
    ppo = L.clipped_surrogate(logp, old, advantage)
    close(L.dual_clipped_surrogate(logp, old, advantage, clip_dual=np.inf), ppo)
    close(L.decoupled_surrogate(logp, old, old, advantage), ppo)
    one_end = L.truncated_importance(logp, old, advantage, clip_high=0.3)
    close(L.clipped_importance(logp, old, advantage, clip_low=1.0, clip_high=0.3), one_end)
    free = L.clipped_surrogate(logp, old, advantage, clip_low=1.0, clip_high=np.inf)
    close(L.dppo(logp, old, advantage, delta=1.0), free)  # no probability moves by more


@pytest.mark.parametrize("advantage, clip_dual, want", [(-2.5, 5, 12.5), (4, 3, -4.8), (-1, 3, 3)])
def test_a_dual_clip_caps_what_a_bad_token_costs(advantage, clip_dual, want):
    """At ρ = 27: −c·A for a bad token; a good one stops at 1 + ε as ever, −(1 + ε)·A."""
    logp, old = np.array([[0.0]]), np.array([[-np.log(27.0)]])
    advantage = np.array([[float(advantage)]])
    close(L.dual_clipped_surrogate(logp, old, advantage, clip_dual=clip_dual), [[want]])
    assert slope(L.dual_clipped_surrogate, logp, old, advantage, clip_dual=clip_dual) == 0


@given(ragged(tokens, 2), st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_gspo_token_with_one_advantage_a_completion_is_gspo(batch, advantage):
    """Averaged over the tokens of each completion: the same value and the same gradient."""
    mask, logp, old = batch
    a = np.array(advantage[: len(mask)])[:, None]
    clips = {"clip_low": 0.2, "clip_high": 0.3}

    def whole(x):
        return anp.mean(L.sequence_clipped_surrogate(x, old, a, mask, **clips))

    def by_token(x):
        return L.sequence_mean(L.gspo_token(x, old, a, mask, **clips), mask)

    close(by_token(logp), whole(logp))
    close(grad(by_token)(logp), grad(whole)(logp))


@given(ragged(numbers, 2), st.floats(0, 1), st.floats(0, 1))
def test_gae_over_one_turn_that_ended_is_gae(batch, gamma, lam):
    """Without gaps and without a bootstrap."""
    mask, reward, value = batch
    ours = L.gae_over_turns(reward, value, mask, gamma=gamma, lam=lam)
    for got, want in zip(ours, L.gae(reward, value, mask, gamma=gamma, lam=lam), strict=True):
        close(got, want)


def test_gae_over_two_turns_by_hand():
    """Own tokens 0, 2; a tool's token between; cut off after the third, whose value is 5."""
    reward, value = np.array([[1.0, 99.0, 2.0]]), np.array([[0.5, -99.0, 1.5]])
    advantage, returns = L.gae_over_turns(
        reward, value, np.array([[1.0, 0, 1]]), last_value=np.array([5.0]), gamma=0.9, lam=0.5
    )
    last = 2 + 0.9 * 5 - 1.5
    close(advantage, [[1 + 0.9 * 1.5 - 0.5 + 0.45 * last, 0, last]])
    close(returns, [[advantage[0, 0] + 0.5, 0, last + 1.5]])


@given(groups(min_group=2))
def test_baselines_by_prompt_are_those_of_whole_groups(reward):
    """Where every prompt has as many completions: group_center and its relatives, in any order."""
    p, g = reward.shape
    order = np.random.default_rng(p * g).permutation(p * g)
    prompt = np.repeat(np.arange(p), g)[order] * 3 + 1
    flat = reward.ravel()[order]
    for ragged_one, whole in (
        (L.center_by_prompt, L.group_center),
        (L.standardize_by_prompt, L.group_standardize),
        (L.leave_one_out_by_prompt, L.leave_one_out),
    ):
        want = whole(reward).ravel()[order]
        close(ragged_one(flat, prompt), want, rtol=1e-6, atol=1e-6)


def test_a_completion_alone_has_no_advantage():
    """Three answers are in the field, and an error; here 0, and so is a group of equal rewards."""
    reward, prompt = np.array([5.0, 3.3, 3.3]), np.array([1, 2, 2])
    for baseline in (L.center_by_prompt, L.standardize_by_prompt, L.leave_one_out_by_prompt):
        close(baseline(reward, prompt), 0, rtol=0, atol=0)


def test_a_small_spread_in_a_group_is_standardised_all_the_same():
    """Rewards 1.00 and 1.01: ±0.7071 without an epsilon, ±0.6972 with TRL's (NeMo-RL's test)."""
    reward = np.array([[1.0, 1.01]])
    close(L.group_standardize(reward, eps=0.0), [[-(0.5**0.5), 0.5**0.5]], rtol=1e-6)
    close(L.group_standardize(reward), [[-0.69725, 0.69725]], rtol=1e-4)
    got = L.standardize_by_prompt(reward[0], np.array([4, 4]), eps=1e-6)
    close(got, [-0.70701, 0.70701], rtol=1e-4)
    with pytest.raises(ValueError, match="group_size"):
        L.group_standardize(np.array([[1.0]]))  # one alone has no deviation


@given(groups(min_group=2, elements=st.sampled_from([0.0, 1.0])))
def test_maxrl_is_what_is_left_of_imitating_the_successes(reward):
    """(r − mean)/mean: the gradient is the mean score of the successes minus that of all."""
    score = np.random.default_rng(0).normal(size=reward.shape)
    got = (L.group_maxrl(reward) * score).mean(axis=1)
    for row, scores, found in zip(reward, score, got, strict=True):
        want = scores[row > 0].mean() - scores.mean() if row.any() else 0.0
        close(found, want)
    with pytest.raises(ValueError, match="≥ 0"):
        L.group_maxrl(reward - 2)


def test_gdpo_tells_apart_what_a_sum_does_not():
    """(1, 0) and (0, 1) beside (0, 0), (0, 0): the sums tie, GDPO ranks by the rarer reward."""
    reward = np.array([[[1.0, 0], [0, 1], [0, 1], [0, 0]]])
    advantage = L.group_gdpo(reward, np.ones(2))[0]
    assert advantage[0] > advantage[1] == advantage[2] > advantage[3]
    assert len(set(L.group_standardize(reward.sum(axis=2))[0])) == 2
    one = L.group_gdpo(reward[:, :, :1], np.array([3.0]), eps=0.0)
    close(one, L.group_standardize(reward[:, :, 0], eps=0.0))


@given(st.floats(-15, 15), st.floats(0.5, 3))
def test_weights_between_engines(log_ratio, cap):
    """min(ρ, C), and ρ in its band; the weight is one number, whatever the sign of the loss."""
    old, rollout = np.array([[-20.0 + log_ratio]]), np.array([[-20.0]])
    ratio = np.exp(log_ratio)
    close(L.truncated_rollout_weight(old, rollout, cap=cap), [[min(ratio, cap)]])
    kept = ratio if 0.5 <= ratio <= 5.0 else 0.0
    close(L.masked_rollout_weight(old, rollout), [[kept]])
    for weight in (L.truncated_rollout_weight, L.masked_rollout_weight):
        assert not np.any(
            grad(lambda x, w=weight: anp.sum(w(x, rollout) * x))(old) - weight(old, rollout)
        )


@given(st.floats(-60, 60))
def test_a_clamped_k3_is_k3_up_to_its_limits(gap):
    """k3 below 10, 10 above, flat beyond; 0 at equality."""
    ref, logp = np.array([-70.0]), np.array([-70.0 - gap])
    inside = np.expm1(np.clip(gap, -20, 20)) - np.clip(gap, -20, 20)
    close(L.clamped_k3(logp, ref), [min(inside, 10.0)], rtol=1e-6)
    if inside > 10.1 or abs(gap) > 20.1:
        assert slope(L.clamped_k3, logp, ref) == 0


# sums, means and micro-batches


@given(ragged(numbers), garbage)
def test_sums_and_means_along_either_axis_never_read_padding(batch, value):
    """By rows, by columns and of everything, NaN in the padding included; its slope is 0."""
    mask, x = batch
    rows = [row[keep > 0] for row, keep in zip(x, mask, strict=True)]
    close(L.masked_sum(dirty(x, mask, value), mask), [row.sum() for row in rows])
    close(L.masked_mean(dirty(x, mask, value), mask), [row.mean() for row in rows])
    used = mask.any(axis=0)
    columns = [column[keep > 0] for column, keep in zip(x.T[used], mask.T[used], strict=True)]
    close(L.masked_sum(dirty(x, mask, value), mask, axis=0)[used], [c.sum() for c in columns])
    got = L.masked_mean(dirty(x, mask, value)[:, used], mask[:, used], axis=0)
    close(got, [column.mean() for column in columns])
    close(L.masked_mean(dirty(x, mask, value), mask, axis=None), L.token_mean(x, mask))
    for average in (L.masked_sum, L.masked_mean):
        assert not slope(average, dirty(x, mask, value), mask)[mask == 0].any()
    with pytest.raises(ValueError, match="columns"):
        L.masked_mean(np.ones((1, 2)), np.array([[1.0, 0.0]]), axis=0)


def token_weights(average, mask, **numbers):
    """The weight of every token, read off the gradient."""
    return slope(average, np.ones_like(mask), mask, **numbers)


def test_the_weight_of_a_token_under_each_average():
    """Lengths 3 and 1 of width 4: 1/4 each; 1/6 and 1/2; 1/10; 1; 1/3 and 1; 1/8."""
    mask = np.array([[1.0, 1, 1, 0], [1, 0, 0, 0]])
    for average, long, short, numbers in (
        (L.token_mean, 1 / 4, 1 / 4, {}),
        (L.sequence_mean, 1 / 6, 1 / 2, {}),
        (L.fixed_length_mean, 1 / 10, 1 / 10, {"length": 5}),
        (L.masked_sum, 1, 1, {}),
        (L.masked_mean, 1 / 3, 1, {}),
        (L.micro_batch_mean, 1 / 8, 1 / 8, {"tokens": 8}),
    ):
        want = mask * np.array([[long], [short]])
        close(token_weights(average, mask, **numbers), want)


@given(ragged(numbers), st.integers(1, 4), garbage)
def test_micro_batches_with_one_denominator_add_up_to_the_whole(batch, size, value):
    """Uneven parts, one of them with an empty row: values and gradients of the token mean."""
    mask, x = batch
    # a shard may hold a row without tokens
    mask, x = np.concatenate([mask, 0 * mask[:1]]), np.concatenate([x, x[:1]])
    x, count = dirty(x, mask, value), mask.sum()
    parts = [slice(i, i + size) for i in range(0, len(x), size)]
    pieces = [L.micro_batch_mean(x[p], mask[p], tokens=count) for p in parts]
    close(np.sum(pieces), L.token_mean(x, mask))
    whole = slope(L.token_mean, x, mask)
    for p in parts:
        close(slope(L.micro_batch_mean, x[p], mask[p], tokens=count), whole[p])


# NaN in the padding


@given(ragged(tokens, 2), garbage)
def test_what_stands_in_the_padding_is_never_read(batch, value):
    """Value and gradient with NaN, infinities or 1000 in the padding: as with anything else."""
    mask, logp, old = batch
    advantage = old + 2.0
    spoiled = dirty(logp, mask, value), dirty(old, mask, value), dirty(advantage, mask, value)
    clips = {"clip_low": 0.2, "clip_high": 0.3}
    close(L.gspo_token(*spoiled, mask, **clips) * mask,
          L.gspo_token(logp, old, advantage, mask, **clips) * mask)  # fmt: skip
    got = slope(L.gspo_token, *spoiled, mask, **clips)
    close(got, slope(L.gspo_token, logp, old, advantage, mask, **clips))
    close(L.dft(spoiled[0], mask), L.dft(logp, mask))
    close(slope(L.dft, spoiled[0], mask), -np.exp(logp) * mask / mask.sum())
    for got, want in zip(
        L.gae_over_turns(spoiled[0], spoiled[1], mask),
        L.gae_over_turns(logp, old, mask),
        strict=True,
    ):
        close(got, want)


@given(ragged(tokens))
def test_dft_has_the_slope_of_the_probability(batch):
    """Its gradient is that of −Σ mask·e^logp/Σ mask, by central differences of that."""
    mask, logp = batch

    def probability(x):
        return -np.sum(np.exp(x) * mask) / mask.sum()

    close(slope(L.dft, logp, mask), central_difference(probability, logp), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", [L.f_dpo_js, L.f_dpo_alpha], ids=lambda f: f.__name__)
def test_f_dpo_pulls_up_the_chosen_and_down_the_rejected_everywhere(loss):
    """At every edge of log-probability: no slope of the wrong sign, none that is not finite."""
    edges = np.array(np.meshgrid(*[EDGE_LOGPS] * 4)).reshape(4, -1)
    chosen, rejected = (slope(loss, *edges, at=at) for at in (0, 1))
    assert np.isfinite(chosen).all() and np.isfinite(rejected).all()
    assert (chosen <= 0).all() and (rejected >= 0).all()


def test_saturation_of_js_is_where_sigma_says():
    """The slope on chosen at h_w = 2, h_l = 0: −β·σ(−z)·σ(−2), z = β·(log σ(2) − log σ(0))."""
    two, zero = np.array([2.0]), np.zeros(1)
    z = 0.5 * (log_sigma(2.0) - log_sigma(0.0))
    want = -0.5 * sigma(-z) * sigma(-2.0)
    close(slope(L.f_dpo_js, two, zero, zero, zero, beta=0.5), [want])
