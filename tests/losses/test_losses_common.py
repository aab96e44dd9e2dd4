"""What every loss has in common: its gradient, its constants, its precision, its checks."""

import inspect
import math

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from strategies import LOSSES, arguments, central_difference, close

from tinyalign import losses
from tinyalign.losses import (
    advantage,
    aggregate,
    baselines,
    distillation,
    divergence,
    f_dpo,
    off_policy,
    policy_gradient,
    preference,
    ranking,
    reference_free,
    self_weighted,
    supervised,
    trust_region,
    turns,
)

SIGNATURES = {
    supervised: """
        cross_entropy(logp, mask)
        bradley_terry(chosen_reward, rejected_reward, *, margin=0.0, center=0.0)
        plackett_luce(ranked_reward)
    """,
    preference: """
        dpo(FOUR, *, beta=0.1)
        cdpo(FOUR, *, beta=0.1, flip=0.1)
        robust_dpo(FOUR, *, beta=0.1, flip=0.1)
        ipo(FOUR, *, tau=0.1)
        hinge(FOUR, *, beta=0.1)
        dpop(FOUR, *, beta=0.3, lam=50.0)
        sppo(FOUR, *, beta=0.001)
        apo_zero(FOUR, *, beta=0.1)
        apo_down(FOUR, *, beta=0.1)
        bco(FOUR, *, beta=0.1, delta=0.0)
        exo_pair(FOUR, *, beta=0.1, eps=0.001)
        kto(logp, ref_logp, desirable, z0, *, beta=0.1, weight_desirable=1.0, weight_undesirable=1.0)
        kto_z0(mismatched_logp, ref_mismatched_logp)
        simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375)
        odds_ratio(chosen_avg_logp, rejected_avg_logp)
        orpo(chosen_avg_logp, rejected_avg_logp, chosen_nll, *, lam=0.1)
        cpo(chosen_logp, rejected_logp, chosen_nll, *, beta=0.1, alpha=1.0)
        slic(chosen_logp, rejected_logp, sft_nll, *, delta=1.0, lam=1.0)
        tpo(chosen_logp, rejected_logp, gold_nll, *, beta=0.01, alpha=1.0)
        tpo_l(chosen_avg_logp, rejected_avg_logp, gold_nll, *, beta=2.0, gamma=0.5, alpha=1.0)
    """.replace("FOUR", "chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp"),  # noqa: E501
    ranking: """
        rrhf(avg_logp, reward, best_nll, *, weight=1.0)
        infonca(log_ratio, reward, *, beta=0.01, alpha=1.0)
        nca(log_ratio, reward, *, beta=0.01, alpha=1.0)
        rejection_sample(reward, *, beta, rng, max_reward=None)
    """,
    divergence: """
        k1(logp, ref_logp)
        k2(logp, ref_logp)
        k3(logp, ref_logp)
        clamped_k3(logp, ref_logp, *, log_ratio_limit=20.0, limit=10.0)
        exact_kl(logits, ref_logits)
    """,
    distillation: """
        forward_kl(logits, teacher_logits, *, mask=None)
        reverse_kl(logits, teacher_logits, *, mask=None)
        generalized_js(logits, teacher_logits, *, beta=0.5, mask=None)
    """,
    advantage: """
        gae(reward, value, mask, *, gamma=1.0, lam=0.95)
        group_center(reward)
        group_standardize(reward, *, eps=0.0001, ddof=1)
        group_rank(reward)
        leave_one_out(reward)
        whiten(x, mask, *, shift_mean=True)
        kl_shaped_reward(score, logp, ref_logp, mask, *, beta)
        adaptive_beta(beta, kl, *, target, n, horizon)
    """,
    policy_gradient: """
        reinforce(logp, advantage)
        clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2)
        sequence_clipped_surrogate(logp, old_logp, advantage, mask, *, clip_low=0.0003, clip_high=0.0004)
        truncated_importance(logp, old_logp, advantage, *, clip_high)
        value_loss(value, old_value, returns, *, clip=0.2)
        entropy(logits)
        overlong_penalty(length, *, max_length, buffer)
    """,  # noqa: E501
    reference_free: """
        conservative_simpo(chosen_avg_logp, rejected_avg_logp, *, beta=2.5, gamma=1.375, flip=0.1)
        conservative_cpo(chosen_logp, rejected_logp, chosen_nll, *, beta=0.1, alpha=1.0, flip=0.1)
    """,
    f_dpo: """
        f_dpo_js(FOUR, *, beta=0.1)
        f_dpo_alpha(FOUR, *, beta=0.1, alpha=0.5)
    """.replace("FOUR", "chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp"),
    self_weighted: """
        dft(logp, mask)
        wpo(FOUR, chosen_log_weight, rejected_log_weight, *, beta=0.1)
        wpo_log_weight(logp, logits, mask)
    """.replace("FOUR", "chosen_logp, rejected_logp, ref_chosen_logp, ref_rejected_logp"),
    trust_region: """
        dual_clipped_surrogate(logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2, clip_dual=3.0)
        clipped_importance(logp, old_logp, advantage, *, clip_low, clip_high)
        gspo_token(logp, old_logp, advantage, mask, *, clip_low=0.0003, clip_high=0.0004)
        sapo(logp, old_logp, advantage, *, tau_positive=1.0, tau_negative=1.05)
        dppo(logp, old_logp, advantage, *, delta=0.15)
    """,  # noqa: E501
    off_policy: """
        truncated_rollout_weight(old_logp, rollout_logp, *, cap=2.0)
        masked_rollout_weight(old_logp, rollout_logp, *, low=0.5, high=5.0)
        decoupled_surrogate(logp, proximal_logp, old_logp, advantage, *, clip_low=0.2, clip_high=0.2)
    """,  # noqa: E501
    baselines: """
        center_by_prompt(reward, prompt)
        standardize_by_prompt(reward, prompt, *, eps=0.0001, ddof=1)
        leave_one_out_by_prompt(reward, prompt)
        group_maxrl(reward)
        group_gdpo(reward, weight, *, eps=0.0001)
    """,
    turns: """
        gae_over_turns(reward, value, mask, *, last_value=0.0, gamma=1.0, lam=0.95)
    """,
    aggregate: """
        masked_sum(x, mask, *, axis=-1)
        masked_mean(x, mask, *, axis=-1)
        micro_batch_mean(x, mask, *, tokens)
        token_mean(x, mask)
        sequence_mean(x, mask)
        fixed_length_mean(x, mask, *, length)
    """,
}
PUBLIC = [
    pytest.param(module, line.strip(), id=line.split("(")[0].strip())
    for module, lines in SIGNATURES.items()
    for line in lines.strip().splitlines()
]
EVERY = pytest.mark.parametrize("name", LOSSES)


