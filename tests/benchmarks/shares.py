"""Where the time of a training step goes: the share of each primitive, forward and backward."""

import functools
import time
from collections import defaultdict

import numpy as np

from tinyalign.engine import vjps

CASES = (("transformer", 64, 16, 64), ("transformer", 128, 32, 64), ("lstm", 128, 16, 256))
ROUNDS, WARM = 30, 5
spent = defaultdict(float)  # processor seconds of each primitive in the step that runs


def timed(name, function):
    """The same function, its time added to spent[name]."""

    @functools.wraps(function)
    def call(*args):
        begin = time.thread_time()
        result = function(*args)
        spent[name] += time.thread_time() - begin
        return result

    return call


def watched(function):
    """A primitive's function (value, pullback), both timed."""
    forward = timed(f"{function.__name__}", function)

    @functools.wraps(function)
    def call(*args):
        value, pullback = forward(*args)
        return value, timed(f"{function.__name__}, backward", pullback)

    return plain(call)


plain, vjps.with_pullback = vjps.with_pullback, watched  # before the primitives are made

import train_step  # noqa: E402

from tinyalign.runs import train  # noqa: E402


def measure(threads):
    """Median milliseconds of each primitive in a step, and of the whole step."""
    train.keep_freed_memory()
    rng, rows = np.random.default_rng(0), []
    for name, width, length, batch in CASES:
        drawn = train_step.prepared(rng, name, width, length, batch)
        step, taken = train_step.ours(train_step.MODELS[name], *drawn), []
        for _ in range(ROUNDS):
            spent.clear()
            begin = time.thread_time()
            step()
            taken.append({"whole": time.thread_time() - begin, **spent})
        ms = {key: 1e3 * float(np.median([t[key] for t in taken[WARM:]])) for key in taken[0]}
        case = {"model": name, "width": width, "length": length, "batch": batch}
        rows.append(case | {"ms": ms})
    return {"rows": rows}
