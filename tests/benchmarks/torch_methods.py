"""Steps of SFT, DPO and GRPO in PyTorch, written for speed, with and without shared prompts.

A row without sharing is a prompt and one completion. With it a row is a prompt and all of its
completions one after another: each sees the prompt and itself, and its positions go on from the
prompt's end. The mathematics is the same.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch_models import later


class Layout(NamedTuple):
    """What the model reads, and which features predict the completions' tokens."""

    tokens: torch.Tensor  # (R, T)
    place: torch.Tensor  # (T,) the position of each column
    hidden: torch.Tensor | None  # (T, T) as in torch_models.fused_attention
    predicting: torch.Tensor  # rows of the features (R·T, C), one for each completion token
    target: torch.Tensor  # those tokens
    shape: tuple  # (P, G, tokens in a completion): what comes out


def whole_rows(tokens, prompt):
    """Every completion with its own copy of the prompt: tokens (P, G, S), `prompt` of S shared."""
    rows = tokens.flatten(0, 1)  # (P·G, S)
    time = rows.shape[1] - 1  # nothing follows the last token
    predicting = torch.arange(len(rows))[:, None] * time + torch.arange(prompt - 1, time)
    target, shape = tokens[:, :, prompt:], (*tokens.shape[:2], -1)
    place = torch.arange(time)
    return Layout(rows[:, :-1], place, None, predicting.flatten(), target.flatten(), shape)


def shared_rows(tokens, prompt):
    """Each prompt once, before all of its completions: tokens (P, G, S), `prompt` of S shared."""
    prompts, group, wide = tokens.shape
    own = wide - 1 - prompt  # tokens of a completion that are read
    rows = torch.cat([tokens[:, 0, :prompt], tokens[:, :, prompt:-1].flatten(1)], 1)
    place = torch.cat([torch.arange(prompt), torch.arange(prompt, wide - 1).repeat(group)])
    hidden = torch.full((rows.shape[1], rows.shape[1]), -torch.inf)
    hidden[:, :prompt] = 0.0
    hidden[:prompt, :prompt] = later(prompt)
    for begin in range(prompt, rows.shape[1], own):
        hidden[begin : begin + own, begin : begin + own] = later(own)
    first = torch.full((group, 1), prompt - 1)  # the prompt's last token predicts every first one
    columns = torch.cat([first, torch.arange(prompt, rows.shape[1]).view(group, own)], 1)
    predicting = torch.arange(prompts)[:, None, None] * rows.shape[1] + columns
    target, shape = tokens[:, :, prompt:].flatten(), (prompts, group, -1)
    return Layout(rows, place, hidden, predicting.flatten(), target, shape)


def token_logp(model, layout):
    """log π of the completions' tokens, (P, G, tokens in a completion)."""
    features = model.features(layout.tokens, layout.place, layout.hidden)
    logits = features[layout.predicting] @ model.tok.weight.T
    return -F.cross_entropy(logits, layout.target, reduction="none").view(layout.shape)


def sft(logp):
    return -logp.mean()


def dpo(logp, ref_logp, beta):
    """Of each prompt's two completions the first is the chosen one."""
    ratio = (logp - ref_logp).sum(2)  # (P, 2)
    return -F.logsigmoid(beta * (ratio[:, 0] - ratio[:, 1])).mean()


def grpo(logp, old_logp, ref_logp, advantage, clip, beta):
    """Clipped surrogate and k3, token mean; advantage (P, G, 1)."""
    ratio = torch.exp(logp - old_logp)
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    away = ref_logp - logp
    return (beta * (torch.exp(away) - away - 1) - surrogate).mean()


def method_step(model, layout, loss, **form):
    """A function that takes one step: forward, backward, the gradient clipped to length 1, Adam.
    It returns the loss and the gradient's length before it was clipped.

    loss   function of token_logp
    form   fused=True or foreach=True: which of torch's fast Adams
    """
    weights = list(model.parameters())
    optimizer = torch.optim.Adam(weights, lr=1e-4, betas=(0.9, 0.99), **form)

    def step():
        value = loss(token_logp(model, layout))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, 1.0, foreach=True)
        optimizer.step()
        return value.detach(), norm

    return step
