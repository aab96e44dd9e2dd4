"""Training steps of tinyalign against PyTorch's best eager form: ratios measured in one run.

python tests/benchmarks/train_step.py [threads]      needs torch, installed by hand

Variants take turns in short rounds; the table shows medians of milliseconds, their ratio, and the
step over its own matrix products alone.
"""

import os
import sys

THREADS = sys.argv[1] if len(sys.argv) > 1 else "1"
for name in list(os.environ):
    if name.startswith("OPENBLAS_"):
        del os.environ[name]  # some machines choose kernels of an older processor with these
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = THREADS

import time  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch_models import Recurrent, Transformer, train_step  # noqa: E402

from tinyalign import experiment, policy, steps  # noqa: E402
from tinyalign.losses import cross_entropy  # noqa: E402
from tinyalign.models import lstm, transformer  # noqa: E402

ROUNDS, VOCAB = 15, 32
TRANSFORMERS = ((32, 8, 32), (32, 8, 256), (64, 16, 64), (64, 16, 256), (128, 32, 64))
LSTMS = ((64, 16, 64), (128, 16, 64), (128, 16, 256))


def ours(model, params, tokens):
    """A function that takes one step of tinyalign."""
    state = {"learner": steps.learner(params)}
    mask = np.ones((len(tokens), tokens.shape[1] - 1), np.float32)

    def loss(params):
        return cross_entropy(policy.token_logp(model, params, tokens), mask), {}

    def step():
        pace = steps.Optimizer(1e-3)
        state["learner"], _ = steps.update(state["learner"], loss, pace)

    return step


def products(shapes):
    """A function that does only the matrix products of a step: three for each weight matrix."""
    rng = np.random.default_rng(0)
    pairs = [(rng.random((n, c), np.float32), rng.random((c, d), np.float32)) for n, c, d in shapes]
    outs = [a @ b for a, b in pairs]

    def run():
        for (a, b), g in zip(pairs, outs, strict=True):
            a @ b, g @ b.T, a.T @ g

    return run


def medians(variants):
    """Median milliseconds of each function, all taking turns."""
    taken = [[] for _ in variants]
    for function in variants:
        function(), function()
    for _ in range(ROUNDS):
        for function, times in zip(variants, taken, strict=True):
            begin = time.perf_counter()
            for _ in range(4):
                function()
            times.append((time.perf_counter() - begin) / 4)
    return [1e3 * float(np.median(times)) for times in taken]


def row(name, model, params, peer, tokens, shapes):
    """Measure and print one line."""
    wide = torch.from_numpy(tokens)
    variants = [ours(model, params, tokens), train_step(peer, wide), products(shapes)]
    mine, theirs, floor = medians(variants)
    print(
        f"{name:28} {mine:8.2f} {theirs:8.2f} {mine / theirs:8.2f} {mine / floor:10.2f}", flush=True
    )
    return mine / theirs


def main():
    torch.set_num_threads(int(THREADS))
    experiment.keep_freed_memory()
    rng = np.random.default_rng(0)
    print(f"threads {THREADS}, torch {torch.__version__}, NumPy {np.__version__}")
    print(
        f"{'width, length, batch':28} {'ours ms':>8} {'torch ms':>8} {'ratio':>8} {'/products':>10}"
    )
    ratios = []
    for width, length, batch in TRANSFORMERS:
        tokens = rng.integers(VOCAB, size=(batch, length + 1))
        sizes = {"width": width, "layers": 2, "heads": 4, "context": length}
        params = transformer.init(rng, vocab=VOCAB, **sizes)
        n = batch * length
        shapes = [(n, width, 3 * width), (n, width, width), (n, width, 4 * width)] * 2
        shapes += [(n, 4 * width, width)] * 2 + [(n, width, VOCAB)]
        name = f"transformer {width}, {length}, {batch}"
        peer = Transformer(VOCAB, width, 2, 4, length)
        ratios.append(row(name, transformer, params, peer, tokens, shapes))
    print(f"{'geometric mean':28} {'':17} {np.exp(np.mean(np.log(ratios))):9.2f}")
    for width, length, batch in LSTMS:
        tokens = rng.integers(VOCAB, size=(batch, length + 1))
        params = lstm.init(rng, vocab=VOCAB, width=width)
        n = batch * length
        shapes = [(n, width, 4 * width)] * 2 + [(n, width, VOCAB)]
        row(
            f"lstm {width}, {length}, {batch}",
            lstm,
            params,
            Recurrent(VOCAB, width),
            tokens,
            shapes,
        )


if __name__ == "__main__":
    main()
