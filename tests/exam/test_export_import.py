"""Models of other origins, folders that are not ours, and the commands export and import."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from devices import here
from model_folders import changed, model, read, reweighted, written
from safetensors.numpy import load_file, save_file

from tinyalign import cli, policy
from tinyalign.engine.tree import leaves, tree_map
from tinyalign.errors import InputError
from tinyalign.models import lstm, transformer
from tinyalign.models.tokenizer import Vocabulary, encode
from tinyalign.runs import files, lookup, plan
from tinyalign.runs.config import Config


def special(content, i):
    return {"id": i, "content": content, "special": True}


def foreign(folder, tokens, in_front):
    """A folder whose tokenizer has these tokens, those of several characters special."""
    written(folder, *model())
    several = [special(token, i) for i, token in enumerate(tokens) if len(token) > 1]

    def change(tokenizer):
        tokenizer["model"]["vocab"] = {token: i for i, token in enumerate(tokens)}
        tokenizer["added_tokens"] = several
        tokenizer["post_processor"]["single"][0]["SpecialToken"]["id"] = in_front

    changed(folder / "tokenizer.json", change)
    changed(folder / "tokenizer_config.json", lambda c: c.update(eos_token={"content": "</s>"}))
    return folder


def test_tokens_of_another_tokenizer_find_their_places(tmp_path):
    """The end comes last, what stands in front is START, another special token has no letter."""
    params, known = read(foreign(tmp_path, ["<pad>", "<s>", "</s>", "a", "b", "c"], "<s>"))
    assert known == Vocabulary("\ue000\nabc", True)
    whole, _ = model()
    wide = [tree_map(lambda leaf: leaf.astype(np.float64), tree) for tree in (params, whole)]
    (ours,) = encode(known, ["\nab"], end=True)
    ours_logits = here(policy).logits(transformer, wide[0], np.array([ours]))
    theirs = here(policy).logits(transformer, wide[1], np.array([[1, 3, 4, 2]]))
    assert ours == [1, 2, 3, 5]
    np.testing.assert_array_equal(ours_logits, theirs[..., [0, 1, 3, 4, 5, 2]])


def test_a_start_beside_a_newline_is_refused(tmp_path):
    """Our START is the newline: two tokens cannot both be it."""
    folder = foreign(tmp_path, ["\n", "<s>", "</s>", "a", "b", "c"], "<s>")
    with pytest.raises(InputError, match="token in front, '<s>', is not the newline"):
        read(folder)


def test_names_without_a_prefix_and_saved_masks_are_read(tmp_path):
    """GPT-2 itself was saved as a trunk, with the masks of its attention; a head may be doubled."""
    params, vocabulary = model()
    path = written(tmp_path, params, vocabulary) / "model.safetensors"
    short = {name.removeprefix("transformer."): a for name, a in load_file(path).items()}
    short["h.0.attn.bias"] = np.tri(12, dtype=bool)
    short["h.0.attn.masked_bias"] = np.array(-1e4, np.float32)
    short["lm_head.weight"] = short["wte.weight"]
    save_file(short, path)
    back, _ = read(tmp_path)
    for ours, theirs in zip(leaves(params).values(), leaves(back).values(), strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_half_precision_is_read_as_the_numbers_that_it_holds(tmp_path):
    params, vocabulary = model()
    path = written(tmp_path, params, vocabulary) / "model.safetensors"
    reweighted(path, lambda a: a.update({name: x.astype(np.float16) for name, x in a.items()}))
    table = read(tmp_path)[0]["tok"]
    assert table.dtype == np.float32
    np.testing.assert_array_equal(table, params["tok"].astype(np.float16).astype(np.float32))


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path):
    """Written byte by byte here, since NumPy has no such type."""
    params, vocabulary = model()
    path = written(tmp_path, params, vocabulary) / "model.safetensors"
    header, data = {}, b""
    for name, array in load_file(path).items():
        half = (array.view(np.uint32) >> 16).astype("<u2").tobytes()
        ends = [len(data), len(data) + len(half)]
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": ends}
        data += half
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    table = read(tmp_path)[0]["tok"]
    expected = (params["tok"].view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    np.testing.assert_array_equal(table, expected)


def test_whole_numbers_are_no_weights(tmp_path):
    path = written(tmp_path, *model()) / "model.safetensors"
    reweighted(path, lambda a: a.update({n: x.astype(np.int32) for n, x in a.items()}))
    with pytest.raises(InputError, match="has shape"):
        read(tmp_path)


def strange_file(folder):
    (folder / "notes.txt").write_text("mine")


def trained_there(folder):
    """What save_pretrained does to config.json."""
    changed(folder / "config.json", lambda c: c.update(transformers_version="5.24.0"))


def config_of_another(folder):
    changed(folder / "config.json", lambda c: c.pop("written_by"))


def no_config(folder):
    (folder / "config.json").unlink()


@pytest.mark.parametrize("change", [strange_file, trained_there, config_of_another, no_config])
def test_a_folder_that_is_not_ours_is_never_overwritten(change, tmp_path):
    params, vocabulary = model()
    change(written(tmp_path, params, vocabulary))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="holds something else than an exported model"):
        written(tmp_path, *model(seed=1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_earlier_export_is_written_over(tmp_path):
    written(tmp_path, *model())
    params, vocabulary = model((3, 4, 1, 2, 5))
    written(tmp_path, params, vocabulary)
    assert read(tmp_path)[0]["tok"].shape == params["tok"].shape


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a finished run of sft, seen from the folder that it stands in."""
    monkeypatch.chdir(tmp_path)
    job = plan.plan_run(["sft"], Config(width=8, layers=1, heads=2))
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    files.save_tree(folder / "model.safetensors", job.initial_params, plan.model_metadata(job))
    return folder


