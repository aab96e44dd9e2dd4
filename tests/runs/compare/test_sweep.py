"""Sweeps: the same results from any engine in any order; nothing done twice; failures told."""

import errno
import json
import os
import random
import threading
from concurrent import futures

import pytest
from sweeping import jobs, stamps

from tinyalign.errors import InputError
from tinyalign.runs import files, train
from tinyalign.runs.compare import executors, sweep
from tinyalign.runs.folder import folder_lock

pytestmark = pytest.mark.usefixtures("plain_curves")


class Interrupted(Exception):
    """Stands for whatever ends a run half-way."""


def run_until(job, step):
    """Begin a job and stop it after this step, as a kill would."""

    def on_step(row, total):
        if row["step"] == step:
            raise Interrupted

    job.folder.mkdir(parents=True)
    with pytest.raises(Interrupted):
        train.run(sweep.make_plan(sweep.absolute(job)), job.folder, on_step=on_step)


class Counting(executors.Serial):
    """Counts what it is given."""

    jobs = 0

    def submit(self, fn, /, *args, **kwargs):
        self.jobs += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The jobs of a sweep that was carried out in one go, one after another."""
    done = jobs(tmp_path_factory.mktemp("whole"))
    sweep.sweep(done, executors.Serial())
    return done


def test_order_and_engine_change_nothing(tmp_path, whole):
    """Backwards, in threads, in two processes: the digest of all results is the same."""
    backwards = jobs(tmp_path / "backwards")[::-1]
    sweep.sweep(backwards, executors.Serial())
    threaded = jobs(tmp_path / "threaded")
    with futures.ThreadPoolExecutor(3) as threads:
        sweep.sweep(threaded, threads)
    shuffled = random.Random(0).sample(whole, len(whole))
    assert len({sweep.digest(done) for done in (whole, backwards, threaded, shuffled)}) == 1
    pooled = jobs(tmp_path / "pooled", seeds=(0,))
    with executors.open_executor(2) as pool:
        sweep.sweep(pooled, pool)
    assert sweep.digest(pooled) == sweep.digest(whole[::2])


def test_the_digest_sees_every_result(tmp_path, whole):
    """Another seed, a metric or a weight that differs, a missing run: another digest."""
    before = sweep.digest(whole)
    assert sweep.digest(whole[1:]) != before
    other = jobs(tmp_path, seeds=(0, 2))
    sweep.sweep(other, executors.Serial())
    assert sweep.digest(other) != before
    for name in ("metrics.jsonl", "model.safetensors"):
        path = whole[0].folder / name
        content = path.read_bytes()
        path.write_bytes(content.replace(b'"loss": ', b'"loss": 1', 1) + b"\n" * (name[1] == "o"))
        assert sweep.digest(whole) != before
        path.write_bytes(content)
    assert sweep.digest(whole) == before


def test_summaries_come_back_by_folder(tmp_path):
    """One summary a stage, under the folder that was asked for, in the order of the jobs."""
    asked = jobs(tmp_path, seeds=(0,))
    got = sweep.sweep(asked, executors.Serial())
    assert list(got) == [job.folder for job in asked]
    assert [[stage["method"] for stage in stages] for stages in got.values()] == [
        list(job.methods) for job in asked
    ]


def test_a_restart_repeats_nothing_and_goes_on(tmp_path, whole):
    """Finished runs keep every byte; a half-done one keeps its rows up to its checkpoint."""
    asked = jobs(tmp_path)
    sweep.sweep(asked[:3], executors.Serial())
    run_until(asked[3], 3)
    half = (asked[3].folder / "metrics.jsonl").read_text().splitlines()
    before, executor = [stamps(job.folder) for job in asked[:3]], Counting()
    sweep.sweep(asked, executor, resume=True)
    assert executor.jobs == 5
    assert [stamps(job.folder) for job in asked[:3]] == before
    assert (asked[3].folder / "metrics.jsonl").read_text().splitlines()[:2] == half[:2]
    assert sweep.digest(asked) == sweep.digest(whole)


def test_a_run_killed_while_it_wrote_its_result_is_not_taken_for_finished(tmp_path, whole):
    """The summary is complete, the checkpoint is not: the weights may be an earlier stage's."""
    asked = jobs(tmp_path)
    run_until(asked[-1], 3)
    early = (asked[-1].folder / "checkpoint.safetensors").read_bytes()
    sweep.sweep(asked, executors.Serial(), resume=True)
    (asked[-1].folder / "checkpoint.safetensors").write_bytes(early)
    (asked[-1].folder / "model.safetensors").unlink()
    sweep.sweep(asked, executors.Serial(), resume=True)
    assert sweep.digest(asked) == sweep.digest(whole)


def test_a_second_worker_waits_and_then_finds_the_work_done(tmp_path):
    """Two workers are given one job at the same time: no file is written by both."""
    job = sweep.absolute(jobs(tmp_path)[1])
    with folder_lock(job.folder, wait=True):
        second = threading.Thread(target=sweep.run_job, args=(job,))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert [path.name for path in job.folder.iterdir()] == [".lock"]
        train.run(sweep.make_plan(job), job.folder)
        first = stamps(job.folder)
    second.join(30)
    assert stamps(job.folder) == first


def test_a_used_folder_and_other_settings_are_refused_before_any_work(tmp_path):
    """Without resume a run stays as it is; with it, it must have been started alike."""
    first, *rest = jobs(tmp_path)
    sweep.sweep([first], executors.Serial())
    before = stamps(first.folder)
    with pytest.raises(InputError, match="--resume"):
        sweep.sweep([*rest, first], executors.Serial())
    with pytest.raises(InputError, match="other settings"):
        sweep.sweep([*rest, jobs(tmp_path, steps=5)[0]], executors.Serial(), resume=True)
    with pytest.raises(InputError, match="same folder"):
        sweep.sweep([*rest, rest[0]], executors.Serial())
    assert stamps(first.folder) == before
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]


