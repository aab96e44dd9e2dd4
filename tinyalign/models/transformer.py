"""A GPT-2-shaped transformer: pre-norm blocks, learned positions, tanh gelu, tied output head.

At the ends of lines are shapes: B rows of T tokens, N = B · T, C channels, H heads of D = C/H.
`models.decode` computes the same one token at a time, for sampling; tests/models/test_models.py
proves both equal in test_token_by_token_gives_the_features_of_the_whole_row.
"""

import math

from tinyalign.engine import ops
from tinyalign.engine.backend import FLOAT, to_device, xp
from tinyalign.models.decode import (  # noqa: F401 (a model offers all four to `policy.sample`)
    decode_step,
    init_cache,
    prefill,
    select_rows,
)


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
        # Standard deviation 1/√rows: a product with unit-variance inputs has unit variance again.
        zeros = xp.zeros(columns, FLOAT)
        return {"w": normal(scale / math.sqrt(rows), rows, *columns), "b": zeros}

    def norm():
        return {"gain": xp.ones(width, FLOAT), "bias": xp.zeros(width, FLOAT)}

    residual_scale = 1.0 / math.sqrt(2 * layers)  # 2·layers branches add up to unit variance
    params = {"tok": normal(0.1, vocab, width), "pos": normal(0.1, context, width)}
    for i in range(layers):
        qkv = dense(width, 3, heads, width // heads)  # (C, 3, H, D): query, key and value
        out = dense(width, width, scale=residual_scale)
        up, down = dense(width, 4 * width), dense(4 * width, width, scale=residual_scale)
        params[f"block{i}"] = {
            "ln1": norm(),
            "attn": {"qkv": qkv, "out": out},
            "ln2": norm(),
            "mlp": {"up": up, "down": down},
        }
    return {**params, "ln": norm()}


def sizes(params):
    """The keywords of `init`, but vocab, that make parameters of these shapes."""
    width, heads = params["tok"].shape[1], params["block0"]["attn"]["qkv"]["w"].shape[2]
    return {
        "width": width, "layers": len(blocks(params)), "heads": heads, "context": context(params),
    }  # fmt: skip


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
    x = ops.embed(params["tok"], tokens)  # (B, T) -> (N, C)
    x = ops.add_positions(x, params["pos"], batch)  # the residual stream, (N, C) from here on
    for block in blocks(params):
        x = self_attention(x, block["ln1"], **block["attn"], batch=batch, causal=causal)
        x = mlp(x, block["ln2"], **block["mlp"])
    return ops.layernorm(x, **params["ln"])


def layout_trunk(params, layout):
    """The features that a layout.PromptLayout keeps, (K, C); each prompt is read once."""
    # (P, L + G·R) -> (P·(L + G·R), C)
    x = ops.embed(params["tok"], layout.ids) + ops.embed(params["pos"], layout.times)
    *earlier, last = blocks(params)
    for block in earlier:
        mixed = layout_attention(x, block["ln1"], block["attn"]["qkv"], layout)
        x = ops.linear(mixed, **block["attn"]["out"], residual=x)
        x = mlp(x, block["ln2"], **block["mlp"])
    mixed = layout_attention(x, last["ln1"], last["attn"]["qkv"], layout)
    # The other tokens have served as keys and values; nothing else is wanted of them.
    x, mixed = ops.take_rows(x, layout.kept), ops.take_rows(mixed, layout.kept)  # (K, C)
    x = ops.linear(mixed, **last["attn"]["out"], residual=x)
    x = mlp(x, last["ln2"], **last["mlp"])
    return ops.layernorm(x, **params["ln"])


PAIRS = 200  # as many pairs of tokens take attention as long as one token takes all the rest


def sharing_pays(prompt, completion, group):
    """Whether a row of a prompt and `group` completions takes less time than as many plain rows.

    prompt, completion  tokens in each, of which the longest counts
    """
    together, apart = prompt + group * completion, prompt + completion
    return together * (1 + together / PAIRS) < group * apart * (1 + apart / PAIRS)


def layout_attention(x, norm, qkv, layout):
    """Multi-head self-attention of the layer norm of a layout's rows: (N, C) -> (N, C)."""
    packed, heads = ops.norm_linear(x, **norm, **qkv), qkv["w"].shape[2]
    return ops.attention(packed, len(layout.ids), heads, False, layout.hidden)


def self_attention(x, norm, qkv, out, *, batch, causal):
    """x plus multi-head self-attention of its layer norm: (N, C) -> (N, C)."""
    heads = qkv["w"].shape[2]
    packed = ops.norm_linear(x, **norm, **qkv)  # (N, C) -> (N, 3·C)
    mixed = ops.attention(packed, batch, heads, causal)  # (N, 3·C) -> (N, C)
    return ops.linear(mixed, **out, residual=x)


def mlp(x, norm, up, down):
    """x plus the block's two-layer perceptron of its layer norm: (N, C) -> (N, C)."""
    hidden = ops.gelu(ops.norm_linear(x, **norm, **up))  # (N, C) -> (N, 4·C)
    return ops.linear(hidden, **down, residual=x)  # (N, 4·C) -> (N, C)