def test_a_run_goes_out_and_comes_back(run, capsys):
    """export, import, export: the same bytes; and --init_from reads all three alike."""
    assert cli.main(["export", "runs/mine", "out"]) == 0
    said = capsys.readouterr().out
    assert "out: a GPT-2 of 1 layers, 8 wide, 13 tokens" in said
    assert "AutoModelForCausalLM.from_pretrained('out')" in said
    assert cli.main(["import", "out", "back"]) == 0
    assert "to go on from it: --init_from runs/back" in capsys.readouterr().out
    assert cli.main(["export", "runs/back", "again"]) == 0
    out, again = (
        {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        for folder in ("out", "again")
    )
    assert out == again
    starts = [
        lookup.load_initial_params(Config(init_from=path)) for path in ("runs/mine", "out", "again")
    ]
    assert starts[0][1] == starts[1][1] == starts[2][1]
    told = [{name: leaf.tobytes() for name, leaf in leaves(start[0]).items()} for start in starts]
    assert told[0] == told[1] == told[2]


def test_an_imported_folder_has_its_own_name_unless_typed(run, capsys):
    cli.main(["export", "runs/mine", "out"])
    for expected in ("runs/out", "runs/out-2"):
        assert cli.main(["import", "out"]) == 0
        assert f"\n{expected}: a GPT-2" in "\n" + capsys.readouterr().out.split("out')\n")[-1]


def test_a_policy_without_an_end_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    job = plan.plan_run(["grpo"], Config(env="bandit", model="transformer", width=8, heads=2))
    files.save_tree("model.safetensors", job.initial_params, plan.model_metadata(job))
    assert cli.main(["export", ".", "out"]) == 0
    assert "no end-of-sequence" in capsys.readouterr().out
    assert read(tmp_path / "out")[1] == Vocabulary("abcdefgh", False)


def save_lstm(folder):
    params = {"policy": lstm.init(np.random.default_rng(0), vocab=5, width=4, layers=1)}
    facts = {"model": "lstm", "alphabet": "abcd", "ends": True}
    files.save_tree(folder / "model.safetensors", params, facts)


MISTAKES = {  # what is typed, and words of the sentence
    "no run": (["export", "nowhere", "out"], "no file nowhere/model.safetensors"),
    "a judge's run": (["export", "judge", "out"], "judge holds no policy"),
    "an LSTM": (["export", "lstm", "out"], "model lstm, which transformers has no class for"),
    "a file in the way": (["export", "runs/mine", "file"], "holds something else"),
    "a file above": (["export", "runs/mine", "file/out"], "cannot write to file/out"),
    "a folder that is no export": (["export", "runs/mine", "runs"], "holds something else"),
    "nothing to import": (["import", "nowhere"], "nowhere/config.json cannot be read"),
    "a run to import": (["import", "runs/mine"], "runs/mine/"),
    "a taken name": (["import", "out", "taken"], "runs/taken holds config.json"),
    "a name outside": (["import", "out", "../up"], "'../up'"),
    "another alphabet": (["run", "dpo", "--env", "programs", "--init_from", "out"], "alphabet"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_gives_a_sentence_and_status_2(case, run, capsys):
    words, expected = MISTAKES[case]
    for name in ("judge", "lstm", "runs/taken"):
        os.mkdir(name)
    files.save_tree("judge/model.safetensors", {"reward_model": {"w": np.zeros(1)}}, {"model": "x"})
    save_lstm(run.parents[1] / "lstm")
    Path("file").touch()
    (run.parent / "taken" / "config.json").write_text("{}")
    cli.main(["export", "runs/mine", "out"])
    capsys.readouterr()
    assert cli.main(words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("tinyalign: ") and expected in said
