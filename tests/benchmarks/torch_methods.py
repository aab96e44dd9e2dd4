"""Steps of SFT, DPO and GRPO in PyTorch, written for speed, with and without shared prompts.

A whole row is a prompt and one completion. A shared row is a prompt and all of its completions one
after another: each sees the prompt and itself, and its positions go on from the prompt's end. The
last block then leaves out what predicts nothing, as tinyalign's does. The mathematics is the same.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch_models import later


class Layout(NamedTuple):
    """What the model reads, and what its features predict."""

    tokens: torch.Tensor  # (R, T)
    place: torch.Tensor  # (T,) the position of each column
    hidden: torch.Tensor | None  # (T, T) as in torch_models.fused_attention
    first: int  # the last block leaves out the columns before this one
    target: torch.Tensor  # (P, G, K) the completions' tokens


def whole_rows(tokens, prompt):
    """Every completion with its own copy of the prompt: tokens (P, G, S), `prompt` of S shared."""
    rows = tokens.flatten(0, 1)[:, :-1]  # (P·G, S − 1): nothing follows the last token
    return Layout(rows, torch.arange(rows.shape[1]), None, 0, tokens[:, :, prompt:])


def shared_rows(tokens, prompt):
    """Each prompt once, before all of its completions: tokens (P, G, S), `prompt` of S shared."""
    group, wide = tokens.shape[1:]
    rows = torch.cat([tokens[:, 0, :prompt], tokens[:, :, prompt:-1].flatten(1)], 1)
    place = torch.cat([torch.arange(prompt), torch.arange(prompt, wide - 1).repeat(group)])
    hidden = torch.full((rows.shape[1], rows.shape[1]), -torch.inf)
    hidden[:, :prompt] = 0.0
    hidden[:prompt, :prompt] = later(prompt)
    own = wide - 1 - prompt  # tokens of a completion that are read
    for begin in range(prompt, rows.shape[1], own):
        hidden[begin : begin + own, begin : begin + own] = later(own)
    hidden = None if group == 1 else hidden  # then it is what is later, and that is faster
    return Layout(rows, place, hidden, prompt - 1, tokens[:, :, prompt:])


def token_logp(model, layout):
    """log π of the completions' tokens, (P, G, K)."""
    prompts, group, new = layout.target.shape
    features = model.features(*layout[:4])
    logp = torch.log_softmax(features @ model.tok.weight.T, -1)
    logp = logp.view(len(layout.tokens), -1, logp.shape[-1])  # (R, columns, V)
    if layout.first:  # the prompt's last token predicts the first one of every completion
        first, rest = logp[:, None, :1].expand(-1, group, -1, -1), logp[:, 1:]
        logp = torch.cat([first, rest.reshape(prompts, group, new - 1, -1)], 2)
    else:
        logp = logp[:, -new:].view(prompts, group, new, -1)
    return logp.gather(3, layout.target[..., None])[..., 0]


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
