"""Small models for tests: every parameter random, in float64 unless asked otherwise."""

import numpy as np
import pytest
from devices import frozen, here

from tinyalign.engine.tree import tree_map
from tinyalign.models import lstm, tabular, transformer

VOCAB = 5
SIZES = {
    transformer: dict(width=8, layers=2, heads=2, context=12),
    lstm: dict(width=6, layers=2),
    tabular: {},
}
each_model = pytest.mark.parametrize("model", SIZES, ids=["transformer", "lstm", "tabular"])
deep_models = pytest.mark.parametrize("model", [transformer, lstm], ids=["transformer", "lstm"])


def parameters(model, seed=0, dtype=np.float64, **sizes):
    """NumPy parameters without a zero or a one, so that none of them can be forgotten."""
    rng = np.random.default_rng(seed)
    params = here(model).init(rng, vocab=VOCAB, **(sizes or SIZES[model]))

    def shaken(leaf):
        return (leaf + 0.2 * rng.standard_normal(leaf.shape)).astype(dtype)

    return frozen(tree_map(shaken, params))


def some_tokens(seed=0, rows=3, time=6):
    return np.random.default_rng(seed).integers(VOCAB, size=(rows, time))
