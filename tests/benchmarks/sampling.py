"""Sampling 16 tokens after prompts of 8, against Hugging Face's `generate` and a lean torch."""

import numpy as np
from measure import turns
from toy_gpt2 import gpt2

from tinyalign import policy
from tinyalign.models import transformer
from tinyalign.runs import train

VOCAB, PROMPT, NEW = 32, 8, 16
CASES = [(width, batch) for width in (32, 64, 128) for batch in (64, 512)]


def measure(threads):
    """Rows of the table of sampling: milliseconds of a rollout that nobody ends early."""
    import torch
    import torch_sampler
    from torch_models import Transformer

    torch.set_num_threads(threads)
    train.keep_freed_memory()
    rows = []
    for width, batch in CASES:
        rng = np.random.default_rng(0)
        prompts = rng.integers(VOCAB, size=(batch, PROMPT))
        params = transformer.init(rng, vocab=VOCAB, width=width, context=PROMPT + NEW)
        model, ids = gpt2(VOCAB, width, PROMPT + NEW).eval(), torch.from_numpy(prompts)
        model.generation_config.eos_token_id = None  # nobody ends early, and nobody looks for it
        lean = Transformer(VOCAB, width, layers=2, heads=4, context=PROMPT + NEW)
        told = {"max_new_tokens": NEW, "do_sample": True, "top_k": 0}

        def ours(params=params, prompts=prompts, rng=rng):
            policy.sample(transformer, params, prompts, rng, max_new_tokens=NEW)

        def theirs(model=model, ids=ids, told=told):
            with torch.inference_mode():
                model.generate(ids, attention_mask=torch.ones_like(ids), **told)

        def cached(lean=lean, ids=ids):
            torch_sampler.sample(lean, ids, NEW)

        variants = {"tinyalign": ours, "generate": theirs, "torch, own cache": cached}
        taken = turns(variants, threads=threads, rounds=7)
        rows.append({"width": width, "batch": batch, "tokens": batch * NEW, "ms": taken})
    return {"threads": threads, "rows": rows}
