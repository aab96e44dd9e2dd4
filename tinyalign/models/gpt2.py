"""Our transformer's parameters under GPT-2's names, as the transformers library saves them.

Both compute the same function: pre-norm blocks, learned positions, gelu by tanh, a bias in every
layer, and the embedding table as output head. A dense layer multiplies from the right in both, so
that every array is the same up to the shape of one: our queries, keys and values are (C, 3, H, D),
those of GPT-2 (C, 3·C). The number of heads, H, stands in GPT-2's config.json alone.
"""

import numpy as np

from tinyalign.engine.backend import to_device, to_host
from tinyalign.engine.tree import leaves, rebuild

BLOCK = {  # ours: GPT-2's, below transformer.h.0
    "ln1.gain": "ln_1.weight",
    "ln1.bias": "ln_1.bias",
    "attn.qkv.w": "attn.c_attn.weight",
    "attn.qkv.b": "attn.c_attn.bias",
    "attn.out.w": "attn.c_proj.weight",
    "attn.out.b": "attn.c_proj.bias",
    "ln2.gain": "ln_2.weight",
    "ln2.bias": "ln_2.bias",
    "mlp.up.w": "mlp.c_fc.weight",
    "mlp.up.b": "mlp.c_fc.bias",
    "mlp.down.w": "mlp.c_proj.weight",
    "mlp.down.b": "mlp.c_proj.bias",
}


def names(layers):
    """{path of a leaf: GPT-2's name of it}, in the order of the leaves of `transformer.init`."""
    name_of = {"tok": "wte.weight", "pos": "wpe.weight"}
    for i in range(layers):
        name_of |= {f"block{i}.{ours}": f"h.{i}.{theirs}" for ours, theirs in BLOCK.items()}
    name_of |= {"ln.gain": "ln_f.weight", "ln.bias": "ln_f.bias"}
    return {path: f"transformer.{name}" for path, name in name_of.items()}


def shapes(sizes):
    """{GPT-2's name: shape} of every array of a model.

    sizes  the keys vocab_size, n_positions, n_embd, n_layer and n_inner of a config.json
    """
    width, hidden = sizes["n_embd"], sizes["n_inner"]
    shape_of = {
        "tok": (sizes["vocab_size"], width),
        "pos": (sizes["n_positions"], width),
        "attn.qkv.w": (width, 3 * width),
        "attn.qkv.b": (3 * width,),
        "attn.out.w": (width, width),
        "mlp.up.w": (width, hidden),
        "mlp.up.b": (hidden,),
        "mlp.down.w": (hidden, width),
    }
    shape_of_name = {}
    for path, name in names(sizes["n_layer"]).items():
        in_block = path.partition(".")[2] if path.startswith("block") else path
        shape_of_name[name] = shape_of.get(in_block, (width,))  # all others are a number a channel
    return shape_of_name


def sizes(params):
    """The sizes of a transformer under the names that GPT-2's config.json has for them."""
    vocab, width = params["tok"].shape
    block = params["block0"]
    return {
        "vocab_size": vocab,
        "n_positions": params["pos"].shape[0],
        "n_embd": width,
        "n_layer": sum(name.startswith("block") for name in params),
        "n_head": block["attn"]["qkv"]["w"].shape[2],
        "n_inner": block["mlp"]["up"]["w"].shape[1],
    }


def to_gpt2(params):
    """{GPT-2's name: array}, on the host; values and number type stay as they are."""
    flat = leaves(params)
    arrays = {}
    for path, name in names(sizes(params)["n_layer"]).items():
        array = to_host(flat[path])
        qkv = path.endswith(("qkv.w", "qkv.b"))  # (C, 3, H, D) -> (C, 3·C), or (3, H, D) -> (3·C,)
        arrays[name] = array.reshape(*array.shape[:-3], -1) if qkv else array
    return arrays


def from_gpt2(arrays, heads):
    """Parameters of our transformer: the tree that `to_gpt2` took apart, on the device.

    arrays  {GPT-2's name: array}
    heads   attention heads, H; divides the width
    """
    layers = sum(name.endswith("ln_1.bias") for name in arrays)
    flat = {}
    for path, name in names(layers).items():
        array = np.asarray(arrays[name])
        if path.endswith(("qkv.w", "qkv.b")):  # (…, 3·C) -> (…, 3, H, D)
            array = array.reshape(*array.shape[:-1], 3, heads, -1)
        flat[path] = to_device(array)
    return rebuild(flat)
