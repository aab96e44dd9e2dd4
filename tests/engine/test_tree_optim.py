"""Trees go to vectors and back, gradients are autograd's, optimizers are their algorithms."""

import math

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from autograd.tracer import isbox
from devices import frozen, here, sent
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from strategies import seeds

import tinyalign.engine.optim
import tinyalign.engine.tree

PATHS = ["a", "b.c", "b.d", "e.f.g", "e.f.h", "e.i", "j"]
tree, optim = here(tinyalign.engine.tree), here(tinyalign.engine.optim)
shapes = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


@st.composite
def trees(draw, dtype=np.float64):
    """Nested dicts of arrays of any shape, scalars and empty ones among them, |x| ≤ 1000."""
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True))
    rng = np.random.default_rng(draw(seeds))

    def leaf(shape):
        scale = 10.0 ** rng.integers(-3, 4, size=shape)
        number = scale * rng.uniform(-1, 1, shape) * rng.integers(2, size=shape)
        return np.asarray(number, dtype)

    return tree.rebuild({path: leaf(draw(shapes)) for path in paths})


def same(left, right):
    left, right = tree.leaves(left), tree.leaves(right)
    assert list(left) == list(right)
    for path, leaf in left.items():
        assert leaf.shape == right[path].shape
        assert leaf.dtype == right[path].dtype
        np.testing.assert_array_equal(leaf, right[path], err_msg=path)


@given(trees())
def test_leaves_and_rebuild_are_inverse(nested):
    """rebuild(leaves(t)) = t, paths joined by dots in the order of the tree."""
    flat = tinyalign.engine.tree.leaves(nested)
    same(tinyalign.engine.tree.rebuild(flat), nested)
    for path, leaf in flat.items():
        branch = nested
        for name in path.split("."):
            branch = branch[name]
        assert branch is leaf


@given(trees())
def test_ravel_and_unravel_are_inverse(nested):
    """unravel(ravel(t), t) = t; ravel is as long as size says, and its bytes as nbytes says."""
    vector = tree.ravel(nested)
    assert vector.shape == (tree.size(nested),)
    assert vector.nbytes == tree.nbytes(nested)
    same(tree.unravel(vector, nested), nested)


def test_unravelled_leaves_are_views_in_the_order_of_the_tree():
    """unravel([0, 1, 2], {a: (2,), b: {c: ()}}) = {a: [0, 1], b: {c: 2}}, without a copy."""
    vector, like = sent((np.arange(3.0), {"a": np.zeros(2), "b": {"c": np.zeros(())}}))
    made = tinyalign.engine.tree.unravel(vector, like)
    same(made, {"a": np.array([0.0, 1.0]), "b": {"c": np.array(2.0)}})
    vector[:] = 7.0
    same(made, {"a": np.array([7.0, 7.0]), "b": {"c": np.array(7.0)}})


@given(trees())
def test_tree_map_reaches_every_leaf_once(nested):
    """ravel(map(f, t)) = f(ravel(t)) for an elementwise f."""
    np.testing.assert_array_equal(
        tree.ravel(tree.tree_map(lambda leaf: 2 * leaf + 1, nested)), 2 * tree.ravel(nested) + 1
    )


def network(params, x):
    """Every leaf used, one of them three times, one through slices."""
    h = anp.tanh(x @ params["in"]["w"] + params["in"]["b"])
    h = h @ params["mid"] + h * params["in"]["b"] + params["in"]["b"][::-1]
    return anp.sum(h**2 / (1 + params["scale"] ** 2))