def test_failures_do_not_stop_the_others(tmp_path, monkeypatch, whole):
    """Each failed run has its sentence, a bug its traceback; a retry carries out only these."""
    asked, run = jobs(tmp_path), train.run
    (tmp_path / "file").write_text("in the way")
    nowhere = asked[3]._replace(folder=tmp_path / "file" / "run")
    errors = {"sft-1": InputError("the loss is nan"), "dpo-0": KeyError("pairs")}

    def faulty(job, folder, **settings):
        if folder.name in errors:
            raise errors[folder.name]
        return run(job, folder, **settings)

    monkeypatch.setattr(train, "run", faulty)
    with pytest.raises(sweep.JobsFailed) as failed:
        sweep.sweep([*asked[:3], nowhere, *asked[4:]], executors.Serial())
    said = str(failed.value)
    assert "3 of 8 runs failed" in said and "--resume" in said
    assert f"{asked[1].folder}: the loss is nan\n" in said
    assert f"{asked[2].folder}: KeyError: 'pairs' (more in {asked[2].folder}/error.txt)" in said
    assert f"{nowhere.folder}: cannot write to {nowhere.folder}" in said
    assert "Traceback" in (asked[2].folder / "error.txt").read_text()
    assert failed.value.failed[asked[1].folder] == "the loss is nan"
    assert failed.value.errors[asked[1].folder] is errors["sft-1"]
    assert set(failed.value.finished) == {asked[i].folder for i in (0, 4, 5, 6, 7)}
    monkeypatch.undo()
    before = stamps(asked[0].folder)
    sweep.sweep(asked, executors.Serial(), resume=True)
    assert stamps(asked[0].folder) == before
    assert not (asked[2].folder / "error.txt").exists()
    assert sweep.digest(asked) == sweep.digest(whole)


class Breaking(Counting):
    """Its worker dies at the second job, as a process pool's does that runs out of memory."""

    def submit(self, fn, /, *args, **kwargs):
        if self.jobs >= 2:
            raise futures.BrokenExecutor("A child process terminated abruptly")
        future = super().submit(fn, *args, **kwargs)
        if self.jobs == 2:
            future = futures.Future()
            future.set_exception(futures.BrokenExecutor("A child process terminated abruptly"))
        return future


def test_a_broken_executor_keeps_what_was_finished(tmp_path):
    """The rest is told as failed, whether it was handed over before or after the breaking."""
    with pytest.raises(sweep.JobsFailed, match="7 of 8 runs failed") as failed:
        sweep.sweep(jobs(tmp_path), Breaking())
    assert str(failed.value).count("ended from outside") == 7
    assert len(failed.value.finished) == 1


class Cancelling(futures.Executor):
    """Gives its jobs up, as dask's does when its scheduler dies."""

    def submit(self, fn, /, *args, **kwargs):
        future = futures.Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


class Full(futures.Executor):
    """Its disk is full."""

    def submit(self, fn, /, *args, **kwargs):
        future = futures.Future()
        future.set_exception(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        return future


@pytest.mark.parametrize(
    ("executor", "words"),
    [(Cancelling(), "its executor gave it up"), (Full(), "No space left on device\n")],
    ids=["cancelled", "full"],
)
def test_a_job_that_was_lost_or_refused_has_no_traceback(tmp_path, executor, words):
    """One sentence for each, and no error.txt (findings 13 and 34)."""
    with pytest.raises(sweep.JobsFailed, match=words) as failed:
        sweep.sweep(jobs(tmp_path, seeds=(0,)), executor)
    assert str(failed.value).count(words) == 4 and not any(tmp_path.rglob("error.txt"))


class Elsewhere(futures.Executor):
    """Says that it did the job, but nothing is on this disk."""

    def submit(self, fn, /, *args, **kwargs):
        future = futures.Future()
        future.set_result(None)
        return future


def test_a_worker_that_writes_on_another_disk_is_told(tmp_path):
    """A cluster without a shared folder: said in one sentence, not as finished."""
    with pytest.raises(sweep.JobsFailed, match="not on this disk"):
        sweep.sweep(jobs(tmp_path), Elsewhere())


def test_whoever_polls_sees_every_run_come_to_its_end(tmp_path):
    """waiting, then finished with the last metrics; a finished run is finished from the start."""
    asked, seen = jobs(tmp_path), []
    sweep.sweep(asked[:1], executors.Serial())
    sweep.sweep(asked, executors.Serial(), resume=True, on_poll=seen.append)
    assert [row["state"] for row in seen[0].values()] == ["finished"] + ["waiting"] * 7
    assert {row["state"] for row in seen[-1].values()} == {"finished"}
    assert {row["step"] for row in seen[-1].values()} == {4}


def test_only_the_end_of_the_metrics_is_read(tmp_path):
    """The newest row of a long file, whose last line is still being written."""
    assert files.newest_metrics(tmp_path) == {}
    rows = [json.dumps({"step": step, "loss": 1.0}) for step in range(20_000)]
    path = tmp_path / "metrics.jsonl"
    path.write_text("\n".join(rows) + '\n{"step": 20000, "lo')
    assert path.stat().st_size > 4 * files.TAIL_BYTES
    assert files.newest_metrics(tmp_path) == {"step": 19_999, "loss": 1.0}
    path.write_text('{"step": 1')
    assert files.newest_metrics(tmp_path) == {}
