"""Where a sweep is carried out: from what was typed to a concurrent.futures.Executor."""

import contextlib
import multiprocessing
import os
from concurrent import futures

from tinyalign.errors import InputError

DEFAULT_JOBS = 2


@contextlib.contextmanager
def opened(jobs=None):
    """The executor that was asked for; its workers end with the block.

    jobs    runs at the same time on this machine [default: 2]; 1 is this very process
    raises  InputError before any work
    """
    jobs = DEFAULT_JOBS if jobs is None else jobs
    if jobs < 1:
        raise InputError(f"--jobs is {jobs}, want 1 or more")
    with Serial() if jobs == 1 else ending(process_pool(jobs)) as executor:
        yield executor


class Serial(futures.Executor):
    """Each job here and now, in the process that submits it."""

    def submit(self, fn, /, *args, **kwargs):
        """Call fn and return a future that has ended."""
        future = futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def process_pool(jobs):
    """The standard pool; spawned workers inherit this environment before they import NumPy."""
    for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(library, "1")
    return futures.ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))


@contextlib.contextmanager
def ending(pool):
    """A pool whose workers end with the block: after a failure or Ctrl-C nothing goes on alone."""
    others = multiprocessing.active_children()
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            if process not in others:
                process.terminate()
        raise
    pool.shutdown()
