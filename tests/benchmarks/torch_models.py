"""The same tiny transformer and LSTM in PyTorch, written for speed: our measure."""

import torch
import torch.nn.functional as F
from torch import nn


def fused_attention(qkv, batch, heads, hidden):
    """softmax(Q Kᵀ / √D) V by torch's one operation: qkv (B·T, 3·C), hidden (T, T) -> (B·T, C).

    hidden  minus infinity where the query (row) does not see the key, else 0; None: what is later
    """
    q, k, v = qkv.view(batch, -1, 3, heads, qkv.shape[1] // (3 * heads)).permute(2, 0, 3, 1, 4)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=hidden, is_causal=hidden is None)
    return mixed.transpose(1, 2).reshape(len(qkv), -1)


def product_attention(qkv, batch, heads, hidden):
    """The same by two products and a softmax, which is faster at some sizes."""
    time, width = len(qkv) // batch, qkv.shape[1] // (3 * heads)
    split = qkv.view(batch, time, 3, heads, width).permute(2, 0, 3, 1, 4)
    q, k, v = split.reshape(3, batch * heads, time, width)
    if hidden is None:
        hidden = later(time)
    p = torch.softmax(torch.baddbmm(hidden, q, k.transpose(1, 2), alpha=width**-0.5), -1)
    return torch.bmm(p, v).view(batch, heads, time, width).transpose(1, 2).reshape(len(qkv), -1)


def later(time):
    """(T, T): minus infinity where the key is later than the query, else 0."""
    return torch.full((time, time), -torch.inf).triu(1)


class Block(nn.Module):
    def __init__(self, width, heads, attention):
        super().__init__()
        self.heads, self.attention = heads, attention
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, batch, hidden, first=0):
        """(B·T, C) -> the same from the column `first` on: (B·(T − first), C)."""
        mixed = self.attention(self.qkv(self.ln1(x)), batch, self.heads, hidden)
        if first:
            x, mixed = from_column(x, batch, first), from_column(mixed, batch, first)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


def from_column(x, batch, first):
    """(B·T, C) -> (B·(T − first), C)"""
    return x.view(batch, -1, x.shape[1])[:, first:].reshape(-1, x.shape[1])


class Transformer(nn.Module):
    """Flattened (B·T, C) activations, tied head."""

    def __init__(self, vocab, width, layers, heads, context, attention=fused_attention):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, attention) for _ in range(layers))
        self.ln = nn.LayerNorm(width)

    def features(self, tokens, place=None, hidden=None, first=0):
        """(B·(T − first), C) of tokens (B, T).

        place   (T,) the position of each column, None: its number
        hidden  (T, T) as in fused_attention
        first   the first column that is wanted; the last block leaves out those before it
        """
        batch, time = tokens.shape
        x = self.tok(tokens) + (self.pos.weight[:time] if place is None else self.pos(place))
        x = x.view(batch * time, -1)
        *earlier, last = self.blocks
        for block in earlier:
            x = block(x, batch, hidden)
        return self.ln(last(x, batch, hidden, first))

    def forward(self, tokens):
        return self.features(tokens) @ self.tok.weight.T


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


def copy_in(params, model):
    """Put tinyalign's parameters of a transformer into a Transformer."""
    told = {"tok.weight": params["tok"], "pos.weight": params["pos"]}
    told |= {"ln.weight": params["ln"]["gain"], "ln.bias": params["ln"]["bias"]}
    for name in (name for name in params if name.startswith("block")):
        block, path = params[name], f"blocks.{name.removeprefix('block')}"
        for norm in ("ln1", "ln2"):
            told[f"{path}.{norm}.weight"] = block[norm]["gain"]
            told[f"{path}.{norm}.bias"] = block[norm]["bias"]
        for linear, weights in (block["attn"] | block["mlp"]).items():
            told[f"{path}.{linear}.weight"] = weights["w"].reshape(len(weights["w"]), -1).T
            told[f"{path}.{linear}.bias"] = weights["b"].reshape(-1)
    model.load_state_dict({name: torch.tensor(array) for name, array in told.items()})


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
