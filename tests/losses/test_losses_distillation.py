"""Distances of a student to its teacher: identities, limits, padding, and where they end."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from strategies import central_difference, close, probabilities

from tinyalign import losses as L

LOGITS = arrays(np.float64, 4, elements=st.floats(-4, 4))
BETA = st.floats(0.05, 0.95)
EACH = {
    "forward": L.forward_kl,
    "reverse": L.reverse_kl,
    "js": lambda z, t, **mask: L.generalized_js(z, t, beta=0.3, **mask),
}
each = pytest.mark.parametrize("loss", EACH.values(), ids=EACH.keys())


@given(LOGITS, LOGITS, BETA)
def test_values_are_those_of_the_definitions(z, t, beta):
    """Σ q log q/p, Σ p log p/q, and β·KL(q ‖ m) + (1−β)·KL(p ‖ m) from probabilities."""
    p, q = probabilities(z), probabilities(t)
    m = beta * q + (1 - beta) * p
    close(L.forward_kl(z, t), np.sum(q * np.log(q / p)))
    close(L.reverse_kl(z, t), np.sum(p * np.log(p / q)))
    js = beta * np.sum(q * np.log(q / m)) + (1 - beta) * np.sum(p * np.log(p / m))
    close(L.generalized_js(z, t, beta=beta), js)
    close(L.generalized_js(t, z, beta=1 - beta), js)


@given(LOGITS, LOGITS)
@settings(max_examples=15)
def test_slopes_are_those_of_the_values(z, t):
    """Central differences in student and teacher; forward: p − q in the student's logits."""
    for loss in EACH.values():
        for at in (0, 1):
            call = (lambda x, f=loss: f(x, t)) if at == 0 else (lambda x, f=loss: f(z, x))
            point = (z, t)[at]
            close(grad(call)(point), central_difference(call, point), rtol=1e-5, atol=1e-7)
    close(grad(L.forward_kl)(z, t), probabilities(z) - probabilities(t))


@given(LOGITS, LOGITS)
def test_the_ends_of_beta_are_the_two_kls(z, t):
    """JS/β → forward KL as β → 0, JS/(1−β) → reverse KL as β → 1; JS itself vanishes at both."""
    tiny = 1e-7
    close(L.generalized_js(z, t, beta=tiny) / tiny, L.forward_kl(z, t), rtol=1e-3, atol=1e-6)
    near = L.generalized_js(z, t, beta=1 - tiny) / tiny
    close(near, L.reverse_kl(z, t), rtol=1e-3, atol=1e-6)


@each
def test_nan_in_the_padding_changes_neither_value_nor_slope(loss):
    """In the student's logits, the teacher's, or both."""
    rng = np.random.default_rng(0)
    z, t = rng.normal(size=(2, 3, 4, 5))
    mask = (np.arange(4) < np.array([[4], [2], [1]])).astype(float)
    holed = [np.where(mask[..., None] > 0, x, np.nan) for x in (z, t)]
    wanted = np.where(mask > 0, loss(z, t), 0.0)
    close(loss(*holed, mask=mask), wanted, rtol=0, atol=1e-15)
    slope = grad(lambda x: anp.sum(loss(x, holed[1], mask=mask)))(holed[0])
    full = grad(lambda x: anp.sum(loss(x, t, mask=mask)))(z)
    close(slope, full, rtol=0, atol=1e-15)
    assert (slope[mask == 0] == 0).all() and (slope[mask > 0] != 0).all()
    for wrong in (mask[:, :2], mask[..., None], mask + 0.5):
        with pytest.raises(ValueError, match="mask"):
            loss(z, t, mask=wrong)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_token_that_both_forbid_counts_as_absent(loss, dtype):
    """A logit of −∞ in both gives what the shorter vocabulary gives, and has the slope 0."""
    z, t = np.random.default_rng(1).normal(size=(2, 3, 4)).astype(dtype)
    kept, holed = [0, 1, 3], [z.copy(), t.copy()]
    for x in holed:
        x[:, 2] = -np.inf
    close(loss(*holed), loss(z[:, kept], t[:, kept]), rtol=1e-5)
    slope = grad(lambda x: anp.sum(loss(x, holed[1])))(holed[0])
    wanted = grad(lambda x: anp.sum(loss(x, t[:, kept])))(z[:, kept])
    close(slope[:, kept], wanted, rtol=1e-4, atol=1e-6)
    assert (slope[:, 2] == 0).all()


def test_only_one_side_of_a_forbidden_token_is_infinite():
    """Forward where the student forbids, reverse where the teacher does; JS is finite."""
    free, holed = np.zeros((1, 2)), np.array([[0.0, -np.inf]])
    assert L.forward_kl(holed, free) == np.inf and np.isclose(L.forward_kl(free, holed), np.log(2))
    assert L.reverse_kl(free, holed) == np.inf and np.isclose(L.reverse_kl(holed, free), np.log(2))
    assert 0 < L.generalized_js(holed, free) < np.log(2)
    assert np.isfinite(grad(lambda z: anp.sum(L.generalized_js(z, holed)))(free)).all()


# Answers of two tokens from two letters: the teacher says aa or bb. A student without memory has
# one distribution for each place.
TEACHER = np.array([[0.48, 0.02], [0.02, 0.48]])  # (first, second)
FIRST, SECOND = np.log(TEACHER.sum(axis=1)), np.log(TEACHER / TEACHER.sum(axis=1, keepdims=True))


def descend(loss, logits, steps=400, rate=3.0):
    for _ in range(steps):
        logits = logits - rate * grad(loss)(logits)
    return logits


@each
def test_a_student_that_can_be_the_teacher_ends_as_the_teacher(loss):
    """Every prefix has its own distribution: from a far start to the teacher, to 1e-8."""

    def total(z):  # (3, 2): the first place, and the second after a and after b
        return loss(z[0], FIRST) + anp.sum(loss(z[1:], SECOND))

    end = descend(total, np.array([[2.0, -1.0], [-1.0, 1.0], [0.0, 2.0]]))
    close(np.exp(end - np.log(np.exp(end).sum(axis=1, keepdims=True))),
          np.exp(np.vstack([FIRST, SECOND])), rtol=0, atol=1e-8)  # fmt: skip


def answers(z):
    """Log-probabilities of the four answers of the student without memory, (2, 2)."""
    logp = z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))
    return logp[0][:, None] + logp[1][None, :]


def test_a_student_that_cannot_covers_with_forward_kl_and_seeks_with_reverse_kl():
    """Forward: the product of the marginals, ¼ everywhere. Reverse: mostly one answer."""
    flat = np.log(TEACHER).ravel()
    start = np.array([[0.2, 0.0], [0.1, 0.0]])
    cover = np.exp(answers(descend(lambda z: L.forward_kl(answers(z).ravel(), flat), start)))
    seek = np.exp(answers(descend(lambda z: L.reverse_kl(answers(z).ravel(), flat), start)))
    close(cover, np.outer(TEACHER.sum(axis=1), TEACHER.sum(axis=0)), rtol=0, atol=1e-8)
    assert cover[0, 1] + cover[1, 0] > 0.49, "half of what it says the teacher hardly ever says"
    # Where the reverse KL is level, both places say a with log-odds log(0.48/0.02)·(2p − 1).
    p = np.sqrt(seek[0, 0])
    close(np.log(p / (1 - p)), np.log(0.48 / 0.02) * (2 * p - 1), rtol=0, atol=1e-6)
    assert p > 0.94 and seek[1, 1] < 0.01, "one of the two answers is given up"
    assert seek[0, 1] + seek[1, 0] < 0.11, "and little is said that the teacher hardly ever says"
