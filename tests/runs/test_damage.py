"""Damaged files of a run: noticed before any training, in one sentence that names the file."""

import hashlib
import json
import shutil
import threading

import numpy as np
import pytest

from tinyalign import cli
from tinyalign.engine.tree import leaves, rebuild
from tinyalign.runs import files, storage, verify

pytestmark = pytest.mark.usefixtures("plain_curves")
B = ["--env", "bandit", "--steps", "6", "--eval_size", "8", "--batch_size", "4"]
B += ["--eval_every", "2"]
NAMES = ("config.json", "metrics.jsonl", "checkpoint.safetensors")


def run(place, *extra, method="sft", name="mine"):
    return cli.main(["run", method, *B, "--output", str(place), "--name", name, *extra])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run, and one that was stopped after its fifth step of six."""
    place = tmp_path_factory.mktemp("runs")
    assert run(place, name="finished") == 0

    def stop(row, env):
        if row["step"] == 5:
            raise KeyboardInterrupt
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tinyalign.cli.screen.format_metrics", stop)
        assert run(place, name="stopped") == 130
    return place


@pytest.fixture
def mine(runs, tmp_path):
    """A copy of one of them, as the folder `mine`: call it with its name."""

    def copy(name):
        shutil.rmtree(tmp_path / "mine", ignore_errors=True)
        return shutil.copytree(runs / name, tmp_path / "mine")

    return copy


def refused(place, capsys, name, *extra):
    """The sentence that --resume is refused with, before it trains; it names the file."""
    before = {path.name: path.read_bytes() for path in (place / "mine").iterdir() if path.is_file()}
    capsys.readouterr()
    assert run(place, "--resume", *extra) == 2
    out, said = capsys.readouterr()
    assert name in said and said.count("\n") == 1 and "sft 6/6" not in out + said
    after = {path.name: path.read_bytes() for path in (place / "mine").iterdir() if path.is_file()}
    assert {n: c for n, c in after.items() if n != ".lock"} == {
        n: c for n, c in before.items() if n != ".lock"
    }
    return said


DAMAGE = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeroed": lambda content: bytes(len(content)),
    "end zeroed": lambda content: content[:-300] + bytes(300),
    "garbage": lambda content: b"\xff\xfe{[" * 50,
    "nested": lambda content: b"[" * 100_000,
    "another type": lambda content: b"[1]\n",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("state", ["stopped", pytest.param("finished", marks=pytest.mark.slow)])
def test_a_damaged_file_is_named_before_any_training(mine, tmp_path, capsys, name, how, state):
    """Findings 3, 4 and 12, a, b and d."""
    path = mine(state) / name
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    refused(tmp_path, capsys, name)


@pytest.mark.parametrize("name", verify.RESULTS)
@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_result_is_named_and_a_missing_one_written_again(
    mine, tmp_path, capsys, name, how
):
    """Finding 12, c and f: what a finished run left is what its checkpoint says."""
    path = mine("finished") / name
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[how](whole))
    refused(tmp_path, capsys, name)
    path.unlink()
    assert run(tmp_path, "--resume") == 0
    assert path.read_bytes() == whole


def flipped(content, chance, low=0):
    """The bytes with one bit another, and its place."""
    place = int(chance.integers(low, len(content)))
    changed = bytearray(content)
    changed[place] ^= 1 << int(chance.integers(8))
    return bytes(changed), place


@pytest.mark.parametrize("name", [*NAMES, *verify.RESULTS])
def test_one_bit_that_flipped_is_noticed(mine, tmp_path, capsys, name):
    """Wherever it is: in arrays, settings, metrics and summaries alike (finding 3)."""
    chance, path = np.random.default_rng(0), mine("finished") / name
    whole = path.read_bytes()
    for _ in range(10):
        content, place = flipped(whole, chance)
        path.write_bytes(content)
        assert cli.main(["verify", str(tmp_path / "mine")]) == 2, (name, place)
        assert name in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, *verify.RESULTS])
def test_forty_bits_of_each_file_are_noticed_by_verify_and_by_resume(mine, tmp_path, capsys, name):
    """200 in all: each is told in one sentence that names the file, before any training."""
    chance, path = np.random.default_rng([2, *name.encode()]), mine("finished") / name
    whole = path.read_bytes()
    for _ in range(40):
        content, place = flipped(whole, chance)
        path.write_bytes(content)
        assert cli.main(["verify", str(tmp_path / "mine")]) == 2, place
        assert name in (said := capsys.readouterr().err) and said.count("tinyalign: ") == 1
        refused(tmp_path, capsys, name)


SETTINGS = {
    "name of a setting": (b'"gamma"', b'"ga}ma"'),
    "value": (b'"env": "bandit"', b'"env": "bandid"'),
    "place": (b'"data": null', b'"data": nul1'),
    "machine": (b'"machine"', b'"mach)ne"'),
    "version": (b'"random_streams": 2', b'"random_streams": 3'),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_damaged_settings_are_not_told_as_settings_of_another_command(mine, tmp_path, capsys, what):
    """The checkpoint knows the SHA-256 of config.json; without it nobody can tell."""
    path = mine("stopped") / "config.json"
    assert path.read_bytes().count(SETTINGS[what][0]) == 1
    path.write_bytes(path.read_bytes().replace(*SETTINGS[what]))
    assert "config.json is damaged" in refused(tmp_path, capsys, "config.json")


def test_other_settings_are_named_where_no_file_is_damaged(mine, tmp_path, capsys):
    mine("stopped")
    said = refused(tmp_path, capsys, "mine", "--learning_rate", "0.5")
    assert "other settings (learning_rate" in said and "damaged" not in said


def test_other_settings_are_named_where_the_checkpoint_is_damaged(mine, tmp_path, capsys):
    """It vouches for nothing then."""
    path = mine("stopped") / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "(learning_rate" in refused(tmp_path, capsys, "mine", "--learning_rate", "0.5")


@pytest.mark.slow
def test_a_bit_of_a_picture_harms_no_number(mine, tmp_path, capsys):
    """curves.svg is drawn again from the metrics by --resume; the lock is empty."""
    chance, path = np.random.default_rng(3), mine("finished") / "curves.svg"
    whole = path.read_bytes()
    kept = {other: other.read_bytes() for other in path.parent.iterdir() if other != path}
    for _ in range(10):
        path.write_bytes(flipped(whole, chance)[0])
        assert cli.main(["verify", str(tmp_path / "mine")]) == 0
        assert run(tmp_path, "--resume") == 0
        assert path.read_bytes() == whole
        assert all(other.read_bytes() == content for other, content in kept.items())
    assert kept[path.with_name(".lock")] == b""


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, *verify.RESULTS])
def test_a_file_of_another_run_is_no_file_of_this_one(mine, tmp_path, capsys, name):
    """The same command with another seed has left it: swapped, it is named."""
    assert run(tmp_path, "--seed", "1", name="other") == 0
    path = mine("finished") / name
    path.write_bytes((tmp_path / "other" / name).read_bytes())
    assert run(tmp_path, "--resume") == 2
    assert str(tmp_path / "mine") in capsys.readouterr().err
    assert cli.main(["verify", str(tmp_path / "mine")]) == 2


def test_a_start_with_a_flipped_bit_is_not_trained_on(mine, tmp_path, capsys):
    """--init_from checks as --resume does (finding 3)."""
    chance, path = np.random.default_rng(1), mine("finished") / "model.safetensors"
    whole = path.read_bytes()
    for _ in range(5):
        path.write_bytes(flipped(whole, chance)[0])
        assert run(tmp_path, "--init_from", str(path.parent), method="dpo", name="next") == 2
        assert "model.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "next").exists()


def test_rows_that_were_lost_are_missed(mine, tmp_path, capsys):
    """A power cut may take lines that the checkpoint counts (finding 4)."""
    path = mine("stopped") / "metrics.jsonl"
    lines = path.read_bytes().splitlines(True)
    for kept in (lines[:2], lines[1:], [lines[0], lines[0], *lines[2:]], []):
        path.write_bytes(b"".join(kept))
        assert "lacks lines" in refused(tmp_path, capsys, "metrics.jsonl")
    path.unlink()
    refused(tmp_path, capsys, "metrics.jsonl")


def test_a_line_cut_short_after_the_checkpoint_is_written_again(mine, tmp_path):
    """Only lines that the checkpoint counts matter."""
    path = mine("stopped") / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert run(tmp_path, "--resume") == 0
    assert [row["step"] for row in files.read_metrics(path.parent)] == [1, 2, 3, 4, 5, 6]


NOTES = {
    "rng": [None, 3, {}, {"bit_generator": "PCG64"}],
    "rows": [-1, 0, 10**9, "4", 4.5, True, None],
    "step": [-1, 10**9, "4", None, [4]],
    "stage_index": [-1, 5, "0", None],
    "samples": [-1, "x", None],
    "seconds": [float("nan"), -1.0, "x"],
    "networks": [{}, {"critic": 4}, {"policy": "x"}, None, [1]],
    "summaries": [None, 3, [{}], "x"],
    "config_sha256": [None, "", 3],
    "metrics_sha256": [None, "", 3],
}


@pytest.mark.parametrize("field", NOTES)
def test_a_note_that_no_run_writes_is_refused(mine, tmp_path, capsys, field):
    """Even with a checksum that fits: a field of another type or range, one more, one less (12)."""
    path = mine("stopped") / "checkpoint.safetensors"
    tree, note = storage.load_tree(path)
    for value in NOTES[field]:
        storage.save_tree(path, tree, note | {field: value})
        refused(tmp_path, capsys, "mine")
    for other in ({key: note[key] for key in note if key != field}, note | {"more": 1}):
        storage.save_tree(path, tree, other)
        refused(tmp_path, capsys, "checkpoint.safetensors")


def wrong_trees(tree):
    """The same weights in ways that no run writes them."""
    flat = leaves(tree)
    yield "other type", rebuild({n: leaf.astype(np.int8) for n, leaf in flat.items()})
    yield "other shape", rebuild({n: leaf[:-1] for n, leaf in flat.items()})
    yield "none", {}
    yield "flat", {"params": np.zeros(3, np.float32)}


def test_weights_of_another_kind_in_a_checkpoint_are_refused(mine, tmp_path, capsys):
    path = mine("stopped") / "checkpoint.safetensors"
    tree, note = storage.load_tree(path)
    for _, wrong in wrong_trees(tree):
        storage.save_tree(path, wrong, note)
        refused(tmp_path, capsys, "checkpoint.safetensors")
    shutil.copy(path.with_name("config.json"), path)
    refused(tmp_path, capsys, "checkpoint.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.int32),
        lambda x: x.astype(np.float64),
        lambda x: np.full_like(x, np.nan),
        lambda x: np.concatenate([x, x]),
        lambda x: x[:, :-1],
    ],
    ids=["int32", "float64", "NaN", "twice", "narrow"],
)
def test_weights_of_another_kind_are_no_start(mine, tmp_path, capsys, change):
    """Other types, sizes, NaN: refused by what is wrong with them (findings 18 and 36)."""
    path = mine("finished") / "model.safetensors"
    tree, note = storage.load_tree(path)
    storage.save_tree(path, {"policy": {"table": change(tree["policy"]["table"])}}, note)
    assert run(tmp_path, "--init_from", str(path.parent), method="dpo", name="next") == 2
    assert "weights" in capsys.readouterr().err
    assert not (tmp_path / "next").exists()


def test_a_folder_in_the_place_of_a_file_is_a_sentence(mine, tmp_path, capsys):
    """Finding 12 e."""
    for name in ("curves.svg", "checkpoint.safetensors", "metrics.jsonl", "config.json"):
        path = mine("stopped") / name
        path.unlink(missing_ok=True)
        path.mkdir()
        assert run(tmp_path, "--resume") == 2
        assert name in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "checkpoint.safetensors"])
def test_a_pipe_in_the_place_of_a_file_does_not_wait(mine, tmp_path, name):
    """A sentence within seconds."""
    os = pytest.importorskip("os")
    path = mine("stopped") / name
    path.unlink()
    os.mkfifo(path)
    thread = threading.Thread(target=run, args=(tmp_path, "--resume"), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_a_run_of_an_older_version_is_told_as_such(mine, tmp_path, capsys):
    path = mine("stopped") / "config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"random_streams": 1}))
    tree, note = storage.load_tree(checkpoint := path.with_name("checkpoint.safetensors"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    storage.save_tree(checkpoint, tree, note | {"config_sha256": digest})
    assert "another version" in refused(tmp_path, capsys, "mine")


def test_another_machine_is_told_of(mine, tmp_path, capsys):
    """NumPy, BLAS, its kernel, threads, processor: the sentence says what that means."""
    path = mine("finished") / "config.json"
    settings = json.loads(path.read_text())
    assert set(settings["machine"]) == {"numpy", "blas", "threads", "cpu", "kernel"}
    settings["machine"]["kernel"] = "Zen9"
    path.write_text(json.dumps(settings, indent=1))
    tree, note = storage.load_tree(path.with_name("checkpoint.safetensors"))
    note["config_sha256"] = files.settings_digest(path.parent)
    storage.save_tree(path.with_name("checkpoint.safetensors"), tree, note)
    assert run(tmp_path, "--resume") == 0
    assert "kernel was Zen9 where this run was begun" in capsys.readouterr().err


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """A finished comparison of one method, without its pictures."""
    place = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        write_report = "tinyalign.runs.compare.comparison.write_report"
        patch.setattr(write_report, lambda comparison, folder: None)
        assert compare(place) == 0
    return place


def compare(place, *extra):
    argv = ["compare", "sft", *B, "--jobs", "1", "--name", "ref", "--output", str(place)]
    return cli.main([*argv, *extra])


@pytest.mark.parametrize("name", ["summary.json", "metrics.jsonl", "model.safetensors"])
@pytest.mark.parametrize("job", ["start", "sft"])
@pytest.mark.parametrize("how", ["cut", "garbage"])
def test_a_damaged_run_of_a_comparison_is_named(comparison, tmp_path, capsys, name, job, how):
    """Not taken for finished, as it was (finding 34); verify says the same."""
    shutil.copytree(comparison / "ref", tmp_path / "ref")
    path = tmp_path / "ref" / "seed0" / job / name
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    assert compare(tmp_path, "--resume") == 2
    assert name in capsys.readouterr().err
    assert cli.main(["verify", str(tmp_path / "ref")]) == 2
    out, said = capsys.readouterr()
    assert f"{job}/{name}" in said and out.count("whole") == 1


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_damaged_costs_are_measured_again(comparison, tmp_path, monkeypatch, text):
    monkeypatch.setattr("tinyalign.runs.compare.comparison.write_report", lambda *_: None)
    shutil.copytree(comparison / "ref", tmp_path / "ref")
    path = tmp_path / "ref" / "costs.json"
    whole = json.loads(path.read_text())
    path.write_text(text)
    assert compare(tmp_path, "--resume") == 0
    assert json.loads(path.read_text()).keys() == whole.keys()


def test_verify_says_what_is_there(mine, tmp_path, capsys):
    """Finished, stopped, begun; where there is no run that is said."""
    for name, words in (("finished", "finished after 6 steps"), ("stopped", "stopped in sft")):
        assert cli.main(["verify", str(mine(name))]) == 0
        assert words in capsys.readouterr().out
    for name in ("summary.json", "model.safetensors"):
        (mine("finished") / name).unlink()
        assert cli.main(["verify", str(tmp_path / "mine")]) == 2
        assert name in capsys.readouterr().err
    (mine("stopped") / "config.json").rename(tmp_path / "kept.json")
    assert cli.main(["verify", str(tmp_path / "mine")]) == 2
    assert "config.json is lost" in capsys.readouterr().err
    (mine("stopped") / "checkpoint.safetensors").unlink()
    assert cli.main(["verify", str(tmp_path / "mine")]) == 0
    assert "without a checkpoint" in capsys.readouterr().out
    assert cli.main(["verify", str(tmp_path / "nowhere")]) == 2
