"""Measure everything and write docs/speed.json, docs/speed.md and docs/cost_growth.svg.

    pip install -e '.[peers]' -c tests/benchmarks/constraints.txt
    python tests/benchmarks/run.py [PART …] [--threads 1 2] [--runs 3]

The parts are first_command, solve, method_steps, trainers, train_step, shares, sampling, imports
and growth; without any all are run. Each runs in a process of its own, where its variants take
turns, those whose ratios are judged so many times. A part that is not asked for keeps its earlier
figures, and so does every other machine: figures stand under the name of the processor. `--render`
measures nothing and writes the page anew.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import render
from measure import machine, others_share, quiet_blas
from prose import PROSE

DOCS = Path(__file__).parents[2] / "docs"
# A ratio in one run may be luck.
REPEATED = ("train_step", "method_steps", "sampling", "trainers")
# Measured with one number of threads only; the first command is the user's, on two quiet cores.
FIXED = {"shares": [1], "imports": [1], "growth": [1], "first_command": [2]}
BUSY = 0.1  # share of others, above which threads that wait for each other measure only them
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


def repeated(part, threads, runs):
    """The figures of so many processes: medians, and under "runs" the rows of each."""
    found = [child(part, threads) for _ in range(runs)]
    rows = [run["rows"] for run in found]
    middle = [
        row[0] | {"ms": {name: median(r["ms"][name] for r in row) for name in row[0]["ms"]}}
        for row in zip(*rows, strict=True)
    ]
    return found[0] | {"rows": middle, "runs": rows}


def measured(part, threads, runs):
    """The figures of a part, or how busy other programs keep the processors."""
    others = others_share() if threads > 1 else 0.0
    if others > BUSY:
        return {"busy": round(others, 2)}
    return repeated(part, threads, runs) if part in REPEATED and runs > 1 else child(part, threads)


def write(results):
    """The page and the picture of what was measured."""
    (DOCS / "speed.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf8")
    (DOCS / "speed.md").write_text(render.page(results, PROSE), encoding="utf8")
    if "growth" in results:
        svg = render.picture(next(iter(results["growth"].values()))["1"])
        (DOCS / "cost_growth.svg").write_text(svg, encoding="utf8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(render.SECTIONS), metavar="PART")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=3)
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
        described = machine()
        results.setdefault("machines", {})[described["processor"]] = described
        for part in told.parts:
            for threads in FIXED.get(part, told.threads):
                print(part, f"({threads} threads)", flush=True)
                mine = results.setdefault(part, {}).setdefault(described["processor"], {})
                found = measured(part, threads, told.runs)
                if "busy" not in found or str(threads) not in mine:  # else what was found before
                    mine[str(threads)] = found
                write(results)
    write(results)


if __name__ == "__main__":
    main()
