"""Training steps: what they change, what they must not, and the precision and place they keep."""

import functools
import inspect

import autograd.core
import numpy as np
import pytest
from devices import copied, fetched, frozen, here
from tiny import deep_models, each_model
from tiny_steps import (
    FAMILIES,
    GRPO,
    OPTIMIZER,
    batch,
    experience,
    preference,
    reward_model,
    sft,
    start,
    train,
)

from tinyalign import losses, policy
from tinyalign.engine import strict_cupy, tree
from tinyalign.engine.backend import to_device, using, xp
from tinyalign.engine.tree import leaves, tree_map
from tinyalign.losses import aggregate
from tinyalign.methods import loss_inputs, steps
from tinyalign.methods.steps import StepSize
from tinyalign.models import transformer

STEPS = {family.__name__: family for family in FAMILIES}
each_step = pytest.mark.parametrize("family", STEPS.values(), ids=STEPS)


def curve(history):
    """The loss of every step, on the host."""
    name = "loss" if "loss" in history[0] else "value_loss"
    return np.array([fetched(metrics[name]) for metrics in history])


@each_step
@each_model
def test_a_step_on_the_device_copies_nothing_and_learns_what_numpy_learns(family, model, device):
    """(host→device, device→host) = (0, 0), no float64 anywhere, and NumPy's loss curve."""
    with using("numpy"):
        reference, expected = train(*family(model))
    params, step = family(model)
    strict_cupy.reset()
    network, history = train(params, step)
    if device == "strict":
        assert (strict_cupy.stats.h2d, strict_cupy.stats.d2h) == (0, 0)
        assert strict_cupy.stats.calls > 100
    for name in history[0]:
        np.testing.assert_allclose(
            [fetched(metrics[name]) for metrics in history],
            [metrics[name] for metrics in expected],
            rtol=1e-4, atol=1e-5, err_msg=name,
        )  # fmt: skip
    np.testing.assert_allclose(weights(network), weights(reference), rtol=1e-3, atol=1e-4)


def weights(network):
    """All parameters as one NumPy vector."""
    return np.concatenate([leaf.reshape(-1) for leaf in leaves(fetched(network.params)).values()])


@each_step
@each_model
def test_no_float64_array_arises_in_a_float32_step(family, model, monkeypatch):
    """Every value on the tape, every cotangent, gradient, parameter, moment and metric: float32."""
    seen = {"value": set(), "cotangent": set(), "gradient": set()}
    record, add = autograd.core.VJPNode.__init__, tree.add_outgrads

    def recorded(self, value, *rest):
        seen["value"].add(value.dtype)
        record(self, value, *rest)

    def added(before, share):
        seen["cotangent"].add(getattr(share, "vs", share).dtype)
        return add(before, share)

    def clipped(gradients, bound):
        seen["gradient"] |= {leaf.dtype for leaf in leaves(gradients).values()}
        return clip(gradients, bound)

    clip = steps.clip_by_global_norm
    monkeypatch.setattr(autograd.core.VJPNode, "__init__", recorded)
    monkeypatch.setattr(tree, "add_outgrads", added)
    monkeypatch.setattr(steps, "clip_by_global_norm", clipped)
    network, history = train(*family(model), count=2)
    single = {np.dtype(np.float32)}
    assert seen == {"value": single, "cotangent": single, "gradient": single}
    assert {leaf.dtype for leaf in leaves(network.params).values()} == single
    assert {network.adam.mean.dtype, network.adam.square.dtype} == single
    assert {np.asarray(value).dtype for value in fetched(history[-1]).values()} == single


@each_step
@each_model
def test_a_step_writes_to_none_of_its_arguments(family, model):
    """Pure: read-only inputs are accepted, and the same inputs give the same step again."""
    params, step = family(model)
    network = steps.init_train_state(params)
    network, _ = step(network)
    batch = list(inspect.getclosurevars(step).nonlocals.values())
    before = copied((network, batch))
    frozen((network, batch))
    one, first = step(network)
    two, again = step(network)
    np.testing.assert_equal(fetched((network, batch)), before)
    np.testing.assert_array_equal(weights(one), weights(two))
    assert (weights(one) != weights(network)).any()
    assert fetched(first) == fetched(again)
    assert one.adam.step == network.adam.step + 1


@each_step
@each_model
def test_a_step_descends_on_a_fixed_batch(family, model):
    """L(θ₂₀) < L(θ₀) on the batch that it trains on."""
    _, history = train(*family(model), count=20)
    descent = curve(history)
    assert descent[-1] < descent[0] - 1e-3


