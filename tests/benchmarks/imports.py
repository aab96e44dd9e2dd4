"""Cold imports: each in a fresh process, taking turns."""

import subprocess
import sys

import numpy as np

MODULES = ("tinyalign", "torch", "trl")
CODE = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"
GRPO = "trl; trl.GRPOTrainer"  # trl alone loads nothing before a trainer is asked for
ROUNDS = 5


def measure(threads):
    """Median milliseconds of processor time of each import."""
    taken = {name: [] for name in MODULES}
    for _ in range(ROUNDS):
        for name in MODULES:
            code = CODE.format(GRPO if name == "trl" else name)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            if done.returncode == 0:
                taken[name].append(1e3 * float(done.stdout.split()[-1]))
    return {"ms": {name: float(np.median(ms)) for name, ms in taken.items() if ms}}
