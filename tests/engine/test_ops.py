"""Every primitive against central differences and against the same thing written naively."""

from collections.abc import Callable
from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, make_vjp
from devices import fetched, frozen, here, pulled_back, sent
from hypothesis import given
from hypothesis import strategies as st
from strategies import central_difference, seeds

from tinyalign.engine import ops
from tinyalign.engine.backend import using


def naive_linear(x, w, b):
    columns = anp.reshape(w, (w.shape[0], -1))
    return anp.sum(x[:, :, None] * columns[None], axis=1) + anp.reshape(b, (-1,))


def naive_embed(table, ids):
    return anp.array([table[int(i)] for i in ids.reshape(-1)])


def naive_add_positions(x, table, batch):
    time = len(x) // batch
    return anp.array([x[n * time + t] + table[t] for n in range(batch) for t in range(time)])


def naive_layernorm(x, gain, bias, eps):
    rows = []
    for row in x:
        mean = anp.sum(row) / len(row)
        variance = anp.sum((row - mean) ** 2) / len(row)
        rows.append((row - mean) / anp.sqrt(variance + eps) * gain + bias)
    return anp.array(rows)


def naive_norm_linear(x, gain, bias, w, b, eps):
    return naive_linear(naive_layernorm(x, gain, bias, eps), w, b)


def naive_gelu(x):
    return 0.5 * x * (1 + anp.tanh(anp.sqrt(2 / anp.pi) * (x + 0.044715 * x**3)))


def hidden_keys(integers, *shape):
    """−1e9 at some keys of each query, but not at its own: (…, key, query)."""
    return np.where(np.eye(shape[-1]) + integers(2, *shape) == 0, -1e9, 0.0)


def naive_attention(qkv, batch, heads, causal, hidden=None):
    """One query at a time: its scores, their softmax, the weighted sum of values."""
    time, channels = len(qkv) // batch, qkv.shape[1] // 3
    size = channels // heads
    rows = []
    for n in range(batch):
        for t in range(time):
            parts, seen = [], range(t + 1 if causal else time)
            if hidden is not None:
                of_row = hidden if hidden.ndim == 2 else hidden[n]
                seen = [s for s in seen if of_row[s, t] == 0]
            for h in range(heads):
                q, k, v = (slice(i * channels + h * size, i * channels + (h + 1) * size)
                           for i in range(3))  # fmt: skip
                query = qkv[n * time + t, q]
                scores = anp.array([anp.sum(query * qkv[n * time + s, k]) for s in seen])
                scores = scores / anp.sqrt(size)
                weight = anp.exp(scores - anp.max(scores))
                weight = weight / anp.sum(weight)
                parts.append(sum(weight[i] * qkv[n * time + s, v] for i, s in enumerate(seen)))
            rows.append(anp.concatenate(parts))
    return anp.array(rows)


def naive_token_logp(x, unembedding, ids, temperature):
    rows = []
    for row, token in zip(x, ids, strict=True):
        z = anp.array([anp.sum(row * u) for u in unembedding]) / temperature
        z = z - anp.max(z)
        rows.append(z[int(token)] - anp.log(anp.sum(anp.exp(z))))
    return anp.array(rows)


def naive_lstm(x, w_in, w_hidden, bias, batch):
    def sigma(z):
        return anp.exp(-anp.logaddexp(0, -z))  # 1 / (1 + e⁻ᶻ)

    time, size, rows = len(x) // batch, len(w_hidden), []
    for n in range(batch):
        h, c = anp.zeros(size), anp.zeros(size)
        for t in range(time):
            z = x[n * time + t] @ w_in + h @ w_hidden + bias
            i, f, o, u = (z[k * size : (k + 1) * size] for k in range(4))
            c = sigma(f) * c + sigma(i) * anp.tanh(u)
            h = sigma(o) * anp.tanh(c)
            rows.append(h)
    return anp.array(rows)


