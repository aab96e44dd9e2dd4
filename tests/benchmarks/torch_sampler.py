"""Sampling in PyTorch with a cache of keys and values, written for speed: our measure."""

import torch
import torch.nn.functional as F


@torch.inference_mode()
def sample(model, prompts, new):
    """`new` tokens after each prompt (B, T), and their log-probabilities: (B, new) each.

    model  torch_models.Transformer. The prompts are read in one pass, nobody ends early.
    """
    (batch, time), channels = prompts.shape, model.tok.weight.shape[1]
    heads = model.blocks[0].heads
    shape = (2, batch, heads, time + new, channels // heads)
    caches = [torch.empty(shape) for _ in model.blocks]
    x = prefill(model, prompts, caches)  # (B, C): the last token of each prompt
    tokens, logps = [], []
    for t in range(time, time + new):
        token, logp = draw(model.ln(x) @ model.tok.weight.T)
        tokens.append(token)
        logps.append(logp)
        if t < time + new - 1:  # nothing follows the last token
            x = read(model, token, t, caches)
    return torch.stack(tokens, 1), torch.stack(logps, 1)


def prefill(model, prompts, caches):
    """Read the prompts (B, T) into empty caches; the stream (B, C) at their last tokens."""
    batch, time = prompts.shape
    x = model.tok.weight[prompts] + model.pos.weight[:time]  # (B, T, C)
    for block, cache in zip(model.blocks, caches, strict=True):
        qkv = block.qkv(block.ln1(x)).view(batch, time, 3, block.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, T, D) each
        cache[0, :, :, :time], cache[1, :, :, :time] = k, v
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = after_attention(block, x, mixed.transpose(1, 2))
    return x[:, -1]


def read(model, token, t, caches):
    """Read one more token of each row, the one at position t: the stream (B, C)."""
    x = model.tok.weight[token] + model.pos.weight[t]
    for block, cache in zip(model.blocks, caches, strict=True):
        qkv = block.qkv(block.ln1(x)).view(len(x), 3, block.heads, -1).transpose(0, 1)
        cache[:, :, :, t] = qkv[1:]
        keys, values = cache[:, :, :, : t + 1]
        mixed = F.scaled_dot_product_attention(qkv[0][:, :, None], keys, values)  # (B, H, 1, D)
        x = after_attention(block, x, mixed)
    return x


def after_attention(block, x, mixed):
    """The rest of a block: what attention mixed onto the stream, then the perceptron."""
    x = x + block.out(mixed.reshape(x.shape))
    return x + block.down(F.gelu(block.up(block.ln2(x)), approximate="tanh"))


def draw(logits):
    """A token of each row of logits (B, V), and its log-probability."""
    # Several times faster than torch.multinomial.
    logp = torch.log_softmax(logits, -1)
    cdf = logp.exp().cumsum(-1)
    uniform = torch.rand(len(logits), 1) * cdf[:, -1:]
    token = torch.searchsorted(cdf, uniform, right=True).clamp_(max=logits.shape[1] - 1)
    return token[:, 0], logp.gather(1, token)[:, 0]
