"""Hugging Face folders, without torch: what is written is read back bit for bit, or refused."""

import json
import math

import numpy as np
import pytest
from devices import here
from model_folders import SHAPES, changed, model, read, reweighted, written
from safetensors.numpy import load_file

from tinyalign import policy
from tinyalign.engine.tree import leaves, tree_map
from tinyalign.errors import InputError
from tinyalign.models import transformer
from tinyalign.models.tokenizer import Vocabulary
from tinyalign.runs.hugging_face import FILES, read_model_folder


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_written_is_read_back_bit_for_bit(shape, tmp_path):
    """Values, shapes and the order of the leaves; and written again it is the same bytes."""
    params, vocabulary = model(shape)
    back, known = read(written(tmp_path / "a", params, vocabulary))
    assert known == vocabulary
    assert list(leaves(back)) == list(leaves(params))
    for ours, read_back in zip(leaves(params).values(), leaves(back).values(), strict=True):
        assert (ours.shape, ours.tobytes()) == (read_back.shape, read_back.tobytes())
    written(tmp_path / "b", back, known)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def gpt2_logits(arrays, config, tokens):
    """GPT-2 in NumPy from its paper's description, float64: tokens (T,) -> (T, V)."""
    w = {name.removeprefix("transformer."): a.astype(np.float64) for name, a in arrays.items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["wte.weight"][tokens] + w["wpe.weight"][: len(tokens)]
    for i in range(config["n_layer"]):
        q, k, v = np.split(dense(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn"), 3, axis=-1)
        heads = []
        for part in np.split(np.arange(config["n_embd"]), config["n_head"]):
            z = q[:, part] @ k[:, part].T / math.sqrt(len(part))
            z = np.where(np.tri(len(tokens), dtype=bool), z, -np.inf)
            e = np.exp(z - z.max(-1, keepdims=True))
            heads.append(e / e.sum(-1, keepdims=True) @ v[:, part])
        x = x + dense(np.concatenate(heads, -1), f"h.{i}.attn.c_proj")
        u = dense(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc")
        u = 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
        x = x + dense(u, f"h.{i}.mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_files_hold_a_gpt2_with_our_logits(shape, tmp_path):
    """Read by GPT-2's names and its formula, in float64: 1e-12 of ours."""
    params, vocabulary = model(shape)
    folder = written(tmp_path / "m", params, vocabulary)
    config = json.loads((folder / "config.json").read_text())
    tokens = np.random.default_rng(1).integers(shape[0], size=shape[4])
    theirs = gpt2_logits(load_file(folder / "model.safetensors"), config, tokens)
    wide = tree_map(lambda leaf: leaf.astype(np.float64), params)
    ours = here(policy).logits(transformer, wide, tokens[None])[0]
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-12 * max(1, abs(ours).max()))


def test_a_trainer_finds_no_dropout_its_end_and_its_start(tmp_path):
    params, vocabulary = model()
    config = json.loads((written(tmp_path, params, vocabulary) / "config.json").read_text())
    assert {config[f"{part}_pdrop"] for part in ("resid", "embd", "attn")} == {0.0}
    assert (config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]) == (0, 5, 5)
    no_start = Vocabulary("abcde", True)
    config = json.loads((written(tmp_path / "task", params, no_start) / "config.json").read_text())
    assert config["bos_token_id"] is None  # a task's policy has never read a START


def set_to(name, value):
    return lambda content: content.__setitem__(name, value)


def fill(value):
    return lambda arrays: arrays["transformer.h.1.mlp.c_fc.bias"].__setitem__(3, value)


def drop(name):
    return lambda content: content.pop(name)


CONFIGS = {  # what is changed in config.json, and words of the sentence
    "another model": (set_to("model_type", "llama"), "'llama', want the shape of GPT-2"),
    "no model": (drop("model_type"), "None, want the shape of GPT-2"),
    "another gelu": (set_to("activation_function", "gelu"), "'gelu', want 'gelu_new'"),
    "another epsilon": (set_to("layer_norm_epsilon", 1e-6), "layer_norm_epsilon is 1e-06"),
    "an output head": (set_to("tie_word_embeddings", False), "tie_word_embeddings is False"),
    "unscaled attention": (set_to("scale_attn_weights", False), "scale_attn_weights is False"),
    "no width": (drop("n_embd"), "damaged config or tokenizer file"),
    "a width in words": (set_to("n_embd", "8"), "damaged config or tokenizer|whole numbers"),
    "half a layer": (set_to("n_layer", 1.5), "whole numbers above 0"),
    "no layer": (set_to("n_layer", 0), "whole numbers above 0"),
    "heads that do not divide": (set_to("n_head", 3), "n_head does not divide its n_embd"),
    "another width": (set_to("n_embd", 4), "has shape"),
    "a layer more": (set_to("n_layer", 3), "has no weight transformer.h.2"),
    "a layer less": (set_to("n_layer", 1), "has a strange weight transformer.h.1"),
    "another vocabulary": (set_to("vocab_size", 7), "wte.weight has shape"),
}
WEIGHTS = {
    "NaN": (fill(np.nan), "h.1.mlp.c_fc.bias holds NaN or infinity"),
    "infinity": (fill(np.inf), "holds NaN or infinity"),
    "half a checkpoint": (drop("transformer.h.1.ln_2.bias"), "has no weight transformer.h.1.ln_2"),
    "an adapter": (set_to("lora_A.weight", np.ones(3, np.float32)), "strange weight .*lora_A"),
    "an untied head": (set_to("lm_head.weight", np.ones((6, 8), np.float32)), "its output head"),
}
TOKENIZERS = {
    "BPE": (lambda t: t["model"].update(type="BPE", merges=["a b"]), "character by character"),
    "words": (set_to("pre_tokenizer", {"type": "Whitespace"}), "character by character"),
    "lower case": (set_to("normalizer", {"type": "Lowercase"}), "character by character"),
    "a word among them": (lambda t: t["model"]["vocab"].update({"the": 6}), "'the' has several"),
    "a hole": (lambda t: t["model"]["vocab"].update({"é": 7}), "leaves out token ids"),
    "an id twice": (lambda t: t["model"]["vocab"].update({"é": 2}), "leaves out token ids"),
    "a token more": (lambda t: t["model"]["vocab"].update({"é": 6}), "7 tokens .* its model has 6"),
    "two in front": (
        lambda t: t["post_processor"]["single"].append({"SpecialToken": {"id": "a", "type_id": 0}}),
        "more to a text than a token in front",
    ),
    "no vocabulary": (drop("model"), "damaged config or tokenizer"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_another_model_is_refused_in_a_sentence(case, tmp_path):
    change, words = CONFIGS[case]
    changed(written(tmp_path, *model()) / "config.json", change)
    with pytest.raises(InputError, match=words):
        read_model_folder(tmp_path)


@pytest.mark.parametrize("case", WEIGHTS)
def test_other_weights_are_refused_in_a_sentence(case, tmp_path):
    change, words = WEIGHTS[case]
    reweighted(written(tmp_path, *model()) / "model.safetensors", change)
    with pytest.raises(InputError, match=words):
        read_model_folder(tmp_path)


@pytest.mark.parametrize("case", TOKENIZERS)
def test_another_tokenizer_is_refused_in_a_sentence(case, tmp_path):
    change, words = TOKENIZERS[case]
    changed(written(tmp_path, *model()) / "tokenizer.json", change)
    with pytest.raises(InputError, match=words):
        read_model_folder(tmp_path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "a list"])
def test_a_damaged_folder_is_refused_in_a_sentence(name, damage, tmp_path):
    path = written(tmp_path, *model()) / name
    whole = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "a list": b"[1]"}[damage])
    with pytest.raises(InputError, match=rf"{name} (cannot be read|is damaged)"):
        read_model_folder(tmp_path)


def test_an_end_of_sequence_that_is_no_token_is_refused(tmp_path):
    changed(written(tmp_path, *model()) / "tokenizer_config.json", set_to("eos_token", "</s>"))
    with pytest.raises(InputError, match="'</s>' is not among its tokens"):
        read_model_folder(tmp_path)
