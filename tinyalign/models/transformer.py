"""A GPT-2-shaped transformer: pre-norm blocks, learned positions, tanh gelu, tied output head."""

import math

from tinyalign import ops
from tinyalign.backend import FLOAT, to_device, xp


def init(rng, *, vocab, width=64, layers=2, heads=4, context=32):
    """Random parameters: a nested dict of float32 arrays.

    rng      numpy Generator
    vocab    number of tokens, V
    width    size of a token's vector, C; a multiple of heads
    layers   number of blocks
    heads    attention heads, H; 1 is plain self-attention
    context  longest row of tokens
    raises   ValueError if heads does not divide width
    """
    if width % heads:
        raise ValueError(f"width must be a multiple of heads, got width {width}, heads {heads}")

    def normal(scale, *shape):
        return to_device(scale * rng.standard_normal(shape, FLOAT))

    def dense(rows, *columns, scale=1.0):
        zeros = xp.zeros(columns, FLOAT)
        return {"w": normal(scale / math.sqrt(rows), rows, *columns), "b": zeros}

    def norm():
        return {"gain": xp.ones(width, FLOAT), "bias": xp.zeros(width, FLOAT)}

    quiet = 1.0 / math.sqrt(2 * layers)  # 2·layers residual branches add up to unit variance
    params = {"tok": normal(0.1, vocab, width), "pos": normal(0.1, context, width)}
    for i in range(layers):
        attn = {
            "qkv": dense(width, 3, heads, width // heads),
            "out": dense(width, width, scale=quiet),
        }
        mlp = {"up": dense(width, 4 * width), "down": dense(4 * width, width, scale=quiet)}
        params[f"block{i}"] = {"ln1": norm(), "attn": attn, "ln2": norm(), "mlp": mlp}
    return {**params, "ln": norm()}


def context(params):
    """Longest row of tokens the parameters can read."""
    return params["pos"].shape[0]


def unembedding(params):
    """(V, C): row v scores token v. Tied: it is the embedding table."""
    return params["tok"]


def blocks(params):
    """The block parameters, first to last."""
    return [params[name] for name in params if name.startswith("block")]


def trunk(params, tokens, causal=True):
    """Features of every position: tokens (B, T) -> (B·T, C). causal=False: an encoder."""
    batch = len(tokens)
    x = ops.add_positions(ops.embed(params["tok"], tokens), params["pos"], batch)
    for block in blocks(params):
        x = attend(x, block["ln1"], **block["attn"], batch=batch, causal=causal)
        x = perceive(x, block["ln2"], **block["mlp"])
    return ops.layernorm(x, **params["ln"])


def attend(x, norm, qkv, out, *, batch, causal):
    """x plus multi-head self-attention of its layer norm: (B·T, C) -> (B·T, C)."""
    packed, heads = ops.norm_linear(x, **norm, **qkv), qkv["w"].shape[2]
    return ops.linear(ops.attention(packed, batch, heads, causal), **out, onto=x)


def perceive(x, norm, up, down):
    """x plus the block's two-layer perceptron of its layer norm: (N, C) -> (N, 4C) -> (N, C)."""
    return ops.linear(ops.gelu(ops.norm_linear(x, **norm, **up)), **down, onto=x)


def start(params, batch, length):
    """An empty key-value cache for `batch` rows of at most `length` tokens."""
    table = params["tok"]
    shape = (length, batch, table.shape[1])
    caches = [(xp.zeros(shape, table.dtype), xp.zeros(shape, table.dtype)) for _ in blocks(params)]
    return {"time": 0, "caches": caches}


def step(params, state, tokens):
    """Read one more token per row: tokens (B,) -> (features (B, C), state).

    The cache is written in place: a state is used once.
    """
    time = state["time"]
    x = params["tok"][tokens] + params["pos"][time]
    for block, cache in zip(blocks(params), state["caches"], strict=True):
        x = recall(x, cache, time, block["ln1"], **block["attn"])
        x = perceive(x, block["ln2"], **block["mlp"])
    return ops.layernorm(x, **params["ln"]), {"time": time + 1, "caches": state["caches"]}


def recall(x, cache, time, norm, qkv, out):
    """x plus attention, of the newest token to itself and everything cached before it.

    All rows and heads at once: a product with `member` (C, H), 1 where channel c belongs to head
    h, sums over the channels of each head; one with its transpose hands a head's weight to them.
    """
    keys, values = cache  # (length, B, C) each
    _, _, heads, width = qkv["w"].shape
    q, k, v = ops.norm_linear(x, **norm, **qkv).reshape(len(x), 3, -1).swapaxes(0, 1)  # (B, C) each
    keys[time], values[time] = k, v
    member = xp.repeat(xp.eye(heads, dtype=x.dtype), width, axis=0)
    scores = (keys[: time + 1] * (q * (1.0 / math.sqrt(width)))) @ member  # (t + 1, B, H)
    weighted = ops.softmax(scores, axis=0) @ member.T  # (t + 1, B, C)
    weighted *= values[: time + 1]
    return ops.linear(weighted.sum(axis=0), **out, onto=x)


def keep(state, rows):
    """The state of the chosen rows only."""
    caches = [(keys[:, rows], values[:, rows]) for keys, values in state["caches"]]
    return {"time": state["time"], "caches": caches}
