"""Nothing of anybody else is overwritten, deleted or gone on from; a folder has one process."""

import os
import subprocess
import sys

import pytest

from tinyalign import cli
from tinyalign.errors import InputError
from tinyalign.runs import files, folder, recipes

pytestmark = pytest.mark.usefixtures("plain_curves")
B = ["--env", "bandit", "--steps", "4", "--eval_size", "8", "--batch_size", "4"]
B += ["--eval_every", "2"]


def run(place, *extra, method="sft", name="mine"):
    """Exit status of a small run."""
    return cli.main(["run", method, *B, "--output", str(place), "--name", name, *extra])


def contents(place):
    """{path: bytes} of every file below a folder."""
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


def stopped_run(place, *extra, after=3):
    """A run that ended after a step, as a kill would end it."""

    def stop(row, env):
        if row["step"] == after:
            raise InputError("stopped")
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tinyalign.cli.screen.format_metrics", stop)
        assert run(place, *extra) == 2


@pytest.mark.parametrize("name", folder.RUN_FILES[1:])
@pytest.mark.parametrize("extra", [[], ["--resume"]], ids=["new", "resume"])
def test_a_file_that_no_run_has_made_stays(tmp_path, capsys, name, extra):
    """Whatever a run would write, and whether or not --resume is typed (finding 1)."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("precious")
    assert run(tmp_path, *extra) == 2
    assert name in capsys.readouterr().err
    assert contents(tmp_path) == {f"mine/{name}": b"precious"}


def test_a_config_of_another_program_is_no_run(tmp_path, capsys):
    """A folder of weights with a config.json of its own, as other libraries make them."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text('{"model_type": "gpt2"}')
    before = contents(tmp_path)
    assert run(tmp_path) == run(tmp_path, "--resume") == 2
    assert contents(tmp_path)["mine/config.json"] == before["mine/config.json"]


def test_a_store_of_somebody_else_stays(tmp_path, capsys):
    """A folder named tensorboard that was put into a run, and a link of that name (finding 1)."""
    assert run(tmp_path) == 0
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "p.txt").write_text("precious")
    (tmp_path / "mine" / "tensorboard").symlink_to(kept)
    pytest.importorskip("tensorboardX")
    assert run(tmp_path, "--resume", "--report_to", "tensorboard") == 2
    assert "is not of this run" in capsys.readouterr().err
    assert contents(kept) == {"p.txt": b"precious"}


def test_no_run_goes_on_from_a_checkpoint_of_other_settings(tmp_path, capsys):
    """config.json removed, or a checkpoint of another seed in its place (finding 2)."""
    stopped_run(tmp_path)
    mine = tmp_path / "mine"
    settings = (mine / "config.json").read_bytes()
    (mine / "config.json").unlink()
    assert run(tmp_path, "--seed", "7") == 2
    assert run(tmp_path, "--seed", "7", "--resume") == 2
    assert not (mine / "config.json").exists()
    (mine / "config.json").write_bytes(settings)
    assert run(tmp_path, "--seed", "7", name="other") == 0
    other = (tmp_path / "other" / "checkpoint.safetensors").read_bytes()
    (mine / "checkpoint.safetensors").write_bytes(other)
    capsys.readouterr()
    assert run(tmp_path, "--resume") == 2
    assert "is of another run" in capsys.readouterr().err


def test_a_run_goes_on_only_from_its_start_and_with_its_recipe(tmp_path, monkeypatch, capsys):
    """A start that is no longer typed is another setting; so is a recipe that has changed."""
    assert run(tmp_path) == 0
    start = "--init_from", str(tmp_path / "mine")
    assert run(tmp_path, *start, name="next") == 0
    assert run(tmp_path, "--resume", name="next") == 2
    assert "other settings (init_sha256)" in capsys.readouterr().err
    monkeypatch.setitem(recipes.TABULAR["supervised"], "warmup_ratio", 0.5)
    assert run(tmp_path, "--resume") == 2
    assert "other settings (recipes)" in capsys.readouterr().err


def test_a_link_where_an_unfinished_file_might_be_is_not_followed(tmp_path):
    """Nobody can guess the name of an unfinished file, and it is opened as a new one (24)."""
    secret = tmp_path / "secret.txt"
    secret.write_text("precious")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json.part").symlink_to(secret)
    assert run(tmp_path) == 0
    assert secret.read_text() == "precious"


def test_a_second_process_in_a_folder_is_refused(tmp_path, capsys):
    """While the first lives, and no longer (finding 14)."""
    with folder.folder_lock(tmp_path / "mine", wait=False):
        assert run(tmp_path) == 2
        assert "another process works in" in capsys.readouterr().err
    assert run(tmp_path) == 0


@pytest.mark.slow
def test_of_two_processes_in_one_folder_one_is_refused(tmp_path):
    """The other's result is that of a run alone (finding 14)."""
    argv = [sys.executable, "-m", "tinyalign", "run", "sft", *B, "--steps", "400", "--output"]
    pair = [
        subprocess.Popen(
            [*argv, str(tmp_path), "--name", "x", *extra], stderr=subprocess.PIPE, text=True
        )
        for extra in ([], ["--resume"])
    ]
    said = [process.communicate(timeout=120)[1] for process in pair]
    assert "Traceback" not in "".join(said)
    assert min(process.returncode for process in pair) == 0
    assert len(files.read_metrics(tmp_path / "x")) == 400


