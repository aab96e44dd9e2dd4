"""Fresh parameters: the scales that the initialisations promise."""

import numpy as np
import pytest
from devices import here

from tinyalign.models import lstm, transformer

WIDTH = 64


def rng():
    return np.random.default_rng(0)


def spread(weights, expected):
    """The standard deviation of n normal draws is within 5·σ/√(2n) of σ."""
    return weights.std() == pytest.approx(expected, rel=5 / np.sqrt(2 * weights.size))


@pytest.mark.parametrize("layers", [1, 3])
def test_only_the_forget_gate_of_an_lstm_starts_open(layers):
    """Gates stand in the order input, forget, output, update; biases are 0, 1, 0, 0."""
    params = here(lstm).init(rng(), vocab=7, width=WIDTH, layers=layers)
    for i in range(layers):
        bias = params[f"layer{i}"]["bias"].reshape(4, WIDTH)
        assert bias.tolist() == [[gate] * WIDTH for gate in (0, 1, 0, 0)]
        assert spread(params[f"layer{i}"]["w_in"], 1 / np.sqrt(WIDTH))
        assert spread(params[f"layer{i}"]["w_hidden"], 1 / np.sqrt(WIDTH))


@pytest.mark.parametrize("layers", [1, 2, 8])
def test_what_a_transformer_adds_to_its_residual_stream_starts_small(layers):
    """Weights of a layer with n inputs have the standard deviation 1/√n; the two of each block
    that write to the residual stream have 1/√(2·L·n), so that its variance stays about 1."""
    params = here(transformer).init(rng(), vocab=7, width=WIDTH, layers=layers, heads=4)
    quiet = 1 / np.sqrt(2 * layers)
    for i in range(layers):
        attention, mlp = params[f"block{i}"]["attn"], params[f"block{i}"]["mlp"]
        assert spread(attention["qkv"]["w"], 1 / np.sqrt(WIDTH))
        assert spread(attention["out"]["w"], quiet / np.sqrt(WIDTH))
        assert spread(mlp["up"]["w"], 1 / np.sqrt(WIDTH))
        assert spread(mlp["down"]["w"], quiet / np.sqrt(4 * WIDTH))
    assert spread(params["tok"], 0.1) and spread(params["pos"], 0.1)