@pytest.mark.parametrize(("module", "line"), PUBLIC)
def test_names_arguments_and_defaults_are_the_published_ones(module, line):
    """Other people's tests call these: order, keyword-only parts and defaults are a promise."""
    name = line.split("(")[0]
    function = getattr(module, name)
    assert name + str(inspect.signature(function)) == line
    assert getattr(losses, name) is function


@pytest.mark.parametrize(("module", "line"), PUBLIC)
def test_a_loss_is_short_and_says_where_it_comes_from(module, line):
    """At most 15 code lines; a source and a list of departures in every docstring."""
    function = getattr(module, line.split("(")[0])
    documentation = inspect.getdoc(function)
    assert "Source:" in documentation
    assert "Differs:" in documentation
    source = inspect.getsource(function)
    code = source.replace(function.__doc__, "").splitlines()
    code = [text for text in code if text.strip() and text.strip() not in ('""""""', "#")]
    assert len(code) <= 15


@EVERY
def test_gradients_agree_with_central_differences(name):
    """∂L/∂x = [L(x + h) − L(x − h)]/2h for every argument that is trained."""
    case = LOSSES[name]
    args = arguments(case, seed=1)
    weight = np.random.default_rng(2).uniform(0.5, 2, np.shape(case.function(*args, **case.kwargs)))

    for at in range(case.trained):

        def total(x, at=at):
            changed = [*args[:at], x, *args[at + 1 :]]
            return anp.sum(weight * case.function(*changed, **case.kwargs))

        numeric = central_difference(total, args[at])
        close(grad(total)(args[at]), numeric, rtol=1e-5, atol=1e-5)
        assert np.abs(numeric).max() > 1e-4, "a gradient of zero would check nothing"


