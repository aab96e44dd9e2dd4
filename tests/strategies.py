"""Hypothesis strategies, small exact tasks, and the table of losses that drives many tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

import autograd.numpy as anp
import numpy as np
from autograd import grad
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tinyalign.engine.vjps  # noqa: F401  (float32 gradients stay float32)
from tinyalign import losses

EDGE_LOGPS = [0.0, -1e-17, -1e-12, -1.0, -700.0, -1e4]

logps = st.floats(-1e4, 0.0) | st.sampled_from(EDGE_LOGPS)  # sums over a sequence, nats
average_logps = st.floats(-30.0, -1e-6)  # means per token, nats
rewards = st.floats(-1e3, 1e3)
betas = st.floats(1e-2, 10.0)
flips = st.floats(0.0, 0.49)
fractions = st.floats(0.0, 1.0)
shifts = st.floats(-100.0, 100.0)
seeds = st.integers(0, 2**32 - 1)


def vectors(elements, *, min_size=1, max_size=4):
    return arrays(np.float64, st.integers(min_size, max_size), elements=elements)


@st.composite
def batches(draw, elements, count, *, max_size=4):
    """`count` arrays (B,) of one common length."""
    size = draw(st.integers(1, max_size))
    return list(draw(arrays(np.float64, (count, size), elements=elements)))


def pairs():
    """chosen, rejected, reference chosen, reference rejected: four (B,) arrays of sums."""
    return batches(logps, 4)


@st.composite
def groups(draw, *, min_group=1, elements=None):
    """Rewards (P, G); small integers are drawn often, so that ties and equal groups occur."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(min_group, 6)))
    if elements is None:
        elements = draw(st.sampled_from([rewards, st.integers(-2, 2).map(float)]))
    return draw(arrays(np.float64, shape, elements=elements))


@st.composite
def ragged(draw, elements, count=1):
    """A mask (N, T) with 1 to T tokens in each row, and `count` arrays (N, T)."""
    n, t = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    lengths = draw(st.lists(st.integers(1, t), min_size=n, max_size=n))
    mask = (np.arange(t) < np.array(lengths)[:, None]).astype(float)
    return mask, *draw(arrays(np.float64, (count, n, t), elements=elements))


@st.composite
def bandits(draw, *, size=4):
    """Reference probabilities, rewards and pair-sampler probabilities of `size` arms."""
    logits = st.floats(-3.0, 3.0)
    ref, sampler = (draw(arrays(np.float64, size, elements=logits)) for _ in range(2))
    reward = draw(arrays(np.float64, size, elements=st.floats(-2.0, 2.0)))
    return probabilities(ref), reward, probabilities(sampler)


def probabilities(logits):
    weight = np.exp(logits - np.max(logits))
    return weight / weight.sum()


def log_probabilities(theta):
    """log softmax for autograd, written out: the tests' own, not the library's."""
    return theta - anp.log(anp.sum(anp.exp(theta)))


def log_sigma(x):
    """log σ from its definition, for moderate x: the tests' own, not the library's."""
    return -np.log1p(np.exp(-np.asarray(x, float)))


def sigma(x):
    return 1.0 / (1.0 + np.exp(-np.asarray(x, float)))


def slope(function, *args, at=0, **kwargs):
    """Derivative of each output number in its own input number, by autograd, at argument `at`."""

    def total(x):
        return anp.sum(function(*args[:at], x, *args[at + 1 :], **kwargs))

    return grad(total)(args[at])


def central_difference(function, x, step=1e-6):
    """Gradient of a scalar function of one array by central differences."""
    x = np.array(x, float)
    result = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[index] += step
        low[index] -= step
        result[index] = (function(high) - function(low)) / (2 * step)
    return result


def close(actual, expected, *, rtol=1e-9, atol=1e-9):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol)


@dataclass(frozen=True)
class Case:
    """A loss, what its positional arguments are, and which of them carry gradients."""

    function: Callable
    kinds: str  # one word per positional argument, see `arguments`
    trained: int  # the first `trained` arguments carry gradients
    kwargs: dict = field(default_factory=dict)
    constants: tuple = ()  # positions that must look constant to the gradient


PAIR = dict(kinds="sum sum sum sum", trained=2, constants=(2, 3))
LIST = dict(kinds="list reward_list", trained=1, constants=(1,))