@each_step
def test_a_learning_rate_of_zero_leaves_the_parameters(family, monkeypatch):
    """θ − 0·m̂/√v̂ = θ, bit by bit."""
    params, step = family(transformer)
    still = functools.partial(steps.adam, learning_rate=0.0)
    monkeypatch.setattr(steps, "adam", lambda p, g, s, *, learning_rate: still(p, g, s))
    begin = steps.init_train_state(params)
    network, _ = step(begin)
    np.testing.assert_array_equal(weights(network), weights(begin))


def test_a_long_gradient_is_clipped_and_its_length_reported():
    """grad_norm is ‖g‖ before clipping; Adam's first mean is (1 − b1)·clip(g)."""
    params, _ = sft(transformer)
    tokens, mask = batch()
    for bound in (1e-3, 1e3):
        network, metrics = steps.sft_step(
            steps.init_train_state(params),
            tokens,
            mask,
            model=transformer,
            step_size=StepSize(1e-2, bound),
        )
        length = np.linalg.norm(fetched(network.adam.mean)) / 0.1
        np.testing.assert_allclose(length, min(bound, float(metrics["grad_norm"])), rtol=2e-3)


def gradient_of_step(model, params, drawn, **changed):
    """The gradient that a policy-gradient step took, read off Adam's first mean, (1 − b1)·g."""
    settings = GRPO | dict(step_size=StepSize(1e-2, np.inf), beta=0.0, entropy_coef=0.0) | changed
    network, metrics = steps.policy_gradient_step(
        steps.init_train_state(params), drawn, model=model, **settings
    )
    return fetched((network.adam.mean / np.float32(0.1), metrics))


@each_model
def test_at_ratio_one_ppo_has_the_gradient_of_reinforce(model):
    """∇ min(ρA, clip(ρ)A) at ρ = 1 is A·∇log π."""
    params, (tokens, mask) = start(model), batch()
    advantage = to_device(np.random.default_rng(3).standard_normal(mask.shape), np.float32)
    drawn = experience(model, params, tokens, mask, advantage)

    def plain(logp, old_logp, advantage, mask, clip):
        return -advantage * logp

    for reduce in (aggregate.token_mean, aggregate.sequence_mean):
        ppo, _ = gradient_of_step(model, params, drawn, reduce=reduce)
        reinforce, _ = gradient_of_step(model, params, drawn, surrogate=plain, reduce=reduce)
        np.testing.assert_allclose(ppo, reinforce, rtol=1e-4, atol=1e-6)
        assert np.abs(ppo).max() > 1e-3


@each_model
def test_a_loss_of_zero_can_have_a_gradient(model):
    """GRPO at ratio 1: −Σ A = 0 because a group is centred, and still θ must move."""
    params, (tokens, mask) = start(model), batch()
    advantage = to_device([[1], [-1], [0.5], [-0.5], [2], [-2]], np.float32)
    drawn = experience(model, params, tokens, mask, advantage)
    _, metrics = gradient_of_step(model, params, drawn)
    assert abs(metrics["loss"]) < 1e-6
    assert metrics["grad_norm"] > 1e-2