DETACHED = [
    pytest.param(name, at, id=f"{name}-{at}")
    for name, case in LOSSES.items()
    for at in case.constants
]


@pytest.mark.parametrize(("name", "at"), DETACHED)
def test_no_gradient_reaches_what_is_declared_constant(name, at):
    """∂L/∂x = 0 by autograd though L moves with x: references, old log-probs, advantages."""
    case = LOSSES[name]
    args = arguments(case, seed=1)
    weight = np.random.default_rng(2).uniform(0.5, 2, np.shape(case.function(*args, **case.kwargs)))

    def total(trained, constant):
        changed = [trained, *args[1:at], constant, *args[at + 1 :]]
        return anp.sum(weight * case.function(*changed, **case.kwargs))

    through_both = grad(lambda both: total(both[0], both[1]))((args[0], args[at]))
    assert np.abs(through_both[0]).max() > 0
    assert (through_both[1] == 0).all()
    moved = total(args[0], args[at] * 1.5 + np.arange(args[at].size).reshape(args[at].shape))
    if name != "rrhf":
        assert moved != total(args[0], args[at])


@EVERY
def test_float32_stays_float32_in_values_and_gradients(name):
    """One float64 scalar upstream would double the memory of everything below it."""
    case = LOSSES[name]
    args = arguments(case, dtype=np.float32)
    value = case.function(*args, **case.kwargs)
    assert value.dtype == np.float32
    close(value, case.function(*arguments(case), **case.kwargs), rtol=2e-3, atol=2e-3)
    for at in range(case.trained):

        def total(x, at=at):
            return anp.sum(case.function(*args[:at], x, *args[at + 1 :], **case.kwargs))

        assert grad(total)(args[at]).dtype == np.float32


@EVERY
def test_nothing_changes_its_arguments(name):
    """A loss is a pure function: the same arrays after the call as before."""
    case = LOSSES[name]
    args = arguments(case)
    copies = [np.copy(x) for x in args]
    case.function(*args, **case.kwargs)
    for before, after in zip(copies, args, strict=True):
        np.testing.assert_array_equal(before, after)


PER_EXAMPLE = [
    n for n in LOSSES if n != "cross_entropy" and not (n.endswith("_mean") and n != "masked_mean")
]


@pytest.mark.parametrize("name", PER_EXAMPLE)
def test_examples_do_not_see_each_other(name):
    """Permuting or duplicating the batch permutes or duplicates the losses, nothing else."""
    case = LOSSES[name]
    args = arguments(case)
    order = np.array([2, 0, 3, 1, 1, 2])
    picked = [x[order] if x.ndim else x for x in args]
    expected = case.function(*args, **case.kwargs)[order]
    close(case.function(*picked, **case.kwargs), expected, rtol=1e-13, atol=1e-13)


