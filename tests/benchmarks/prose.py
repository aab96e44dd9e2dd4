"""What the page says besides its tables."""

PROSE = {
    "top": """
Measured by `tests/benchmarks/run.py`, never typed. **Not yet run on a GPU.** A ✗ marks a figure
that misses what was wanted; why is said below its table.""",
    "how": """
Variants take turns in short rounds of one process; figures are medians. With one thread, time is
the processor's, so that other programs do not count; with two it is the wall's, and other programs
do. `OPENBLAS_*` is unset. torch eager is at its best: activations flattened to two axes, fused
attention, gradients set to None, and the faster of its fused and its foreach Adam. Everything is in
float32.""",
    "train_step": "",
    "sampling": "",
    "trainers": "",
    "imports": "",
    "growth": "![Growth of time and memory](cost_growth.svg)",
}
