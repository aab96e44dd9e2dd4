"""A tiny GPT-2 of transformers with our weights, and tokenizers for it, made without a download."""

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from tinyalign.engine.tree import leaves, rebuild

NAMES = {  # ours: theirs, of what stands once; then of a block
    "tok": "wte.weight", "pos": "wpe.weight", "ln.gain": "ln_f.weight", "ln.bias": "ln_f.bias",
}  # fmt: skip
BLOCK = {
    "ln1.gain": "ln_1.weight", "ln1.bias": "ln_1.bias",
    "ln2.gain": "ln_2.weight", "ln2.bias": "ln_2.bias",
    "attn.qkv.w": "attn.c_attn.weight", "attn.qkv.b": "attn.c_attn.bias",
    "attn.out.w": "attn.c_proj.weight", "attn.out.b": "attn.c_proj.bias",
    "mlp.up.w": "mlp.c_fc.weight", "mlp.up.b": "mlp.c_fc.bias",
    "mlp.down.w": "mlp.c_proj.weight", "mlp.down.b": "mlp.c_proj.bias",
}  # fmt: skip


def gpt2(vocab, width, context, padding=True):
    """Two layers and four heads, like ours. The last id is the end, the one before it padding.

    padding  False: there is none, and the end stands in for it
    """
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab,
            n_positions=context,
            n_embd=width,
            n_layer=2,
            n_head=4,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=vocab - 1,
            eos_token_id=vocab - 1,
            pad_token_id=vocab - 1 - padding,
        )
    )


def theirs_of(path):
    """The name in GPT-2 of a leaf of ours."""
    if not path.startswith("block"):
        return f"transformer.{NAMES[path]}"
    block, _, name = path.partition(".")
    return f"transformer.h.{block.removeprefix('block')}.{BLOCK[name]}"


def copy_in(params, model):
    """Put our parameters into a GPT-2."""
    told = dict(model.named_parameters())
    with torch.no_grad():
        for path, leaf in leaves(params).items():
            own = told[theirs_of(path)]
            own.copy_(torch.from_numpy(np.asarray(leaf)).reshape(own.shape))


def copy_out(model, like):
    """A GPT-2's parameters as ours."""
    told = dict(model.named_parameters())
    return rebuild(
        {
            path: told[theirs_of(path)].detach().numpy().reshape(leaf.shape).copy()
            for path, leaf in leaves(like).items()
        }
    )


def tokenizer(vocab):
    """Words w0, w1, … with ids 0, 1, …"""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {f"w{i}": i for i in range(vocab - 2)} | {"<pad>": vocab - 2, "<eos>": vocab - 1}
    inner = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>", padding_side="left"
    )


def characters(alphabet):
    """Every character a token, then the end, which is padding too."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = {character: i for i, character in enumerate(alphabet)} | {"<eos>": len(alphabet)}
    inner = Tokenizer(models.WordLevel(known, unk_token="<eos>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<eos>", eos_token="<eos>", padding_side="left"
    )
