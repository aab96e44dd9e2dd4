"""A recurrent language model: stacked LSTM layers with residual sums and a tied output head."""

import math

from tinyalign.engine import ops
from tinyalign.engine.backend import FLOAT, to_device, xp


def init(rng, *, vocab, width=128, layers=1):
    """Random parameters: a nested dict of float32 arrays.

    rng      numpy Generator
    vocab    number of tokens, V
    width    size of a token's vector and of the hidden state, C
    layers   number of LSTM layers
    """
    scale = 1.0 / math.sqrt(width)  # a product with unit-variance inputs has unit variance again

    def normal(*shape):
        return to_device(scale * rng.standard_normal(shape, FLOAT))

    params = {"tok": normal(vocab, width)}
    for i in range(layers):
        bias = xp.zeros(4 * width, FLOAT)  # of the input, forget and output gates and the update
        bias[width : 2 * width] = 1.0  # a forget gate that starts open lets gradients through time
        w_in, w_hidden = normal(width, 4 * width), normal(width, 4 * width)
        params[f"layer{i}"] = {"w_in": w_in, "w_hidden": w_hidden, "bias": bias}
    return {**params, "ln": {"gain": xp.ones(width, FLOAT), "bias": xp.zeros(width, FLOAT)}}


def sizes(params):
    """The keywords of `init`, but vocab, that make parameters of these shapes."""
    return {"width": params["tok"].shape[1], "layers": len(layers(params))}


def context(params):
    """Longest row of tokens the parameters can read: a recurrent model has no limit."""
    return math.inf


def unembedding(params):
    """(V, C): row v scores token v. Tied: it is the embedding table."""
    return params["tok"]


def layers(params):
    """The layer parameters, first to last."""
    return [params[name] for name in params if name.startswith("layer")]


def trunk(params, tokens):
    """Features of every position, to be scored by `unembedding`: tokens (B, T) -> (B·T, C)."""
    x = ops.embed(params["tok"], tokens)  # (B, T) -> (B·T, C)
    for layer in layers(params):
        x = x + ops.lstm(x, layer["w_in"], layer["w_hidden"], layer["bias"], len(tokens))
    return ops.layernorm(x, **params["ln"])


def sharing_pays(prompt, completion, group):
    """Whether one reading of a prompt for `group` completions takes less time: always."""
    return True


def layout_trunk(params, layout):
    """The features that a layout.PromptLayout keeps, (K, C); each prompt is read once."""
    x = ops.embed(params["tok"], layout.ids)  # (rows, C)
    for layer in layers(params):
        weights = layer["w_in"], layer["w_hidden"], layer["bias"]
        x = x + ops.lstm_after_prompts(x, *weights, layout.length, layout.group, layout.last)
    return ops.layernorm(ops.take_rows(x, layout.kept), **params["ln"])


def init_cache(params, batch, length):
    """Hidden state and cell of every layer before the first token: zeros, for any `length`."""
    width, dtype = params["tok"].shape[1], params["tok"].dtype
    # One array of zeros may stand for both: a step makes new ones and writes to neither.
    return [(xp.zeros((batch, width), dtype),) * 2 for _ in layers(params)]


def decode_step(params, cache, tokens):
    """Read one more token per row: tokens (B,) -> (features (B, C), cache)."""
    x, after = params["tok"][tokens], []  # x is (B, C)
    for layer, (h, c) in zip(layers(params), cache, strict=True):
        h, c = cell(x, h, c, **layer)
        x = x + h
        after.append((h, c))
    return ops.layernorm(x, **params["ln"]), after


def cell(x, h, c, w_in, w_hidden, bias):
    """One time step of one layer: x, h, c (B, C) -> the new h and c."""
    z = x @ w_in + h @ w_hidden + bias  # (B, 4·C)
    i, f, o, u = xp.split(z, 4, axis=1)  # input, forget and output gates, and the update
    c = sigmoid(f) * c + sigmoid(i) * xp.tanh(u)
    return sigmoid(o) * xp.tanh(c), c


def sigmoid(x):
    """1 / (1 + e⁻ˣ) as ½ + ½ tanh(x/2), which cannot overflow."""
    return 0.5 + 0.5 * xp.tanh(0.5 * x)


def select_rows(cache, rows):
    """The cache of the chosen rows only; a row may be chosen more than once."""
    return [(h[rows], c[rows]) for h, c in cache]
