"""Adapters of low rank: they start as nothing, add a product, and train alone."""

import numpy as np
import pytest
from devices import here, sent

from tinyalign import policy
from tinyalign.engine import tree
from tinyalign.models import lora as on_device
from tinyalign.models import lstm, tabular, transformer

lora = here(on_device)
TOKENS = np.array([[1, 2, 3, 0], [3, 1, 1, 2]])
MODELS = {
    "transformer": (transformer, {"width": 8, "layers": 1, "heads": 2, "context": 4}),
    "lstm": (lstm, {"width": 8, "layers": 1}),
    "tabular": (tabular, {}),
}


def base_of(name):
    model, sizes = MODELS[name]
    params = here(model).init(np.random.default_rng(0), vocab=5, **sizes)
    return model, tree.tree_map(lambda leaf: np.asarray(leaf, np.float64), params)


def random_adapters(base, rank=2, **options):
    """Adapters whose B is not 0."""
    rng = np.random.default_rng(1)
    adapters = lora.add_adapters(base, rank, rng, **options)
    return tree.tree_map(lambda leaf: leaf + 0.1 * rng.standard_normal(leaf.shape), adapters)


@pytest.mark.parametrize("name", MODELS)
def test_fresh_adapters_leave_the_policy_exactly_as_it_was(name):
    model, base = base_of(name)
    merged = lora.merge_adapters(base, lora.add_adapters(base, 2, np.random.default_rng(1)), 8.0)
    before, after = (here(policy).logits(model, params, TOKENS) for params in (base, merged))
    assert np.array_equal(before, after)


@pytest.mark.parametrize("name", MODELS)
def test_a_merged_weight_is_the_base_plus_the_scaled_product(name):
    """Entry by entry; what is no matrix stays as it is."""
    _, base = base_of(name)
    adapters = random_adapters(base)
    parts, merged = tree.leaves(adapters), tree.leaves(lora.merge_adapters(base, adapters, 0.5))
    assert list(merged) == list(tree.leaves(base))
    for path, leaf in tree.leaves(base).items():
        if leaf.ndim < 2 or path.endswith(".b"):
            assert np.array_equal(merged[path], leaf) and f"{path}.a" not in parts
            continue
        a, b = parts[f"{path}.a"], parts[f"{path}.b"]
        for i, row in enumerate(leaf):
            for j, number in enumerate(row.ravel()):
                added = 0.5 * sum(a[i, k] * b[k, j] for k in range(2))
                assert merged[path][i].ravel()[j] == pytest.approx(number + added, abs=1e-14)


def loss_of(model, base):
    """A loss of the adapters alone, as the module's first lines compose it."""

    kept, tokens, mask = sent(base), sent(TOKENS), sent(np.ones(TOKENS[:, 1:].shape))

    def loss(adapters):
        merged = on_device.merge_adapters(kept, adapters, 2.0)
        return -policy.sequence_logp(model, merged, tokens, mask).mean(), {}

    return loss


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_the_adapters_against_central_differences(name):
    model, base = base_of(name)
    kept = here(tree).ravel(base).copy()
    adapters, loss = random_adapters(base), loss_of(model, base)
    _, _, gradients = here(tree.value_and_grad(loss))(adapters)
    assert list(tree.leaves(gradients)) == list(tree.leaves(adapters))
    at, slope = here(tree).ravel(adapters), here(tree).ravel(gradients)
    for i in np.random.default_rng(2).choice(len(at), min(40, len(at)), replace=False):
        step = np.zeros(len(at))
        step[i] = 1e-5
        up, down = (here(loss)(tree.unravel(at + s, adapters))[0] for s in (step, -step))
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-8)
    assert np.abs(slope).max() > 1e-3 and np.array_equal(here(tree).ravel(base), kept)


def test_at_the_start_only_the_second_matrix_has_a_gradient():
    model, base = base_of("transformer")
    adapters = lora.add_adapters(base, 2, np.random.default_rng(1))
    _, _, gradients = here(tree.value_and_grad(loss_of(model, base)))(adapters)
    for path, slope in tree.leaves(gradients).items():
        assert np.any(slope != 0) == path.endswith(".b"), path


@pytest.mark.parametrize("rank", [1, 3])
def test_an_adapter_holds_rank_times_rows_plus_columns_numbers(rank):
    """Of a transformer of width 8 with one block: qkv, out, up and down, two tables."""
    _, base = base_of("transformer")
    shapes = [(5, 8), (4, 8), (8, 24), (8, 8), (8, 32), (32, 8)]
    adapters = lora.add_adapters(base, rank, np.random.default_rng(1))
    assert tree.size(adapters) == sum(rank * (rows + columns) for rows, columns in shapes)
    attention = lora.add_adapters(base, rank, np.random.default_rng(1), only="attn")
    assert tree.size(attention) == rank * (8 + 24 + 8 + 8)
    assert {path.split(".")[1] for path in tree.leaves(attention)} == {"attn"}


def test_adapters_have_the_type_of_their_weight_and_the_promised_spread():
    base = {"w": np.zeros((400, 3), np.float32)}
    a = lora.add_adapters(base, 50, np.random.default_rng(1))["w"]["a"]
    assert a.dtype == np.float32
    assert a.std() == pytest.approx(1 / 20, rel=5 / np.sqrt(2 * a.size))


def test_wrong_ranks_and_wrong_bases_are_named():
    _, base = base_of("tabular")
    with pytest.raises(ValueError, match="rank of 1 or more, got 0"):
        lora.add_adapters(base, 0, np.random.default_rng(1))
    with pytest.raises(ValueError, match="'attn' in its path"):
        lora.add_adapters(base, 1, np.random.default_rng(1), only="attn")
    with pytest.raises(ValueError, match="no leaf 'table'"):
        lora.merge_adapters({"other": base["table"]}, random_adapters(base), 1.0)
