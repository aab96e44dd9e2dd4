"""Losses at every finite input of both precisions: nothing is NaN, and no number too large is made
of numbers that fit. What other projects feed their losses: scores of 1e37, log-ratios of 100,
forbidden tokens."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LOSSES, arguments, close

from tinyalign import losses

LARGEST = {np.float32: 36, np.float64: 290}  # exponents: what 20 numbers add up to still fits
NON_POSITIVE = ("sum", "average", "token", "list")


def spread(array, kind, rng, exponent):
    """Numbers of all sizes, from 10^-40 to 10^exponent, in place of an argument's ordinary ones."""
    if kind in ("mask", "label"):
        return array
    size = 10.0 ** rng.uniform(-40, exponent, array.shape)
    size = np.where(rng.random(array.shape) < 0.5, np.abs(array), size)  # half of them ordinary
    sign = -1 if kind in NON_POSITIVE else 1 if kind == "nll" else rng.choice([-1, 1], array.shape)
    return sign * size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
@np.errstate(over="ignore", under="ignore", invalid="ignore")  # where a result does not fit
def test_a_result_that_fits_is_finite_and_so_is_its_slope(name, dtype, seed):
    """The same formula in 80-bit floats, whose range is 10^±4932, says which results fit."""
    case, rng = LOSSES[name], np.random.default_rng(seed)
    ordinary = arguments(case, seed=1)
    kinds = case.kinds.split()
    # Two ratios and an advantage: only an ordinary one leaves room for their product.
    largest = {"advantage": 3} if name == "decoupled_surrogate" else {}
    args = [
        np.asarray(spread(x, kind, rng, largest.get(kind, LARGEST[dtype]))).astype(
            x.dtype if kind == "label" else dtype
        )
        for x, kind in zip(ordinary, kinds, strict=True)
    ]
    wide = case.function(*(x.astype(np.longdouble) for x in args), **case.kwargs)
    fits = np.abs(wide) < np.finfo(dtype).max / 1e3  # an infinity does not
    value = case.function(*args, **case.kwargs)
    assert np.isfinite(value[fits]).all()
    for at in range(case.trained):

        def total(x, at=at):
            out = case.function(*args[:at], x, *args[at + 1 :], **case.kwargs)
            return anp.sum(anp.where(fits, out, 0.0))

        # A result depends on its own row or token only, a mean on all.
        assert not np.isnan(grad(total)(args[at])[fits]).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_reward_model_takes_scores_of_any_size(dtype):
    """−log σ(r_w − r_l) is 0 or r_l − r_w where the scores are far apart: rax's 1e26 and 3.4e37."""
    scores = np.array([0.0, -2.1e26, 3.4e37, 42.0], dtype)
    chosen, rejected = (x.ravel() for x in np.meshgrid(scores, scores))
    loss = losses.bradley_terry(chosen, rejected)
    far = np.abs(chosen - rejected) > 100
    close(loss[far], np.maximum(rejected - chosen, 0)[far], rtol=1e-6)
    slope = grad(lambda x: anp.sum(losses.bradley_terry(x, rejected)))(chosen)
    close(slope[far], -(rejected > chosen)[far].astype(float), rtol=1e-6)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("log_ratio", [100.0, 800.0, 1e4])
def test_a_ratio_past_the_clip_and_past_exp_has_no_slope(dtype, log_ratio):
    """OpenRLHF's test has a log-ratio of 100: the clip makes the slope 0, where 0 · ∞ was NaN."""
    logp, old = np.zeros((3, 1), dtype), np.full((3, 1), -log_ratio, dtype)
    advantage = np.array([[1.2], [0.0], [-3.0]], dtype)
    mask = np.ones((3, 1), dtype)
    slope = grad(lambda x: anp.sum(losses.clipped_surrogate(x, old, advantage)[:2]))(logp)
    close(slope[:2], 0.0, rtol=0, atol=0)
    close(losses.clipped_surrogate(logp, old, advantage)[:2], [[-1.44], [0.0]], rtol=1e-6)
    for loss, more in (
        (losses.clipped_surrogate, ()),
        (losses.sequence_clipped_surrogate, (mask,)),
    ):
        assert np.isfinite(loss(logp, old, advantage, *more)).all()
        assert np.isfinite(
            grad(lambda x, f=loss, m=more: anp.sum(f(x, old, advantage, *m)))(logp)
        ).all()
    weighted = losses.truncated_importance(logp - 1, old, advantage, clip_high=4.0)
    close(weighted, 5 * advantage, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_forbidden_token_counts_as_absent(dtype):
    """A logit of −∞, as top-k leaves it, gives what the shorter vocabulary gives; slope 0 there."""
    rng = np.random.default_rng(0)
    logits, ref = rng.normal(size=(2, 3, 4)).astype(dtype)
    kept = np.array([0, 1, 3])
    holed = logits.copy()
    holed[:, 2] = -np.inf
    close(losses.entropy(holed), losses.entropy(logits[:, kept]), rtol=1e-5)
    close(losses.exact_kl(holed, ref), _kl(logits[:, kept], ref, kept), rtol=1e-5)
    both = ref.copy()
    both[:, 2] = -np.inf
    close(losses.exact_kl(holed, both), losses.exact_kl(logits[:, kept], ref[:, kept]), rtol=1e-5)
    slopes = (
        (grad(lambda z: anp.sum(losses.entropy(z)))(holed),
         grad(lambda z: anp.sum(losses.entropy(z)))(logits[:, kept])),
        (grad(lambda z: anp.sum(losses.exact_kl(z, both)))(holed),
         grad(lambda z: anp.sum(losses.exact_kl(z, ref[:, kept])))(logits[:, kept])),
    )  # fmt: skip
    for got, want in slopes:
        close(got[:, kept], want, rtol=1e-4, atol=1e-6)
        close(got[:, 2], 0.0, rtol=0, atol=0)


def _kl(logits, ref, kept):
    """KL(π ‖ π_ref) summed over the tokens that the policy has, the reference over all."""
    logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    ref_logp = ref - np.log(np.exp(ref).sum(axis=1, keepdims=True))
    return (np.exp(logp) * (logp - ref_logp[:, kept])).sum(axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_kl_to_a_reference_that_forbids_is_infinite(dtype):
    """π says what π_ref cannot: the KL is ∞, not NaN."""
    logits, ref = np.zeros((1, 2), dtype), np.array([[0.0, -np.inf]], dtype)
    assert losses.exact_kl(logits, ref) == np.inf