def test_a_lock_file_of_somebody_is_neither_emptied_nor_followed(tmp_path):
    (tmp_path / "kept").write_text("precious")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".lock").symlink_to(tmp_path / "kept")
    assert run(tmp_path) == 2
    assert (tmp_path / "kept").read_text() == "precious"


def test_what_a_killed_process_left_unfinished_goes(tmp_path):
    """With the next process that holds the folder's lock."""
    stopped_run(tmp_path)
    left = tmp_path / "mine" / f"{folder.PART}1-00000000"
    left.write_text("half")
    assert run(tmp_path, "--resume") == 0
    assert not left.exists()


def compare(place, *extra, name="ref"):
    """Exit status of a small comparison in this process."""
    argv = ["compare", "sft", "dpo", *B, "--num_pairs", "20", "--jobs", "1"]
    return cli.main([*argv, "--output", str(place), "--name", name, *extra])


@pytest.fixture
def no_pictures(monkeypatch):
    """A comparison's pictures take a second each."""
    monkeypatch.setattr(
        "tinyalign.runs.compare.comparison.write_report", lambda comparison, folder: None
    )


COMPARISON_FILES = [
    "report.html", "scores.png", "scores_fixed_feedback.svg", "compare.json", "costs.json",
    "differences.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", COMPARISON_FILES)
def test_a_comparison_overwrites_nothing(tmp_path, capsys, name):
    (tmp_path / "ref").mkdir()
    (tmp_path / "ref" / name).write_text("precious")
    assert compare(tmp_path) == compare(tmp_path, "--resume") == 2
    assert name in capsys.readouterr().err
    assert contents(tmp_path) == {f"ref/{name}": b"precious"}


@pytest.mark.usefixtures("no_pictures")
def test_a_comparison_that_was_moved_goes_on(tmp_path, monkeypatch, capsys):
    """Its starts are known by what they hold, not by where they are (finding 10)."""
    assert compare(tmp_path) == 0
    os.rename(tmp_path / "ref", tmp_path / "ref2")
    before = contents(tmp_path / "ref2" / "seed0")
    assert compare(tmp_path, "--resume", name="ref2") == 0
    assert contents(tmp_path / "ref2" / "seed0") == before


@pytest.mark.usefixtures("no_pictures")
def test_a_start_that_was_trained_again_is_not_the_start_of_these_runs(tmp_path, capsys):
    assert compare(tmp_path) == 0
    assert run(tmp_path, "--seed", "9", name="other") == 0
    start = tmp_path / "ref" / "seed0" / "start" / "model.safetensors"
    start.write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    capsys.readouterr()
    assert compare(tmp_path, "--resume") == 2
    assert "model.safetensors" in capsys.readouterr().err


@pytest.mark.parametrize("tasks", ["bandit,", "bandit,bandit", "bandit,nowhere"])
def test_every_task_is_checked_before_the_first_is_trained(tmp_path, tasks):
    """A task without a name, named twice or unknown (finding 28)."""
    argv = ["compare", "sft", "--env", tasks, "--jobs", "1", "--output", str(tmp_path)]
    assert cli.main(argv) == 2
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["  ", "a\nb", "a/b", "..", "\x1b[31m"])
def test_a_name_is_the_name_of_a_folder(tmp_path, capsys, name):
    """No blank, no line break, no escape of a terminal (finding 30)."""
    assert run(tmp_path, name=name) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["index.html", "style.css", "errata.html", "00_first.html"])
def test_pages_overwrite_nothing(tmp_path, course, name):
    """A folder with such a file of its own is refused; one of ours is not (finding 6)."""
    from tinyalign.notes.pages import build_pages, site

    out = tmp_path / "site"
    out.mkdir()
    (out / name).write_text("MINE")
    with pytest.raises(InputError, match="build-pages has not written"):
        build_pages(out, ["00"], folder=course)
    assert contents(out) == {name: b"MINE"}
    (out / name).unlink()
    for _ in range(2):
        site.make_folder(out, site.walkthroughs(course))
        (out / name).write_text("ours")


@pytest.mark.parametrize("text", ['{"name": "my-package"}', "[1]", "null", "not JSON"])
def test_new_figures_overwrite_nothing_else(tmp_path, capsys, text):
    """Refused before minutes of measuring (finding 5)."""
    path = tmp_path / "F.json"
    path.write_text(text)
    assert cli.main(["claims", "--measure", "--output", str(path)]) == 2
    assert "something else than figures" in capsys.readouterr().err
    assert path.read_text() == text


def test_pages_of_somebody_else_are_not_opened(tmp_path, monkeypatch):
    """The folder that `read` keeps its pages in has a name that anybody can guess (finding 21)."""
    from tinyalign.notes.pages import site

    monkeypatch.setattr(site.tempfile, "gettempdir", lambda: str(tmp_path))
    ours = site.cache().parent
    ours.chmod(0o777)
    with pytest.raises(InputError, match="others can write"):
        site.cache()
    ours.chmod(0o700)
    site.cache()
    ours.rename(tmp_path / "theirs")
    ours.symlink_to(tmp_path / "theirs")
    with pytest.raises(InputError, match="not your own"):
        site.cache()
