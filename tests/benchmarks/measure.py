"""Measuring fairly: variants take turns in short rounds, and the machine is described."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np

PACKAGES = ("numpy", "autograd", "torch", "transformers", "trl", "jax")


def quiet_blas():
    """Some machines choose the kernels of an older processor with these; users do not."""
    for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
        del os.environ[name]


def clock(threads):
    """The processor's seconds for one thread: other programs do not count. Else the wall's."""
    return time.process_time if threads == 1 else time.perf_counter


def turns(variants, *, threads=1, rounds=15, least=0.03):
    """Median milliseconds of each named function, all taking turns: {name: ms}.

    least   seconds that each turn takes at least, by calling a fast function more than once
    """
    now, taken = clock(threads), {name: [] for name in variants}
    repeats = {}
    for name, function in variants.items():
        function()
        begin = now()
        function()
        repeats[name] = max(1, int(least / max(now() - begin, 1e-5)))
    for _ in range(rounds):
        for name, function in variants.items():
            begin = now()
            for _ in range(repeats[name]):
                function()
            taken[name].append(1e3 * (now() - begin) / repeats[name])
    return {name: float(np.median(times)) for name, times in taken.items()}


def gemm_rate(threads=1, size=1024):
    """Billions of operations a second in a product of two size³ float32 matrices."""
    a = np.random.default_rng(0).random((size, size), np.float32)
    out = np.empty_like(a)
    taken = turns({"gemm": lambda: np.matmul(a, a, out=out)}, threads=threads, rounds=9)
    return 2e-6 * size**3 / taken["gemm"]


def others_share(seconds=1.0):
    """Share of all processors that is used while this process sleeps; where that is not told, the
    load average of the last minute, which counts this process too."""
    try:
        before = processor_times()
        time.sleep(seconds)
        taken = processor_times() - before
    except OSError:
        return os.getloadavg()[0] / os.cpu_count()
    return 1 - taken[3:5].sum() / taken.sum()  # idle, and waiting for a disk


def processor_times():
    """What Linux has counted since it began: user, nice, system, idle, waiting …"""
    with open("/proc/stat", encoding="utf8") as file:
        return np.array(file.readline().split()[1:], float)


def machine():
    """What the figures were measured on: processor, cores, versions, how BLAS was built."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "blas": f"{blas['name']} {blas['version']}",
        "versions": {name: found for name in PACKAGES if (found := installed(name))},
    }


def processor():
    """The name that the processor gives itself, with what it can do in one instruction."""
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file:
            lines = dict(line.split(":", 1) for line in file if ":" in line)
    except OSError:
        return platform.processor()
    fields = {name.strip(): value.strip() for name, value in lines.items()}
    widest = next((w for w in ("avx512f", "avx2") if w in fields.get("flags", "").split()), "")
    family = f"family {fields.get('cpu family')}, model {fields.get('model')}"
    return f"{fields.get('model name', 'unknown')} ({family}, {widest})"


def installed(name):
    """The version of a package, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
