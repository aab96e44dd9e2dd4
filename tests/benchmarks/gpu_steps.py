"""What one SFT step asks of a GPU, counted, and how long it takes on the backends named.

python tests/benchmarks/gpu_steps.py               counts, and the shortest time they allow
python tests/benchmarks/gpu_steps.py numpy cupy    milliseconds a step on each
"""

import os
import sys

for _library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_library, "1")

import time  # noqa: E402

import numpy as np  # noqa: E402

from tinyalign.engine import strict_cupy, tree  # noqa: E402
from tinyalign.engine.backend import describe, to_device, to_host, using  # noqa: E402
from tinyalign.methods import steps  # noqa: E402
from tinyalign.models import lstm, transformer  # noqa: E402

VOCAB = 32
SIZES = (  # model, width, layers, time, batch
    (transformer, 32, 2, 16, 32), (transformer, 64, 2, 32, 32), (transformer, 128, 4, 64, 32),
    (transformer, 256, 4, 128, 32), (lstm, 64, 1, 16, 32), (lstm, 128, 1, 64, 32),
)  # fmt: skip
LAUNCH = 10e-6, 15e-6  # seconds: what CuPy's documentation and its issues report for one call


def prepared(model, width, layers, length, batch):
    """A network on the backend in use, and a function that takes one step of it."""
    rng = np.random.default_rng(0)
    room = {"context": length} if model is transformer else {}
    params = model.init(rng, vocab=VOCAB, width=width, layers=layers, **room)
    tokens = to_device(rng.integers(VOCAB, size=(batch, length)))
    mask = to_device(np.ones((batch, length - 1), np.float32))
    pace = steps.StepSize(1e-3)
    return steps.init_train_state(params), lambda network: steps.sft_step(
        network, tokens, mask, model=model, step_size=pace
    )


def counted(*size):
    """(weights, calls a step): every call that is not a view, on the stand-in."""
    with using("strict"):
        network, step = prepared(*size)
        network, _ = step(network)
        strict_cupy.reset()
        step(network)
        return tree.size(network.params), strict_cupy.stats.calls


def bound(calls):
    """The least milliseconds for so many calls, from the short launch to the long."""
    low, high = (1e3 * calls * seconds for seconds in LAUNCH)
    return f"{low:.1f} to {high:.1f}"


def predictions():
    """The table of docs/gpu.md."""
    lines = ["| model | weights | calls a step | not below, ms |", "|---|---|---|---|"]
    for model, width, layers, length, batch in SIZES:
        weights, calls = counted(model, width, layers, length, batch)
        name = model.__name__.split(".")[-1]
        shape = f"width {width}, layers {layers}, {batch} × {length} tokens"
        lines.append(f"| {name}, {shape} | {weights:,} | {calls} | {bound(calls)} |")
    return "\n".join(lines)


def milliseconds(backend, *size, rounds=20):
    """Median time of a step; the clock stops when the loss has reached the host."""
    with using(backend):
        network, step = prepared(*size)
        took = []
        for _ in range(rounds + 3):  # the first ones compile kernels
            start = time.perf_counter()
            network, metrics = step(network)
            to_host(metrics["loss"])
            took.append(time.perf_counter() - start)
    return 1e3 * float(np.median(took[3:]))


def main(backends):
    if not backends:
        print(predictions())
    for backend in backends:
        with using(backend):
            print(describe())
        for model, *size in SIZES:
            name = f"{model.__name__.split('.')[-1]} {' '.join(map(str, size))}"
            print(f"  {name:28}{milliseconds(backend, model, *size):9.2f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
