"""A tiny GPT-2 of transformers, and tokenizers for it, made without a download."""

from transformers import GPT2Config, GPT2LMHeadModel


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
