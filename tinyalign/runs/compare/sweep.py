"""Many runs over any executor: finished ones are skipped, half-done ones go on, failures wait.

A job depends on its settings and seed alone and writes a folder of its own, so where and in which
order jobs are carried out changes nothing but the time. All workers must see the same disk.
"""

import contextlib
import dataclasses
import hashlib
import json
import threading
import traceback
from concurrent import futures
from pathlib import Path
from typing import NamedTuple

from tinyalign.errors import InputError
from tinyalign.runs import files, plan, train
from tinyalign.runs.config import Config

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

POLL_SECONDS = 0.5
# Autograd has one tape per process; a cluster's worker has threads.
ONE_AT_A_TIME = threading.Lock()


class Job(NamedTuple):
    """One run to come."""

    folder: Path  # of its run
    methods: tuple[str, ...]  # stages, e.g. ("sft", "dpo")
    config: Config  # with its seed
    stop_early: bool = False  # end where a warm start ends, at --warm_start_accuracy


class JobsFailed(InputError):
    """Some jobs of a sweep failed; the others were carried out to their end."""

    def __init__(self, errors, finished):
        self.errors = errors  # {folder: the exception}
        self.failed = {folder: reason(error, folder) for folder, error in errors.items()}
        self.finished = finished  # {folder: summaries}
        lines = "".join(f"  {folder}: {why}\n" for folder, why in self.failed.items())
        super().__init__(
            f"{len(errors)} of {len(errors) + len(finished)} runs failed:\n{lines}"
            "the others are finished; the same command with --resume tries only these again"
        )


def sweep(jobs, executor, *, resume=False, on_poll=lambda rows: None):
    """Carry out jobs and return {folder: the summary of each stage}.

    jobs      list of Job, each with a folder of its own
    executor  any concurrent.futures.Executor
    resume    skip what is finished and go on with the rest; without it a used folder is refused
    on_poll   called about twice a second with {folder: its newest metrics and their "state"},
              which is waiting, running, finished or failed
    raises    InputError before any work for jobs that cannot be done; JobsFailed at the end
    """
    placed = {job.folder: located(job) for job in jobs}
    if len({job.folder for job in placed.values()}) < len(jobs):
        raise InputError("two runs of a sweep have the same folder: give each its own")
    done = {
        folder: files.read_summaries(job.folder)
        for folder, job in placed.items()
        if is_done(job, resume)
    }
    failed = {}
    carry_out(placed, executor, done, failed, on_poll)
    if failed:
        raise JobsFailed(failed, done)
    return {folder: done[folder] for folder in placed}


def carry_out(placed, executor, done, failed, on_poll):
    """Hand over what is not done, and enter into `done` or `failed` what has ended."""
    queue, running = [folder for folder in placed if folder not in done], {}
    on_poll(states(placed, done, failed))
    try:
        while queue or running:
            if queue:
                folder = queue.pop(0)
                running[submit(executor, placed[folder])] = folder
            wait = 0 if queue else POLL_SECONDS
            ended, _ = futures.wait(running, wait, futures.FIRST_COMPLETED)
            for future in ended:
                folder = running.pop(future)
                settle(future, folder, placed[folder], done, failed)
            if ended or not queue:
                on_poll(states(placed, done, failed))
    except BaseException:
        for future in running:
            future.cancel()
        raise


def digest(jobs):
    """A SHA-256 of what finished jobs came to: settings, metrics without seconds, weights.

    It depends neither on the order of the jobs nor on where their folders are.
    """
    return hashlib.sha256("".join(sorted(map(digest_of, jobs))).encode()).hexdigest()


def digest_of(job):
    """The same of one job."""
    settings = {
        **vars(job.config),
        "init_from": None,
        "methods": job.methods,
        "early": job.stop_early,
    }
    plain = [
        {k: v for k, v in row.items() if k != "train_seconds"}
        for row in files.read_metrics(job.folder)
    ]
    total = hashlib.sha256(json.dumps([settings, plain], sort_keys=True, default=str).encode())
    total.update((job.folder / "model.safetensors").read_bytes())
    return total.hexdigest()


def located(job):
    """The same job with absolute paths: a worker elsewhere has another current folder."""
    names = [name for name in ("init_from", "data") if getattr(job.config, name)]
    paths = {name: Path(getattr(job.config, name)).absolute() for name in names}
    config = dataclasses.replace(job.config, **paths)
    return job._replace(folder=Path(job.folder).absolute(), config=config)


def planned(job):
    """The plan of a job, checked."""
    whole = plan.plan_run(list(job.methods), job.config)
    return plan.as_warm_start(whole) if job.stop_early else whole


def is_done(job, resume):
    """Whether a job can be skipped; InputError if it cannot be done at all."""
    laid_out = planned(job)
    if not resume:
        files.require_unused(job.folder)
    return is_finished(laid_out, job.folder)


def is_finished(laid_out, folder):
    """Whether the folder holds the whole of this plan; InputError if it holds another one."""
    if not (folder / "config.json").exists():
        return False
    files.require_same_settings(folder, plan.config_json(laid_out))
    if not (folder / "curves.svg").exists():  # the last that a run writes
        return False
    return files.load_checkpoint(folder / "checkpoint.safetensors").stage_index == len(
        laid_out.stages
    )


def submit(executor, job):
    """A future of the job, also from an executor that broke while the queue was handed over."""
    try:
        return executor.submit(work, job)
    except futures.BrokenExecutor as error:
        broken = futures.Future()
        broken.set_exception(error)
        return broken


def work(job):
    """Carry out one job in whatever process this is; what has been done before is not repeated."""
    with ONE_AT_A_TIME, locked(job.folder):
        laid_out = planned(job)
        if not is_finished(laid_out, job.folder):
            train.run(laid_out, job.folder, resume=True)
    return files.read_summaries(job.folder)


@contextlib.contextmanager
def locked(folder):
    """Hold a folder's lock: a cluster may run a job anew while the worker it gave up still lives.

    The second one waits for the first, then finds the work done. The system frees the lock of a
    process that dies, however it dies. Windows has no such lock: nothing is held there.
    """
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(open(folder / ".lock", "wb"))
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
        yield


def settle(future, folder, job, done, failed):
    """Enter a job that ended into `done` or `failed`; a bug's traceback stays in its folder."""
    report = job.folder / "error.txt"
    try:
        future.result()
        done[folder] = files.read_summaries(job.folder)
        report.unlink(missing_ok=True)  # of an earlier try
    except Exception as error:
        failed[folder] = error
        if not isinstance(error, InputError | futures.BrokenExecutor):
            job.folder.mkdir(parents=True, exist_ok=True)
            report.write_text("".join(traceback.format_exception(error)))


def reason(error, folder):
    """Why a job failed, in one sentence."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, futures.BrokenExecutor):
        return "a worker was ended from outside, perhaps for lack of memory"
    if isinstance(error, FileNotFoundError) and Path(error.filename or "").name == "summary.json":
        return "its worker finished, but not on this disk: all workers must see the same one"
    return f"{type(error).__name__}: {error} (more in {folder}/error.txt)"


def states(placed, done, failed):
    """What `on_poll` is given."""
    rows = {}
    for folder, job in placed.items():
        row = files.newest_metrics(job.folder)
        state = "finished" if folder in done else "failed" if folder in failed else ""
        rows[folder] = {**row, "state": state or ("running" if row else "waiting")}
    return rows