@given(seeds)
def test_gradients_are_autograds_own(seed):
    """value_and_grad on a tree = autograd.grad on a dict, leaf by leaf."""
    rng = np.random.default_rng(seed)
    params = {
        "in": {"w": rng.standard_normal((2, 3)), "b": rng.standard_normal(3)},
        "mid": rng.standard_normal((3, 3)),
        "scale": rng.standard_normal(()),
    }
    params, x = frozen(params), rng.standard_normal((4, 2))
    value, metrics, gradients = tree.value_and_grad(
        lambda p, x: (network(p, x), {"half": network(p, x) / 2, "const": 3.0})
    )(params, x)
    expected = grad(network)(params, x)
    assert list(tree.leaves(gradients)) == list(tree.leaves(params))
    np.testing.assert_allclose(value, network(params, x))
    np.testing.assert_allclose(metrics["half"], value / 2)
    assert not isbox(metrics["half"])
    assert metrics["const"] == 3.0
    for path, leaf in tree.leaves(expected).items():
        np.testing.assert_allclose(tree.leaves(gradients)[path], leaf, rtol=1e-12, atol=1e-12)


def test_a_sum_that_branches_does_not_add_into_a_shared_gradient():
    """d(Σ(a + b) + Σa·a)/da = 1 + 2a and /db = 1: both shares of + are one array."""
    params = {"a": np.array([1.0, 2.0]), "b": np.array([5.0, 5.0])}
    _, _, slope = tree.value_and_grad(
        lambda p: (anp.sum(p["a"] + p["b"]) + anp.sum(p["a"] * p["a"]) + anp.sum(p["a"]), {})
    )(params)
    np.testing.assert_array_equal(slope["a"], [4.0, 6.0])
    np.testing.assert_array_equal(slope["b"], [1.0, 1.0])


def test_a_parameter_that_the_loss_does_not_use_has_gradient_zero():
    """dL/dθ_unused = 0, of its own shape and dtype."""
    params = {"used": np.ones(2), "unused": {"w": np.ones((2, 3), np.float32)}}
    _, _, slope = tree.value_and_grad(lambda p: (anp.sum(p["used"]), {}))(params)
    same(slope["unused"], {"w": np.zeros((2, 3), np.float32)})


def test_a_loss_without_parameters_is_refused():
    """dL/dθ of a constant is a mistake, not zero."""
    with pytest.raises(ValueError, match="does not depend on the parameters"):
        tree.value_and_grad(lambda p: (np.float64(3), {}))({"a": np.ones(2)})


def test_a_loss_that_is_not_one_number_is_refused():
    """A loss of shape (B,) that nobody averaged would be summed without a word."""
    with pytest.raises(ValueError, match=r"one number, got shape \(2,\)"):
        tree.value_and_grad(lambda p: (p["a"] * 2, {}))({"a": np.ones(2)})


