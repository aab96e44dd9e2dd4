"""A GPT-2-shaped transformer: pre-norm blocks, learned positions, tanh gelu, tied output head."""

import math

from tinyalign.engine import ops
from tinyalign.engine.backend import FLOAT, to_device, xp


def init(rng, *, vocab, width=64, layers=2, heads=4, context=32):
    """Random parameters: a nested dict of float32 arrays.

    rng      numpy Generator
    vocab    number of tokens, V
    width    size of a token's vector, C; a multiple of heads
    layers   number of blocks
    heads    attention heads, H; 1 is plain self-attention
    context  longest row of tokens
    raises   ValueError if heads does not divide width, or there is no layer
    """
    if layers < 1:
        raise ValueError(f"a transformer has at least one layer, got {layers}")
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
    """Features of every position, to be scored by `unembedding`: tokens (B, T) -> (B·T, C).

    causal=False: an encoder, where every position sees all others.
    """
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
    """The state of sampling, an empty key-value cache for `batch` rows of at most `length` tokens.

    time    tokens read so far
    caches  of every block the keys and values of those, (2, length, B, C)
    blocks  the weights of every block, as `folded` makes them
    member  (C, H): 1 where channel c belongs to head h, else 0
    """
    channels, kind = params["tok"].shape[1], params["tok"].dtype
    heads, width = blocks(params)[0]["attn"]["qkv"]["w"].shape[2:]
    return {
        "time": 0,
        "caches": [xp.empty((2, length, batch, channels), kind) for _ in blocks(params)],
        "blocks": [folded(**block) for block in blocks(params)],
        "member": xp.repeat(xp.eye(heads, dtype=kind), width, axis=0),
    }


def folded(ln1, attn, ln2, mlp):
    """A block's four linear layers, with gain and bias of the norms taken into qkv and up."""
    qkv, up = ops.fold(**ln1, **attn["qkv"]), ops.fold(**ln2, **mlp["up"])
    return {"qkv": qkv, "out": attn["out"], "up": up, "down": mlp["down"]}


def read(params, state, tokens):
    """Read the first tokens (B, T) of all rows into an empty state -> that state, no features.

    As T steps would, but at one go. A prompt's last token is left to `step`, for its features.
    """
    batch, time = tokens.shape
    x = ops.add_positions(ops.embed(params["tok"], tokens), params["pos"], batch)
    for block, cache in zip(blocks(params), state["caches"], strict=True):
        packed = ops.norm_linear(x, **block["ln1"], **block["attn"]["qkv"])
        cache[:, :time] = packed.reshape(batch, time, 3, -1).transpose(2, 1, 0, 3)[1:]
        if cache is not state["caches"][-1]:  # nobody asks for features: keys and values end it
            mixed = ops.attention(packed, batch, state["member"].shape[1], True)
            x = ops.linear(mixed, **block["attn"]["out"], onto=x)
            x = perceive(x, block["ln2"], **block["mlp"])
    return {**state, "time": time}


def step(params, state, tokens):
    """Read one more token per row: tokens (B,) -> (features (B, C), state).

    The cache is written in place: a state is used once.
    """
    time = state["time"]
    x = params["tok"][tokens] + params["pos"][time]
    for block, cache in zip(state["blocks"], state["caches"], strict=True):
        qkv = ops.linear(ops.normalise(x)[0], **block["qkv"])
        x = ops.linear(recall(qkv, cache, time, state["member"]), **block["out"], onto=x)
        up = ops.linear(ops.normalise(x)[0], **block["up"])
        x = ops.linear(ops.gelu(up), **block["down"], onto=x)
    return ops.layernorm(x, **params["ln"]), {**state, "time": time + 1}


def recall(qkv, cache, time, member):
    """Attention of the newest token to itself and all before it: qkv (B, 3·C) -> (B, C).

    Its key and value go into the cache (2, length, B, C) at `time`. All heads are done at once:
    a product with `member` (C, H) sums over the channels of each head; one with its transpose
    hands a head's weight to them.
    """
    channels, heads = member.shape
    qkv = qkv.reshape(-1, 3, channels).swapaxes(0, 1)  # (3, B, C)
    q, cache[:, time] = qkv[0], qkv[1:]
    keys, values = cache[:, : time + 1]  # (t + 1, B, C) each
    scores = (keys * (q * math.sqrt(heads / channels))) @ member  # (t + 1, B, H)
    weighted = ops.softmax(scores, axis=0) @ member.T  # (t + 1, B, C)
    weighted *= values
    return ops.column_sums(weighted.reshape(time + 1, -1)).reshape(q.shape)


def keep(state, rows):
    """The state of the chosen rows only."""
    return {**state, "caches": [cache[:, :, rows] for cache in state["caches"]]}