@each_model
def test_the_metrics_of_a_policy_gradient_step_are_what_they_are_called(model):
    """loss = policy_loss + β·KL − c·H; H mean entropy; approx_kl = mean(old − new), 0 at first."""
    params, (tokens, mask) = start(model), batch()
    drawn = experience(model, params, tokens, mask, xp.ones((6, 1), np.float32))
    reference = policy.token_logp(model, start(model, seed=1), tokens)
    drawn = drawn._replace(ref_logp=reference)
    _, metrics = gradient_of_step(model, params, drawn, beta=0.5, entropy_coef=0.25)
    z = here(policy).logits(model, params, tokens[:, :-1])
    mask = fetched(mask)
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    entropy = (-(p * np.log(p)).sum(-1) * mask).sum() / mask.sum()
    gap = fetched(reference - drawn.old_logp)
    kl = np.mean(((np.exp(gap) - gap - 1) * mask).sum(1) / mask.sum(1))
    np.testing.assert_allclose(metrics["entropy"], entropy, rtol=1e-4)
    np.testing.assert_allclose(metrics["policy_loss"], -1.0, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"], -1.0 + 0.5 * kl - 0.25 * entropy, rtol=1e-4)
    np.testing.assert_allclose(metrics["approx_kl"], 0.0, atol=1e-6)


def roles_of(loss):
    """Which completions a loss reads: the first words of its parameters' names."""
    words = {name.removeprefix("ref_").split("_")[0] for name in loss_inputs.argument_names(loss)}
    return ("gold",) * ("gold" in words) + ("chosen", "rejected")


PAIR_LOSSES = {
    name: getattr(losses, name)
    for name in losses.__all__
    if "chosen_logp" in loss_inputs.argument_names(getattr(losses, name))
    or "chosen_avg_logp" in loss_inputs.argument_names(getattr(losses, name))
}
del PAIR_LOSSES["log_ratios"], PAIR_LOSSES["margin"]  # parts of losses, not losses


@pytest.mark.parametrize("loss", PAIR_LOSSES.values(), ids=PAIR_LOSSES)
def test_what_a_preference_loss_needs_is_there(loss):
    """needs(loss) ⊆ views(policy) ∪ ref_ views(reference): every one of them can be trained."""
    params, step = preference(transformer, loss, roles_of(loss))
    _, history = train(params, step, count=1)
    assert np.isfinite(float(history[0]["loss"]))
    assert history[0]["grad_norm"] > 0


def test_there_are_as_many_pair_losses_as_the_design_lists():
    """dpo, cdpo, robust_dpo, ipo, hinge, dpop, sppo, apo ×2, bco, exo, simpo, odds, orpo, cpo, …"""
    assert len(PAIR_LOSSES) == 23, "a new loss of pairs is counted here"


def test_needs_are_the_positional_parameters():
    """Settings behind the star are the caller's, also when partial fixes one of them."""
    names = ["chosen_logp", "rejected_logp", "ref_chosen_logp", "ref_rejected_logp"]
    assert loss_inputs.argument_names(losses.dpo) == names
    assert loss_inputs.argument_names(functools.partial(losses.dpo, beta=0.3)) == names


def test_loss_inputs_read_sums_means_and_negative_means_of_each_role():
    """Σ mask·logp, that over |y|, and minus that; rows in the order of the roles."""
    logp = -np.arange(1.0, 13.0).reshape(4, 3)
    mask = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]])
    found = here(steps).loss_inputs(logp, mask, ("chosen", "rejected"))
    expected = {
        "chosen_logp": [-3, -11], "chosen_avg_logp": [-1.5, -5.5], "chosen_nll": [1.5, 5.5],
        "rejected_logp": [-24, -12], "rejected_avg_logp": [-8, -12], "rejected_nll": [8, 12],
    }  # fmt: skip
    for name, numbers in expected.items():
        np.testing.assert_array_equal(found[name], numbers, err_msg=name)


@each_model
def test_dpo_starts_at_log_2_and_its_margins_grow(model):
    """π = π_ref: loss log 2 and rewards 0; trained on the pairs, margin and accuracy rise."""
    params, (tokens, mask) = start(model), batch()
    reference = policy.token_logp(model, params, tokens)
    before = copied(params)
    settings = dict(
        roles=("chosen", "rejected"), loss=losses.dpo, beta=0.1, model=model, step_size=OPTIMIZER
    )
    _, history = train(
        params, lambda net: steps.preference_step(net, tokens, mask, reference, **settings), 30
    )
    history = fetched(history)
    np.testing.assert_allclose(history[0]["loss"], np.log(2), rtol=1e-5)
    assert history[0]["rewards/margins"] == history[0]["rewards/accuracies"] == 0
    assert history[-1]["rewards/margins"] > 0.1 * 0.5  # beta times nats
    assert history[-1]["rewards/accuracies"] == 1
    last = history[-1]
    margin = last["rewards/chosen"] - last["rewards/rejected"]
    np.testing.assert_allclose(last["rewards/margins"], margin, rtol=1e-4)
    np.testing.assert_equal(fetched(params), before)  # the reference is where it was


@deep_models
def test_a_reward_model_learns_to_tell_the_pairs_apart(model):
    """A new head scores 0: loss log 2; after 30 steps the chosen score higher in every pair."""
    _, history = fetched(train(*reward_model(model), count=30))
    np.testing.assert_allclose(history[0]["loss"], np.log(2), rtol=1e-6)
    assert history[0]["accuracy"] == 0
    assert history[-1]["accuracy"] == 1
    assert history[-1]["margin"] > 1


@each_model
def test_sft_is_the_mean_over_completion_tokens(model):
    """loss = −Σ mask·log π / Σ mask."""
    params, step = sft(model)
    tokens, mask = batch()
    _, metrics = step(steps.init_train_state(params))
    expected = -(policy.token_logp(model, params, tokens) * mask).sum() / mask.sum()
    np.testing.assert_allclose(*fetched((metrics["loss"], expected)), rtol=1e-5)