def naive_lstm_after_prompts(x, w_in, w_hidden, bias, length, group, last):
    """The LSTM over every prompt of `length` tokens, then over every completion after its prompt,
    of which the last tokens may be padding."""
    rows, size = [], len(x) // len(last)
    own = (size - length) // group
    for p, time in enumerate(last):
        row = x[p * size : (p + 1) * size]
        prompt, rest = row[:length], row[length:]
        rows.append(naive_lstm(prompt, w_in, w_hidden, bias, 1))
        for g in range(group):
            whole = anp.concatenate([prompt[: int(time) + 1], rest[g * own : (g + 1) * own]])
            rows.append(naive_lstm(whole, w_in, w_hidden, bias, 1)[int(time) + 1 :])
    return anp.concatenate(rows)


def naive_before_each_token(x, prompts, group):
    own = (len(x) - prompts) // (prompts * group)
    rows = []
    for n in range(prompts * group):
        rows += [x[n // group], *(x[prompts + n * own + t] for t in range(own))]
    return anp.array(rows)


def naive_put(x, places, size):
    found = {int(place): x[i] for i, place in enumerate(places)}
    return anp.array([found.get(i, 0.0 * x[0]) for i in range(size)])


@dataclass(frozen=True)
class Case:
    """A primitive, the same thing written naively, and arguments for given sizes."""

    op: Callable
    naive: Callable
    make: Callable  # (normal, integers, n, t, c, h) -> arguments
    trained: int  # the first `trained` arguments carry gradients


CASES = {
    "linear": Case(
        ops.linear, naive_linear,
        lambda normal, integers, n, t, c, h: [normal(n, c), normal(c, t), normal(t)], 3,
    ),
    "linear to several axes": Case(
        ops.linear, naive_linear,
        lambda normal, integers, n, t, c, h: [normal(n, c), normal(c, 3, h, t), normal(3, h, t)], 3,
    ),
    "linear with a residual stream": Case(
        ops.linear, lambda x, w, b, residual: naive_linear(x, w, b) + residual,
        lambda normal, integers, n, t, c, h: [normal(n, c), normal(c, t), normal(t), normal(n, t)],
        4,
    ),
    "embed": Case(
        ops.embed, naive_embed,
        lambda normal, integers, n, t, c, h: [normal(h + 1, c), integers(h + 1, n, t)], 1,
    ),
    "add_positions": Case(
        ops.add_positions, naive_add_positions,
        lambda normal, integers, n, t, c, h: [normal(n * t, c), normal(t + h - 1, c), n], 2,
    ),
    "layernorm": Case(
        ops.layernorm, naive_layernorm,
        lambda normal, integers, n, t, c, h: [normal(n, c), normal(c), normal(c), 1e-5 * h], 3,
    ),
    "layernorm and linear": Case(
        ops.norm_linear, naive_norm_linear,
        lambda normal, integers, n, t, c, h: [
            normal(n, c), normal(c), normal(c), normal(c, t, h), normal(t, h), 1e-5 * h,
        ], 5,
    ),
    "gelu": Case(
        ops.gelu, naive_gelu, lambda normal, integers, n, t, c, h: [normal(n, c)], 1,
    ),
    "causal attention": Case(
        ops.attention, naive_attention,
        lambda normal, integers, n, t, c, h: [normal(n * t, 3 * c * h), n, h, True], 1,
    ),
    "attention both ways": Case(
        ops.attention, naive_attention,
        lambda normal, integers, n, t, c, h: [normal(n * t, 3 * c * h), n, h, False], 1,
    ),
    "token_logp": Case(
        ops.token_logp, naive_token_logp,
        lambda normal, integers, n, t, c, h: [
            normal(n * t, c), normal(h + 1, c), integers(h + 1, n * t), 0.5 * h,
        ], 2,
    ),
    "lstm": Case(
        ops.lstm, naive_lstm,
        lambda normal, integers, n, t, c, h: [
            normal(n * t, c), normal(c, 4 * h), normal(h, 4 * h), normal(4 * h), n,
        ], 4,
    ),
    "attention with hidden keys": Case(
        ops.attention, naive_attention,
        lambda normal, integers, n, t, c, h: [
            normal(n * t, 3 * c * h), n, h, True, hidden_keys(integers, t, t),
        ], 1,
    ),
    "attention with keys hidden row by row": Case(
        ops.attention, naive_attention,
        lambda normal, integers, n, t, c, h: [
            normal(n * t, 3 * c * h), n, h, False, hidden_keys(integers, n, t, t),
        ], 1,
    ),
    "lstm after prompts": Case(
        ops.lstm_after_prompts, naive_lstm_after_prompts,
        lambda normal, integers, n, t, c, h: [
            normal(n * (t + c * h), c), normal(c, 4 * h), normal(h, 4 * h), normal(4 * h),
            t, c, integers(t, n),
        ], 4,
    ),
    "some rows": Case(
        ops.take_rows, lambda x, rows: anp.array([x[int(i)] for i in rows]),
        lambda normal, integers, n, t, c, h: [normal(n * t, c), np.arange(n * t)[::-2]], 1,
    ),
    "before each token": Case(
        ops.before_each_token, naive_before_each_token,
        lambda normal, integers, n, t, c, h: [normal(n + n * h * (t - 1), c), n, h], 1,
    ),
    "numbers put in places": Case(
        ops.put, naive_put,
        lambda normal, integers, n, t, c, h: [
            normal(n * t + 2), np.append(np.arange(n * t)[::-1], [n * t + c] * 2), n * t + c,
        ], 1,
    ),
}  # fmt: skip
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
sizes = st.tuples(*[st.integers(1, 3)] * 4)


def arguments(case, seed=0, size=(2, 3, 3, 2), scale=1.0, dtype=np.float64):
    """Random arguments that nobody may write to."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return (scale * rng.standard_normal(shape)).astype(dtype)

    def integers(high, *shape):
        return rng.integers(high, size=shape)

    return frozen(case.make(normal, integers, *size))


def weight_like(value, dtype=np.float64):
    """A cotangent that nobody may write to."""
    return frozen(np.random.default_rng(7).standard_normal(np.shape(value)).astype(dtype))


@each_case
@given(seeds, sizes, st.sampled_from([0.1, 1.0, 4.0]))
def test_a_primitive_is_the_same_thing_written_naively(case, seed, size, scale):
    """Value and every gradient equal those of loops over rows, heads and times."""
    args = arguments(case, seed, size, scale)
    expected = case.naive(*args)
    np.testing.assert_allclose(here(case.op)(*args), expected, rtol=1e-9, atol=1e-9)
    weight = weight_like(expected)
    for at in range(case.trained):
        value, gradient = pulled_back(case.op, args, at, weight)
        with using("numpy"):  # the naive form is written in NumPy
            _, naive = pulled_back(case.naive, args, at, weight)
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(
            gradient, naive, rtol=1e-7, atol=1e-8 * (1 + np.abs(naive).max())
        )


@each_case
@pytest.mark.parametrize("seed", range(3))
def test_a_gradient_is_the_slope(case, seed):
    """dL/dx = [L(x + h) − L(x − h)]/2h for every entry of every argument."""
    args = arguments(case, seed)
    weight = weight_like(here(case.op)(*args))
    for at in range(case.trained):

        def loss(x, at=at):
            return np.sum(weight * here(case.op)(*args[:at], x, *args[at + 1 :]))

        _, gradient = pulled_back(case.op, args, at, weight)
        slope = central_difference(loss, args[at])
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-7)


@each_case
@given(seeds, sizes)
def test_single_precision_stays_single(case, seed, size):
    """float32 in, float32 out: the value and all gradients, close to those in float64."""
    args = arguments(case, seed, size, dtype=np.float32)
    exact = [x.astype(np.float64) if getattr(x, "dtype", None) == np.float32 else x for x in args]
    weight = weight_like(here(case.op)(*args), np.float32)
    for at in range(case.trained):
        value, gradient = pulled_back(case.op, args, at, weight)
        assert value.dtype == gradient.dtype == np.float32
        assert value.shape == weight.shape
        assert gradient.shape == args[at].shape
        wide_value, wide = pulled_back(case.op, exact, at, weight.astype(np.float64))
        np.testing.assert_allclose(value, wide_value, rtol=1e-4, atol=1e-4)
        blur = 1e-4 * (1 + np.abs(wide).max())
        if "norm" not in case.op.__name__:  # a row that is nearly constant is ill-conditioned
            np.testing.assert_allclose(gradient, wide, rtol=1e-4, atol=blur)


@each_case
def test_a_double_precision_loss_does_not_widen_the_backward_pass(case):
    """The cotangent is cast to the dtype of the value before the pullback sees it."""
    args = arguments(case, dtype=np.float32)
    weight = weight_like(here(case.op)(*args))
    for at in range(case.trained):
        _, single = pulled_back(case.op, args, at, weight.astype(np.float32))
        _, gradient = pulled_back(case.op, args, at, weight)
        assert gradient.dtype == np.float32
        np.testing.assert_array_equal(gradient, single)


@each_case
def test_a_second_derivative_is_refused(case):
    """A pullback is arithmetic that autograd does not see: d²L/dx² raises, it is not 0."""
    args = sent(arguments(case))
    for at in range(case.trained):

        def slope(x, at=at):
            inner = grad(lambda x: anp.sum(case.op(*args[:at], x, *args[at + 1 :]) ** 2))
            return anp.sum(inner(x) ** 2)

        with pytest.raises(NotImplementedError, match="no second derivative"):
            grad(slope)(args[at].copy())


@each_case
def test_a_pullback_can_be_used_twice(case):
    """vjp(g) = vjp(g): nothing that the forward pass saved is written to."""
    args = sent(arguments(case))
    for at in range(case.trained):
        vjp, value = make_vjp(lambda x, at=at: case.op(*args[:at], x, *args[at + 1 :]))(args[at])
        weight, before = sent(weight_like(value)), fetched(value.copy())
        np.testing.assert_array_equal(fetched(vjp(weight)), fetched(vjp(weight)))
        np.testing.assert_array_equal(fetched(value), before)


@each_case
def test_two_calls_of_one_primitive_keep_their_pullbacks_apart(case):
    """d[f(x) + 2f(3x)]/dx = f'(x) + 6f'(3x), through both nodes of one tape."""
    args = arguments(case, scale=0.3)
    weight = weight_like(here(case.op)(*args))

    def both_at(x, *rest):
        return case.op(x, *rest) + 2 * case.op(3 * x, *rest)

    _, once = pulled_back(case.op, args, 0, weight)
    _, thrice = pulled_back(case.op, [3 * args[0], *args[1:]], 0, weight)
    _, both = pulled_back(both_at, args, 0, weight)
    np.testing.assert_allclose(both, once + 6 * thrice, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_token_log_probabilities_survive_huge_logits(dtype):
    """log softmax at logits (1e3, 0, −1e3) is (0, −1e3, −2e3), and its slope is finite."""
    x, table = np.array([[1e3]] * 3, dtype), np.array([[1.0], [0.0], [-1.0]], dtype)
    value, gradient = pulled_back(ops.token_logp, [x, table, np.arange(3)], 0, np.ones(3, dtype))
    np.testing.assert_allclose(value, [0, -1e3, -2e3])
    np.testing.assert_allclose(gradient[:, 0], [0, -1, -2])  # U[id] − E[U], and p is one-hot


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attention_survives_huge_scores(causal, dtype):
    """At scores of ±1e6 the softmax is an argmax: the first row sees itself, or the best."""
    qkv = (1e3 * np.random.default_rng(0).standard_normal((4, 6))).astype(dtype)
    value, gradient = pulled_back(ops.attention, [qkv, 1, 1, causal], 0, np.ones((4, 2), dtype))
    assert np.isfinite(gradient).all()
    q, k, v = np.split(qkv, 3, axis=1)
    best = 0 if causal else np.argmax(k @ q[0])
    np.testing.assert_array_equal(value[0], v[best])
    np.testing.assert_allclose(value, naive_attention(qkv.astype(float), 1, 1, causal), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_is_the_identity_far_to_the_right_and_zero_far_to_the_left(dtype):
    """gelu(1e3) = 1e3 with slope 1; gelu(−1e3) = 0 with slope 0."""
    x = np.array([[1e3, -1e3, 1e10, -1e10]], dtype)
    value, slope = pulled_back(ops.gelu, [x], 0, np.ones_like(x))
    np.testing.assert_array_equal(value, [[1e3, 0, x[0, 2], 0]])
    np.testing.assert_array_equal(slope, [[1, 0, 1, 0]])


def test_gelu_is_the_same_in_pieces_as_in_one_go():
    """gelu is elementwise: 100 001 numbers, several cache-sized pieces, equal the formula."""
    x = np.random.default_rng(0).standard_normal((100_001, 1))
    value, slope = pulled_back(ops.gelu, [x], 0, np.ones_like(x))
    np.testing.assert_allclose(value, naive_gelu(x), rtol=1e-9, atol=1e-12)
    few = np.linspace(0, 100_000, 50, dtype=int)
    with using("numpy"):  # the naive form is written in NumPy
        _, expected = pulled_back(naive_gelu, [x[few]], 0, np.ones((50, 1)))
    np.testing.assert_allclose(slope[few], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layernorm_of_a_constant_row_is_the_bias(dtype):
    """x = mean(x) everywhere: the normalised row is 0, whatever its size; its slope is finite."""
    x, gain, bias = np.full((2, 4), 1e3, dtype), np.ones(4, dtype), np.arange(4).astype(dtype)
    value, slope = pulled_back(ops.layernorm, [x, gain, bias], 0, np.ones((2, 4), dtype))
    np.testing.assert_allclose(value, [bias] * 2, atol=1e-2)
    np.testing.assert_allclose(slope, 0, atol=1e-2)


@given(seeds, st.floats(-100, 100), st.floats(0.1, 100))
def test_layernorm_ignores_the_place_and_the_scale_of_a_row(seed, shift, scale):
    """LN(a·x + b) = LN(x) for a > 0 (eps aside), and x's gradient is orthogonal to 1."""
    x, gain, bias, _ = arguments(CASES["layernorm"], seed)
    moved, _ = pulled_back(ops.layernorm, [scale * x + shift, gain, bias, 0.0], 0, weight_like(x))
    value, slope = pulled_back(ops.layernorm, [x, gain, bias, 0.0], 0, weight_like(x))
    np.testing.assert_allclose(moved, value, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-9 * (1 + np.abs(slope).max()))


def test_an_lstm_with_saturated_gates_stays_finite():
    """|h| < 1 always, because h = σ(o)·tanh(c); weights of 1e3 overflow nothing."""
    x, w_in, w_hidden, bias, batch = arguments(CASES["lstm"], scale=1e3, dtype=np.float32)
    for at in range(4):
        args = [x, w_in, w_hidden, bias, batch]
        value, slope = pulled_back(ops.lstm, args, at, np.ones((6, 2), np.float32))
        assert (np.abs(value) <= 1).all()
        assert np.isfinite(slope).all()


@given(seeds)
def test_softmax_rows_are_probabilities_and_ignore_a_shift(seed):
    """softmax(x + c) = softmax(x); Σ = 1; also at logits of ±1e3."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1e3, 1e3, (3, 5))
    softmax = here(ops.softmax)
    p = softmax(x)
    np.testing.assert_allclose(p.sum(axis=-1), 1)
    np.testing.assert_allclose(softmax(x + 512.0), p, rtol=1e-9, atol=1e-300)
    assert (p.argmax(-1) == x.argmax(-1)).all()


@given(seeds, sizes)
def test_column_sums_are_sums_of_columns(seed, size):
    """1ᵀ X = Σ_n X[n]."""
    x = np.random.default_rng(seed).standard_normal(size[:2])
    np.testing.assert_allclose(here(ops.column_sums)(x), x.sum(axis=0), atol=1e-12)


def test_a_target_id_outside_the_vocabulary_is_refused():
    """log π(token 4) of a vocabulary of 4 does not exist."""
    x, table = np.ones((2, 3)), np.ones((4, 3))
    with pytest.raises(IndexError):
        here(ops.token_logp)(x, table, np.array([0, 4]))
