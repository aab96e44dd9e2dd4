"""The transformer one token at a time, as `policy.sample` runs it: fast, without gradients.

A key-value cache holds what attention needs of earlier tokens, so a new token costs one pass over
itself instead of one over the whole row. B rows, T or t tokens, C channels, H heads.
"""

import math

from tinyalign.engine import ops
from tinyalign.engine.backend import xp


def init_cache(params, batch, length):
    """An empty key-value cache for `batch` rows of at most `length` tokens.

    time             tokens read so far
    kv               of every block the keys and values of those tokens, (2, length, B, C)
    blocks           the weights of every block, as `fold_block` makes them
    head_of_channel  (C, H): 1 where channel c belongs to head h, else 0
    """
    blocks = [params[name] for name in params if name.startswith("block")]
    channels, dtype = params["tok"].shape[1], params["tok"].dtype
    heads, width = blocks[0]["attn"]["qkv"]["w"].shape[2:]  # of (C, 3, H, D)
    return {
        "time": 0,
        "kv": [xp.empty((2, length, batch, channels), dtype) for _ in blocks],
        "blocks": [fold_block(**block) for block in blocks],
        "head_of_channel": xp.repeat(xp.eye(heads, dtype=dtype), width, axis=0),
    }


def fold_block(ln1, attn, ln2, mlp):
    """A block's four linear layers; the norms' gains and biases are folded into qkv and up."""
    return {
        "qkv": ops.fold_layernorm_into_linear(**ln1, **attn["qkv"]),
        "out": attn["out"],
        "up": ops.fold_layernorm_into_linear(**ln2, **mlp["up"]),
        "down": mlp["down"],
    }


def prefill(params, cache, tokens):
    """Read the first tokens (B, T) of all rows into an empty cache, in one pass -> the cache.

    T steps would do the same. A prompt's last token is left to `decode_step`, which returns its
    features.
    """
    batch, time = tokens.shape
    heads = cache["head_of_channel"].shape[1]
    x = ops.embed(params["tok"], tokens)  # (B, T) -> (B·T, C)
    x = ops.add_positions(x, params["pos"], batch)
    for block, kv in zip(cache["blocks"], cache["kv"], strict=True):
        qkv = ops.linear(ops.normalise(x)[0], **block["qkv"])  # (B·T, 3·C)
        split = qkv.reshape(batch, time, 3, -1).transpose(2, 1, 0, 3)  # (3, T, B, C)
        kv[:, :time] = split[1:]  # keys and values; no later token asks for old queries
        if kv is cache["kv"][-1]:
            break  # the last block only needs its keys and values
        mixed = ops.attention(qkv, batch, heads, True)  # (B·T, C)
        x = ops.linear(mixed, **block["out"], residual=x)
        x = mlp(x, block["up"], block["down"])
    return {**cache, "time": time}


def decode_step(params, cache, tokens):
    """Read one more token per row: tokens (B,) -> (features (B, C), cache).

    The keys and values are written in place: a cache is used once.
    """
    time = cache["time"]
    x = params["tok"][tokens] + params["pos"][time]  # (B, C)
    for block, kv in zip(cache["blocks"], cache["kv"], strict=True):
        qkv = ops.linear(ops.normalise(x)[0], **block["qkv"])  # (B, 3·C)
        mixed = cached_attention(qkv, kv, time, cache["head_of_channel"])  # (B, C)
        x = ops.linear(mixed, **block["out"], residual=x)
        x = mlp(x, block["up"], block["down"])
    return ops.layernorm(x, **params["ln"]), {**cache, "time": time + 1}


def cached_attention(qkv, kv, time, head_of_channel):
    """Attention of the newest token to itself and all before it: qkv (B, 3·C) -> (B, C).

    The token's key and value go into kv (2, length, B, C) at `time`.
    """
    channels, heads = head_of_channel.shape
    qkv = qkv.reshape(-1, 3, channels).swapaxes(0, 1)  # (3, B, C)
    q = qkv[0] * math.sqrt(heads / channels)  # (B, C), with the 1/√D of the scores
    kv[:, time] = qkv[1:]
    keys, values = kv[:, : time + 1]  # (t + 1, B, C) each
    # Multiplying by head_of_channel sums over the channels of each head, and by its transpose
    # copies a head's weight to its channels. Reshaping to (t + 1, B, H, D) and summing over D says
    # the same more plainly, but NumPy is 2 to 3 times slower at many short sums than at a product.
    scores = (keys * q) @ head_of_channel  # (t + 1, B, H)
    weighted = ops.softmax(scores, axis=0) @ head_of_channel.T  # (t + 1, B, C)
    weighted *= values
    return ops.column_sums(weighted.reshape(time + 1, -1)).reshape(q.shape)


def mlp(x, up, down):
    """As `transformer.mlp`, with the layer norm folded into up: (N, C) -> (N, C)."""
    hidden = ops.gelu(ops.linear(ops.normalise(x)[0], **up))  # (N, 4·C)
    return ops.linear(hidden, **down, residual=x)


def select_rows(cache, rows):
    """The cache of the chosen rows only; a row may be chosen more than once."""
    return {**cache, "kv": [kv[:, :, rows] for kv in cache["kv"]]}