@each_model
def test_the_rows_of_a_step_may_come_in_any_order(model):
    """The batch is a set: SFT on permuted rows takes the same step."""
    params, (tokens, mask) = start(model), batch()
    settings = dict(model=model, step_size=StepSize(1e-2, np.inf))
    order = to_device(np.random.default_rng(0).permutation(len(tokens)))
    one, _ = steps.sft_step(steps.init_train_state(params), tokens, mask, **settings)
    two, _ = steps.sft_step(steps.init_train_state(params), tokens[order], mask[order], **settings)
    np.testing.assert_allclose(*fetched((one.adam.mean, two.adam.mean)), rtol=1e-3, atol=1e-7)


@each_model
def test_a_critic_values_what_it_has_seen_before_each_token(model):
    """loss = mean of ½(V(tokens[: t + 1]) − R_t)²: a state is valued before its token."""
    tokens, mask = batch()
    params = tree_map(lambda leaf: leaf + np.float32(0.1), policy.scalar_init(model, start(model)))
    value = policy.scalar(model, params, tokens[:, :-1])
    returns = to_device(np.random.default_rng(1).standard_normal(mask.shape), np.float32)
    _, metrics = steps.critic_step(
        steps.init_train_state(params), tokens, mask, value, returns, clip=0.2, model=model,
        step_size=OPTIMIZER,
    )  # fmt: skip
    expected = (0.5 * (value - returns) ** 2 * mask).sum() / mask.sum()
    np.testing.assert_allclose(*fetched((metrics["value_loss"], expected)), rtol=1e-5)


@deep_models
def test_kto_reads_each_completion_alone_and_its_zero_from_strangers(model):
    """loss = mean of kto(log π, log π_ref, liked, z₀), z₀ from the mismatched completions."""
    (tokens, mask), (other, other_mask) = batch(), batch(seed=1)
    params, reference = start(model), start(model, seed=1)
    logp, mismatched = (policy.sequence_logp(model, params, *b) for b in (batch(), batch(seed=1)))
    ref, mismatched_ref = (
        policy.sequence_logp(model, reference, *b) for b in (batch(), batch(seed=1))
    )
    liked = np.array([1, 0, 0, 1, 1, 0], np.float32)
    _, metrics = here(steps).unpaired_step(
        steps.init_train_state(params),
        steps.UnpairedBatch(tokens, mask, ref, liked, other, other_mask, mismatched_ref),
        loss=losses.kto, beta=0.1, model=model, step_size=OPTIMIZER,
    )  # fmt: skip
    logp, ref, mismatched, mismatched_ref = fetched((logp, ref, mismatched, mismatched_ref))
    z0 = max(0.0, np.mean(mismatched - mismatched_ref))
    reward = 0.1 * (logp - ref)
    chosen, rejected = np.mean(reward[liked == 1]), np.mean(reward[liked == 0])
    np.testing.assert_allclose(metrics["rewards/chosen"], chosen, rtol=1e-4)
    np.testing.assert_allclose(metrics["rewards/rejected"], rejected, rtol=1e-4)
    np.testing.assert_allclose(metrics["rewards/margins"], chosen - rejected, rtol=1e-4)
    value = 1 / (1 + np.exp(-0.1 * np.where(liked == 1, logp - ref - z0, z0 - logp + ref)))
    np.testing.assert_allclose(metrics["z0"], z0, rtol=1e-4)
    np.testing.assert_allclose(metrics["loss"], np.mean(1 - value), rtol=1e-4)


@deep_models
def test_a_ranking_loss_reads_all_candidates_of_a_prompt(model):
    """rrhf: Σ over r_i < r_j of max(0, p_i − p_j) plus the nll of the best, p the mean log π."""
    params, (tokens, mask) = start(model), batch()
    reward = np.array([[1, 0, 2], [0.5, 0.5, -1]], np.float32)
    logp = policy.token_logp(model, params, tokens)
    grouped = (a.reshape(2, 3, -1) for a in (tokens, mask, logp))
    _, metrics = here(steps).ranked_step(
        steps.init_train_state(params),
        *grouped,
        reward,
        loss=losses.rrhf,
        model=model,
        step_size=OPTIMIZER,
    )
    p = fetched((logp * mask).sum(1) / mask.sum(1)).reshape(2, 3)
    first = max(0, p[0, 1] - p[0, 0]) + max(0, p[0, 1] - p[0, 2]) + max(0, p[0, 0] - p[0, 2])
    second = max(0, p[1, 2] - p[1, 0]) + max(0, p[1, 2] - p[1, 1])
    best = -p[0, 2], -(p[1, 0] + p[1, 1]) / 2  # two that tie for the best share
    expected = (first + best[0] + second + best[1]) / 2
    np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-4)
