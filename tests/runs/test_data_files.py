"""What may stand behind --data: regular files as people have them, each kind trained end to end."""

import gzip
import hashlib
import json
import os

import pytest

from tinyalign import cli
from tinyalign.errors import InputError
from tinyalign.runs import dataset, hold_out

pytestmark = pytest.mark.usefixtures("plain_curves")
SMALL = ["--model", "tabular", "--steps", "2", "--batch_size", "4", "--jobs", "1"]
LINES = {
    "sft": {"prompt": "a", "completion": "b"},
    "dpo": {"prompt": "a", "chosen": "b", "rejected": "ccc"},
    "reward": {"prompt": "a", "chosen": "b", "rejected": "ccc"},
    "tpo": {"prompt": "a", "gold": "d", "chosen": "b", "rejected": "ccc"},
    "rrhf": {"prompt": "a", "completions": ["b", "cc", "d"], "rewards": [3, 1, 2]},
    "infonca": {"prompt": "a", "completions": ["b", "cc", "d"], "rewards": [3, 1, 2]},
    "nca": {"prompt": "a", "completions": ["b", "cc", "d"], "rewards": [3, 1, 2]},
}


def own_file(tmp_path, name, count=8):
    """A file of lines for a method, KTO's with both labels."""
    lines = [LINES.get(name) or {**LINES["sft"], "label": i % 2 == 0} for i in range(count)]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def run(tmp_path, method, path, *extra, name="mine"):
    argv = ["run", method, "--data", str(path), *SMALL[:-2], "--output", str(tmp_path)]
    return cli.main([*argv, "--name", name, *extra])


@pytest.mark.parametrize("name", [*LINES, "kto"])
def test_every_kind_of_file_is_trained_on_and_looked_at(tmp_path, capsys, name):
    """To the end, with its summary (finding 8)."""
    path = own_file(tmp_path, name)
    assert run(tmp_path, name, path) == 0
    assert f"{name} 2/2" in capsys.readouterr().err
    settings = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert settings["data_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_comparison_knows_every_character_of_its_file(tmp_path, monkeypatch):
    """Those of rejected too, which its start does not read (finding 9)."""
    monkeypatch.setattr("tinyalign.runs.compare.comparison.write_report", lambda *_: None)
    monkeypatch.setattr("tinyalign.cli.screen.print_comparison", lambda *_: None)
    path = own_file(tmp_path, "dpo")
    argv = ["compare", "dpo", "--data", str(path), *SMALL, "--output", str(tmp_path)]
    assert cli.main([*argv, "--name", "ref"]) == 0


def test_a_stage_in_front_says_why_it_reads_the_file(tmp_path, capsys):
    """SFT before RRHF finds no demonstrations: the sentence names the stage and a way round."""
    path = own_file(tmp_path, "rrhf")
    argv = ["run", "rrhf", "--data", str(path), "--output", str(tmp_path)]
    assert cli.main(argv) == 2
    said = capsys.readouterr().err
    assert "read for sft" in said and "--init_from" in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path, capsys, kind):
    """A pipe is read once only, /dev/zero without end (finding 11)."""
    path = {"pipe": tmp_path / "pipe", "device": "/dev/zero", "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    assert run(tmp_path, "sft", path) == 2
    words = "Is a directory" if kind == "folder" else "no regular file"
    assert words in capsys.readouterr().err


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "LARGEST", 100)
    path = own_file(tmp_path, "sft")
    with pytest.raises(InputError, match="want at most 100; TINYALIGN_LARGEST_DATA=BYTES raises"):
        dataset.read(path)
    packed = tmp_path / "own.jsonl.gz"
    packed.write_bytes(gzip.compress(b"a" * 101))
    with pytest.raises(InputError, match="more than 100 bytes"):
        dataset.read(packed)
    monkeypatch.setenv(dataset.LARGEST_VARIABLE, "1000")
    assert dataset.read(packed) == b"a" * 101
    for wrong in ("1e9", "٣", "-1"):
        monkeypatch.setenv(dataset.LARGEST_VARIABLE, wrong)
        with pytest.raises(InputError, match="want a number of bytes"):
            dataset.read(path)


@pytest.mark.parametrize("how", ["gz", "BOM", "CRLF", "no line break at the end"])
def test_files_as_people_have_them_hold_the_same_lines(tmp_path, how):
    path = own_file(tmp_path, "sft")
    content, plain = path.read_bytes(), dataset.load(path, "demonstrations")
    written = tmp_path / ("own.jsonl.gz" if how == "gz" else "other.jsonl")
    changed = {
        "gz": gzip.compress(content),
        "BOM": b"\xef\xbb\xbf" + content,
        "CRLF": content.replace(b"\n", b"\r\n"),
        "no line break at the end": content[:-1],
    }
    written.write_bytes(changed[how])
    found = dataset.load(written, "demonstrations")
    assert (found.prompts, found.completions) == (plain.prompts, plain.completions)


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8b", b"plain", gzip.compress(b"x" * 99, mtime=0)[:-9]],
    ids=["short", "plain", "cut"],
)
def test_a_damaged_gz_is_a_sentence(tmp_path, content):
    path = tmp_path / "own.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        dataset.read(path)


def test_characters_of_columns_that_are_not_read_have_tokens():
    """But those of other columns, and half a surrogate pair, have none."""
    line = {"prompt": "a", "rejected": "z", "completions": ["q", 3], "other": "x", "gold": "\ud800"}
    vocabulary = hold_out.file_vocabulary(json.dumps(line).encode())
    assert vocabulary.alphabet == "\naqz"
    assert hold_out.file_vocabulary(b"{") is None


def test_an_example_of_the_package_is_found_by_its_name(tmp_path, monkeypatch):
    """From any folder; a file of that name in the folder is meant first."""
    monkeypatch.chdir(tmp_path)
    assert dataset.shipped("names_sft") == dataset.EXAMPLES / "names_sft.jsonl"
    assert run(tmp_path, "sft", "names_sft") == 0
    assert dataset.shipped("nothing") == "nothing"
    (tmp_path / "names_sft").write_text("mine")
    assert dataset.shipped("names_sft") == "names_sft"
