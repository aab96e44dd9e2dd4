"""Many runs over any executor: finished runs are skipped, interrupted ones resume, failures wait.

A run depends only on its settings and seed, and writes to a folder of its own. Where runs are
executed, and in which order, therefore changes only the time. All workers must share one disk.
"""

import dataclasses
import hashlib
import json
import threading
import traceback
from concurrent import futures
from pathlib import Path
from typing import NamedTuple

from tinyalign.errors import InputError, refusal
from tinyalign.runs import files, plan, train, verify
from tinyalign.runs.config import Config
from tinyalign.runs.folder import (
    MARKER,
    folder_lock,
    read_progress,
    require_same_settings,
    require_unused,
)

POLL_SECONDS = 0.5
# Autograd has one tape per process, but a worker of a cluster may run several threads.
ONE_AT_A_TIME = threading.Lock()
# Raised for a job of which nobody knows what became of it.
LOST = (futures.BrokenExecutor, futures.CancelledError)


class RunSpec(NamedTuple):
    """One run of a sweep: what a worker is sent."""

    folder: Path  # where the run writes
    methods: tuple[str, ...]  # stages, e.g. ("sft", "dpo")
    config: Config  # with its seed
    stop_early: bool = False  # end where a warm start ends, at --warm_start_accuracy


class JobsFailed(InputError):
    """Some runs of a sweep failed; the others were carried out to their end."""

    def __init__(self, errors, finished):
        self.errors = errors  # {folder: the exception}
        self.failed = {f: failure_message(error, f) for f, error in errors.items()}
        self.finished = finished  # {folder: summaries}
        lines = "".join(f"  {folder}: {message}\n" for folder, message in self.failed.items())
        super().__init__(
            f"{len(errors)} of {len(errors) + len(finished)} runs failed:\n{lines}"
            "the others are finished; the same command with --resume tries only these again"
        )


def sweep(jobs, executor, *, resume=False, on_poll=lambda states: None):
    """Carry out runs and return {folder: the summary of each stage}.

    jobs      list of RunSpec, each with a folder of its own
    executor  any concurrent.futures.Executor
    resume    skip finished runs and continue the rest; without it a used folder is refused
    on_poll   called about twice a second with {folder: its newest metrics, their "state", which is
              waiting, running, finished or failed, and "stages", the most steps of each stage}
    raises    InputError before any work for runs that cannot be done; JobsFailed at the end
    """
    # Keys are folders as given, which the caller gets back; the jobs themselves have absolute ones.
    jobs_by_folder = {job.folder: absolute(job) for job in jobs}
    if len({job.folder for job in jobs_by_folder.values()}) < len(jobs):
        raise InputError("two runs of a sweep have the same folder: give each its own")
    done = {
        folder: files.read_summaries(job.folder)
        for folder, job in jobs_by_folder.items()
        if can_skip(job, resume)
    }
    failed = {}
    run_all(jobs_by_folder, executor, done, failed, on_poll)
    if failed:
        raise JobsFailed(failed, done)
    return {folder: done[folder] for folder in jobs_by_folder}


def run_all(jobs_by_folder, executor, done, failed, on_poll):
    """Submit every job that is not done; record each outcome in `done` or `failed`."""
    queue, running = [folder for folder in jobs_by_folder if folder not in done], {}
    on_poll(rows := states(jobs_by_folder, done, failed, {}))
    try:
        while queue or running:
            # One submission a round: an executor that works inside `submit` still gets polled.
            if queue:
                folder = queue.pop(0)
                running[submit(executor, run_job, jobs_by_folder[folder])] = folder
            wait = 0 if queue else POLL_SECONDS
            ended, _ = futures.wait(running, wait, futures.FIRST_COMPLETED)
            for future in ended:
                folder = running.pop(future)
                record_outcome(future, folder, jobs_by_folder[folder], done, failed)
            if ended or not queue:
                on_poll(rows := states(jobs_by_folder, done, failed, rows))
    except BaseException:  # Ctrl-C too: what has not started must not start
        cancel(executor, running)
        raise


def cancel(executor, running):
    """Keep jobs that have not started from starting."""
    if isinstance(executor, futures.ProcessPoolExecutor):
        # Its thread cannot bear a future that others cancel while workers end: Python 3.11 prints
        # an InvalidStateError. The pool's own way has no such moment.
        executor.shutdown(wait=False, cancel_futures=True)
        return
    for future in running:
        future.cancel()


def digest(jobs):
    """A SHA-256 of the results of finished jobs: settings, metrics without seconds, weights.

    The digest depends neither on the order of the jobs nor on where their folders are.
    """
    return hashlib.sha256("".join(sorted(map(digest_of, jobs))).encode()).hexdigest()


