"""How time and memory of a training step grow, and what the mathematics must keep."""

import tracemalloc

import numpy as np
from measure import turns
from train_step import HEADS, VOCAB, ours

from tinyalign import policy
from tinyalign.engine.tree import size
from tinyalign.losses import aggregate, divergence
from tinyalign.methods import online, samples, steps
from tinyalign.models import transformer
from tinyalign.runs import train

START = {"batch": 64, "length": 16, "width": 64, "layers": 2}
SIZES = {
    "batch": (32, 64, 128, 256, 512),
    "length": (8, 16, 32, 64, 128),
    "width": (32, 64, 128, 256),
    "layers": (1, 2, 4, 8),
}
START_GROUP = {"group": 8, "prompt": 8}  # of the GRPO step; 8 prompts, 8 new tokens
GROUP_SIZES = {"group": (2, 4, 8, 16, 32), "prompt": (8, 16, 32, 64, 128)}
FLOAT = 4  # bytes


def must_keep(batch, length, width, layers):
    """Bytes that a step cannot do without at its peak, as the backward pass begins.

    Of a block, for each of N = B·T tokens: the normalised row twice (C each) with its scale; q, k
    and v (3C); the attention weights (H·T); what attention mixed (C); gelu's argument, its sigmoid
    and its value (4C each). Then the last norm's row (C) and the probabilities (V). Of every
    weight: itself, Adam's two means and its gradient.
    """
    tokens = batch * length
    block = 2 * width + 2 + 3 * width + HEADS * length + width + 12 * width
    activations = tokens * (layers * block + width + 1 + VOCAB)
    params = transformer.init(
        np.random.default_rng(0), vocab=VOCAB, width=width, layers=layers, context=length
    )
    return FLOAT * (activations + 4 * size(params))


def peak(step):
    """Bytes that are alive at most while a step runs, those it began with included."""
    step()
    tracemalloc.start()
    step()
    tracemalloc.reset_peak()
    step()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def supervised(batch, length, width, layers):
    """A function that takes one training step of these sizes."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(VOCAB, size=(batch, length + 1))
    sizes = {"width": width, "layers": layers, "heads": HEADS, "context": length}
    return ours(transformer, transformer.init(rng, vocab=VOCAB, **sizes), tokens)


def grouped(group, prompt):
    """A function that takes one GRPO step, rollout included: 8 prompts of `prompt` tokens, `group`
    completions of 8 tokens each."""
    rng = np.random.default_rng(0)
    params = transformer.init(rng, vocab=VOCAB, width=START["width"], context=prompt + 8)
    network, prompts = steps.init_train_state(params), rng.integers(VOCAB, size=(8, prompt))

    def step():
        drawn = policy.sample(
            transformer, params, prompts, rng, max_new_tokens=8, num_generations=group
        )
        advantage = rng.standard_normal((8 * group, 1), np.float32)
        steps.policy_gradient_step(
            network, steps.Experience(*drawn, drawn.logp, advantage),
            surrogate=online.ppo_surrogate, clip=0.2, reduce=aggregate.token_mean, kl=divergence.k3,
            beta=0.04, entropy_coef=0.0, temperature=1.0, model=transformer,
            step_size=steps.StepSize(1e-4),
            layout=samples.prompt_layout(transformer, *drawn[:2], group),
        )  # fmt: skip

    return step


def exponent(sizes, values):
    """The slope of log(value) over log(size), of the larger half of the sizes."""
    half = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(values[half:]), 1)[0])


def curve(name, sizes, make, kept=None):
    """Milliseconds and peak bytes of a step at each size of one thing, the others as in START."""
    variants = {str(s): make(s) for s in sizes}
    ms = list(turns(variants, threads=1, rounds=7).values())
    peaks = [peak(variants[str(s)]) for s in sizes]
    found = {"name": name, "sizes": list(sizes), "ms": ms, "peak": peaks}
    found |= {"time_exponent": exponent(sizes, ms), "memory_exponent": exponent(sizes, peaks)}
    return found | ({"must_keep": [kept(s) for s in sizes]} if kept else {})


def measure(threads):
    """One curve for each size that can grow."""
    train.keep_freed_memory()
    curves = [
        curve(
            name,
            sizes,
            lambda s, name=name: supervised(**START | {name: s}),
            lambda s, name=name: must_keep(**START | {name: s}),
        )
        for name, sizes in SIZES.items()
    ]
    curves += [
        curve(name, sizes, lambda s, name=name: grouped(**START_GROUP | {name: s}))
        for name, sizes in GROUP_SIZES.items()
    ]
    return {"start": START | START_GROUP, "curves": curves}
