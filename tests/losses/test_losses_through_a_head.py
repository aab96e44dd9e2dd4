"""Losses as a model sees them: hidden states → head → log-probabilities → loss, in float32.

Liger-Kernel tests its fused losses so, with targets that do not count inside the sequence.
"""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from strategies import central_difference, close

from tinyalign import losses as L
from tinyalign.losses.numerics import log_softmax, masked
from tinyalign.methods.loss_inputs import argument_names, loss_inputs

B, T, H, V = 4, 5, 3, 7
IGNORE = -100
# The first two rows are chosen answers, the last two rejected. −100 stands inside rows, too.
TARGET = np.array(
    [[2, 5, IGNORE, 1, 0], [3, IGNORE, IGNORE, 6, 4], [0, 1, 2, IGNORE, IGNORE], [6, 6, 3, 2, 1]]
)
PAIR = [
    name for name in L.__all__
    if {"chosen_logp", "chosen_avg_logp"} & set(argument_names(getattr(L, name)))
    and name not in ("margin", "log_ratios", "tpo", "tpo_l")  # no losses; a gold answer too
]  # fmt: skip


def inputs(dtype):
    rng = np.random.default_rng(3)
    hidden, head = rng.normal(size=(B, T, H)), rng.normal(size=(H, V))
    return hidden.astype(dtype), head.astype(dtype)


def objective(name, dtype):
    """hidden, head -> the mean of a pair loss, the reference half of the way to the policy."""
    loss, (old_hidden, old_head) = getattr(L, name), inputs(dtype)
    mask = (TARGET != IGNORE).astype(dtype)

    def token_logp(hidden, head):
        logp = log_softmax(hidden @ head)  # (B, T, V)
        rows, places = np.indices(TARGET.shape)
        return masked(logp[rows, places, np.maximum(TARGET, 0)], mask)

    ref = loss_inputs(token_logp(old_hidden / 2, old_head), mask, ("chosen", "rejected"))
    reference = {f"ref_{key}": value for key, value in ref.items()}

    def mean(hidden, head):
        policy = loss_inputs(token_logp(hidden, head), mask, ("chosen", "rejected"))
        return anp.mean(loss(*((policy | reference)[key] for key in argument_names(loss))))

    return mean


@pytest.mark.parametrize("name", PAIR)
def test_the_gradient_of_states_and_head(name):
    """float64 against central differences, float32 against float64; targets of −100 add nothing."""
    hidden, head = inputs(np.float64)
    double, single = objective(name, np.float64), objective(name, np.float32)
    got = grad(double, 0)(hidden, head), grad(double, 1)(hidden, head)
    if name != "wpo":  # whose weight is a constant to the gradient
        close(got[0], central_difference(lambda x: double(x, head), hidden), rtol=1e-4, atol=1e-5)
        close(got[1], central_difference(lambda w: double(hidden, w), head), rtol=1e-4, atol=1e-5)
    assert (got[0][TARGET == IGNORE] == 0).all() and np.abs(got[1]).max() > 1e-6
    small = inputs(np.float32)
    assert single(*small).dtype == np.float32
    close(single(*small), double(hidden, head), rtol=1e-4, atol=1e-5)
    for at in (0, 1):
        slope = grad(single, at)(*small)
        assert slope.dtype == np.float32
        close(slope, got[at], rtol=2e-3, atol=2e-4 * max(1.0, np.abs(got[at]).max()))