@given(seeds, st.floats(1e-4, 1.0), st.floats(0, 0.99), st.floats(0, 0.999), st.integers(1, 6))
def test_adam_is_algorithm_1(seed, rate, b1, b2, steps):
    """m ← b1·m + (1 − b1)·g, v ← b2·v + (1 − b2)·g², θ ← θ − lr·m̂/(√v̂ + eps), number by number."""
    rng = np.random.default_rng(seed)
    shapes = {"a": (2, 2), "b": {"c": (3,)}}
    params = tree.tree_map(lambda shape: rng.standard_normal(shape), shapes)
    theta, eps = tree.ravel(params).tolist(), 1e-8
    m, v = [0.0] * 7, [0.0] * 7
    state = optim.adam_init(params)
    for t in range(1, steps + 1):
        gradients = tree.tree_map(lambda leaf: rng.standard_normal(leaf.shape), params)
        settings = dict(learning_rate=rate, b1=b1, b2=b2, eps=eps)
        params, state = optim.adam(frozen(params), frozen(gradients), state, **settings)
        for i, g in enumerate(tree.ravel(gradients).tolist()):
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g**2
            m_hat, v_hat = m[i] / (1 - b1**t), v[i] / (1 - b2**t)
            theta[i] -= rate * m_hat / (math.sqrt(v_hat) + eps)
    assert state.step == steps
    np.testing.assert_allclose(tree.ravel(params), theta, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(state.mean, m, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(state.square, v, rtol=1e-9, atol=1e-12)


@given(trees(), st.floats(1e-5, 1.0))
def test_the_first_step_of_adam_is_the_learning_rate_long_in_every_coordinate(nested, rate):
    """m̂₁ = g and v̂₁ = g², so θ₁ = θ₀ − lr·sign(g), whatever the size of g."""
    gradients = tree.tree_map(lambda leaf: np.where(np.abs(leaf) < 1e-3, 0.0, leaf), nested)
    moved, _ = optim.adam(nested, gradients, optim.adam_init(nested), learning_rate=rate)
    expected = tree.ravel(nested) - rate * np.sign(tree.ravel(gradients))
    np.testing.assert_allclose(tree.ravel(moved), expected, rtol=1e-4, atol=rate * 1e-4)


@given(trees(), st.floats(0.0, 10.0))
def test_sgd_walks_against_the_gradient(nested, rate):
    """θ ← θ − lr·g."""
    gradients = tree.tree_map(lambda leaf: leaf + 1.0, nested)
    moved = optim.sgd(frozen(nested), frozen(gradients), learning_rate=rate)
    expected = tree.ravel(nested) - rate * (tree.ravel(nested) + 1.0)
    np.testing.assert_allclose(tree.ravel(moved), expected, rtol=1e-12)
    assert list(tree.leaves(moved)) == list(tree.leaves(nested))


@given(trees(), st.floats(1e-3, 1e4))
def test_clipping_keeps_the_direction_and_bounds_the_length(nested, bound):
    """‖clip(g)‖ = min(‖g‖, bound), clip(g) ∥ g, and the norm reported is the one before."""
    vector = tree.ravel(nested)
    clipped, norm = optim.clip_by_global_norm(frozen(nested), bound)
    length = math.sqrt(math.fsum(g * g for g in vector.tolist()))
    np.testing.assert_allclose(norm, length, rtol=1e-12)
    after = tree.ravel(clipped)
    assert np.linalg.norm(after) <= bound
    np.testing.assert_allclose(np.linalg.norm(after), min(length, bound), rtol=2e-3)
    if length < bound - 1e-5:
        np.testing.assert_array_equal(after, vector)
    np.testing.assert_allclose(after * length, vector * np.linalg.norm(after), rtol=1e-9, atol=1e-9)


def test_an_infinite_bound_clips_nothing():
    """min(1, ∞/‖g‖) = 1, also for g = 0."""
    for size in (0.0, 3.0):
        clipped, norm = optim.clip_by_global_norm({"a": np.full(4, size)}, math.inf)
        same(clipped, {"a": np.full(4, size)})
        assert norm == 2 * size


@given(trees(np.float32))
def test_optimizers_keep_single_precision(nested):
    """float32 in, float32 out, also where a learning rate comes as a NumPy float64."""
    gradients = tree.tree_map(lambda leaf: leaf * np.float32(0.5), nested)
    rate, bound = np.float64(0.1), np.float64(1.0)
    moved, state = optim.adam(nested, gradients, optim.adam_init(nested), learning_rate=rate)
    slower = optim.sgd(nested, gradients, learning_rate=rate)
    clipped, norm = optim.clip_by_global_norm(gradients, bound)
    arrays_made = [tree.ravel(t) for t in (moved, slower, clipped)] + [state.mean, state.square]
    assert {array.dtype for array in arrays_made} == {np.dtype(np.float32)}
    assert norm.dtype == np.float32


def test_adams_own_state_is_not_written_to():
    """A step from one state twice gives one result: pure, no hidden memory."""
    params, gradients = {"a": np.ones(3)}, {"a": np.array([1.0, -2.0, 0.5])}
    _, state = optim.adam(params, gradients, optim.adam_init(params), learning_rate=0.1)
    for array in (state.mean, state.square):
        array.flags.writeable = False
    first, one = optim.adam(params, gradients, state, learning_rate=0.1)
    again, two = optim.adam(params, gradients, state, learning_rate=0.1)
    same(first, again)
    assert one.step == two.step == 2
    np.testing.assert_array_equal(one.mean, two.mean)