EDGES = np.array([0.0, -1e-17, -1.0, -700.0, -1e4])
PAIR_EDGES = np.array(np.meshgrid(EDGES, EDGES, EDGES, EDGES)).reshape(4, -1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [n for n, c in LOSSES.items() if c.kinds == "sum sum sum sum"])
def test_pair_losses_are_finite_at_the_edges_of_log_probability(name, dtype):
    """Log-probabilities 0, −1e-17, −1, −700, −1e4 in every combination: all finite."""
    args = PAIR_EDGES.astype(dtype)
    function = LOSSES[name].function
    assert np.isfinite(function(*args)).all()
    for at in range(2):
        slope = grad(lambda x, at=at: anp.sum(function(*args[:at], x, *args[at + 1 :])))(args[at])
        assert np.isfinite(slope).all()
        assert slope.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["simpo", "odds_ratio", "orpo", "cpo", "slic", "tpo", "tpo_l"])
def test_reference_free_losses_are_finite_at_the_edges_of_log_probability(name, dtype):
    """Log-probabilities 0, −1e-17, −1, −700, −1e4 in every pair: value and gradient finite."""
    chosen, rejected = np.array(np.meshgrid(EDGES, EDGES)).reshape(2, -1).astype(dtype)
    function = LOSSES[name].function
    extra = () if name in ("simpo", "odds_ratio") else (-chosen,)
    assert np.isfinite(function(chosen, rejected, *extra)).all()
    for at in range(2):

        def total(x, at=at):
            both = (x, rejected) if at == 0 else (chosen, x)
            return anp.sum(function(*both, *extra))

        assert np.isfinite(grad(total)((chosen, rejected)[at])).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["entropy", "exact_kl", "forward_kl", "generalized_js"])
def test_distributions_with_extreme_logits_stay_finite(name, dtype):
    """Logits ±1e3: one-hot to machine precision, 0·log 0 = 0."""
    logits = np.array([[1e3, -1e3, 0.0], [-1e3, -1e3, 1e3], [1e3, 1e3, 1e3]], dtype)
    args = (logits,) if name == "entropy" else (logits, logits[::-1].copy())
    function = LOSSES[name].function
    assert np.isfinite(function(*args)).all()
    assert np.isfinite(grad(lambda x: anp.sum(function(x, *args[1:])))(logits)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["clipped_surrogate", "sequence_clipped_surrogate", "k3"])
def test_ratios_up_to_e_to_the_20_stay_finite(name, dtype):
    """ρ = e^{±20} in value and gradient."""
    logp, old = np.array([[-20.0], [0.0], [-1.0]], dtype), np.array([[0.0], [-20.0], [-1.0]], dtype)
    rest = () if name == "k3" else (np.array([[1.0], [-1.0], [0.0]], dtype),)
    rest += (np.ones((3, 1)),) if name == "sequence_clipped_surrogate" else ()
    function = LOSSES[name].function
    assert np.isfinite(function(logp, old, *rest)).all()
    assert np.isfinite(grad(lambda x: anp.sum(function(x, old, *rest)))(logp)).all()


def _arrays(kinds):
    """Positions that must agree in shape with the first argument."""
    return [at for at, kind in enumerate(kinds) if at and kind not in ("number", "advantage")]


WRONG_SHAPE = [
    pytest.param(name, at, id=f"{name}-{at}")
    for name, case in LOSSES.items()
    for at in _arrays(case.kinds.split())
]


@pytest.mark.parametrize(("name", "at"), WRONG_SHAPE)
def test_arrays_of_different_shapes_are_refused_with_both_shapes(name, at):
    """(4,) against (4, 1) would broadcast to (4, 4) and train on the result."""
    case = LOSSES[name]
    args = arguments(case)
    for wrong in (args[at][..., None], args[at][:1], args[at][:-1]):
        changed = [*args[:at], wrong, *args[at + 1 :]]
        with pytest.raises(ValueError) as error:
            case.function(*changed, **case.kwargs)
        assert str(np.shape(wrong)) in str(error.value)


