"""Sampling 16 tokens after prompts of 8, against Hugging Face's `generate` and a lean torch."""

import numpy as np
from measure import turns
from toy_gpt2 import gpt2

from tinyalign import policy
from tinyalign.models import transformer
from tinyalign.runs import train

VOCAB, PROMPT, NEW = 32, 8, 16
CASES = [(width, batch) for width in (32, 64, 128) for batch in (64, 512)]


def samplers(width, batch):
    """{name: function} of who samples: a rollout that nobody ends early."""
    import torch
    import torch_sampler
    from torch_models import Transformer

    rng = np.random.default_rng(0)
    prompts = rng.integers(VOCAB, size=(batch, PROMPT))
    params = transformer.init(rng, vocab=VOCAB, width=width, context=PROMPT + NEW)
    model, ids = gpt2(VOCAB, width, PROMPT + NEW).eval(), torch.from_numpy(prompts)
    model.generation_config.eos_token_id = None  # nobody ends early, and nobody looks for it
    lean = Transformer(VOCAB, width, layers=2, heads=4, context=PROMPT + NEW)
    told = {"max_new_tokens": NEW, "do_sample": True, "top_k": 0}

    def generate():
        with torch.inference_mode():
            model.generate(ids, attention_mask=torch.ones_like(ids), **told)

    return {
        "tinyalign": lambda: policy.sample(transformer, params, prompts, rng, max_new_tokens=NEW),
        "generate": generate,
        "torch, own cache": lambda: torch_sampler.sample(lean, ids, NEW),
    }


def measure(threads):
    """Rows of the table of sampling: milliseconds of a rollout."""
    import torch

    torch.set_num_threads(threads)
    train.keep_freed_memory()
    rows = []
    for width, batch in CASES:
        taken = turns(samplers(width, batch), threads=threads, rounds=7)
        rows.append({"width": width, "batch": batch, "tokens": batch * NEW, "ms": taken})
    return {"threads": threads, "rows": rows}