LOSSES = {
    "cross_entropy": Case(losses.cross_entropy, "token mask", 1),
    "bradley_terry": Case(losses.bradley_terry, "sum sum", 2, {"margin": 0.7, "center": 0.01}),
    "plackett_luce": Case(losses.plackett_luce, "list", 1),
    "dpo": Case(losses.dpo, **PAIR),
    "cdpo": Case(losses.cdpo, **PAIR),
    "robust_dpo": Case(losses.robust_dpo, **PAIR),
    "ipo": Case(losses.ipo, **PAIR),
    "hinge": Case(losses.hinge, **PAIR),
    "dpop": Case(losses.dpop, **PAIR),
    "sppo": Case(losses.sppo, **PAIR),
    "apo_zero": Case(losses.apo_zero, **PAIR),
    "apo_down": Case(losses.apo_down, **PAIR),
    "bco": Case(losses.bco, **PAIR),
    "exo_pair": Case(losses.exo_pair, **PAIR),
    "kto": Case(losses.kto, "sum sum label number", 1, constants=(1, 3)),
    "simpo": Case(losses.simpo, "average average", 2),
    "odds_ratio": Case(losses.odds_ratio, "average average", 2),
    "orpo": Case(losses.orpo, "average average nll", 3),
    "cpo": Case(losses.cpo, "sum sum nll", 3),
    "slic": Case(losses.slic, "sum sum nll", 3),
    "tpo": Case(losses.tpo, "sum sum nll", 3),
    "tpo_l": Case(losses.tpo_l, "average average nll", 3),
    "rrhf": Case(losses.rrhf, "list reward_list nll", 1),
    "infonca": Case(losses.infonca, **LIST, kwargs={"beta": 0.5, "alpha": 0.7}),
    "nca": Case(losses.nca, **LIST, kwargs={"beta": 0.5, "alpha": 0.7}),
    "conservative_simpo": Case(losses.conservative_simpo, "average average", 2),
    "conservative_cpo": Case(losses.conservative_cpo, "sum sum nll", 3),
    "f_dpo_js": Case(losses.f_dpo_js, **PAIR),
    "f_dpo_alpha": Case(losses.f_dpo_alpha, **PAIR),
    "wpo": Case(losses.wpo, "sum sum sum sum average average", 2, constants=(2, 3, 4, 5)),
    "clamped_k3": Case(losses.clamped_k3, "token token", 2),
    "k1": Case(losses.k1, "token token", 2),
    "k2": Case(losses.k2, "token token", 2),
    "k3": Case(losses.k3, "token token", 2),
    "exact_kl": Case(losses.exact_kl, "logits logits", 2),
    "forward_kl": Case(losses.forward_kl, "logits logits", 2),
    "reverse_kl": Case(losses.reverse_kl, "logits logits", 2),
    "generalized_js": Case(losses.generalized_js, "logits logits", 2, {"beta": 0.3}),
    "reinforce": Case(losses.reinforce, "token advantage", 1, constants=(1,)),
    "clipped_surrogate": Case(
        losses.clipped_surrogate, "token token advantage", 1, constants=(1, 2)
    ),
    "sequence_clipped_surrogate": Case(
        losses.sequence_clipped_surrogate,
        "token token advantage mask",
        1,
        {"clip_low": 0.2, "clip_high": 0.3},
        constants=(1, 2),
    ),
    "dual_clipped_surrogate": Case(
        losses.dual_clipped_surrogate, "token token advantage", 1, constants=(1, 2)
    ),
    "sapo": Case(losses.sapo, "token token advantage", 1, constants=(1, 2)),
    "dppo": Case(losses.dppo, "token token advantage", 1, constants=(1, 2)),
    "decoupled_surrogate": Case(
        losses.decoupled_surrogate, "token token token advantage", 1, constants=(1, 2, 3)
    ),
    "value_loss": Case(losses.value_loss, "token token token", 1, constants=(1, 2)),
    "entropy": Case(losses.entropy, "logits", 1),
    "masked_sum": Case(losses.masked_sum, "token mask", 1),
    "masked_mean": Case(losses.masked_mean, "token mask", 1),
    "micro_batch_mean": Case(losses.micro_batch_mean, "token mask", 1, {"tokens": 20}),
    "token_mean": Case(losses.token_mean, "token mask", 1),
    "sequence_mean": Case(losses.sequence_mean, "token mask", 1),
    "fixed_length_mean": Case(losses.fixed_length_mean, "token mask", 1, {"length": 8}),
}


def arguments(case, seed=0, dtype=np.float64):
    """Random positional arguments for a case: B = N = 4 rows, T = 5 tokens, K = 3, V = 6."""
    rng = np.random.default_rng(seed)
    lengths = np.array([[5], [4], [2], [1]])
    make = {
        "sum": lambda: rng.normal(-8, 2, 4),
        "average": lambda: -rng.gamma(2, 0.5, 4) - 0.05,
        "nll": lambda: rng.gamma(2, 0.5, 4),
        "label": lambda: np.array([1, 0, 0, 1]),
        "number": lambda: np.array(0.4),
        "token": lambda: -np.abs(rng.normal(2, 0.5, (4, 5))),
        "mask": lambda: (np.arange(5) < lengths).astype(float),
        "advantage": lambda: rng.normal(0, 1, (4, 1)),
        "list": lambda: -rng.gamma(2, 0.5, (4, 3)),
        "reward_list": lambda: rng.normal(0, 1, (4, 3)),
        "logits": lambda: rng.normal(0, 1, (4, 5, 6)),
    }
    kinds = case.kinds.split()
    made = [make[kind]() for kind in kinds]
    return [x if kind == "label" else x.astype(dtype) for kind, x in zip(kinds, made, strict=True)]