def digest_of(job):
    """The digest of one job."""
    settings = {
        **vars(job.config),
        "init_from": None,
        "methods": job.methods,
        "early": job.stop_early,
    }
    # Seconds differ from run to run; every other metric is a function of settings and seed.
    rows = [
        {k: v for k, v in row.items() if k != "train_seconds"}
        for row in files.read_metrics(job.folder)
    ]
    total = hashlib.sha256(json.dumps([settings, rows], sort_keys=True, default=str).encode())
    total.update((job.folder / "model.safetensors").read_bytes())
    return total.hexdigest()


def absolute(job):
    """The same job with absolute paths: a worker elsewhere has another current folder."""
    names = [name for name in ("init_from", "data") if getattr(job.config, name)]
    paths = {name: Path(getattr(job.config, name)).absolute() for name in names}
    config = dataclasses.replace(job.config, **paths)
    return job._replace(folder=Path(job.folder).absolute(), config=config)


def make_plan(job):
    """The checked plan of a job's stages."""
    run_plan = plan.plan_run(list(job.methods), job.config)
    return plan.as_warm_start(run_plan) if job.stop_early else run_plan


def can_skip(job, resume):
    """Whether a job is finished already; InputError if the job cannot be done at all."""
    run_plan = make_plan(job)
    if not resume:
        require_unused(job.folder)
    return is_finished(run_plan, job.folder)


def is_finished(run_plan, folder):
    """Whether the folder holds all stages of this plan; InputError if it holds another plan."""
    if not (folder / MARKER).exists():
        return False
    require_same_settings(folder, plan.config_json(run_plan))
    progress = read_progress(folder, run_plan)
    # A run writes its curves last; a result that is missing is written again.
    names = [*verify.RESULTS, "curves.svg"]
    finished = progress.stage_index == len(run_plan.stages)
    if not finished or not all((folder / name).exists() for name in names):
        return False
    verify.require_results(folder, progress)
    return True


def submit(executor, task, job):
    """A future of task(job), also from an executor that broke while the queue was handed over."""
    try:
        return executor.submit(task, job)
    except futures.BrokenExecutor as error:
        future = futures.Future()
        future.set_exception(error)
        return future


def run_job(job):
    """Carry out one job in the current process, from its checkpoint if there is one."""
    with ONE_AT_A_TIME, folder_lock(job.folder, wait=True):
        run_plan = make_plan(job)
        # Asked again here, inside the lock: another worker may have finished it meanwhile.
        if not is_finished(run_plan, job.folder):
            train.run(run_plan, job.folder, resume=True)
    return files.read_summaries(job.folder)


def record_outcome(future, folder, job, done, failed):
    """Record an ended job in `done` or `failed`; a bug's traceback goes to the job's folder."""
    report = job.folder / "error.txt"
    try:
        future.result()
        done[folder] = files.read_summaries(job.folder)
        report.unlink(missing_ok=True)  # of an earlier try
    except Exception as error:
        failed[folder] = error
        # An InputError explains itself, and so does the system; a lost worker has no traceback.
        if not isinstance(error, (InputError, OSError, MemoryError, *LOST)):
            job.folder.mkdir(parents=True, exist_ok=True)
            report.write_text("".join(traceback.format_exception(error)))


def failure_message(error, folder):
    """Why a job failed, in one sentence."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, futures.BrokenExecutor):
        return "a worker was ended from outside, perhaps for lack of memory"
    if isinstance(error, futures.CancelledError):
        return "its executor gave it up: the scheduler or a worker has ended"
    if isinstance(error, FileNotFoundError) and Path(error.filename or "").name == "summary.json":
        return "its worker finished, but not on this disk: all workers must see the same one"
    if isinstance(error, OSError | MemoryError):
        return refusal(error)
    return f"{type(error).__name__}: {error} (more in {folder}/error.txt)"


def states(jobs_by_folder, done, failed, before):
    """The argument of `on_poll`: {folder: newest metrics and "state"}.

    before  the same of the last time: a run that had ended is not read again
    """
    rows = {}
    for folder, job in jobs_by_folder.items():
        known = before.get(folder, {})
        if known.get("state") in ("finished", "failed"):
            rows[folder] = known
            continue
        row = files.newest_metrics(job.folder)
        state = "finished" if folder in done else "failed" if folder in failed else ""
        state = state or ("running" if row else "waiting")
        stages = known.get("stages") or [stage.config.steps for stage in make_plan(job).stages]
        rows[folder] = {**row, "state": state, "stages": stages}
    return rows
