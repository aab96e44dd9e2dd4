"""A training step (forward, backward, Adam) against PyTorch at its best, torch.compile and JAX."""

import numpy as np
from measure import gemm_rate, turns

from tinyalign import policy
from tinyalign.engine.optim import adam, adam_init
from tinyalign.engine.tree import value_and_grad
from tinyalign.losses import cross_entropy
from tinyalign.models import lstm, transformer
from tinyalign.runs import train

VOCAB, LAYERS, HEADS = 32, 2, 4
CASES = [  # model, width, length, batch
    ("transformer", 32, 8, 32),
    ("transformer", 32, 8, 256),
    ("transformer", 64, 16, 64),
    ("transformer", 64, 16, 256),
    ("transformer", 128, 32, 64),
    ("transformer", 128, 32, 256),
    ("lstm", 64, 16, 64),
    ("lstm", 128, 16, 64),
    ("lstm", 128, 16, 256),
]
MODELS = {"transformer": transformer, "lstm": lstm}


def prepared(rng, name, width, length, batch):
    """Parameters and tokens of a case, drawn in this order: the tokens, then the parameters."""
    tokens = rng.integers(VOCAB, size=(batch, length + 1))
    sizes = {"layers": LAYERS, "heads": HEADS, "context": length} if name != "lstm" else {}
    return MODELS[name].init(rng, vocab=VOCAB, width=width, **sizes), tokens


def ours(model, params, tokens):
    """A function that takes one step of tinyalign."""
    mask = np.ones((len(tokens), tokens.shape[1] - 1), np.float32)

    def loss(params):
        return cross_entropy(policy.token_logp(model, params, tokens), mask), {}

    slopes, state = value_and_grad(loss), [params, adam_init(params)]

    def step():
        _, _, gradients = slopes(state[0])
        state[:] = adam(state[0], gradients, state[1], learning_rate=1e-3)

    return step


def shapes(name, width, rows):
    """(N, C, D) of every matrix product with a weight; attention's own products are not counted."""
    vocabulary = [(rows, width, VOCAB)]
    if name == "lstm":
        return [(rows, width, 4 * width)] * 2 + vocabulary
    block = [(rows, width, 3 * width), (rows, width, width), (rows, width, 4 * width)]
    return [*block, (rows, 4 * width, width)] * LAYERS + vocabulary


def products(shapes):
    """A function that does only the matrix products of a step: three for each weight matrix."""
    rng = np.random.default_rng(0)
    pairs = [(rng.random((n, c), np.float32), rng.random((c, d), np.float32)) for n, c, d in shapes]
    outs = [a @ b for a, b in pairs]

    def run():
        for (a, b), g in zip(pairs, outs, strict=True):
            a @ b, g @ b.T, a.T @ g

    return run


def peers(name, params, tokens, threads, left_out):
    """Training steps of the other frameworks; why one is missing goes to `left_out`."""
    import torch

    torch.set_num_threads(threads)
    found = eager_steps(name, params, torch.from_numpy(tokens))
    if threads == 1 and tokens[:, 1:].size <= 2048:
        try:
            found["torch.compile"] = compiled_step(name, params, torch.from_numpy(tokens))
        except Exception as error:  # no compiler, or a version that cannot: the table goes without
            left_out["torch.compile"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    try:
        import jax_models

        trunk = getattr(jax_models, name)
        found["JAX jit"] = jax_models.train_step(trunk, params, tokens)
    except ImportError as error:
        left_out["JAX jit"] = str(error)
    return found


def eager_steps(name, params, tokens):
    """PyTorch's own ways, of which the fastest counts."""
    from torch_models import product_attention, train_step

    found = {
        "torch, fused Adam": train_step(torch_peer(name, params, tokens), tokens, fused=True),
        "torch, foreach Adam": train_step(torch_peer(name, params, tokens), tokens, foreach=True),
    }
    if name == "transformer":
        model = torch_peer(name, params, tokens, attention=product_attention)
        found["torch, two products"] = train_step(model, tokens, fused=True)
    return found


def compiled_step(name, params, tokens):
    """The step of a compiled model, which has taken one and so is compiled."""
    import torch
    from torch_models import train_step

    step = train_step(torch.compile(torch_peer(name, params, tokens)), tokens, fused=True)
    step()
    return step


def torch_peer(name, params, tokens, **form):
    """PyTorch's model of the same sizes."""
    from torch_models import Recurrent, Transformer

    width = params["tok"].shape[1]
    if name == "lstm":
        return Recurrent(VOCAB, width)
    return Transformer(VOCAB, width, LAYERS, HEADS, tokens.shape[1] - 1, **form)


def measure(threads):
    """Rows of the table of training steps: milliseconds of each variant."""
    train.keep_freed_memory()
    rng, rate, rows, left_out = np.random.default_rng(0), gemm_rate(threads), [], {}
    for name, width, length, batch in CASES:
        params, tokens = prepared(rng, name, width, length, batch)
        todo = shapes(name, width, batch * length)
        variants = {"tinyalign": ours(MODELS[name], params, tokens), "products": products(todo)}
        variants |= peers(name, params, tokens, threads, left_out)
        billions = 6e-9 * sum(n * c * d for n, c, d in todo)
        rows.append(
            {"model": name, "width": width, "length": length, "batch": batch, "billions": billions}
            | {"ms": turns(variants, threads=threads)}
        )
    return {"threads": threads, "gemm_rate": rate, "rows": rows, "left_out": left_out}