@pytest.mark.parametrize("name", [
    "reinforce", "clipped_surrogate", "sequence_clipped_surrogate", "dual_clipped_surrogate",
    "sapo", "dppo", "decoupled_surrogate",
])  # fmt: skip
def test_an_advantage_broadcasts_from_n_by_1_and_from_nothing_else(name):
    """(N, 1) is one advantage for all tokens; (N,) would silently pair with the token axis."""
    case = LOSSES[name]
    args = arguments(case)
    shape = args[0].shape
    at = case.kinds.split().index("advantage")
    wrong = [np.ones((1, shape[1])), np.ones(shape[1]), np.ones((shape[0] - 1, 1))]
    for bad in wrong:
        with pytest.raises(ValueError, match="advantage"):
            case.function(*[*args[:at], bad, *args[at + 1 :]], **case.kwargs)
    if name != "sequence_clipped_surrogate":
        full = np.broadcast_to(args[at], shape)
        spread = case.function(*[*args[:at], full, *args[at + 1 :]], **case.kwargs)
        close(spread, case.function(*args, **case.kwargs), rtol=0, atol=0)


OUT_OF_RANGE = [
    *[(n, "beta", bad) for n in ("dpo", "cdpo", "robust_dpo", "hinge", "dpop", "sppo", "apo_zero",
      "apo_down", "bco", "exo_pair", "kto", "simpo", "cpo", "tpo", "tpo_l", "infonca", "nca")
      for bad in (0.0, -0.1, math.nan, math.inf)],
    *[("ipo", "tau", bad) for bad in (0.0, -1.0)],
    *[("cdpo", "flip", bad) for bad in (-0.1, 1.0, 1.5)],
    *[("robust_dpo", "flip", bad) for bad in (-0.1, 0.5, 0.9)],
    *[("exo_pair", "eps", bad) for bad in (0.0, 1.0, -1e-3)],
    ("dpop", "lam", -1.0), ("orpo", "lam", -0.1), ("slic", "lam", -0.1), ("slic", "delta", -1.0),
    ("cpo", "alpha", -1.0), ("tpo", "alpha", -1.0), ("tpo_l", "alpha", -1.0),
    ("simpo", "gamma", math.nan), ("tpo_l", "gamma", math.inf),
    ("kto", "weight_desirable", -1.0), ("kto", "weight_undesirable", -1.0),
    ("infonca", "alpha", 0.0), ("nca", "alpha", -1.0), ("rrhf", "weight", -1.0),
    ("bradley_terry", "center", -0.01),
    ("clipped_surrogate", "clip_low", -0.1), ("clipped_surrogate", "clip_high", -0.1),
    ("sequence_clipped_surrogate", "clip_low", -0.1), ("value_loss", "clip", -0.2),
    ("fixed_length_mean", "length", 0), ("micro_batch_mean", "tokens", 0),
    *[(n, "flip", bad) for n in ("conservative_cpo", "conservative_simpo") for bad in (-0.1, 1.0)],
    *[(n, "beta", 0.0) for n in ("wpo", "f_dpo_js", "f_dpo_alpha", "conservative_cpo",
      "conservative_simpo")],
    ("f_dpo_alpha", "alpha", 0.0), ("f_dpo_alpha", "alpha", 1.5),
    ("clamped_k3", "limit", 0.0), ("clamped_k3", "log_ratio_limit", -1.0),
    ("dual_clipped_surrogate", "clip_dual", 1.0), ("dual_clipped_surrogate", "clip_low", -0.1),
    ("sapo", "tau_positive", 0.0), ("sapo", "tau_negative", -1.0), ("dppo", "delta", -0.1),
    ("decoupled_surrogate", "clip_high", -0.1),
    ("generalized_js", "beta", 0.0), ("generalized_js", "beta", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameter", "value"), OUT_OF_RANGE)
def test_a_parameter_out_of_range_is_refused_by_name(name, parameter, value):
    """ValueError naming the parameter, what it was and what it should be."""
    case = LOSSES[name]
    with pytest.raises(ValueError) as error:
        case.function(*arguments(case), **{**case.kwargs, parameter: value})
    assert parameter in str(error.value)
    assert str(value) in str(error.value)
