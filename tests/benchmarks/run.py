"""Measure everything and write docs/speed.json, docs/speed.md and docs/cost_growth.svg.

    pip install -e '.[peers]' -c tests/benchmarks/constraints.txt
    python tests/benchmarks/run.py [PART …] [--threads 1 2]

The parts are train_step, shares, sampling, trainers, imports and growth; without any all are run.
Each runs in a process of its own, where its variants take turns. A part that is not asked for keeps
its earlier figures. `--render` measures nothing and writes the page anew.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import render
from measure import machine, quiet_blas
from prose import PROSE

DOCS = Path(__file__).parents[2] / "docs"
THREADED = ("train_step", "sampling", "trainers")  # measured with each number of threads
BUSY = 1.0  # load average above which threads that wait for each other measure only the others
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def child(part, threads):
    """Measure one part in a fresh process."""
    environment = os.environ | dict.fromkeys(LIMITS, str(threads)) | {"HF_HUB_OFFLINE": "1"}
    if threads == 1:
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        environment["XLA_FLAGS"] = flags
    command = [sys.executable, __file__, "--child", part, "--threads", str(threads)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def write(results):
    """The page and the picture of what was measured."""
    (DOCS / "speed.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf8")
    (DOCS / "speed.md").write_text(render.page(results, PROSE), encoding="utf8")
    if "growth" in results:
        svg = render.picture(results["growth"]["1"])
        (DOCS / "cost_growth.svg").write_text(svg, encoding="utf8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(render.SECTIONS), metavar="PART")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--render", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    told = parser.parse_args()
    quiet_blas()
    if told.child:
        print(json.dumps(importlib.import_module(told.child).measure(told.threads[0])))
        return
    path = DOCS / "speed.json"
    results = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    if not told.render:
        results["machine"] = machine()
        for part in told.parts:
            for threads in told.threads if part in THREADED else [1]:
                print(part, f"({threads} threads)", flush=True)
                load = os.getloadavg()[0]
                busy = threads > 1 and load > BUSY
                found = {"busy": round(load, 1)} if busy else child(part, threads)
                results.setdefault(part, {})[str(threads)] = found
                write(results)
    write(results)


if __name__ == "__main__":
    main()
