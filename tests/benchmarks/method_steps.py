"""Gradient steps of SFT, DPO and GRPO against PyTorch's, with and without shared prompts.

A step is the loss of given completions, its gradient, the gradient clipped, and Adam. What it
compares with (the reference, the policy that sampled) is given, what is only logged is left out.
"""

import functools

import numpy as np
from measure import turns

from tinyalign import policy
from tinyalign.losses import aggregate, divergence, dpo
from tinyalign.methods import online, samples, steps
from tinyalign.models import transformer
from tinyalign.runs import train

VOCAB, PROMPT, NEW, CLIP, BETA = 32, 8, 8, 0.2, 0.04
CASES = [  # method, prompts, completions of each
    ("SFT", 64, 1),
    ("DPO", 64, 2),
    ("GRPO", 64, 4),
    ("GRPO", 32, 8),
]
WIDTHS = (64, 128)


def prepared(rng, width, prompts, group):
    """Parameters; tokens (P, G, S) that share their prompts; another policy's log-probabilities of
    the completions, and advantages: (P, G, NEW) and (P, G, 1)."""
    params = transformer.init(rng, vocab=VOCAB, width=width, context=PROMPT + NEW)
    first = np.repeat(rng.integers(VOCAB, size=(prompts, 1, PROMPT)), group, axis=1)
    tokens = np.concatenate([first, rng.integers(VOCAB, size=(prompts, group, NEW))], axis=2)
    logp = policy.token_logp(transformer, params, tokens.reshape(-1, PROMPT + NEW))
    noise = 0.1 * rng.standard_normal((prompts, group, NEW), np.float32)
    before = logp[:, PROMPT - 1 :].reshape(noise.shape) + noise
    return params, tokens, before, rng.standard_normal((prompts, group, 1), np.float32)


def ours(name, params, tokens, before, advantage, *, share):
    """A function that takes one step of tinyalign and returns its loss and gradient's length.

    share  whether to read each prompt once; the layout is then made in every step
    """
    if name == "DPO":  # all chosen completions, then all rejected
        tokens, before = tokens.swapaxes(0, 1), before.swapaxes(0, 1)
    rows, group = tokens.reshape(-1, PROMPT + NEW), advantage.shape[1]
    mask = np.zeros((len(rows), PROMPT + NEW - 1), before.dtype)
    mask[:, PROMPT - 1 :] = 1.0
    given = np.zeros_like(mask)
    given[:, PROMPT - 1 :] = before.reshape(-1, NEW)
    experience = steps.Experience(rows, mask, given, given, advantage.reshape(-1, 1))
    options = {"roles_first": name == "DPO"}
    take, state = step_of(name, experience), [steps.init_train_state(params)]

    def step():
        layout = None
        if share:
            layout = samples.prompt_layout(transformer, rows, mask, group, **options)
        state[0], metrics = take(state[0], layout=layout)
        return metrics["loss"], metrics["grad_norm"]

    return step


def step_of(name, experience):
    """A function (network, layout) that takes a method's step with this experience."""
    told = {"model": transformer, "step_size": steps.StepSize(1e-4)}
    rows, mask, given = experience[:3]
    if name == "SFT":
        return functools.partial(steps.sft_step, tokens=rows, mask=mask, **told)
    if name == "DPO":
        told |= {"roles": ("chosen", "rejected"), "loss": functools.partial(dpo, beta=BETA)}
        return functools.partial(
            steps.preference_step, tokens=rows, mask=mask, ref_logp=given, beta=BETA, **told
        )
    return functools.partial(
        steps.policy_gradient_step, experience=experience, surrogate=online.ppo_surrogate,
        clip=CLIP, beta=BETA, reduce=aggregate.token_mean, kl=divergence.k3, entropy_coef=0.0,
        temperature=1.0, log=False, **told,
    )  # fmt: skip


def torch_loss(name, before, advantage):
    """The method's loss in PyTorch, a function of log-probabilities (P, G, NEW)."""
    import torch
    import torch_methods

    before, advantage = torch.from_numpy(before), torch.from_numpy(advantage)
    return {
        "SFT": torch_methods.sft,
        "DPO": functools.partial(torch_methods.dpo, ref_logp=before, beta=BETA),
        "GRPO": functools.partial(
            torch_methods.grpo, old_logp=before, ref_logp=before, advantage=advantage, clip=CLIP,
            beta=BETA,
        ),
    }[name]  # fmt: skip


def torch_model(params, attention):
    """A torch_models.Transformer with our parameters."""
    from torch_models import Transformer, copy_in

    (vocab, width), (context, _) = params["tok"].shape, params["pos"].shape
    heads = params["block0"]["attn"]["qkv"]["w"].shape[2]
    layers = sum(name.startswith("block") for name in params)
    model = Transformer(vocab, width, layers, heads, context, attention)
    copy_in(params, model)
    return model


def attention_forms():
    """{name: function} of PyTorch's two forms of attention."""
    from torch_models import fused_attention, product_attention

    return {"fused attention": fused_attention, "two products": product_attention}


def theirs(name, params, tokens, before, advantage):
    """PyTorch's steps: both forms of attention, with and without shared prompts."""
    import torch
    import torch_methods

    layouts = {"whole": torch_methods.whole_rows, "shared": torch_methods.shared_rows}
    loss, ids = torch_loss(name, before, advantage), torch.from_numpy(tokens)
    return {
        f"torch, {rows}, {form}": torch_methods.method_step(
            torch_model(params, attention), layout(ids, PROMPT), loss, fused=True
        )
        for rows, layout in layouts.items()
        for form, attention in attention_forms().items()
    }


def measure(threads):
    """Rows of the table of methods' steps: milliseconds of each variant."""
    import torch

    torch.set_num_threads(threads)
    train.keep_freed_memory()
    rng, rows = np.random.default_rng(0), []
    for width in WIDTHS:
        for name, prompts, group in CASES:
            case = prepared(rng, width, prompts, group)
            variants = {
                "tinyalign, whole": ours(name, *case, share=False),
                "tinyalign, shared": ours(name, *case, share=True),
            } | theirs(name, *case)
            rows.append(
                {"step": name, "width": width, "prompts": prompts, "group": group}
                | {"ms": turns(variants, threads=threads)}
            )
    return {"threads": threads, "rows": rows}
