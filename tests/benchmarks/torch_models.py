"""The same tiny transformer and LSTM in PyTorch, written for speed: our measure."""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, batch):
        qkv = self.qkv(self.ln1(x)).view(batch, -1, 3, self.heads, x.shape[1] // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Transformer(nn.Module):
    """Flattened (B·T, C) activations, fused attention, tied head."""

    def __init__(self, vocab, width, layers, heads, context):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(width)

    def forward(self, tokens):
        batch, time = tokens.shape
        x = self.tok(tokens) + self.pos.weight[:time]
        x = x.view(batch * time, -1)
        for block in self.blocks:
            x = block(x, batch)
        return self.ln(x) @ self.tok.weight.T


class Recurrent(nn.Module):
    """nn.LSTM with a residual sum, a layer norm and a tied head."""

    def __init__(self, vocab, width):
        super().__init__()
        self.tok, self.ln = nn.Embedding(vocab, width), nn.LayerNorm(width)
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, tokens):
        x = self.tok(tokens)
        x = x + self.lstm(x)[0]
        return self.ln(x).view(-1, x.shape[2]) @ self.tok.weight.T


def train_step(model, tokens, **form):
    """A function that takes one step: forward, backward, Adam.

    form   fused=True or foreach=True: which of torch's fast Adams
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99), **form)

    def step():
        loss = F.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step
